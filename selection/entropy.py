"""Ask about the items on which the probability is spread over many labels."""

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy of each row as a share of the largest possible, in [0, 1], shape (n,).

    >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).round(6)
    array([0., 1.])
    """
    labels = probabilities.shape[1]
    if labels < 2:  # noqa: PLR2004 - with one label nothing is uncertain
        return np.zeros(len(probabilities))
    logarithms = np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.asarray(np.clip(np.abs((probabilities * logarithms).sum(axis=1)) / np.log(labels), 0.0, 1.0))


class LargestEntropy:
    """Like the smallest margin, but an item that could be anything counts more than one between two labels."""

    def __init__(self, sharpness: float) -> None:
        self.sharpness = sharpness

    def sizes(self, pool: Pool) -> Floats:
        """Entropy ** sharpness by the newest model, shape (n,); it is 0 where the model has no doubt at all."""
        return np.asarray(entropy(_opinions.newest(pool)) ** self.sharpness, dtype=np.float64)

    def reason(self, pool: Pool, place: int) -> str:
        """Why this candidate, in words."""
        best = _opinions.newest_of(pool, place).max()
        return f"the model is unsure what this could be: its best guess has a probability of {best:.0%}"


def build(sharpness: float = 2.0) -> QueryStrategy:
    """The larger `sharpness`, the more the draw keeps to the largest entropies."""
    return LargestEntropy(sharpness)
