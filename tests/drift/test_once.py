"""What is remembered of a profile: for how long, and that it never shows in a report."""

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from drift._once import once
from kempelen.plugins import available, build
from kempelen.profile import Profile
from kempelen.records import Window

DAY = date(2020, 1, 1)


def profile(predictions: int) -> Profile:
    return Profile.of_tables(days=[DAY], confidence={(DAY, "food", 18): predictions}, fold={}, folded={}, rows=())


def test_the_same_profile_is_worked_on_once_and_an_equal_one_again() -> None:
    asked = []

    @once
    def total(of: Profile, times: int) -> int:
        asked.append(of.predictions)
        return times * of.predictions

    one, equal, larger = profile(5), profile(5), profile(7)
    assert [total(one, 1), total(one, 1), total(equal, 1), total(larger, 1)] == [5, 5, 5, 7]
    assert [total(one, 2), total(one, 2)] == [10, 10]
    assert asked == [5, 5, 7, 5]


def test_nothing_is_remembered_of_a_profile_that_is_gone() -> None:
    """Another one may stand where it stood; 500 are made and dropped, so that some do."""

    @once
    def total(of: Profile) -> int:
        return of.predictions

    places = set()
    for n in range(500):
        made = profile(n)
        places.add(id(made))
        assert total(made) == n
        del made
        gc.collect(0)
    assert len(places) < 500


@pytest.mark.parametrize("name", available("drift"))
def test_what_was_looked_at_before_does_not_show(name: str, changed: Window, window: Callable[..., Window]) -> None:
    """The same reference with other days after it, and with a day cut, first; then as if nothing had been."""
    other = window(8, surge=0.3)
    days = changed.current.days
    before = [
        replace(changed, current=changed.current.until(days[3])),
        replace(changed, current=changed.current.since(days[4])),
        replace(changed, current=other.current, today=other.current.days[-1]),
        other,
    ]
    used = build("drift", name, {"alpha": 0.05})
    for seen in before:
        used.detect(seen)
    untouched = replace(changed, reference=_copy(changed.reference), current=_copy(changed.current))
    assert used.detect(changed) == build("drift", name, {"alpha": 0.05}).detect(untouched)


@pytest.mark.parametrize("name", available("drift"))
def test_a_look_writes_into_no_profile(name: str, changed: Window) -> None:
    """What is remembered of a profile is only right as long as nobody changes it."""
    reference, current = _copy(changed.reference), _copy(changed.current)
    for one in (reference, current):
        for column in (one.confidence, one.by_term, one.by_day, one.row_predictions, one.row_users):
            column.setflags(write=False)
    build("drift", name, {"alpha": 0.05}).detect(replace(changed, reference=reference, current=current))


def _copy(one: Profile) -> Profile:
    return replace(one, confidence=np.array(one.confidence), row_users=np.array(one.row_users))
