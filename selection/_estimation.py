"""How accurate the model is on live traffic, from the answers to items that were chosen with known chances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kempelen.errors import BadData, KempelenError, NotEnoughData, Problem
from kempelen.records import Estimate
from selection._draws import Draw
from selection._limits import Seen, clopper_pearson, lower, root, upper

Floats = NDArray[np.float64]

LEAST_ANSWERS = 10
"""Drawn answers below which there is no estimate, where nothing of the traffic is known."""

_TUNINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Parts of the variance-optimal weight of the surrogate that are tried; 0 is the classical estimate."""

_MOST_EFFECTIVE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Evidence:
    """The draws put together: what is known for sure, and what the drawn answers say of the rest.

    `known` is the part of the estimand that certain items make, `rest` the share of traffic that they leave open.
    `weight` are the drawn items' shares of the rest over their chances, `noise` the uncertain part of that, and
    `surrogate` is centred on its mean over the rest of each pool: zeros where none is known.
    """

    known: float
    rest: float
    weight: Floats
    noise: Floats
    outcome: Floats
    surrogate: Floats
    heaviest: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """A mean with its limits, and how much of the surrogate is in it."""

    value: float
    low: float
    high: float
    tuning: float

    @property
    def width(self) -> float:
        return self.high - self.low


def estimate(draws: Sequence[Draw], *, confidence: float = 0.95, assisted: bool = True) -> Estimate:
    """The share of traffic on which the champion's label is right.

    Parameters
    ----------
    draws
        One for each round. Each may have been planned with all answers to those before it.
    confidence
        The interval covers the truth with at least this probability, for a number of rounds that was not
        decided by the answers themselves; each side errs with at most half of the rest.
    assisted
        Whether the surrogate may help. It never makes the interval wider than it is without.

    Returns
    -------
    Estimate
        `effective`: a uniform draw of so many answers, as right as `value`, has a Clopper-Pearson interval of this
        width. `method`: "hajek", or "prediction-powered" with the part of the optimal weight that the surrogate got.

    Raises NotEnoughData with fewer than 10 drawn answers (in proportion fewer where a part of the traffic
    is known for sure), BadData when an answer is neither 0 nor 1.

    Notes
    -----
    Hajek's ratio, or the difference estimator sum(share * l * g) + sum(share / probability * (right - l * g)) with the
    variance-optimal l in [0, 1] (Sarndal, Swensson & Wretman 1992, section 6; PPI++: Angelopoulos, Duchi & Zrnic
    2023, arXiv 2311.01453). Each item's l is tuned on all other items, and of five parts of it, zero among
    them, the one with the narrowest interval is taken. Limits: selection/_limits.py.

    >>> yes = np.ones(40); yes[:4] = 0
    >>> found = estimate([Draw(right=yes, share=yes * 0 + 1e-4, probability=yes * 0 + 4e-3)])
    >>> round(found.value, 3), round(found.low, 2), round(found.high, 2), found.method
    (0.9, 0.76, 0.97, 'hajek')
    """
    return _estimated(draws, 0.0, confidence, assisted=assisted)


def estimate_difference(draws: Sequence[Draw], *, confidence: float = 0.95, assisted: bool = True) -> Estimate:
    """By how much the challenger's accuracy on the traffic is above the champion's, in [-1, 1].

    As `estimate`, with `right` the challenger's less the champion's. `low` alone is a one-sided bound that holds with
    probability (1 + confidence) / 2: ask for 0.9 to have one of 95 %. Items on which both say the same are known to
    differ by 0: give them together as one item of their share with probability 1.

    `effective` is Kish's: how many equal weights vary as much, times what the surrogate saves of the variance.
    """
    return _estimated(draws, -1.0, confidence, assisted=assisted)


def estimate_by(
    draws: Sequence[Draw], *, confidence: float = 0.95, assisted: bool = True
) -> tuple[dict[str, Estimate], list[Problem]]:
    """`estimate` for each segment; a segment with too few answers comes back as a problem.

    Each interval covers with `confidence` by itself, not all of them together: for k segments at once ask
    for 1 - (1 - confidence) / k.
    """
    found: dict[str, Estimate] = {}
    problems: list[Problem] = []
    for name in sorted({name for draw in draws for name in draw.segments}):
        inside = [part for draw in draws if (part := draw.of(name)) is not None]
        try:
            found[name] = estimate(inside, confidence=confidence, assisted=assisted)
        except KempelenError as error:
            problems.append(Problem(stage="selection", subject=name, message=str(error), hint=error.hint))
    return found, problems


def _estimated(draws: Sequence[Draw], least: float, confidence: float, *, assisted: bool) -> Estimate:
    if not 0 < confidence < 1:
        raise BadData(f"The confidence is {confidence}.", hint="Give a probability, such as 0.95.")
    _check_outcomes(draws, least)
    evidence = _together(draws)
    _check_enough(evidence)
    best = _narrowest(evidence, least, (1 - confidence) / 2, _TUNINGS if assisted else _TUNINGS[:1])
    value, low, high = (evidence.known + evidence.rest * part for part in (best.value, best.low, best.high))
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        answers=evidence.answers,
        effective=_alike(value, high - low, confidence) if least == 0 else _kish(evidence, best),
        method=f"prediction-powered {best.tuning:g}" if best.tuning else "hajek",
    )


def _check_outcomes(draws: Sequence[Draw], least: float) -> None:
    allowed = np.arange(least, 2)
    for draw in draws:
        wrong = ~np.isin(draw.right, allowed)
        if wrong.any():
            raise BadData(
                f"An answer is {draw.right[wrong][0]:g} instead of one of {', '.join(f'{one:g}' for one in allowed)}.",
                hint="Differences of two models go to estimate_difference(), answers about one to estimate().",
            )


def _check_enough(evidence: _Evidence) -> None:
    drawn = len(evidence.weight)
    needed = math.ceil(LEAST_ANSWERS * evidence.rest - 1e-9)
    if drawn < needed:
        raise NotEnoughData(
            f"{drawn} answers were drawn from {evidence.rest:.0%} of the traffic of which nothing is known.",
            hint=f"Ask about at least {needed - drawn} more items; 30 bring the uncertainty down to some 30 points.",
        )


# ---------------------------------------------------------------- putting the draws together


def _together(draws: Sequence[Draw]) -> _Evidence:
    if not draws:
        raise NotEnoughData("There is no draw to estimate from.", hint=f"Ask about at least {LEAST_ANSWERS} items.")
    total = sum(draw.weight for draw in draws)
    parts = [_evidence(draw, draw.weight / total) for draw in draws]
    rest = sum(part.rest for part in parts)
    scale = rest or 1.0
    return _Evidence(
        known=sum(part.known for part in parts),
        rest=rest,
        weight=np.concatenate([part.weight for part in parts]) / scale,
        noise=np.concatenate([part.noise for part in parts]) / scale,
        outcome=np.concatenate([part.outcome for part in parts]),
        surrogate=np.concatenate([part.surrogate for part in parts]),
        heaviest=max(part.heaviest for part in parts) / scale,
        answers=sum(part.answers for part in parts),
    )


def _evidence(draw: Draw, part: float) -> _Evidence:
    """One draw, scaled so that its pool makes `part` of the estimand."""
    sure, scale = draw.certain, part / draw.pool.share
    open_share = draw.pool.share - float(draw.share[sure].sum())
    drawn = ~sure
    weight = scale * draw.share[drawn] / draw.probability[drawn]
    return _Evidence(
        known=scale * float(draw.share[sure] @ draw.right[sure]),
        rest=scale * open_share if open_share > 1e-9 * draw.pool.share else 0.0,
        weight=weight,
        noise=weight * np.sqrt(1 - draw.probability[drawn]),
        outcome=draw.right[drawn],
        surrogate=_centred(draw, open_share),
        heaviest=scale * (draw.pool.heaviest or 0.0),
        answers=len(draw.right),
    )


def _centred(draw: Draw, open_share: float) -> Floats:
    """The drawn items' surrogates less their mean over what is open of the pool; 0 where that is not known."""
    sure = draw.certain
    if draw.surrogate is None or draw.pool.surrogate is None or sure.all():
        return np.zeros(int((~sure).sum()))
    mean = (draw.pool.surrogate - float(draw.share[sure] @ draw.surrogate[sure])) / open_share
    return draw.surrogate[~sure] - mean


# ---------------------------------------------------------------- how much the surrogate is trusted


def _narrowest(evidence: _Evidence, least: float, tail: float, tunings: Sequence[float]) -> _Interval:
    """The narrowest of the intervals; where two are alike, the one with less of the surrogate."""
    if not len(evidence.weight):
        # Everything is known, or so nearly that not a single answer is needed of what is left.
        return _Interval(value=(least + 1) / 2, low=least, high=1.0, tuning=0.0)
    optimal = _optimal(evidence)
    tried = tunings if optimal.any() else tunings[:1]
    intervals = [_interval(evidence, tuning * optimal * evidence.surrogate, least, tail, tuning) for tuning in tried]
    return min(intervals, key=lambda one: (one.width, one.tuning))


def _interval(evidence: _Evidence, shift: Floats, least: float, tail: float, tuning: float) -> _Interval:
    seen = Seen(
        weight=evidence.weight,
        noise=evidence.noise,
        shift=shift,
        outcome=evidence.outcome,
        heaviest=evidence.heaviest,
        least=least,
        most=1.0,
    )
    return _Interval(value=seen.mean, low=lower(seen, tail), high=upper(seen, tail), tuning=tuning)


def _optimal(evidence: _Evidence) -> Floats:
    """For each drawn item, the weight of the surrogate in [0, 1] that the variance of all *other* items asks for.

    An item whose own answer tunes the weight that it is measured with looks better predicted than it was.
    """
    if np.ptp(evidence.outcome) == 0 or np.ptp(evidence.surrogate) == 0:
        return np.zeros(len(evidence.outcome))
    weight = evidence.weight / evidence.weight.sum()
    outcome = evidence.outcome - weight @ evidence.outcome
    surrogate = evidence.surrogate - weight @ evidence.surrogate
    joint = evidence.noise**2 * outcome * surrogate
    own = evidence.noise**2 * surrogate**2
    others, spread = joint.sum() - joint, own.sum() - own
    usable = spread > 1e-12 * own.sum()
    found: Floats = np.divide(others, spread, out=np.zeros_like(others), where=usable)
    return found.clip(0, 1)


# ---------------------------------------------------------------- what it is worth


def _alike(value: float, width: float, confidence: float) -> float:
    """How many uniform answers, of which the share `value` is right, have a Clopper-Pearson interval of this width."""
    if width <= 0:
        return _MOST_EFFECTIVE

    def excess(log_n: float) -> float:
        n = math.exp(log_n)
        low, high = clopper_pearson(min(max(value, 0.0), 1.0) * n, n, (1 - confidence) / 2)
        # On a scale where the root finder's tolerance is small beside any width.
        return math.log(high - low) - math.log(width)

    first, last = math.log(1e-3), math.log(_MOST_EFFECTIVE)
    return math.exp(root(excess, first, last, step=1.0))


def _kish(evidence: _Evidence, best: _Interval) -> float:
    """Kish (1965), Survey Sampling, section 11.7, over the variance that the surrogate leaves."""
    if not len(evidence.weight):
        return _MOST_EFFECTIVE
    shift = best.tuning * _optimal(evidence) * evidence.surrogate

    def variance(outcome: Floats) -> float:
        mean = evidence.weight @ outcome / evidence.weight.sum()
        return float((evidence.noise**2) @ (outcome - mean) ** 2)

    left = variance(evidence.outcome - shift)
    saved = variance(evidence.outcome) / left if left > 0 else 1.0
    alike = float(evidence.weight.sum() ** 2 / (evidence.noise**2).sum())
    return min(_MOST_EFFECTIVE, saved * alike / evidence.rest**2)
