"""The mathematics under term_surge, class_mix and confidence, on numbers worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from drift import _reports, class_mix, confidence, term_surge
from drift._rates import Counts, dispersion, level_each, p_values, pearson, rejectable, upper_tail
from kempelen.errors import NotEnoughData
from kempelen.records import CONFIDENCE_BINS, DayProfile, Profile, TermCounts, Window


def counts(by_day: Any, current: Any, current_total: int = 100, day_total: int = 100, current_days: int = 1) -> Counts:
    by_day = np.array(by_day, dtype=float)
    return Counts(
        subjects=tuple(f"s{i}" for i in range(len(by_day))),
        by_day=by_day,
        day_totals=np.full(by_day.shape[1], float(day_total)),
        current=np.array(current, dtype=float),
        current_total=current_total,
        current_days=current_days,
    )


def one_day(number: int, predictions: int, words: dict[str, int]) -> DayProfile:
    """A day of `predictions` answers, all `food` with 90 % confidence."""
    bins = [0] * CONFIDENCE_BINS
    bins[18] = predictions
    return DayProfile(
        day=date(2020, 1, 1) + timedelta(days=number),
        predictions=predictions,
        labels={"food": predictions},
        confidence=tuple(bins),
        terms={w: TermCounts(labels={"food": n}, confidence_sum=0.9 * n) for w, n in words.items() if n},
    )


@pytest.mark.parametrize(("before", "after", "part"), [(0, 3, 0.5), (7, 5, 0.2), (40, 21, 2 / 23), (3, 0, 0.5)])
def test_whole_counts_give_the_exact_binomial_tail(before: int, after: int, part: float) -> None:
    tail = upper_tail(np.array([float(before)]), np.array([float(after)]), part, np.ones(1))
    assert tail[0] == pytest.approx(binom.sf(after - 1, before + after, part))


def test_two_sided_is_twice_the_smaller_tail() -> None:
    # 8 before and 0 now, equal windows: the fall has 1/256, the rise 1
    falls = counts([[4, 4]], [0], current_total=200)
    assert p_values(falls, np.ones(1), two_sided=True)[0] == pytest.approx(2 / 256)
    assert p_values(falls, np.ones(1), two_sided=False)[0] == 1.0


def test_pearson_divides_by_what_each_day_should_have() -> None:
    # 12 events over days of 100, 100 and 400 predictions: 2, 2, 8 expected; ((4-2)^2/2 + 0 + (6-8)^2/8) / 2
    assert pearson(np.array([[4.0, 2.0, 6.0]]), np.array([100.0, 100.0, 400.0]))[0] == pytest.approx(1.25)


def test_even_traffic_has_no_overdispersion() -> None:
    pooled, each = dispersion(counts([[5] * 10, [20] * 10], [5, 20]))
    assert pooled == 1.0
    assert each.tolist() == [1.0, 1.0]


def test_events_in_threes_are_overdispersed_by_three() -> None:
    rng = np.random.default_rng(3)
    pooled, _ = dispersion(counts(3 * rng.poisson(4, size=(200, 20)), np.zeros(200)))
    assert 3.0 <= pooled <= 3.3  # the upper 95 % point of an estimate with 3,800 degrees of freedom


def test_a_subject_that_comes_in_bursts_is_judged_by_its_own_bursts() -> None:
    rng = np.random.default_rng(3)
    steady = rng.poisson(10, size=(50, 20))
    burst = np.zeros((1, 20))
    burst[0, 4] = 60  # X2 / 19 = 60
    _, each = dispersion(counts(np.vstack([steady, burst]), np.zeros(51)))
    assert each[-1] == pytest.approx(60)
    assert np.median(each[:-1]) < 3


def test_what_lasts_for_days_shows_between_blocks_of_days() -> None:
    by_day = [[10, 10, 20, 20] * 5]  # day by day nothing special, two by two clear
    single, _ = dispersion(counts(by_day, [10], current_days=1))
    double, _ = dispersion(counts(by_day, [10], current_days=2))
    assert double > 1.5 * single


def test_nothing_seen_ten_times_cannot_tell_how_uneven_traffic_is() -> None:
    with pytest.raises(NotEnoughData):
        dispersion(counts([[1, 2, 3]], [50]))


@pytest.mark.parametrize(
    ("least", "expected"),
    [([], 1), ([1.0, 1.0], 1), ([0.0] * 7, 7), ([0.001, 0.02, 0.03, 0.2, 1.0], 2)],
)
def test_tarone_counts_only_hypotheses_that_could_reject(least: list[float], expected: int) -> None:
    assert rejectable(0.05, np.array(least)) == expected


def test_rare_subjects_cost_the_others_nothing() -> None:
    alone = counts([[30] * 9], [60])
    crowd = counts([[30] * 9] + [[0, 0, 1] * 3] * 500, [60] + [0] * 500)
    assert level_each(crowd, 0.001, 1.0, two_sided=False) == level_each(alone, 0.001, 1.0, two_sided=False)


def surge_window(before: int = 1, after: int = 30, day_total: int = 500) -> Window:
    """12 days with steady words and `before` corona a day, then a day with `after`."""
    steady = {"beer": 50, "weather": 100}
    days = [one_day(d, day_total, steady | {"corona": before}) for d in range(12)]
    return Window(
        reference=Profile(days=tuple(days)), current=Profile(days=(one_day(12, day_total, steady | {"corona": after}),))
    )


def test_the_summary_of_a_surge_is_a_sentence_with_its_figures() -> None:
    report = term_surge.build(alpha=0.0125, looks=366).detect(surge_window())
    assert report.summary == (
        "corona: 1 -> 30 predictions a day (0.2 % -> 6.0 % of traffic), mostly taken for food with 90 % confidence."
    )
    (evidence,) = report.evidence
    assert (evidence.subject, evidence.reference_count, evidence.current_count) == ("corona", 12, 30)
    assert (evidence.label, evidence.confidence) == ("food", pytest.approx(0.9))
    assert evidence.ratio == pytest.approx(30)
    assert evidence.p_value == pytest.approx(binom.sf(29, 42, 1 / 13))


def test_a_word_never_seen_before_can_surge() -> None:
    report = term_surge.build(alpha=0.0125, looks=366).detect(surge_window(before=0))
    assert report.evidence[0].subject == "corona"
    assert report.evidence[0].ratio == float("inf")
    assert report.statistic == pytest.approx(30 * np.log10(13))  # all 30 in one of 13 equal days


def test_a_significant_but_small_surge_is_no_alarm() -> None:
    window = surge_window(before=10, after=300, day_total=50_000)  # 0.02 % -> 0.6 % of traffic
    assert not term_surge.build(alpha=0.0125, looks=366).detect(window).drifted
    assert term_surge.build(alpha=0.0125, looks=366, min_share=0.001).detect(window).drifted


def test_a_frequent_word_that_doubles_is_below_the_ratio() -> None:
    window = surge_window(before=50, after=100)
    assert not term_surge.build(alpha=0.0125, looks=366).detect(window).drifted
    assert term_surge.build(alpha=0.0125, looks=366, min_ratio=1.5).detect(window).drifted


@pytest.mark.parametrize("module", [term_surge, class_mix, confidence])
def test_two_days_of_reference_are_too_few(module: Any, changed: Window) -> None:
    short = replace(changed, reference=Profile(days=changed.reference.days[:2]))
    with pytest.raises(NotEnoughData, match="2 days"):
        module.build(alpha=0.0125, looks=366).detect(short)


def test_ignoring_the_clusters_would_break_the_budget(quiet: list[Window], monkeypatch: pytest.MonkeyPatch) -> None:
    """The correction is needed, and the contract test would notice if it were gone."""
    monkeypatch.setattr(_reports, "dispersion", lambda c: (1.0, np.ones(len(c.subjects))))
    watching = confidence.build(alpha=0.2, looks=1, min_change=0)
    alarms = sum(watching.detect(window).drifted for window in quiet)
    assert alarms > 0.2 * len(quiet) + 3 * (len(quiet) * 0.2 * 0.8) ** 0.5
