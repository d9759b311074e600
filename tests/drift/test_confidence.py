"""Cuts of the confidence histogram, of all predictions and of each label's."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from scipy.stats import binom

from drift import confidence
from kempelen.profile import Profile
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)


def days(first: int, *tables: Mapping[tuple[str, int], int]) -> Profile:
    """One day for each table of predictions by label and bin."""
    return Profile.of_tables(
        days=[FIRST + timedelta(days=first + n) for n in range(len(tables))],
        confidence={
            (FIRST + timedelta(days=first + n), label, bin_): count
            for n, table in enumerate(tables)
            for (label, bin_), count in table.items()
        },
        fold={},
        folded={},
        rows=(),
    )


CALM = days(0, *[{("food", 18): 190, ("food", 8): 10, ("news", 18): 38, ("news", 8): 2}] * 21)


def detect(current: Profile) -> DriftReport:
    return confidence.build(alpha=0.005).detect(Window(reference=CALM, current=current))


def test_a_label_that_lost_its_confidence_is_named_among_its_own_predictions() -> None:
    report = detect(days(21, {("food", 18): 190, ("food", 8): 10, ("news", 18): 10, ("news", 8): 30}))
    first = report.evidence[0]
    assert first.subject == "news: confidence below 45 %"
    assert (first.reference_share, first.current_share) == pytest.approx((0.05, 0.75))
    assert first.p_value == pytest.approx(2 * binom.sf(29, 30 + 42, 1 / 22))
    assert report.summary.startswith("news: confidence below 45 %: 75.0 % of predictions instead of 5.0 %; also ")
    assert not any(e.subject.startswith("food") for e in report.evidence)


def test_a_model_that_became_surer_is_seen_too() -> None:
    doubting = days(0, *[{("food", 8): 60, ("food", 18): 140}] * 21)
    report = confidence.build(alpha=0.005).detect(Window(reference=doubting, current=days(21, {("food", 18): 200})))
    assert report.evidence[0].current_share == 0
    assert "below 45 %" in report.evidence[0].subject


def test_a_label_that_is_not_predicted_now_or_was_not_before_is_left_to_class_mix() -> None:
    gone = detect(days(21, {("food", 18): 228, ("food", 8): 12}))
    assert not any(e.subject.startswith("news") for e in gone.evidence)
    new = detect(days(21, {("food", 18): 190, ("food", 8): 10, ("sport", 18): 38, ("sport", 8): 2}))
    assert not any(e.subject.startswith("sport") for e in new.evidence)
