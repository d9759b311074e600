"""Windows of 1, 2, 4 and 7 days, and why a day may be looked at as often as one likes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from drift._series import LENGTHS, Series
from drift._windows import DAYS_A_YEAR, HEADROOM, Counts, Outcome, examine, require
from kempelen.errors import NotEnoughData
from kempelen.records import Window

FIRST = date(2020, 1, 1)
CALM = [100] * 21
"""A subject that makes the traffic even: 100 of the 500 predictions of each day."""


def series(by_day: Any, first: date, exposure: Any = 500) -> Series:
    counts = np.array(by_day, dtype=float)
    days = tuple(first + timedelta(days=n) for n in range(counts.shape[1]))
    return Series(days=days, counts=counts, exposure=np.broadcast_to(np.array(exposure, float), (1, len(days))))


def counts(before: Any, after: Any, exposure: Any = 500, *, unfinished: bool = False, **more: Any) -> Counts:
    """Days of 500 predictions, from 1 January 2020; the current ones follow on the reference."""
    reference = series(before, FIRST)
    current = series(after, FIRST + timedelta(days=len(reference.days)), exposure)
    return Counts(
        subjects=tuple(f"s{n}" for n in range(len(before))),
        reference=reference,
        current=current,
        today=current.days[-1] if unfinished else None,
        **more,
    )


def look(seen: Counts, *, alpha: float = 0.05, two_sided: bool = False) -> list[Outcome]:
    return examine(seen, alpha=alpha, two_sided=two_sided)


def held(tested: list[Outcome]) -> list[list[int]]:
    return [np.flatnonzero(test.held).tolist() for test in tested]


def test_a_look_at_whole_days_tests_the_windows_that_end_on_the_last_one() -> None:
    assert held(look(counts([CALM], [[100] * 9]))) == [[8], [7, 8], [5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8]]


def test_a_look_during_a_day_tests_those_that_end_the_day_before_too() -> None:
    tested = look(counts([CALM], [[100] * 3], unfinished=True))
    assert held(tested) == [[1], [0, 1], [2], [1, 2], [0, 1, 2]]


def test_a_short_reference_has_no_long_windows() -> None:
    assert held(look(counts([CALM[:8]], [[100] * 8]))) == [[7], [6, 7]]


def test_a_window_keeps_its_calendar_where_a_day_is_missing() -> None:
    seen = counts([CALM], [[100] * 8])
    days = (*seen.current.days[:5], *seen.current.days[6:], seen.current.days[-1] + timedelta(days=1))
    gap = replace(seen, current=replace(seen.current, days=days))
    assert held(look(gap)) == [[7], [6, 7], [5, 6, 7], [2, 3, 4, 5, 6, 7]]  # day 5 is missing, so one fewer in each


def test_each_window_has_its_part_of_the_year() -> None:
    (test, *_) = look(counts([CALM, [1] * 21], [[100], [20]]), alpha=0.05)
    assert test.level == pytest.approx(0.05 / DAYS_A_YEAR / len(LENGTHS) / 2)  # both could alarm
    assert test.p[1] == pytest.approx(binom.sf(19, 41, 1 / 22))


def test_subjects_that_cannot_alarm_cost_the_others_nothing() -> None:
    rare = [[0] * 19 + [1, 1]] * 500  # both in one day of 22: p = 0.002
    alone, crowd = look(counts([CALM], [[100]]))[0], look(counts([CALM, *rare], [[100], *[[0]] * 500]))[0]
    assert crowd.level == alone.level


def test_two_sided_is_twice_the_smaller_tail() -> None:
    (test, *_) = look(counts([CALM, [2] * 21], [[100], [0]]), two_sided=True)
    assert test.p[1] == pytest.approx(2 * binom.cdf(0, 42, 1 / 22))
    assert look(counts([CALM, [2] * 21], [[100], [0]]))[0].p[1] == 1.0


def test_a_day_that_is_not_over_is_compared_as_a_whole_day_and_only_for_rises() -> None:
    before = [CALM, [1] * 21, [20] * 21]
    today = look(counts(before, [[30], [20], [0]], exposure=[100], unfinished=True), two_sided=True)[0]
    assert today.exposure.tolist() == [500.0] * 3
    assert today.p[1] == pytest.approx(2 * binom.sf(19, 41, 1 / 22))
    assert today.p[0] == today.p[2] == 1.0
    over = look(counts(before, [[30], [20], [0]], exposure=[100]), two_sided=True)[0]
    assert over.p[1] < today.p[1]


def test_a_day_busier_than_all_of_a_week_is_taken_as_it_is() -> None:
    today = look(counts([CALM], [[200]], exposure=[900], unfinished=True))[0]
    assert today.exposure.tolist() == [900.0]


def test_an_unfinished_day_leaves_room_for_subjects_that_are_still_to_come() -> None:
    today, over = (look(counts([CALM], [[100]], unfinished=unfinished))[0] for unfinished in (True, False))
    assert over.level == pytest.approx(HEADROOM * today.level)


def test_a_look_during_the_day_never_alarms_where_the_end_of_the_day_does_not() -> None:
    """Monotone in the data, so exactly true. 40 subjects, one of which rises on every other day."""
    rng = np.random.default_rng(8)
    rates = rng.gamma(2, 6, size=40)
    early = whole = 0
    for day in range(60):
        reference = 3 * rng.poisson(rates[:, None] / 3, size=(40, 21))
        final = 3 * rng.poisson(rates / 3 * np.where(np.arange(40) == 7, 1 + 4 * (day % 2), 1))
        course = [np.zeros_like(final)]
        for part in range(12):
            course.append(course[-1] + rng.binomial(final - course[-1], 1 / (12 - part)))
        verdict = _alarmed(counts(reference, final[:, None]))
        so_far = [
            _alarmed(counts(reference, seen[:, None], exposure=[500 * n / 12], unfinished=True))
            for n, seen in enumerate(course[1:], start=1)
        ]
        assert verdict or not any(so_far)
        early += any(so_far)
        whole += verdict
    assert 10 < early <= whole < 50


def _alarmed(seen: Counts) -> bool:
    """On a budget of one false alarm in twenty days, so that there is something to compare."""
    return any((test.p < test.level).any() for test in look(seen, alpha=DAYS_A_YEAR * 0.05))


def test_what_the_reference_may_hide_counts_against_a_rise() -> None:
    open_, hidden = (look(counts([CALM, [0] * 21], [[100], [30]], hidden=h))[0] for h in (None, np.array([0.0, 84.0])))
    assert hidden.p[1] == pytest.approx(binom.sf(29, 114, 1 / 22))
    assert hidden.rates[0][1] == pytest.approx(84 / 10_500)
    assert open_.p[1] == pytest.approx((1 / 22) ** 30)


def test_a_count_is_capped_by_its_users() -> None:
    users = np.array([[0b111], [0b111]])
    capped = look(counts([CALM, [0] * 21], [[100], [30]], users=users, most_per_user=3.0))[0]
    about_three = 63 * np.log(63 / 60)
    assert capped.p[1] == pytest.approx((1 / 22) ** (3 * about_three))
    assert capped.users.tolist() == [3, 3]
    assert capped.rates[1][1] == pytest.approx(3 * about_three / 500)


def test_a_current_window_before_the_end_of_the_reference_is_refused(quiet: list[Window]) -> None:
    window = quiet[0]
    backwards = replace(window, reference=window.current, current=window.reference)
    with pytest.raises(NotEnoughData, match="begins on 2020-01-01, but the reference ends") as caught:
        require(backwards, min_current=50)
    assert "clock" in caught.value.hint


def test_days_after_today_are_refused(quiet: list[Window]) -> None:
    window = replace(quiet[0], today=quiet[0].current.days[-2])
    with pytest.raises(NotEnoughData, match="after today"):
        require(window, min_current=50)


def test_two_days_of_reference_are_too_few(quiet: list[Window]) -> None:
    window = replace(quiet[0], reference=quiet[0].reference.until(FIRST + timedelta(days=1)))
    with pytest.raises(NotEnoughData, match="2 days"):
        require(window, min_current=50)


def test_a_handful_of_predictions_is_too_few(quiet: list[Window]) -> None:
    with pytest.raises(NotEnoughData, match="and 5000 are needed"):
        require(quiet[0], min_current=5_000)


def test_answers_of_two_versions_are_not_compared_but_words_are(quiet: list[Window]) -> None:
    window = replace(quiet[0], borrowed=True)
    require(window, min_current=50)
    with pytest.raises(NotEnoughData, match="earlier version"):
        require(window, min_current=50, answers=True)
