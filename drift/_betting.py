"""Evidence about a risk that may be looked at after every single answer (testing by betting).

Waudby-Smith & Ramdas 2024, Estimating means of bounded random variables by betting, JRSS-B 86(1), 1-27;
Podkopaev & Ramdas 2022, Tracking the risk of a deployed model, ICLR.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]

ALTERNATIVES = 8
"""Risks between the tolerated one and 1 that are betted on, side by side."""

_TILTS = np.linspace(-4.0, 4.0, 41)
"""Log odds ratios betted on by the confidence sequence; Gaussian weights with standard deviation 1."""

_GRID = 1_000
"""Risks that are tried as a bound; a bound is rounded outwards to the next of them."""


def wealth(losses: Sequence[bool], tolerated: float) -> Floats:
    """The wealth after each answer of one who bets that the risk is above `tolerated`, shape (n,).

    Starts from 1. While the risk of each answer, given those before, is at most `tolerated`, the chance
    that the wealth ever reaches 1 / alpha is at most alpha (Ville's inequality).

    A bet on risk r multiplies its stake by r / tolerated after a loss and by (1 - r) / (1 - tolerated)
    otherwise, which grows fastest if r is true (Kelly). The capital is spread over several r, and over
    the moments at which the risk may have risen: 1 / (k (k + 1)) of it enters before answer k, so that a
    long good time before a change is not held against the alarm.

    >>> wealth([], 0.15)
    array([], dtype=float64)
    >>> bool(wealth([True] * 5, 0.15)[-1] > 100), bool(wealth([False] * 50, 0.15).max() < 1)
    (True, True)
    """
    risks = tolerated + (1 - tolerated) * (np.arange(ALTERNATIVES) + 0.5) / ALTERNATIVES
    after_loss, otherwise = risks / tolerated, (1 - risks) / (1 - tolerated)
    stakes: Floats = np.zeros(ALTERNATIVES)
    course: list[float] = []
    for k, lost in enumerate(losses, start=1):
        stakes = (stakes + 1 / (k * (k + 1))) * (after_loss if lost else otherwise)
        course.append(float(stakes.mean()) + 1 / (k + 1))
    return np.array(course)


def risk_interval(wrong: int, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of the mean risk of the first n answers, right at every n at once with chance 1 - alpha.

    The risk may change from answer to answer; the bounds are for its mean so far. For each tilt t,
    exp(t * losses) / prod(1 + risk_i * (exp(t) - 1)) is a martingale, and by Jensen's inequality the mean
    risk gives no larger value; the tilts are mixed.

    >>> low, high = risk_interval(10, 100, 0.05)
    >>> low < 0.1 < high
    True
    >>> risk_interval(0, 0, 0.05)
    (0.0, 1.0)
    """
    risks = np.arange(_GRID + 1) / _GRID
    weights = -(_TILTS**2) / 2 - logsumexp(-(_TILTS**2) / 2)
    growth = _TILTS[:, None] * wrong - n * np.log1p(risks[None, :] * np.expm1(_TILTS)[:, None])
    possible = np.flatnonzero(logsumexp(growth + weights[:, None], axis=0) < -np.log(alpha))
    return float(risks[max(possible[0] - 1, 0)]), float(risks[min(possible[-1] + 1, _GRID)])
