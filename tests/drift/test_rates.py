"""The mathematics under the detectors of counts, on numbers worked out by hand."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from drift._rates import change_point, pearson, rejectable, upper_tail
from drift._series import Series
from kempelen.errors import NotEnoughData
from kempelen.profile import Floats


def spread(by_day: Any, length: int = 1) -> tuple[float, Floats]:
    """The dispersion over days of 100 predictions each."""
    counts = np.array(by_day, dtype=float)
    days = tuple(date(2020, 1, 1) + timedelta(days=n) for n in range(counts.shape[1]))
    return Series(days=days, counts=counts, exposure=np.full((1, len(days)), 100.0)).dispersion[length]


@pytest.mark.parametrize(("before", "after", "part"), [(0, 3, 0.5), (7, 5, 0.2), (40, 21, 2 / 23), (3, 0, 0.5)])
def test_whole_counts_give_the_exact_binomial_tail(before: int, after: int, part: float) -> None:
    tail = upper_tail(np.array([float(before)]), np.array([float(after)]), np.array([part]), np.ones(1))
    assert tail[0] == pytest.approx(binom.sf(after - 1, before + after, part))


def test_pearson_divides_by_what_each_day_should_have() -> None:
    # 12 events over days of 100, 100 and 400 predictions: 2, 2, 8 expected; ((4-2)^2/2 + 0 + (6-8)^2/8) / 2
    exposure = np.array([[100.0, 100.0, 400.0]])
    assert pearson(np.array([[4.0, 2.0, 6.0]]), exposure)[0] == pytest.approx(1.25)


def test_days_on_which_something_could_not_occur_say_nothing_of_its_variation() -> None:
    exposure = np.array([[100.0, 0.0, 100.0], [100.0, 100.0, 100.0]])
    each = pearson(np.array([[6.0, 0.0, 2.0], [4.0, 2.0, 0.0]]), exposure)
    assert each.tolist() == pytest.approx([2.0, 2.0])  # (2^2/4 + 2^2/4) / 1, and (2^2/2 + 2^2/2) / 2


def test_even_traffic_has_no_overdispersion() -> None:
    pooled, each = spread([[5] * 10, [20] * 10])
    assert pooled == 1.0
    assert each.tolist() == [1.0, 1.0]


def test_events_in_threes_are_overdispersed_by_three() -> None:
    pooled, _ = spread(3 * np.random.default_rng(3).poisson(4, size=(200, 20)))
    assert 3.0 <= pooled <= 3.3  # the upper 95 % point of an estimate with 3,800 degrees of freedom


def test_a_subject_that_comes_in_bursts_is_judged_by_its_own_bursts() -> None:
    steady = np.random.default_rng(3).poisson(10, size=(50, 20))
    burst = np.zeros((1, 20))
    burst[0, 4] = 60  # X2 / 19 = 60
    _, each = spread(np.vstack([steady, burst]))
    assert each[-1] == pytest.approx(60)
    assert np.median(each[:-1]) < 3


def test_what_lasts_for_days_shows_between_blocks_of_days() -> None:
    by_day = [[10, 10, 20, 20] * 6] * 2  # day by day nothing special, two by two clear
    assert spread(by_day, 2)[0] > 1.5 * spread(by_day, 1)[0]


def test_few_blocks_of_one_subject_are_taken_as_they_are() -> None:
    # three blocks of 7 days: 2 degrees of freedom, whose upper 95 % point would be 19 times the estimate
    rng = np.random.default_rng(5)
    pooled, _ = spread(rng.poisson(10, size=(1, 21)), 7)
    assert pooled < 3


def test_nothing_seen_ten_times_cannot_tell_how_uneven_traffic_is() -> None:
    with pytest.raises(NotEnoughData):
        spread([[1, 2, 3]])


@pytest.mark.parametrize(
    ("least", "expected"),
    [([], 1), ([1.0, 1.0], 1), ([0.0] * 7, 7), ([0.001, 0.02, 0.03, 0.2, 1.0], 2)],
)
def test_tarone_counts_only_hypotheses_that_could_reject(least: list[float], expected: int) -> None:
    assert rejectable(0.05, np.array(least)) == expected


def test_the_change_is_dated_to_the_day_on_which_the_rate_changed() -> None:
    even = np.full(6, 100.0)
    assert change_point(np.array([2.0, 1.0, 2.0, 9.0, 8.0, 9.0]), even, 30.0, 2_000.0) == 3
    assert change_point(np.array([9.0, 8.0, 9.0, 8.0, 9.0, 8.0]), even, 30.0, 2_000.0) == 0
    assert change_point(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 7.0]), even, 0.0, 2_000.0) == 5


def test_a_busy_day_is_not_taken_for_a_change() -> None:
    # 20 events on the second day, but also 20 times the traffic; the fourth day has 9 in 100
    exposure = np.array([100.0, 2_000.0, 100.0, 100.0])
    assert change_point(np.array([1.0, 20.0, 1.0, 9.0]), exposure, 20.0, 2_000.0) == 3
