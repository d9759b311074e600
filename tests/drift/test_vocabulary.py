"""Words that the reference does not have, each too rare to surge."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from drift import term_surge, vocabulary
from kempelen.profile import Profile
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)


def profile(first: int, days: list[dict[str, int]], *, day_total: int = 1_000, fold: int = 1) -> Profile:
    """Days with some words beside a steady one; every word of a day has as many users as predictions, up to 5."""
    when = [FIRST + timedelta(days=first + n) for n in range(len(days))]
    rng = np.random.default_rng(first)
    return Profile.of_tables(
        days=when,
        confidence={(day, "food", 18): day_total for day in when},
        fold=dict.fromkeys(when, fold),
        folded={},
        rows=[
            (day, word, "food", n, 0.9 * n, _sketch(rng, n))
            for day, words in zip(when, days, strict=True)
            for word, n in ({"the": day_total // 2} | words).items()
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
        "words that the reference does not have: 16.6 in 100 predictions instead of 2 since 2020-01-22, "
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
