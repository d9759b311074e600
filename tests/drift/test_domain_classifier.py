"""Telling today's queries from the reference's: what is found, what is not, and how often it is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from time import process_time
from typing import Any

import numpy as np
import pytest
from scipy import stats

from drift import domain_classifier
from drift._domains import corpus, followed, looks
from drift._windows import DAYS_A_YEAR
from kempelen.errors import NotEnoughData
from kempelen.profile import CONFIDENCE_BINS, Profile, Sampled
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)
REFERENCE = 21
TOPICS = ("weather tomorrow", "bank account", "cheap flights", "pasta recipe", "train times", "symptoms of flu")
NEW = ("corona virus", "corona cases", "wuhan virus")


def queries(rng: np.random.Generator, n: int, new: float = 0.0, *, of_the_day: str = "") -> list[str]:
    """Queries of a few topics with one of 300 words; a share is about the new one, and some have a word of the day."""
    about = rng.random(n) < new
    of_day = rng.random(n) < (0.05 if of_the_day else 0.0)
    return [
        " ".join(
            [NEW[rng.integers(3)] if fresh else TOPICS[rng.integers(6)], f"w{rng.integers(300)}"]
            + ([of_the_day] if special else [])
        )
        for fresh, special in zip(about, of_day, strict=True)
    ]


def profile(days: Sequence[Sequence[str]], first: date) -> Profile:
    """A profile with a sample of these queries, and as many predictions."""
    when = [first + timedelta(days=n) for n in range(len(days))]
    return Profile.of_tables(
        days=when,
        confidence={(day, "food", CONFIDENCE_BINS - 1): len(some) for day, some in zip(when, days, strict=True)},
        fold={},
        folded={},
        rows=(),
        sample=[
            Sampled(day=day, draw=n, query=query, label="food", confidence=0.99)
            for day, some in zip(when, days, strict=True)
            for n, query in enumerate(some)
        ],
    )


def window(reference: Sequence[Sequence[str]], current: Sequence[Sequence[str]], today: date | None = None) -> Window:
    after = FIRST + timedelta(days=len(reference))
    return Window(reference=profile(reference, FIRST), current=profile(current, after), today=today)


def simulated(seed: int, news: Sequence[float], each: int = 100, days: int = REFERENCE) -> Window:
    rng = np.random.default_rng(seed)
    return window([queries(rng, each) for _ in range(days)], [queries(rng, each, new) for new in news])


def detect(seen: Window, alpha: float = 0.0025, **params: Any) -> DriftReport:
    return domain_classifier.build(alpha=alpha, **params).detect(seen)


# ---------------------------------------------------------------- the classifier


def test_a_word_that_one_day_alone_has_is_learned_from_other_queries_than_are_judged() -> None:
    usual = [[Sampled(day=FIRST, draw=n, query=f"old {n}", label="a", confidence=1.0) for n in range(40)]] * 3
    today = [Sampled(day=FIRST, draw=n, query=f"new {n}", label="a", confidence=1.0) for n in range(40)]
    read = followed(corpus(usual), corpus([today]))
    assert read.first_half.sum() == pytest.approx(40, abs=20)
    assert looks(read, slice(3, 4)).mean() == 1.0


def test_what_is_asked_once_and_never_again_cannot_be_learned() -> None:
    days = [
        [Sampled(day=FIRST, draw=n, query=f"{chr(97 + day)}{n}", label="a", confidence=1.0) for n in range(40)]
        for day in range(4)
    ]
    assert looks(followed(corpus(days[:3]), corpus(days[3:])), slice(3, 4)).mean() == pytest.approx(0.5)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(1)
    days = [
        [Sampled(day=FIRST, draw=n, query=q, label="a", confidence=1.0) for n, q in enumerate(queries(rng, 60, new))]
        for new in (0.0, 0.0, 0.0, 0.5)
    ]
    read = followed(corpus(days[:3]), corpus(days[3:]))
    found = looks(read, slice(3, 4))
    new = np.array([query.startswith(("corona", "wuhan")) for query in read.queries])[read.asked[3]]
    assert found[0, new].min() > found[0, ~new].mean()
    assert found.mean() == pytest.approx((new.mean() + 1) / 2, abs=0.1)


# ---------------------------------------------------------------- the test


def test_a_new_topic_is_found_named_and_shown() -> None:
    report = detect(simulated(2, [0.0] * 6 + [0.5]))
    (evidence,) = report.evidence
    assert report.drifted
    assert {"corona", "virus"} <= set(evidence.subject.split(", "))
    assert len(evidence.examples) == 5
    assert all(query.startswith(("corona", "wuhan")) for query in evidence.examples)
    assert evidence.current_share > 0.4
    assert evidence.reference_share < 0.15
    assert evidence.since == evidence.first == FIRST + timedelta(days=REFERENCE + 6)
    assert report.summary.endswith(".")


def test_a_smaller_change_is_found_when_it_lasts_for_four_days() -> None:
    found_in_one = [detect(simulated(seed, [0.0] * 3 + [0.22])).drifted for seed in range(5)]
    in_four = [detect(simulated(seed, [0.22] * 4)) for seed in range(5)]
    assert sum(found_in_one) <= 2
    assert sum(report.drifted for report in in_four) >= 4
    assert in_four[0].evidence[0].first == FIRST + timedelta(days=REFERENCE)


def test_the_statistic_is_worked_out_by_hand_from_the_days_shares() -> None:
    report = detect(simulated(3, [0.45]))
    (evidence,) = report.evidence
    shares = np.array([day.count / day.predictions for day in evidence.daily])
    usual, now = np.arcsin(np.sqrt(shares[:REFERENCE])), np.arcsin(np.sqrt(shares[-1]))
    deviation = max(usual.std(ddof=1), 0.05)
    t = (now - usual.mean()) / deviation / (1 + 1 / REFERENCE) ** 0.5
    assert evidence.p_value == pytest.approx(stats.t.sf(t, REFERENCE - 1))
    assert evidence.current_share == pytest.approx(shares[-1])
    assert evidence.budget == pytest.approx(0.0025 / 366 / 2)
    assert report.statistic == pytest.approx(-np.log10(evidence.p_value * 366 * 2))


def test_the_sentence_says_what_was_found_and_what_an_alarm_needs() -> None:
    report = detect(simulated(2, [0.0] * 6 + [0.5]))
    (evidence,) = report.evidence
    assert evidence.budget == pytest.approx(3.4e-6, abs=5e-8)
    assert report.summary == (
        f"{100 * evidence.current_share:.1f} % of the sampled queries of the last whole day look new "
        f"(on a day of the reference {100 * evidence.reference_share:.1f} %; "
        f"an alarm needs at least 20 % and p below 3.4e-06, here p = {evidence.p_value:.2g}). "
        f"Most telling: {evidence.subject}."
    )


def test_a_change_below_the_least_effect_is_no_alarm() -> None:
    seen = simulated(2, [0.0] * 6 + [0.5])
    report = detect(seen, least_share=0.9)
    assert not report.drifted
    assert not report.evidence
    assert report.statistic == report.threshold


@pytest.mark.parametrize("special", [False, True])
def test_days_keep_their_level_though_each_has_a_word_of_its_own(*, special: bool) -> None:
    rng, level, trials = np.random.default_rng(31), 0.1, 100
    alarms = 0
    for _ in range(trials):
        days = [queries(rng, 40, of_the_day=f"day{n}" if special else "") for n in range(13)]
        report = detect(window(days[:12], days[12:]), alpha=DAYS_A_YEAR * 2 * level, least_share=0.0)
        alarms += bool(report.evidence)
    assert alarms <= level * trials + 3 * (trials * level * (1 - level)) ** 0.5


def test_four_days_keep_their_level_too() -> None:
    rng, level, trials = np.random.default_rng(32), 0.1, 100
    alarms = 0
    for _ in range(trials):
        days = [queries(rng, 40, of_the_day=f"day{n}") for n in range(16)]
        report = detect(window(days[:12], days[12:]), alpha=DAYS_A_YEAR * level, least_share=0.0)
        alarms += bool(report.evidence)  # two windows, each with half of the level
    assert alarms <= level * trials + 3 * (trials * level * (1 - level)) ** 0.5


def test_queries_that_are_asked_in_both_windows_are_no_change() -> None:
    rng = np.random.default_rng(5)
    known = queries(rng, 60)
    days = [[known[n] for n in rng.integers(0, 60, 100)] for _ in range(REFERENCE + 4)]
    assert detect(window(days[:REFERENCE], days[REFERENCE:])).statistic < 1


# ---------------------------------------------------------------- what it cannot answer


def test_a_day_that_is_not_over_is_not_judged() -> None:
    seen = simulated(2, [0.0] * 6 + [0.5])
    today = seen.current.days[-1]
    assert not detect(replace(seen, today=today)).drifted
    assert detect(replace(seen, today=today + timedelta(days=1))).drifted


@pytest.mark.parametrize(
    ("reference", "current", "found"),
    [
        ([100] * 21, [100, 20], "no sample of 30"),
        ([100] * 6, [100], "reference has 6 days"),
        ([20] * 21, [100], "reference has 0 days"),
    ],
)
def test_too_small_a_sample_is_said(reference: list[int], current: list[int], found: str) -> None:
    rng = np.random.default_rng(6)
    seen = window([queries(rng, n) for n in reference], [queries(rng, n) for n in current])
    with pytest.raises(NotEnoughData, match=found) as caught:
        detect(seen)
    assert caught.value.hint


def test_only_an_unfinished_day_is_too_little() -> None:
    seen = simulated(7, [0.5])
    with pytest.raises(NotEnoughData, match="whole day"):
        detect(replace(seen, today=seen.current.days[-1]))


def test_days_of_different_size_are_compared_at_the_size_of_the_smaller() -> None:
    rng = np.random.default_rng(8)
    reference = [queries(rng, 100 if n else 35) for n in range(REFERENCE)]
    report = detect(window(reference, [queries(rng, 60, 0.8)]))
    assert report.n_current == 60
    assert report.n_reference == 60 * (REFERENCE - 1)
    assert report.drifted


def test_queries_without_a_word_and_in_any_script_are_read() -> None:
    rng = np.random.default_rng(9)
    odd = ["", "🦠🦠", "كورونا فيروس", "新冠病毒", "!!!", "a" * 2_000]
    days = [[*odd, *queries(rng, 94)] for _ in range(REFERENCE + 1)]
    assert not detect(window(days[:REFERENCE], days[REFERENCE:])).drifted


def test_a_look_is_quick(window: Callable[..., Window]) -> None:
    seen = window(1)
    detect(seen)
    begun = process_time()
    detect(seen)
    assert process_time() - begun < 0.5
