"""Simulated traffic for detectors: queries of three words, each asked by one to four people at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from kempelen.profile import CONFIDENCE_BINS, SAMPLE_PER_DAY, USER_BITS, Floats, Ints, Profile, Sampled, fold_below
from kempelen.records import AuditedAnswer, Window

LABELS = ("banking", "food", "health", "news", "travel")
LABEL_SHARES = (0.25, 0.3, 0.1, 0.15, 0.2)
COMMON_WORDS = 2000
NEW_WORDS = ("corona", "virus")
WORDS = (*NEW_WORDS, *(f"w{i:04}" for i in range(COMMON_WORDS)))
FIRST_DAY = date(2020, 1, 1)
REFERENCE_DAYS, CURRENT_DAYS, CHANGED_DAYS = 21, 8, 2
FEW_SAMPLED = 30
"""Queries in a day's sample where many days are simulated: fewer take less time."""

_POPULARITY = np.cumsum(1 / np.arange(1, COMMON_WORDS + 1))


def simulated_traffic(
    rng: np.random.Generator,
    first: date,
    days: int,
    surge: float | Floats = 0.0,
    *,
    per_day: int = 100,
    so_far: float = 1.0,
    sampled: int = SAMPLE_PER_DAY,
) -> Profile:
    """Days of about `per_day` queries; a share `surge` of them (one, or one a day) is new.

    New queries hold the words `corona` and `virus`, are taken for food, and the model is unsure of them. Of the
    last day only a part `so_far` is over; with a generator in the same state, more of the same day is over.
    """
    day = np.repeat(np.arange(days), rng.poisson(per_day, size=days))
    queries = len(day)
    askers = rng.choice([1, 2, 3, 4], size=queries, p=[0.2, 0.3, 0.3, 0.2])
    new = rng.random(queries) < np.broadcast_to(surge, days)[day]
    label = np.where(new, LABELS.index("food"), rng.choice(len(LABELS), size=queries, p=LABEL_SHARES))
    confidence = np.where(new, 0.47, rng.beta(6, 1, size=queries))
    bins = np.minimum((confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    bits = np.where(np.arange(4) < askers[:, None], 1 << rng.integers(0, USER_BITS, size=(queries, 4)), 0)
    words = len(NEW_WORDS) + np.searchsorted(_POPULARITY, rng.random((queries, 3)) * _POPULARITY[-1])
    words[new, : len(NEW_WORDS)] = np.arange(len(NEW_WORDS))
    words.sort(axis=1)
    words[:, 1:][words[:, 1:] == words[:, :-1]] = -1  # a word counts once in a query
    over = (day < days - 1) | (rng.random(queries) < so_far)
    day, askers, label, confidence, bins = day[over], askers[over], label[over], confidence[over], bins[over]
    words, bits = words[over], bits[over]
    table = np.zeros((days, len(LABELS), CONFIDENCE_BINS), dtype=np.int64)
    np.add.at(table, (day, label, bins), askers)
    rows = _rows(words, day, label, askers, askers * confidence, np.bitwise_or.reduce(bits, axis=1))
    when = tuple(first + timedelta(days=d) for d in range(days))
    return Profile(
        days=when,
        labels=LABELS,
        confidence=table,
        fold=np.array([fold_below(int(n)) for n in table.sum(axis=(1, 2))], dtype=np.int64),
        folded=np.zeros(days, dtype=np.int64),
        sample=_sample(rng, when, words, day, label, confidence, sampled),
        **rows,
    )


def _rows(  # noqa: PLR0917 - one argument a column
    words: Ints, day: Ints, label: Ints, askers: Ints, confidence: Floats, users: Ints
) -> dict[str, Any]:
    """The columns of a profile: one row for each combination of day, word and label that occurred."""
    query, place = np.nonzero(words >= 0)
    word = words[query, place]
    used = np.unique(word)
    cell = (day[query] * len(WORDS) + word) * len(LABELS) + label[query]
    order = np.argsort(cell, kind="stable")
    cell, query = cell[order], query[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    cell = cell[starts]
    return {
        "terms": tuple(WORDS[w] for w in used),
        "row_day": cell // len(LABELS) // len(WORDS),
        "row_term": np.searchsorted(used, cell // len(LABELS) % len(WORDS)),
        "row_label": cell % len(LABELS),
        "row_predictions": np.add.reduceat(askers[query], starts),
        "row_confidence": np.add.reduceat(confidence[query], starts),
        "row_users": np.bitwise_or.reduceat(users[query], starts),
    }


def _sample(  # noqa: PLR0917 - one argument a column
    rng: np.random.Generator,
    when: tuple[date, ...],
    words: Ints,
    day: Ints,
    label: Ints,
    confidence: Floats,
    sampled: int,
) -> tuple[Sampled, ...]:
    """So many queries of each day, or all."""
    draws = rng.integers(0, 2**53, size=len(day))
    order = np.lexsort((draws, day))
    rank = np.arange(len(day)) - np.searchsorted(day, day)
    return tuple(
        Sampled(
            day=when[day[q]],
            draw=int(draws[q]),
            query=" ".join(WORDS[w] for w in words[q] if w >= 0),
            label=LABELS[label[q]],
            confidence=float(confidence[q]),
        )
        for q in order[rank < sampled]
    )


def simulated_audit(rng: np.random.Generator, n: int, risk: float) -> tuple[AuditedAnswer, ...]:
    """Answers from draws of twelve, all of the same weight."""
    start = datetime(2020, 2, 1, tzinfo=UTC)
    return tuple(
        AuditedAnswer(
            item_id=f"{i:016x}",
            query=WORDS[i % len(WORDS)],
            label="health" if wrong else "food",
            prediction="food",
            probability=0.01,
            predictions=3,
            traffic=3_600,
            draw=f"cycle-{i // 12:03}",
            at=start + timedelta(hours=i // 12),
        )
        for i, wrong in enumerate(rng.random(n) < risk)
    )


def simulated_window(
    seed: int,
    surge: float = 0.0,
    risk: float = 0.1,
    audited: int = 120,
    *,
    per_day: int = 100,
    sampled: int = SAMPLE_PER_DAY,
) -> Window:
    """21 days of reference, 8 current days of which the last 2 have the surge, and the audit's answers."""
    rng = np.random.default_rng(seed)
    surges = np.zeros(REFERENCE_DAYS + CURRENT_DAYS)
    surges[-CHANGED_DAYS:] = surge
    traffic = simulated_traffic(rng, FIRST_DAY, len(surges), surges, per_day=per_day, sampled=sampled)
    return Window(
        reference=traffic.until(FIRST_DAY + timedelta(days=REFERENCE_DAYS - 1)),
        current=traffic.since(FIRST_DAY + timedelta(days=REFERENCE_DAYS)),
        audited=simulated_audit(rng, audited, risk),
    )


def simulated_year(seed: int, *, per_day: int = 100, risk: float = 0.15) -> list[Window]:
    """A look at the end of each of 366 days after the reference; nothing changes, and the risk is the tolerated one."""
    rng = np.random.default_rng(seed)
    traffic = simulated_traffic(rng, FIRST_DAY, REFERENCE_DAYS + 366, per_day=per_day, sampled=FEW_SAMPLED)
    answers = simulated_audit(rng, 123, risk)
    reference = traffic.until(traffic.days[REFERENCE_DAYS - 1])
    looks: list[Window] = []
    for start in range(REFERENCE_DAYS, len(traffic.days), 30):  # slices of a month are faster than slices of a year
        month = traffic.since(traffic.days[max(start - 7, REFERENCE_DAYS)]).until(traffic.days[min(start + 29, 386)])
        for n, day in enumerate(month.days):
            if day >= traffic.days[start]:
                current = month.since(month.days[max(n - 7, 0)]).until(day)
                looks.append(Window(reference=reference, current=current, audited=answers[: len(looks) // 3 + 1]))
    return looks


def with_bot(window: Window, day: date, repeats: int = 300) -> Window:
    """The window with one user who says `spam offer` over and over on a current day, which the model doubts."""
    current = window.current
    place, label, mean = current.days.index(day), current.labels.index("news"), 0.32
    confidence = current.confidence.copy()
    confidence[place, label, int(mean * CONFIDENCE_BINS)] += repeats
    terms = tuple(sorted({*current.terms, "offer", "spam"}))
    at = {word: n for n, word in enumerate(terms)}
    moved = np.array([at[word] for word in current.terms])
    columns: dict[str, Any] = {
        "row_day": (current.row_day, [place] * 2),
        "row_term": (moved[current.row_term], [at["offer"], at["spam"]]),
        "row_label": (current.row_label, [label] * 2),
        "row_predictions": (current.row_predictions, [repeats] * 2),
        "row_confidence": (current.row_confidence, [repeats * mean] * 2),
        "row_users": (current.row_users, [1 << 17] * 2),
    }
    order = np.lexsort([np.concatenate(columns[name]) for name in ("row_label", "row_term", "row_day")])
    joined: dict[str, Any] = {name: np.concatenate(parts)[order] for name, parts in columns.items()}
    return replace(window, current=replace(current, confidence=confidence, terms=terms, **joined))


def with_fold(profile: Profile, fold: int) -> Profile:
    """The profile as it would be, were words of fewer than `fold` predictions of a day not listed on it."""
    listed = profile.by_term[profile.row_term, profile.row_day] >= fold
    return replace(
        profile,
        fold=np.full(len(profile.days), fold),
        folded=np.where(profile.by_term < fold, profile.by_term, 0).sum(axis=0),
        **{name: getattr(profile, name)[listed] for name in _COLUMNS},
    )


_COLUMNS = ("row_day", "row_term", "row_label", "row_predictions", "row_confidence", "row_users")


@pytest.fixture(scope="session")
def window() -> Callable[..., Window]:
    return simulated_window


@pytest.fixture(scope="session")
def traffic() -> Callable[..., Profile]:
    return simulated_traffic


@pytest.fixture(scope="session")
def audit() -> Callable[..., tuple[AuditedAnswer, ...]]:
    return simulated_audit


@pytest.fixture(scope="session")
def year() -> list[Window]:
    """Daily looks at a year in which nothing changes."""
    return simulated_year(51)


@pytest.fixture(scope="session")
def quiet() -> list[Window]:
    """Windows in which nothing has changed."""
    return [simulated_window(seed, sampled=FEW_SAMPLED) for seed in range(100)]


@pytest.fixture(scope="session")
def bot() -> Callable[..., Window]:
    return with_bot


@pytest.fixture(scope="session")
def folded() -> Callable[..., Profile]:
    return with_fold


@pytest.fixture(scope="session")
def changed() -> Window:
    """A window with half of its traffic new, and every second audited prediction wrong."""
    return simulated_window(7, surge=0.5, risk=0.5)
