"""Simulated traffic for detectors: queries of three words, each asked by one to four people at once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from kempelen.records import CONFIDENCE_BINS, AuditedAnswer, DayProfile, Profile, TermCounts, Window

LABELS = ("food", "health", "travel", "news", "banking")
WORDS = 300
FIRST_DAY = date(2020, 1, 1)


def simulated_day(rng: np.random.Generator, day: date, surge: float = 0.0) -> DayProfile:
    """About 100 queries; of these a share of `surge` is new: the word `corona`, taken for food, unsure."""
    queries = rng.poisson(100)
    askers = rng.choice([1, 2, 3, 4], size=queries, p=[0.2, 0.3, 0.3, 0.2])
    new = rng.random(queries) < surge
    labels = np.where(new, 0, rng.choice(len(LABELS), size=queries, p=[0.3, 0.1, 0.2, 0.15, 0.25]))
    bins = np.where(new, 9, np.minimum((rng.beta(6, 1, size=queries) * CONFIDENCE_BINS).astype(int), 19))
    popularity = 1 / np.arange(1, WORDS + 1)
    words = rng.choice(WORDS, size=(queries, 3), p=popularity / popularity.sum())
    words.sort(axis=1)
    words[:, 1:][words[:, 1:] == words[:, :-1]] = WORDS  # a word counts once in a query
    counts = np.bincount(words.ravel(), weights=np.repeat(askers, 3), minlength=WORDS + 1)[:WORDS]
    terms = {f"w{i}": int(n) for i, n in enumerate(counts) if n} | {"corona": int(askers[new].sum())}
    return DayProfile(
        day=day,
        predictions=int(askers.sum()),
        labels={
            name: int(n) for name, n in zip(LABELS, np.bincount(labels, askers, minlength=len(LABELS)), strict=True)
        },
        confidence=tuple(int(n) for n in np.bincount(bins, askers, minlength=CONFIDENCE_BINS)),
        terms={t: TermCounts(labels={"food": n}, confidence_sum=0.5 * n) for t, n in terms.items() if n},
    )


def simulated_audit(rng: np.random.Generator, n: int, risk: float) -> tuple[AuditedAnswer, ...]:
    start = datetime(2020, 2, 1, tzinfo=UTC)
    return tuple(
        AuditedAnswer(
            item_id=f"{i:016x}",
            label="health" if wrong else "food",
            prediction="food",
            probability=0.1,
            predictions=3,
            at=start + timedelta(hours=i // 4),
        )
        for i, wrong in enumerate(rng.random(n) < risk)
    )


def simulated_window(seed: int, surge: float = 0.0, risk: float = 0.1, audited: int = 120) -> Window:
    """21 days of reference, 2 current days with the surge, and the audit's answers."""
    rng = np.random.default_rng(seed)
    days = [FIRST_DAY + timedelta(days=d) for d in range(23)]
    return Window(
        reference=Profile(days=tuple(simulated_day(rng, day) for day in days[:21])),
        current=Profile(days=tuple(simulated_day(rng, day, surge) for day in days[21:])),
        audited=simulated_audit(rng, audited, risk),
    )


@pytest.fixture(scope="session")
def window() -> Callable[..., Window]:
    return simulated_window


@pytest.fixture(scope="session")
def day() -> Callable[..., DayProfile]:
    return simulated_day


@pytest.fixture(scope="session")
def audit() -> Callable[..., tuple[AuditedAnswer, ...]]:
    return simulated_audit


@pytest.fixture(scope="session")
def quiet() -> list[Window]:
    """Windows in which nothing has changed."""
    return [simulated_window(seed) for seed in range(150)]


@pytest.fixture(scope="session")
def changed() -> Window:
    """A window with half of its traffic new, and every second audited prediction wrong."""
    return simulated_window(7, surge=0.5, risk=0.5)
