"""Compare rates of counted events in two windows when the events arrive in clusters.

Several users ask the same thing, the same user asks again, bots repeat themselves: counts in a
prediction log vary more than independent events would, and a plain binomial test on them raises
false alarms. How much more is estimated from the reference's own days (quasi-Poisson, McCullagh &
Nelder 1989, Generalized Linear Models, ch. 6.2); an exact test is then made on counts divided by it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import chi2

from kempelen.errors import NotEnoughData
from kempelen.records import DayProfile, Profile, Window

Floats = NDArray[np.float64]

ADEQUATE = 10
"""Reference count from which a subject helps to estimate the dispersion."""

FEWEST_IN_REFERENCE = 200
"""Predictions below which a reference is not compared with."""

FEWEST_BLOCKS = 3
"""Days, or blocks of days, without which nothing can be said about their variation."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How often each of S subjects occurred: in the reference by day, and in the current window."""

    subjects: tuple[str, ...]
    by_day: Floats
    day_totals: Floats
    current: Floats
    current_total: int
    current_days: int

    @property
    def reference(self) -> Floats:
        """Reference counts, shape (S,)."""
        return np.asarray(self.by_day.sum(axis=1))

    @property
    def reference_total(self) -> float:
        """Predictions in the reference."""
        return float(self.day_totals.sum())

    @property
    def current_part(self) -> float:
        """The part of all predictions that is in the current window: the null value of the test."""
        return self.current_total / (self.current_total + self.reference_total)

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Shares of the reference's and of the current predictions, each of shape (S,)."""
        return self.reference / self.reference_total, self.current / self.current_total


def count(window: Window, subjects: Sequence[str], of_day: Callable[[DayProfile], Mapping[str, int]]) -> Counts:
    """The counts of `subjects` in both windows; `of_day` gives those of one day."""
    reference = sorted(window.reference.days, key=lambda day: day.day)
    days = [of_day(day) for day in reference]
    current = [of_day(day) for day in window.current.days]
    return Counts(
        subjects=tuple(subjects),
        by_day=np.array([[day.get(s, 0) for day in days] for s in subjects], dtype=float).reshape(-1, len(days)),
        day_totals=np.array([day.predictions for day in reference], dtype=float),
        current=np.array([sum(day.get(s, 0) for day in current) for s in subjects], dtype=float),
        current_total=window.current.predictions,
        current_days=len(window.current.days),
    )


def require(window: Window, *, min_current: int) -> None:
    """NotEnoughData unless both windows hold enough to compare."""
    _require(window.reference, "reference", FEWEST_IN_REFERENCE)
    _require(window.current, "current window", min_current)
    if len(window.reference.days) < FEWEST_BLOCKS:
        raise NotEnoughData(
            f"The reference has {len(window.reference.days)} days; how much days differ cannot be told from them.",
            hint=f"Compare with a reference of at least {FEWEST_BLOCKS} days.",
        )


def _require(profile: Profile, name: str, least: int) -> None:
    if profile.predictions < least:
        raise NotEnoughData(
            f"The {name} holds {profile.predictions} predictions, and {least} are needed.",
            hint="Wait for more traffic, or look at a longer window (drift.window_days, drift.reference_days).",
        )


def upper_tail(reference: Floats, current: Floats, current_part: float, dispersion: Floats) -> Floats:
    """The chance of at least `current` events, given the total, if the rate had not changed.

    The conditional test of two Poisson means (Przyborowski & Wilenski 1940, Biometrika 31): given
    their total, the events of the current window are binomial. Counts are divided by `dispersion`;
    the binomial tail is the incomplete beta function, which also takes counts that are not whole.

    All three events in the later of two equally long windows, then the same events in clusters of 3:

    >>> upper_tail(np.array([0.0]), np.array([3.0]), 0.5, np.array([1.0]))
    array([0.125])
    >>> upper_tail(np.array([0.0]), np.array([9.0]), 0.5, np.array([3.0]))
    array([0.125])
    """
    after, before = current / dispersion, reference / dispersion
    tail = betainc(np.maximum(after, np.finfo(float).tiny), before + 1, current_part)
    return np.asarray(np.where(after > 0, tail, 1.0))


def p_values(counts: Counts, dispersion: Floats, *, two_sided: bool) -> Floats:
    """Shape (S,): has the rate of each subject risen (or, two-sided, changed at all)?"""
    part = counts.current_part
    rise: Floats = upper_tail(counts.reference, counts.current, part, dispersion)
    if not two_sided:
        return rise
    fall = upper_tail(counts.current, counts.reference, 1 - part, dispersion)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(rise, fall)))


def dispersion(counts: Counts) -> tuple[float, Floats]:
    """How much more than Poisson counts the reference varies: pooled, and for each subject, at least 1.

    Measured between days and between blocks as long as the current window (which also sees what
    lasts for days), pooled over the subjects with `ADEQUATE` counts and taken at its upper 95 % point.
    A subject that varies more than the pool is given its own figure.

    Raises NotEnoughData when no subject has `ADEQUATE` counts.
    """
    adequate = counts.reference >= ADEQUATE
    if not adequate.any():
        raise NotEnoughData(
            f"Nothing in the reference was seen {ADEQUATE} times: how unevenly it arrives cannot be told.",
            hint="Use a longer reference (drift.reference_days).",
        )
    pooled = 1.0
    own: Floats = np.ones(len(counts.subjects))
    for length in {1, counts.current_days}:
        by_block, totals = _in_blocks(counts.by_day, length), _in_blocks(counts.day_totals, length)
        if len(totals) < FEWEST_BLOCKS:
            continue
        each = pearson(by_block, totals)
        freedom = adequate.sum() * (len(totals) - 1)
        pooled = max(pooled, float(each[adequate].mean() * freedom / chi2.ppf(0.05, freedom)))
        own = np.maximum(own, each)
    return pooled, np.maximum(own, pooled)


def _in_blocks(by_day: Floats, length: int) -> Floats:
    """Sums over whole blocks of `length` days, counted from the newest day."""
    whole = by_day.shape[-1] // length * length
    newest = by_day[..., by_day.shape[-1] - whole :]
    return np.asarray(newest.reshape(*by_day.shape[:-1], -1, length).sum(axis=-1))


def pearson(by_block: Floats, totals: Floats) -> Floats:
    """Pearson's X2 over its degrees of freedom for each row of `by_block`, shape (S, B); 1 for empty rows.

    Four, two and no events in three blocks of equal size, so 2 expected in each:

    >>> pearson(np.array([[4.0, 2.0, 0.0]]), np.array([10.0, 10.0, 10.0]))
    array([2.])
    """
    seen = by_block.sum(axis=1, keepdims=True)
    expected = np.maximum(seen, 1) * totals / totals.sum()
    statistic = ((by_block - expected) ** 2 / expected).sum(axis=1) / (len(totals) - 1)
    return np.where(seen[:, 0] > 0, statistic, 1.0)


def level_each(counts: Counts, alpha: float, pooled: float, *, two_sided: bool) -> float:
    """The level of each test so that any false alarm among them has a chance of at most `alpha`.

    Bonferroni's, over the subjects only that occurred often enough to alarm at all (Tarone 1990,
    Biometrics 46): whether they did is decided by their totals, which the tests are conditional on.
    """
    total = (counts.reference + counts.current) / pooled
    least = counts.current_part**total
    if two_sided:
        least = np.minimum(1.0, 2 * np.minimum(least, (1 - counts.current_part) ** total))
    return alpha / rejectable(alpha, least)


def rejectable(alpha: float, least: Floats) -> int:
    """Tarone's number of hypotheses, of which `least` are the smallest p-values they could give.

    Of five hypotheses only two can reach 0.05 / 2, so the other three cost nothing:

    >>> rejectable(0.05, np.array([0.001, 0.02, 0.03, 0.2, 1.0]))
    2
    """
    ordered = np.sort(least)
    return next(k for k in range(1, len(least) + 2) if np.searchsorted(ordered, alpha / k, side="right") <= k)
