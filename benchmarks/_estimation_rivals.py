"""Intervals that others would compute from the same draws: normal limits, and effective sample size.

Each is given the whole draw of a single round, or the mean of several.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from selection import Draw
from selection._limits import clopper_pearson

Floats = NDArray[np.float64]
Interval = tuple[float, float]


def _flat(draws: Sequence[Draw]) -> tuple[Floats, Floats, Floats, Floats]:
    """Weights that sum to about 1, answers, surrogates less their pool's mean, and chances, of all draws in a row."""
    weights = [draw.share / draw.probability / draw.pool.share / len(draws) for draw in draws]
    centred = [
        np.zeros(len(draw.right))
        if draw.surrogate is None or draw.pool.surrogate is None
        else draw.surrogate - draw.pool.surrogate / draw.pool.share
        for draw in draws
    ]
    return (
        np.concatenate(weights),
        np.concatenate([draw.right for draw in draws]),
        np.concatenate(centred),
        np.concatenate([draw.probability for draw in draws]),
    )


def _mean_and_variance(weight: Floats, outcome: Floats, chance: Floats) -> tuple[float, float]:
    """Hajek's ratio with the variance of Poisson sampling (Sarndal, Swensson & Wretman 1992, sections 3.5 and 5.7)."""
    mean = float(weight @ outcome / weight.sum())
    return mean, float((1 - chance) * weight**2 @ (outcome - mean) ** 2 / weight.sum() ** 2)


def _normal(mean: float, variance: float, confidence: float) -> Interval:
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    return mean - reach, mean + reach


def hajek_normal(draws: Sequence[Draw], confidence: float) -> Interval:
    """Mean plus and minus 1.96 standard errors."""
    weight, right, _, chance = _flat(draws)
    return _normal(*_mean_and_variance(weight, right, chance), confidence)


def ppi_normal(draws: Sequence[Draw], confidence: float) -> Interval:
    """PPI++ with its weight tuned on all answers, and normal limits (Angelopoulos, Duchi & Zrnic 2023)."""
    weight, right, surrogate, chance = _flat(draws)
    mean = weight @ right / weight.sum()
    centred = surrogate - weight @ surrogate / weight.sum()
    noise = (1 - chance) * weight**2
    spread = float(noise @ centred**2)
    tuned = min(max(float(noise @ ((right - mean) * centred)) / spread, 0.0), 1.0) if spread > 0 else 0.0
    return _normal(*_mean_and_variance(weight, right - tuned * surrogate, chance), confidence)


def korn_graubard(draws: Sequence[Draw], confidence: float) -> Interval:
    """Clopper-Pearson at the effective sample size, at most the number of answers (Korn & Graubard 1998)."""
    weight, right, _, chance = _flat(draws)
    mean, variance = _mean_and_variance(weight, right, chance)
    n = len(right) if variance == 0 else min(len(right), mean * (1 - mean) / variance)
    return clopper_pearson(mean * n, n, (1 - confidence) / 2)


RIVALS: dict[str, Callable[[Sequence[Draw], float], Interval]] = {
    "Hajek, normal": hajek_normal,
    "PPI++, normal": ppi_normal,
    "Korn-Graubard": korn_graubard,
}
