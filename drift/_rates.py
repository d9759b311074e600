"""The mathematics of comparing rates of counted events that arrive in clusters.

Several users ask the same thing, the same user asks again, bots repeat themselves: counts in a
prediction log vary more than independent events would, and a plain binomial test on them raises
false alarms. How much more is estimated from the reference's own days (quasi-Poisson, McCullagh &
Nelder 1989, Generalized Linear Models, ch. 6.2); an exact test is then made on counts divided by it.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betainc, chdtri, ndtri, stdtrit

from kempelen.errors import NotEnoughData
from kempelen.profile import Floats

ADEQUATE = 10
"""Reference count from which a subject helps to estimate the dispersion."""

FEWEST_BLOCKS = 3
"""Days, or blocks of days, without which nothing can be said about their variation."""

FEWEST_FREEDOM = 10
"""Degrees of freedom without which a dispersion's upper 95 % point says more about itself than about the traffic."""

FAR = 2e-6
"""About the level of one of few subjects on one day, for which a tail must hold."""


def upper_tail(reference: Floats, current: Floats, current_part: Floats, dispersion: Floats) -> Floats:
    """The chance of at least `current` events, given the total, if the rate had not changed.

    The conditional test of two Poisson means (Przyborowski & Wilenski 1940, Biometrika 31): given
    their total, the events of the current window are binomial with `current_part` of the exposure. Counts
    are divided by `dispersion`; the binomial tail is the incomplete beta function, which also takes
    counts that are not whole. All of shape (S,).

    All three events in the later of two equally long windows, then the same events in clusters of 3:

    >>> upper_tail(np.array([0.0]), np.array([3.0]), np.array([0.5]), np.array([1.0]))
    array([0.125])
    >>> upper_tail(np.array([0.0]), np.array([9.0]), np.array([0.5]), np.array([3.0]))
    array([0.125])
    """
    after, before = current / dispersion, reference / dispersion
    tail = betainc(np.maximum(after, np.finfo(float).tiny), before + 1, current_part)
    return np.asarray(np.where(after > 0, tail, 1.0))


def dispersion(total: Floats, uneven: Mapping[int, Floats], days: int, length: int) -> tuple[float, Floats]:
    """How much more than Poisson counts S subjects vary: pooled, and each on its own, at least 1.

    Measured between days and between blocks of `length` days (which also sees what lasts for days), pooled
    over the subjects with `ADEQUATE` counts and taken at its upper 95 % point, or as much larger as so few days widen a
    far tail. A subject that varies more than the pool is given its own figure. `total` are the counts of all `days`,
    shape (S,), `uneven` what `unevenness` says of each subject for 1 and for `length`.

    Raises NotEnoughData when no subject has `ADEQUATE` counts.
    """
    adequate = total >= ADEQUATE
    subjects = int(adequate.sum())
    if not subjects:
        raise NotEnoughData(
            f"Nothing in the reference was seen {ADEQUATE} times: how unevenly it arrives cannot be told.",
            hint="Use a longer reference (drift.reference_days).",
        )
    pooled = 1.0
    own: Floats = np.ones(len(total))
    for block in sorted({1, length}):
        each, blocks = uneven[block], days // block
        allowance = max(_allowance(subjects, blocks), _wider(subjects, blocks) if block == 1 else 1.0)
        pooled = max(pooled, float(each[adequate].mean() * allowance))
        own = np.maximum(own, each)
    return pooled, np.maximum(own, pooled)


def unevenness(by_day: Floats, exposure: Floats, length: int) -> Floats:
    """Pearson's dispersion of S subjects between blocks of `length` days, shape (S,).

    `by_day` has shape (S, R), `exposure` (S, R) or (1, R).
    """
    return pearson(_in_blocks(by_day, length), _in_blocks(exposure, length))


def _allowance(subjects: int, blocks: int) -> float:
    """By how much the mean dispersion of some subjects between some blocks may be too small: its upper 95 % point."""
    freedom = subjects * (blocks - 1)
    return freedom / float(chdtri(freedom, 0.95)) if freedom >= FEWEST_FREEDOM else 1.0


def _wider(subjects: int, days: int) -> float:
    """By how much a deviation that was itself estimated from few days widens a far tail (Student 1908), squared.

    Of subjects that share a whole, as labels do, the last one follows from the others.

    >>> round(_wider(2, 21), 2), round(_wider(9, 21), 2), round(_wider(2, 5))
    (1.85, 1.07, 57)
    """
    return float((stdtrit(max(subjects - 1, 1) * (days - 1), FAR) / ndtri(FAR)) ** 2)


def _in_blocks(by_day: Floats, length: int) -> Floats:
    """Sums over whole blocks of `length` days, counted from the newest day."""
    whole = by_day.shape[-1] // length * length
    newest = by_day[..., by_day.shape[-1] - whole :]
    return np.asarray(newest.reshape(*by_day.shape[:-1], -1, length).sum(axis=-1))


def pearson(by_block: Floats, exposure: Floats) -> Floats:
    """Pearson's X2 over its degrees of freedom for each row of `by_block`, shape (S, B); 1 for empty rows.

    Four, two and no events in three blocks of equal size, so 2 expected in each:

    >>> pearson(np.array([[4.0, 2.0, 0.0]]), np.array([[10.0, 10.0, 10.0]]))
    array([2.])
    """
    seen = by_block.sum(axis=1, keepdims=True)
    possible = exposure > 0
    expected = seen * exposure / np.maximum(exposure.sum(axis=1, keepdims=True), 1)
    gaps = np.divide((by_block - expected) ** 2, expected, out=np.zeros_like(by_block), where=expected > 0)
    freedom = np.maximum(possible.sum(axis=1) - 1, 1)
    return np.asarray(np.where(seen[:, 0] > 0, gaps.sum(axis=1) / freedom, 1.0))


def rejectable(alpha: float, least: Floats) -> int:
    """Tarone's number of hypotheses, of which `least` are the smallest p-values they could give.

    Bonferroni's correction need only count the subjects that occurred often enough to alarm at all (Tarone
    1990, Biometrics 46); whether they did is decided by their totals, which the tests are conditional on.
    Of five hypotheses only two can reach 0.05 / 2, so the other three cost nothing:

    >>> rejectable(0.05, np.array([0.001, 0.02, 0.03, 0.2, 1.0]))
    2
    """
    tries = np.arange(1, len(least) + 2)
    within = np.searchsorted(np.sort(least), alpha / tries, side="right") <= tries
    return int(tries[np.argmax(within)])


def change_point(counts: Floats, exposure: Floats, before: float, exposure_before: float) -> int:
    """The place of the day from which on a Poisson rate most likely differs from what it was, by maximum likelihood.

    `counts` and `exposure`, shape (C,), follow a time with `before` events among `exposure_before`.

    >>> change_point(np.array([1.0, 0.0, 9.0, 8.0]), np.full(4, 10.0), 5.0, 100.0)
    2
    """
    earlier = before + np.cumsum(counts) - counts
    exposed = exposure_before + np.cumsum(exposure) - exposure
    later, remaining = counts.sum() + before - earlier, exposure.sum() + exposure_before - exposed
    return int(np.argmax(_likelihood(earlier, exposed) + _likelihood(later, remaining)))


def _likelihood(events: Floats, exposure: Floats) -> Floats:
    """Logarithm of the largest Poisson likelihood, but for what does not depend on where a time is cut in two."""
    rate = np.divide(events, exposure, out=np.ones_like(events), where=(events > 0) & (exposure > 0))
    return np.asarray(events * np.log(rate))
