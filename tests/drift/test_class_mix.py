"""Labels that are predicted more or less often than they were."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from scipy.stats import binom

from drift import class_mix
from drift._series import LENGTHS
from drift._windows import DAYS_A_YEAR
from kempelen.profile import Profile
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)


def days(first: int, *labels: Mapping[str, int]) -> Profile:
    """One day for each of `labels`, all answers with 92 % confidence."""
    return Profile.of_tables(
        days=[FIRST + timedelta(days=first + n) for n in range(len(labels))],
        confidence={
            (FIRST + timedelta(days=first + n), label, 18): count
            for n, counts in enumerate(labels)
            for label, count in counts.items()
        },
        fold={},
        folded={},
        rows=(),
    )


def detect(window: Window) -> DriftReport:
    return class_mix.build(alpha=0.005).detect(window)


CALM = days(0, *[{"food": 60, "news": 40}] * 21)


def test_a_label_that_falls_and_one_that_rises_are_found_once_the_day_is_over() -> None:
    window = Window(reference=CALM, current=days(21, {"food": 15, "news": 85}))
    report = detect(window)
    assert {e.subject for e in report.evidence} == {"food", "news"}
    news = next(e for e in report.evidence if e.subject == "news")
    assert news.p_value == pytest.approx(2 * binom.sf(84, 85 + 840, 1 / 22))
    assert news.budget == pytest.approx(0.005 / DAYS_A_YEAR / len(LENGTHS) / 2)
    today = detect(replace(window, today=window.current.days[-1]))
    assert {e.subject for e in today.evidence} == {"news"}


def test_the_sentence_names_shares_before_and_after() -> None:
    report = detect(Window(reference=CALM, current=days(21, {"food": 1, "news": 99})))
    assert report.summary == (
        "food: predicted for 1.0 % of traffic instead of 60.0 %; also news."
        if report.evidence[0].subject == "food"
        else "news: predicted for 99.0 % of traffic instead of 40.0 %; also food."
    )


def test_a_label_that_the_reference_never_had_is_a_change_and_not_an_error() -> None:
    report = detect(Window(reference=CALM, current=days(21, {"food": 50, "news": 30, "sport": 20})))
    assert report.evidence[0].subject == "sport"
    assert report.evidence[0].reference_count == 0


def test_a_shift_below_the_least_change_is_no_alarm() -> None:
    many = days(0, *[{"food": 60_000, "news": 40_000}] * 21)
    report = detect(Window(reference=many, current=days(21, {"food": 58_500, "news": 41_500})))
    assert not report.drifted


def test_a_quiet_look_names_what_is_nearest() -> None:
    report = detect(Window(reference=CALM, current=days(21, {"food": 52, "news": 48})))
    assert not report.drifted
    assert "The mix of predicted labels is as it was. Nearest to it: " in report.summary
    assert "alarm below" in report.summary
