"""Words that surge: named with their company, day, users and label; bots and folds do not surge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from drift import term_surge
from drift._series import LENGTHS
from drift._windows import DAYS_A_YEAR
from kempelen.errors import NotEnoughData
from kempelen.profile import Profile, Sampled
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)
EVERYONE = 2**63 - 1


def profile(
    first: date, courses: Mapping[str, Sequence[int]], *, day_total: int = 500, users: int = EVERYONE, **more: Any
) -> Profile:
    """Days of `day_total` answers, all `food` with 90 % confidence, and how often each word was in them by day."""
    days = [first + timedelta(days=n) for n in range(len(next(iter(courses.values()))))]
    return Profile.of_tables(
        days=days,
        confidence={(day, "food", 18): day_total for day in days},
        fold=dict.fromkeys(days, more.get("fold", 1)),
        folded={},
        rows=[
            (day, word, "food", n, 0.9 * n, users if word == "corona" else EVERYONE)
            for word, course in courses.items()
            for day, n in zip(days, course, strict=True)
            if n
        ],
        sample=more.get("sample", ()),
    )


def surge(before: int = 1, after: int = 30, *, day_total: int = 500, fold: int = 1, **current: Any) -> Window:
    """21 days with steady words and `before` corona a day, then a day with `after`."""
    return Window(
        reference=profile(
            FIRST,
            {"beer": [50] * 21, "weather": [100] * 21, "corona": [before] * 21},
            day_total=day_total,
            fold=fold,
        ),
        current=profile(
            FIRST + timedelta(days=21),
            {"beer": [50], "weather": [100], "corona": [after], **current.pop("words", {})},
            day_total=day_total,
            **current,
        ),
    )


def detect(window: Window, *, alpha: float = 0.0125, **params: Any) -> DriftReport:
    return term_surge.build(alpha=alpha, **params).detect(window)


def sampled(queries: Sequence[str]) -> tuple[Sampled, ...]:
    day = FIRST + timedelta(days=21)
    return tuple(Sampled(day=day, draw=n, query=q, label="food", confidence=0.9) for n, q in enumerate(queries))


def test_the_summary_of_a_surge_is_a_sentence_with_its_figures() -> None:
    report = detect(surge())
    assert report.summary == (
        "corona: 30 times its share (0.2 % -> 6.0 % of traffic) since 2020-01-22, from more than 200 users, "
        "mostly taken for food with 90 % confidence."
    )


def test_the_evidence_can_be_checked_by_hand() -> None:
    report = detect(surge())
    (evidence,) = report.evidence
    assert (evidence.subject, evidence.reference_count, evidence.current_count) == ("corona", 21, 30)
    assert (evidence.label, evidence.confidence, evidence.users) == ("food", pytest.approx(0.9), 63)
    assert evidence.ratio == pytest.approx(30)
    assert evidence.p_value == pytest.approx(binom.sf(29, 51, 1 / 22))
    assert evidence.budget == pytest.approx(0.0125 / DAYS_A_YEAR / len(LENGTHS) / 3)  # three words could have surged
    assert evidence.first == evidence.since == FIRST + timedelta(days=21)
    assert [day.count for day in evidence.daily] == [1] * 21 + [30]
    assert {day.predictions for day in evidence.daily} == {500}
    corrected = evidence.p_value * DAYS_A_YEAR * len(LENGTHS) * 3
    assert report.statistic == pytest.approx(-np.log10(corrected))


def test_a_word_never_seen_before_can_surge() -> None:
    report = detect(surge(before=0))
    assert report.evidence[0].ratio == float("inf")
    assert report.evidence[0].p_value == pytest.approx((1 / 22) ** 30)  # all 30 in one of 22 equal days
    assert report.summary.startswith("corona: a new word (0.0 % -> 6.0 % of traffic)")


def test_a_significant_but_small_surge_is_no_alarm() -> None:
    window = surge(before=10, after=300, day_total=50_000)  # 0.02 % -> 0.6 % of traffic
    assert not detect(window).drifted
    assert detect(window, min_share=0.001).drifted


def test_a_frequent_word_that_doubles_is_below_the_ratio() -> None:
    window = surge(before=50, after=120)
    assert not detect(window).drifted
    assert detect(window, min_ratio=1.5).drifted


def test_a_word_of_few_users_does_not_surge() -> None:
    assert not detect(surge(after=300, users=0b1)).drifted
    assert not detect(surge(after=30, users=0b1111)).drifted  # four users
    assert detect(surge(after=30, users=0b11111)).evidence[0].users == 5
    assert detect(surge(after=300, users=0b1), min_users=1, most_per_user=300).drifted


def test_a_slow_rise_is_found_by_a_longer_window_and_dated() -> None:
    days = FIRST + timedelta(days=21)
    course = [2, 2, 9, 8, 9, 8, 9]  # no single day of 9 is beyond chance
    reference = profile(FIRST, {"beer": [50] * 21, "corona": [2] * 21})
    current = profile(days, {"beer": [50] * 7, "corona": course})
    assert not detect(Window(reference=reference, current=current.until(days + timedelta(days=2)))).drifted
    report = detect(Window(reference=reference, current=current))
    assert [e.subject for e in report.evidence] == ["corona"]
    assert report.evidence[0].since == days + timedelta(days=2)
    assert report.evidence[0].first in {days, days + timedelta(days=3)}


def test_words_of_the_same_queries_are_named_together() -> None:
    sample = sampled(["corona wuhan", "corona wuhan map"] * 6 + ["beer"] * 9)
    report = detect(surge(before=0, words={"wuhan": [28], "map": [14]}, sample=sample))
    assert report.summary.startswith("corona (with wuhan, map): a new word")
    assert {e.subject: e.together for e in report.evidence} == {
        "corona": ("wuhan", "map"),
        "wuhan": ("corona", "map"),
        "map": ("corona", "wuhan"),
    }
    assert report.evidence[0].examples == ("corona wuhan", "corona wuhan map")


def test_words_that_are_too_rare_in_the_sample_are_compared_by_day() -> None:
    report = detect(surge(before=0, words={"wuhan": [28]}, sample=sampled(["beer"] * 9)))
    assert report.summary.startswith("corona (on the same days wuhan): a new word")


def test_words_of_different_queries_are_named_apart() -> None:
    sample = sampled(["corona cases", "wimbledon final"] * 6)
    report = detect(surge(words={"wimbledon": [28]}, sample=sample))
    assert {e.together for e in report.evidence} == {()}
    assert "; also " in report.summary


def test_a_word_that_the_reference_folded_is_taken_to_have_been_just_below_the_fold() -> None:
    window = surge(before=0, after=100, day_total=5_000, fold=5)
    report = detect(window)
    assert report.evidence[0].reference_count == 0
    assert report.evidence[0].p_value == pytest.approx(max(binom.sf(99, 100 + 21 * 4, 1 / 22), 1e-300))


def test_a_day_that_is_not_over_alarms_as_soon_as_its_count_is_beyond_a_whole_day() -> None:
    window = surge(after=30, day_total=500)
    half = replace(window.current, confidence=window.current.confidence // 2)
    early = detect(replace(window, current=half, today=half.days[0]))
    assert early.drifted
    assert early.statistic < detect(window).statistic
    assert early.evidence[0].current_share == pytest.approx(30 / 250)


def test_a_reference_in_which_nothing_recurs_is_no_reference() -> None:
    unique = {f"w{n}": [int(n == day) for day in range(21)] for n in range(21)}
    window = surge()
    with pytest.raises(NotEnoughData, match="seen 10 times"):
        detect(replace(window, reference=profile(FIRST, unique), current=profile(window.current.days[0], {"x": [400]})))


def test_a_word_as_long_as_a_query_is_a_word_like_others() -> None:
    report = detect(surge(words={"a" * 2_000: [40]}))
    assert "a" * 2_000 in {e.subject for e in report.evidence}


def test_weaker_changes_beside_an_alarm_are_suspects(window: Callable[..., Window]) -> None:
    report = detect(window(3, surge=0.3))
    assert set(report.suspects) >= {"corona", "virus"}
    assert len(report.suspects) < 30
