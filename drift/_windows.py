"""Test counted subjects over windows of 1, 2, 4 and 7 days, so that a year of looks has one budget.

Each day of the year has 1 / DAYS_A_YEAR of the budget, each window that ends on it an equal part of that, each
subject of a window that could alarm at all an equal part of this (Bonferroni, Tarone). While a day is not over,
only rises are tested, with the count so far against the exposure of a whole day: if they alarm then, so they do
when the day is over. So a day may be looked at as often as one likes. That is exact as long as the day does not bring
more predictions than any of the seven whole days before it, nor HEADROOM times the subjects that could
alarm at the reference's rates; a day half as busy again stays within its level in simulation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drift._people import about, at_least
from drift._rates import FEWEST_BLOCKS, dispersion, rejectable, upper_tail
from kempelen.errors import NotEnoughData
from kempelen.profile import Floats, Ints, Profile
from kempelen.records import Window

LENGTHS = (1, 2, 4, 7)
"""Days of the windows: a sharp change is found in one day, a slow one in seven."""

DAYS_A_YEAR = 366

WEEK = 7
"""Whole days whose largest is what an unfinished day may become."""

HEADROOM = 1.5
"""How many times the subjects that could alarm may still multiply before an unfinished day is over."""

FEWEST_IN_REFERENCE = 200
"""Predictions below which a reference is not compared with."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Series:
    """How often S subjects occurred on D days: `counts` (S, D), among `exposure` predictions, (S, D) or (1, D)."""

    days: tuple[date, ...]
    counts: Floats
    exposure: Floats


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What is tested: S subjects by day in the reference and in the current days, of which `today` is not over.

    Attributes
    ----------
    hidden
        Shape (S,): occurrences that the reference may have had beyond its counts, because it folded them.
    variation
        Other subjects of the reference, by which to tell how unevenly these arrive; None where they tell it themselves.
    users
        Shape (S, C): sketches of the users behind the current counts; None if they are not known.
    most_per_user
        A window's count of a subject is capped at so many for each of its users; None where it is not.
    """

    subjects: tuple[str, ...]
    reference: Series
    current: Series
    today: date | None = None
    hidden: Floats | None = None
    variation: Series | None = None
    users: Ints | None = None
    most_per_user: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One window's S tests.

    `current` are the counts, capped by their users. `exposure` is that of whole days, also where the last day is not
    over yet. `p` was to be below `level`.
    """

    counts: Counts
    held: Mask
    current: Floats
    exposure: Floats
    p: Floats
    level: float

    @property
    def first(self) -> date:
        """The first day of the window that has predictions."""
        return self.counts.current.days[int(np.argmax(self.held))]

    @cached_property
    def users(self) -> Ints:
        """Distinct users of the window that are certain, shape (S,)."""
        return at_least(_sketch(self.counts, self.held))

    @cached_property
    def rates(self) -> tuple[Floats, Floats]:
        """Counts over exposure in the reference (what may be hidden there included) and now, each of shape (S,)."""
        before, exposure = _reference(self.counts)
        return _over(before, exposure), _over(self.current, self.exposure)


def require(window: Window, *, min_current: int, answers: bool = False) -> None:
    """NotEnoughData unless both windows hold enough to compare, the current one after the reference.

    Who compares the model's `answers` needs a reference of the same version.
    """
    if answers and window.borrowed:
        raise NotEnoughData(
            "The reference is of an earlier version, whose answers are not to be compared with those of this one.",
            hint="Wait until this version has a reference of its own (drift.reference_days).",
        )
    _require(window.reference, "reference", FEWEST_IN_REFERENCE)
    _require(window.current, "current window", min_current)
    if len(window.reference.days) < FEWEST_BLOCKS:
        raise NotEnoughData(
            f"The reference has {len(window.reference.days)} days; how much days differ cannot be told from them.",
            hint=f"Compare with a reference of at least {FEWEST_BLOCKS} days.",
        )
    last, first = window.reference.days[-1], window.current.days[0]
    if first <= last:
        raise NotEnoughData(
            f"The current window begins on {first}, but the reference ends on {last}: nothing later to compare.",
            hint="Check the clock of the machine that serves the model, and compare with days after the reference.",
        )
    if window.today is not None and window.current.days[-1] > window.today:
        raise NotEnoughData(
            f"The current window ends on {window.current.days[-1]}, which is after today, {window.today}.",
            hint="Check the clocks of the machine that serves the model and of this one.",
        )


def _require(profile: Profile, name: str, least: int) -> None:
    if profile.predictions < least:
        raise NotEnoughData(
            f"The {name} holds {profile.predictions} predictions, and {least} are needed.",
            hint="Wait for more traffic, or look at a longer time (drift.horizon_days, drift.reference_days).",
        )


def examine(counts: Counts, *, alpha: float, two_sided: bool, min_share: float = 0.0) -> list[Outcome]:
    """Test every subject over every window that ends today (for rises) or on the last whole day.

    `alpha` is the budget of a year. Subjects whose count in both windows together is below `min_share` of the
    window's exposure are not tested. Windows longer than a third of the reference are left out, for how much they
    vary cannot be told. The current days should reach back a week, or to the end of the reference.

    Raises NotEnoughData when nothing in the reference recurs.
    """
    budget = alpha / DAYS_A_YEAR / len(LENGTHS)
    spread = {length: _spread(counts, length) for length in _lengths(counts)}
    return [
        _test(counts, held, spread[length], budget, two_sided=two_sided, min_share=min_share)
        for length, held in _windows(counts)
    ]


def _spread(counts: Counts, length: int) -> tuple[float, Floats]:
    if counts.variation is None:
        return dispersion(counts.reference.counts, counts.reference.exposure, length)
    pooled, _ = dispersion(counts.variation.counts, counts.variation.exposure, length)
    return pooled, np.full(len(counts.subjects), pooled)


def _lengths(counts: Counts) -> list[int]:
    return [n for n in LENGTHS if n * FEWEST_BLOCKS <= len(counts.reference.days)]


def _windows(counts: Counts) -> Iterator[tuple[int, Mask]]:
    """Lengths, and which current days such a window holds. A window with the days of a shorter one adds nothing."""
    days = counts.current.days
    whole = [day for day in days if day != counts.today]
    for last in [*whole[-1:], *[day for day in days if day == counts.today]]:
        known: set[bytes] = set()
        for length in _lengths(counts):
            held = np.array([last - timedelta(days=length) < day <= last for day in days])
            if held.tobytes() not in known:
                known.add(held.tobytes())
                yield length, held


def _test(  # noqa: PLR0913 - one question in full
    counts: Counts,
    held: Mask,
    spread: tuple[float, Floats],
    budget: float,
    *,
    two_sided: bool,
    min_share: float,
) -> Outcome:
    """Test every subject over one window that has `budget`. The smallest p-values are those of the totals' extremes."""
    unfinished = counts.current.days[int(np.flatnonzero(held)[-1])] == counts.today
    before, exposure_before = _reference(counts)
    seen = np.asarray(counts.current.counts[:, held].sum(axis=1))
    capped = _capped(counts, held, seen)
    exposure = _exposure(counts, held, unfinished=unfinished)
    part = np.where(exposure_before > 0, exposure / np.maximum(exposure_before + exposure, 1), 1.0)
    pooled, each = spread
    rise = upper_tail(before, capped, part, each)
    fall = np.ones_like(rise) if unfinished or not two_sided else upper_tail(seen, before, 1 - part, each)
    by_then = np.maximum(seen, _over(before, exposure_before) * exposure) if unfinished else seen
    total = before + by_then
    tested = total >= min_share * exposure
    least_rise, least_fall = part ** (total / pooled), (1 - part) ** (total / pooled)
    p, least = (_either(rise, fall), _either(least_rise, least_fall)) if two_sided else (rise, least_rise)
    able = rejectable(budget, least[tested])
    return Outcome(
        counts=counts,
        held=held,
        current=capped,
        exposure=exposure,
        p=np.where(tested, p, 1.0),
        level=budget / (HEADROOM * able if unfinished else able),
    )


def _either(rise: Floats, fall: Floats) -> Floats:
    return np.asarray(np.minimum(1.0, 2 * np.minimum(rise, fall)))


def _reference(counts: Counts) -> tuple[Floats, Floats]:
    """Counts and exposure of the reference, each of shape (S,)."""
    seen = counts.reference.counts.sum(axis=1)
    exposure = np.broadcast_to(counts.reference.exposure.sum(axis=1), seen.shape)
    return np.asarray(seen if counts.hidden is None else seen + counts.hidden), exposure


def _exposure(counts: Counts, held: Mask, *, unfinished: bool) -> Floats:
    """Predictions of the window, shape (S,); a day that is not over is taken to become as large as any lately."""
    found = counts.current.exposure[:, held].sum(axis=1)
    if unfinished:
        so_far = counts.current.exposure[:, -1]
        whole = np.hstack([counts.reference.exposure, counts.current.exposure[:, :-1]])[:, -WEEK:]
        found = found + np.maximum(whole.max(axis=1) - so_far, 0)
    return np.broadcast_to(found, len(counts.subjects))


def _capped(counts: Counts, held: Mask, seen: Floats) -> Floats:
    if counts.most_per_user is None:
        return seen
    return np.minimum(seen, counts.most_per_user * about(_sketch(counts, held)))


def _sketch(counts: Counts, held: Mask) -> Ints:
    """The users of the window's days together, shape (S,)."""
    if counts.users is None:
        return np.zeros(len(counts.subjects), dtype=np.int64)
    return np.asarray(np.bitwise_or.reduce(counts.users[:, held], axis=1))


def _over(counts: Floats, exposure: Floats) -> Floats:
    return np.asarray(np.divide(counts, exposure, out=np.zeros(len(counts)), where=exposure > 0))
