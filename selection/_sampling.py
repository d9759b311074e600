"""Chances proportional to sizes, none above 1, whose expected number or price is as wanted: for Poisson sampling."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST = float(np.sqrt(np.finfo(np.float64).tiny))
"""The least size beside a largest of 1 that is told from nothing: its product with any price keeps all its digits."""


def inclusion_probabilities(sizes: Floats, total: float, prices: Floats | None = None) -> Floats:
    """Probabilities min(1, c * sizes), with the largest c for which sum(prices * probabilities) <= total.

    Parameters
    ----------
    sizes
        Non-negative size measures, shape (m,). What has none is never drawn.
    total
        What a draw may cost, on average.
    prices
        The positive price of each item, shape (m,); 1 each when left out, so that `total` counts items.

    Notes
    -----
    Whatever would exceed 1 is taken with certainty and the rest rescaled until nothing does (Sarndal, Swensson &
    Wretman 1992, Model Assisted Survey Sampling, section 3.6.2). Cost: one sort.

    >>> inclusion_probabilities(np.array([1.0, 1.0, 2.0]), 2)
    array([0.5, 0.5, 1. ])
    """
    prices = np.ones(len(sizes)) if prices is None else prices
    if total <= 0 or not (sizes > 0).any():
        return np.zeros(len(sizes))
    # By the largest first: figures near the ends of the floating-point range lose their digits, or become infinite.
    scaled = np.where(sizes > 0, np.maximum(sizes / sizes.max(), _LEAST), 0.0)
    chances: Floats = np.zeros_like(scaled)
    np.multiply(_factor(scaled, total, prices), scaled, out=chances, where=scaled > 0)
    return np.minimum(1.0, chances, out=chances)


def _factor(sizes: Floats, total: float, prices: Floats) -> float:
    """The largest c, by trying each number of certain items in turn; infinity if all can be certain."""
    order = np.argsort(-sizes, kind="stable")
    ordered, costs = sizes[order], (prices * (sizes > 0))[order]
    certain = np.concatenate([[0.0], np.cumsum(costs)[:-1]])
    # From the small end, so that what is left of large sizes is no rounding error of their sum.
    rest = np.cumsum((costs * ordered)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = (total - certain) / rest
        fits = (ordered > 0) & (factors * ordered <= 1)
    return float(factors[fits.argmax()]) if fits.any() else np.inf
