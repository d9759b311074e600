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
from drift._rates import FEWEST_BLOCKS, rejectable, upper_tail
from drift._series import LENGTHS, Series
from kempelen.errors import NotEnoughData
from kempelen.profile import Floats, Ints, Profile
from kempelen.records import Window

DAYS_A_YEAR = 366

WEEK = 7
"""Whole days whose largest is what an unfinished day may become."""

HEADROOM = 1.5
"""How many times the subjects that could alarm may still multiply before an unfinished day is over."""

FEWEST_IN_REFERENCE = 200
"""Predictions below which a reference is not compared with."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """What is tested: S subjects by day in the reference and in the current days, of which `today` is not over.

    Attributes
    ----------
    hidden
        Shape (S,): occurrences that the reference may have had beyond its counts, because it folded them.
    trust
        What the reference's counts tell, as a part of what they would if its days were independent of each other.
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
    trust: float = 1.0
    variation: Series | None = None
    users: Ints | None = None
    most_per_user: float | None = None

    @cached_property
    def before(self) -> tuple[Floats, Floats]:
        """Counts, what may be hidden included, and exposure of the reference as far as trusted, each of shape (S,)."""
        seen, exposure = self.reference.total
        before = self.trust * (seen if self.hidden is None else seen + self.hidden)
        return before, np.broadcast_to(self.trust * exposure, before.shape)

    def dispersion(self, length: int) -> tuple[float, Floats]:
        """How much the counts of windows of `length` days vary: pooled, and those of each subject, shape (S,)."""
        if self.variation is None:
            return self.reference.dispersion[length]
        pooled, _ = self.variation.dispersion[length]
        return pooled, np.full(len(self.subjects), pooled)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One window's S tests. Their p-values, which were to be below `level`, are worked out when they are asked for.

    Attributes
    ----------
    held
        Which of the current days the window holds, shape (C,).
    unfinished
        Whether the last of them is not over; then no fall is tested.
    seen, current
        The counts, and what is left of them for so many users, each of shape (S,).
    exposure, part
        The predictions of whole days, also where the last one is not over yet; and the part of those of both windows.
    dispersion
        How much each of the counts varies, shape (S,).
    tested
        Which subjects are; the p-values of the others are 1.
    than
        Tests of the same subjects that must be as clear, each for its own level.
    """

    counts: Counts
    held: Mask
    unfinished: bool
    two_sided: bool
    seen: Floats
    current: Floats
    exposure: Floats
    part: Floats
    dispersion: Floats
    tested: Mask
    level: float
    than: "Outcome | None" = None

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
        return _over(*self.counts.before), _over(self.current, self.exposure)

    @cached_property
    def p(self) -> Floats:
        """The p-values of all subjects, shape (S,)."""
        return self.p_of(np.arange(len(self.seen)))

    def p_of(self, some: Ints) -> Floats:
        """The p-values of the subjects at some places."""
        before, part, dispersion = self.counts.before[0][some], self.part[some], self.dispersion[some]
        p = upper_tail(before, self.current[some], part, dispersion)
        if self.two_sided:
            falls = np.ones_like(p) if self.unfinished else upper_tail(self.seen[some], before, 1 - part, dispersion)
            p = _either(p, falls)
        p = np.where(self.tested[some], p, 1.0)
        if self.than is not None:
            p = np.maximum(p, np.minimum(self.than.p_of(some) * (self.level / self.than.level), 1.0))
        return p


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
    return [
        _test(counts, held, counts.dispersion(length), budget, two_sided=two_sided, min_share=min_share)
        for length, held in _windows(counts)
    ]


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
    before, exposure_before = counts.before
    seen = counts.current.counts[:, held].sum(axis=1)
    exposure = _exposure(counts, held, unfinished=unfinished)
    part = np.where(exposure_before > 0, exposure / np.maximum(exposure_before + exposure, 1), 1.0)
    pooled, each = spread
    by_then = np.maximum(seen, _over(before, exposure_before) * exposure) if unfinished else seen
    total = before + by_then
    tested = total >= min_share * exposure
    least = part ** (total / pooled)
    if two_sided:
        least = _either(least, (1 - part) ** (total / pooled))
    able = rejectable(budget, least[tested])
    return Outcome(
        counts=counts,
        held=held,
        unfinished=unfinished,
        two_sided=two_sided,
        seen=seen,
        current=_capped(counts, held, seen),
        exposure=exposure,
        part=part,
        dispersion=each,
        tested=tested,
        level=budget / (HEADROOM * able if unfinished else able),
    )


def _either(rise: Floats, fall: Floats) -> Floats:
    return np.asarray(np.minimum(1.0, 2 * np.minimum(rise, fall)))


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
