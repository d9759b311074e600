"""Words that the reference does not have, each too rare to surge."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from drift import term_surge, vocabulary
from drift._windows import DAYS_A_YEAR
from kempelen.profile import Profile
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)
LEVEL = 0.001
"""Of a quiet day's test, far enough out for a heavy tail to show."""


def profile(first: int, days: list[dict[str, int]], *, day_total: int = 1_000, fold: int = 1) -> Profile:
    """Days with some words beside a steady one; every word has as many users as predictions, and queries of its own.

    That is, its own confidence.
    """
    when = [FIRST + timedelta(days=first + n) for n in range(len(days))]
    rng = np.random.default_rng(first)
    return Profile.of_tables(
        days=when,
        confidence={(day, "food", 18): day_total for day in when},
        fold=dict.fromkeys(when, fold),
        folded={},
        rows=[
            (day, word, "food", n, (0.9 + 1e-4 * place) * n, _sketch(rng, n))
            for day, words in zip(when, days, strict=True)
            for place, (word, n) in enumerate(({"the": day_total // 2} | words).items())
        ],
    )


def _sketch(rng: np.random.Generator, users: int) -> int:
    return int(np.bitwise_or.reduce(1 << rng.permutation(63)[: min(users, 63)]))


def once(day: int, words: int, count: int = 1) -> dict[str, int]:
    """Words of this day alone."""
    return {f"d{day}n{n}": count for n in range(words)}


CALM = profile(0, [once(day, 20) for day in range(21)])


def detect(window: Window, **params: Any) -> DriftReport:
    return vocabulary.build(alpha=0.005, **params).detect(window)


def test_many_new_words_alarm_though_none_of_them_surges() -> None:
    window = Window(reference=CALM, current=profile(21, [once(21, 60, count=3)]))
    report = detect(window)
    (evidence,) = report.evidence
    assert (evidence.reference_count, evidence.current_count) == (420, 180)
    assert (evidence.reference_share, evidence.current_share) == pytest.approx((0.02, 0.18))
    assert evidence.since == FIRST + timedelta(days=21)
    assert len(evidence.together) == vocabulary.MOST_WORDS
    assert set(evidence.together) <= set(once(21, 60))
    assert not term_surge.build(alpha=0.005).detect(window).drifted


def test_the_sentence_names_the_most_frequent_unseen_words() -> None:
    words = once(21, 150) | {"wuhan": 9, "lockdown": 7}
    report = detect(Window(reference=CALM, current=profile(21, [words])))
    assert report.summary.startswith(
        "words that the reference does not have: in 16.6 of 100 predictions instead of 2 since 2020-01-22, "
        "from about 260 users, most often wuhan (9), lockdown (7), d21n"
    )


def test_as_many_new_words_as_a_reference_day_has_that_no_other_has_are_no_change() -> None:
    assert not detect(Window(reference=CALM, current=profile(21, [once(21, 20)]))).drifted
    assert detect(Window(reference=CALM, current=profile(21, [once(21, 20)]))).statistic == 0


def test_words_that_two_reference_days_share_are_not_unseen() -> None:
    shared = profile(0, [once(day, 20) | {"tuesday": 5, "wednesday": 5} for day in range(21)])
    report = detect(Window(reference=shared, current=profile(21, [once(21, 200)])))
    assert report.evidence[0].reference_count == 420


def test_a_reference_without_a_word_of_one_day_only_still_sees_new_words() -> None:
    closed = profile(0, [{"beer": 50, "wine": 30}] * 21)
    report = detect(Window(reference=closed, current=profile(21, [once(21, 60, count=3)])))
    assert report.drifted
    assert not detect(Window(reference=closed, current=profile(21, [{"beer": 50}]))).drifted


def test_one_user_with_many_words_raises_no_alarm() -> None:
    current = profile(21, [once(21, 20) | once(22, 500)])
    flood = np.array([current.terms[n].startswith("d22") for n in current.row_term])
    window = Window(reference=CALM, current=replace(current, row_users=np.where(flood, 1, current.row_users)))
    assert not detect(window).drifted
    assert detect(replace(window, current=current)).drifted  # the same words, each from somebody else


def test_rare_words_that_only_one_side_lists_are_nobodys() -> None:
    """The reference folds words below 5, the current day lists them all: they are no news."""
    reference = profile(0, [once(day, 5, count=6) for day in range(21)], fold=5)
    current = profile(21, [once(21, 5, count=6) | once(22, 300, count=4)])
    assert not detect(Window(reference=reference, current=current)).drifted
    assert detect(Window(reference=reference, current=profile(21, [once(21, 60, count=6)]))).drifted


def test_an_early_look_uses_the_fold_of_a_whole_day() -> None:
    """At 60,000 predictions a day words below 6 are folded; in the first hour nothing is, and that is no alarm."""
    reference = profile(0, [once(day, 400, count=6) for day in range(21)], day_total=60_000, fold=6)
    early = profile(21, [once(21, 3_000)], day_total=5_000)
    assert not detect(Window(reference=reference, current=early, today=early.days[0])).drifted


# ---------------------------------------------------------------- words that come together


def asked(first: int, days: list[list[tuple[int, int]]], *, apart: bool = False) -> Profile:
    """Days of queries with so many unseen words that so many people ask, beside a thousand steady predictions.

    The words of a query come together, or `apart`: as if each had been in a query of its own.
    """
    when = [FIRST + timedelta(days=first + n) for n in range(len(days))]
    rng = np.random.default_rng(first)
    rows = [(day, "the", "food", 500, 450.0, _sketch(rng, 63)) for day in when]
    for day, queries in zip(when, days, strict=True):
        for n, (words, people) in enumerate(queries):
            confidence, users = rng.uniform(0.4, 0.9), _sketch(rng, people)
            for w in range(words):
                mean = confidence + 0.01 * w * apart
                rows.append((day, f"{day}q{n}w{w}", "food", people, people * mean, users))
    confidence = {(day, "food", 18): 1_000 for day in when}
    return Profile.of_tables(days=when, confidence=confidence, fold={}, folded={}, rows=rows)


def test_words_that_come_together_count_once() -> None:
    reference = asked(0, [[(1, 2)] * 10] * 21)
    current = asked(21, [[(1, 2)] * 30 + [(9, 4)] * 10])
    (evidence,) = detect(Window(reference=reference, current=current)).evidence
    assert (evidence.reference_count, evidence.current_count) == (21 * 20, 30 * 2 + 10 * 4)


def test_words_of_one_query_that_another_query_has_too_count_for_both() -> None:
    seen = asked(21, [[(1, 2)] * 60])
    shared = replace(seen, row_predictions=np.where(seen.row_term == 0, 12, seen.row_predictions))
    together, apart = (detect(Window(reference=CALM, current=one)).evidence[0].current_count for one in (seen, shared))
    assert together == 120
    assert apart > together


def test_one_long_query_of_a_few_people_raises_no_alarm() -> None:
    """Nine unseen words, asked by four people, on a day that is else like those of the reference."""
    rng = np.random.default_rng(50)
    reference = asked(0, days_of_queries(rng, 21))
    current = asked(21, [[*days_of_queries(rng, 1)[0], (9, 4)]])
    long = detect(Window(reference=reference, current=current), min_change=0.0, min_ratio=1.0)
    assert long.statistic < long.threshold / 2


def days_of_queries(rng: np.random.Generator, days: int) -> list[list[tuple[int, int]]]:
    """About eight queries a day with one unseen word, on one in 33 days one with 20; one to four people ask each."""
    return [
        [(1, int(n)) for n in rng.integers(1, 5, rng.poisson(8))]
        + [(20, int(n)) for n in rng.integers(1, 5, rng.poisson(0.03))]
        for _ in range(days)
    ]


def alarms_in_quiet_days(*, apart: bool) -> int:
    """Of 400 days, with no least effect."""
    rng = np.random.default_rng(51)
    watching = vocabulary.build(alpha=4 * DAYS_A_YEAR * LEVEL, min_change=0.0, min_ratio=1.0)  # one of four windows
    wrong = 0
    for _ in range(20):
        reference = asked(0, days_of_queries(rng, 21), apart=apart)
        for day in days_of_queries(rng, 20):
            wrong += bool(watching.detect(Window(reference=reference, current=asked(21, [day], apart=apart))).evidence)
    return wrong


def test_long_queries_now_and_then_keep_the_level_of_a_day() -> None:
    """Counted word by word they would not: then such a day is an alarm."""
    limit = 400 * LEVEL + 3 * (400 * LEVEL * (1 - LEVEL)) ** 0.5
    assert alarms_in_quiet_days(apart=False) <= limit < alarms_in_quiet_days(apart=True)


# ---------------------------------------------------------------- how sure the reference is


def test_what_a_reference_says_of_unseen_words_is_as_uncertain_as_it_is_trusted() -> None:
    """1,500 words, one a prediction, all as frequent; known is the share that unseen ones have of what follows."""
    rng, days, each = np.random.default_rng(52), 14, 100
    chances = np.full(1_500, 1 / 1_500)
    off, trusted = [], []
    for _ in range(300):
        counts = np.array([rng.multinomial(each, chances) for _ in range(days)])
        when = [FIRST + timedelta(days=n) for n in range(days)]
        rows = [
            (when[day], f"w{word:04}", "food", int(counts[day, word]), 0.9 * counts[day, word] + 1e-4 * word, 0b11)
            for day, word in np.argwhere(counts)
        ]
        confidence = {(day, "food", 18): each for day in when}
        seen = Profile.of_tables(days=when, confidence=confidence, fold={}, folded={}, rows=rows)
        once_only = float(vocabulary._leave_one_out(seen, 1).counts.sum())  # noqa: SLF001 - the figure in question
        trusted.append(vocabulary._trust(seen, 1))  # noqa: SLF001 - the other one
        off.append((once_only - days * each * chances[~counts.any(axis=0)].sum()) / once_only**0.5)
    spread = np.var(off, ddof=1)  # of a Poisson count it would be 1
    error = 3 * spread * (2 / len(off)) ** 0.5
    assert spread - error > 1
    assert spread <= 1 / np.mean(trusted) + error
    assert 1 / np.mean(trusted) < 1.5 * spread


def test_a_reference_without_words_of_two_days_is_trusted_as_it_is() -> None:
    assert vocabulary._trust(CALM, 1) == 1.0  # noqa: SLF001 - a figure of its own
