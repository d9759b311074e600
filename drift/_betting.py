"""Evidence about a risk that may be looked at whenever one likes (testing by betting), from weighted answers.

Waudby-Smith & Ramdas 2024, Estimating means of bounded random variables by betting, JRSS-B 86(1), 1-27;
Podkopaev & Ramdas 2022, Tracking the risk of a deployed model, ICLR; with weights, as in Shekhar, Xu, Lipton, Liang &
Ramdas 2023, Risk-limiting financial audits via weighted sampling without replacement, UAI.

Theorem. A draw takes candidate i, of share q_i of the traffic, independently with probability p_i. An answer counts
v_i = q_i / p_i / u, where u is no smaller than any q_i / p_i with p_i < 1, drawn or not, and known before the draw: so
v_i <= 1 but for items that are certain. (What `_audit` takes for u where that was not kept, it says itself.)
A bet k in [0, 1 / t] multiplies the wealth by

    (1 + k min(v_i, 1) (wrong_i - t)) ** max(v_i, 1)

for each answer (a wrong one at most MOST_FOR_ONE times). With wrong_i fixed for every candidate, an uncertain one
contributes the factor 1 + k q_i (wrong_i - t) / u to the expected growth of the draw, and a certain one at most
exp(k q_i (wrong_i - t) / u), which bounds the other too. So the expected growth is at most exp(k (R - t) Q / u), where
Q is the share of all these candidates in the traffic and R their risk, and at most 1 if R <= t. That holds for the
candidates of a segment as for all. By Ville's inequality the wealth at the ends of draws reaches 1 / a with chance at
most a, whatever the draws that follow are made to depend on.

What it costs: an answer of weight v < 1 moves the wealth about v times as much. With equal weights nothing is lost but
what sampling without replacement could gain: the bet is the usual one for each answer, and fair at R = t. A draw of a
fixed number of equal items wins no more than an independent one (Hoeffding 1963, theorem 4); for systematic draws of
unequal items, that is shown by simulation (tests/drift/test_audit_risk.py).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ALTERNATIVES = 8
"""Risks between the tolerated one and 1 that are betted on, side by side."""

MOST_FOR_ONE = 3
"""One wrong answer pays like so many at most: no alarm rests on one slip about a query that many people ask."""

MOST_ANSWERS = 10_000
"""A question that would take more answers than this is said to have no answer in sight."""

_TILTS = np.linspace(-4.0, 4.0, 41)
"""Log odds ratios betted on by the confidence sequence; Gaussian weights with standard deviation 1."""

_TILT_WEIGHTS = -(_TILTS**2) / 2 - logsumexp(-(_TILTS**2) / 2)

_GRID = 1_000
"""Risks that are tried as a bound; a bound is rounded outwards to the next of them."""


def alternatives(tolerated: float) -> Floats:
    """The risks that are betted on, evenly spread between `tolerated` and 1, shape (ALTERNATIVES,).

    >>> alternatives(0.2).round(2)
    array([0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])
    """
    return np.asarray(tolerated + (1 - tolerated) * (np.arange(ALTERNATIVES) + 0.5) / ALTERNATIVES)


def log_growth(wrong: Bools, counts: Floats, tolerated: float) -> Floats:
    """What each answer does to the logarithm of a stake on each alternative, shape (n, ALTERNATIVES).

    An answer that counts 1 multiplies a stake on risk r by r / tolerated if it is wrong and by
    (1 - r) / (1 - tolerated) if not, which grows fastest if r is true (Kelly).

    >>> np.exp(log_growth(np.array([True, False]), np.ones(2), 0.2)[:, 0]).round(4)
    array([1.25  , 0.9375])
    """
    bets = (alternatives(tolerated) - tolerated) / (tolerated * (1 - tolerated))
    steps = np.minimum(counts, 1) * (wrong - tolerated)
    times = np.clip(counts, 1, np.where(wrong, MOST_FOR_ONE, np.inf))
    return np.asarray(times[:, None] * np.log1p(bets * steps[:, None]))


def stakes_after(growth: Floats) -> Floats:
    """The logarithm of each stake after each draw, from its growth in each draw, shape (draws, ALTERNATIVES).

    The capital of 1 is spread over the draw at which the risk may have risen: 1 / (k (k + 1)) of it enters before
    draw k, so that a long good time before a change is not held against the alarm.
    """
    stakes = np.full(growth.shape[1], -np.inf)
    course = np.empty(growth.shape)
    for k, factors in enumerate(growth, start=1):
        course[k - 1] = stakes = np.logaddexp(stakes, -np.log(k * (k + 1))) + factors
    return course


def log_wealth(stakes: Floats) -> Floats:
    """The logarithm of all capital after each draw, what has not entered yet included, shape (draws,).

    >>> round(float(np.exp(log_wealth(stakes_after(log_growth(np.array([True]), np.ones(1), 0.5))))[0]), 3)
    1.25
    """
    waiting = -np.log(np.arange(2, len(stakes) + 2))
    return np.asarray(np.logaddexp(logsumexp(stakes, axis=1) - np.log(ALTERNATIVES), waiting))


def likeliest_start(growth: Floats) -> int:
    """The draw from which on the risk is most likely raised: the best moment at which to have made the best bet.

    >>> wrong = np.array([False] * 10 + [True] * 3)
    >>> likeliest_start(log_growth(wrong, np.ones(13), 0.2))
    10
    """
    since = np.cumsum(growth[::-1], axis=0)[::-1].max(axis=1)
    return int(np.argmax(since))


def answers_until_alarm(stakes: Floats, risk: float, tolerated: float, goal: float) -> int | None:
    """Answers of weight 1 until the log wealth is `goal`, if a share `risk` of them is wrong.

    `stakes` are the present ones, shape (ALTERNATIVES,). None if that takes more than MOST_ANSWERS.

    >>> now = np.zeros(ALTERNATIVES)
    >>> answers_until_alarm(now, 1.0, 0.2, np.log(100)), answers_until_alarm(now, 0.1, 0.2, np.log(100))
    (4, None)
    """
    wrong, right = log_growth(np.array([True, False]), np.ones(2), tolerated)
    growth = risk * wrong + (1 - risk) * right
    ahead = stakes + np.arange(MOST_ANSWERS + 1)[:, None] * growth
    reached = logsumexp(ahead, axis=1) - np.log(ALTERNATIVES) >= goal
    return int(np.argmax(reached)) if reached.any() else None


def answers_until_below(wrong: float, n: float, tolerated: float, alpha: float) -> int | None:
    """Answers of weight 1 until the upper bound of `risk_interval` is below `tolerated`, at the present share of wrong.

    The share is (wrong + 1/2) / (n + 1), so that no mistake so far does not promise none to come. None if it is not
    below `tolerated`, or if it takes more than MOST_ANSWERS.

    >>> [answers_until_below(wrong, 20, 0.2, 0.05) for wrong in (0, 1, 4)]
    [10, 42, None]
    """
    risk = (wrong + 0.5) / (n + 1)
    if risk >= tolerated:
        return None
    more = np.arange(MOST_ANSWERS + 1, dtype=np.float64)
    ruled_out = _log_bets(wrong + risk * more, n + more, tolerated) >= -np.log(alpha)
    return int(np.argmax(ruled_out)) if ruled_out.any() else None


def risk_interval(wrong: float, n: float, alpha: float) -> tuple[float, float]:
    """Bounds of the mean risk of the answers so far, right at all times at once with chance 1 - alpha.

    `n` is what the answers count together, `wrong` what the wrong ones of them do. The risk may change from draw to
    draw; the bounds are for its mean, each draw with the weight of its answers. For each tilt s, with
    g(r) = 1 + r (exp(s) - 1), the product of exp(s v_i wrong_i) / g(risk) ** v_i over the answers is a
    supermartingale (the power of v <= 1 is at most linear), and by Jensen's inequality the mean risk gives no larger
    value; the tilts are mixed. Unequal weights cost width: answers that count less than 1 are worth that much less.

    >>> low, high = risk_interval(10, 100, 0.05)
    >>> low < 0.1 < high
    True
    >>> risk_interval(0, 0, 0.05)
    (0.0, 1.0)
    """
    risks = np.arange(_GRID + 1) / _GRID
    possible = np.flatnonzero(_log_bets(wrong, n, risks) < -np.log(alpha))
    return float(risks[max(possible[0] - 1, 0)]), float(risks[min(possible[-1] + 1, _GRID)])


def _log_bets(wrong: float | Floats, n: float | Floats, risk: float | Floats) -> Floats:
    """The logarithm of the mixed bets against a mean risk; broadcasts."""
    each: Sequence[Floats] = [
        weight + tilt * wrong - n * np.log1p(risk * np.expm1(tilt))
        for tilt, weight in zip(_TILTS, _TILT_WEIGHTS, strict=True)
    ]
    return np.asarray(logsumexp(each, axis=0))
