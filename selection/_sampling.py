"""Draw a fixed number of items with exactly known, unequal inclusion probabilities."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def inclusion_probabilities(sizes: Floats, n: int) -> Floats:
    """Probabilities proportional to `sizes`, none above 1, that sum to `n`.

    Parameters
    ----------
    sizes
        Non-negative size measures, shape (m,).
    n
        Items wanted. With no more than `n` items of positive size, each of those is certain.

    Notes
    -----
    Whatever would exceed 1 is taken with certainty and the rest rescaled until nothing does
    (Sarndal, Swensson & Wretman 1992, Model Assisted Survey Sampling, section 3.6.2).

    >>> inclusion_probabilities(np.array([1.0, 1.0, 2.0]), 2)
    array([0.5, 0.5, 1. ])
    """
    probabilities = np.zeros(len(sizes))
    certain = np.zeros(len(sizes), dtype=bool)
    positive = sizes > 0
    wanted = min(n, int(positive.sum()))
    while certain.sum() < wanted:
        rest = positive & ~certain
        probabilities[rest] = (wanted - certain.sum()) * sizes[rest] / sizes[rest].sum()
        over = rest & (probabilities >= 1 - 1e-12)
        if not over.any():
            break
        certain |= over
    probabilities[certain] = 1.0
    return probabilities


def systematic(probabilities: Floats, rng: Generator) -> NDArray[np.bool_]:
    """Draw items so that item i is in with probability `probabilities[i]`, exactly.

    Systematic sampling over a random order (Madow 1949, Annals of Mathematical Statistics 20(3)):
    the number drawn is the sum of the probabilities, rounded up or down, and never varies more.
    """
    order = rng.permutation(len(probabilities))
    edges = np.cumsum(probabilities[order])
    # A point in the k-th unit interval chooses the item whose segment of the line it falls into.
    crossed = np.floor(edges + rng.random() - 1e-12)
    chosen = np.zeros(len(probabilities), dtype=bool)
    chosen[order] = np.diff(crossed, prepend=0.0) > 0
    return chosen
