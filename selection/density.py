"""Ask about queries that stand for many others, and are unlike what was answered already."""

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions, _vectors


class Representative:
    """Density and novelty, from the texts alone: it needs no model, and so shares none of a model's blind spots.

    Notes
    -----
    The information density of Settles & Craven (2008, EMNLP, section 3.5), with the similarity to what is known as
    the second factor. Cost: candidates x features, and candidates x answers where they share a feature.
    """

    def __init__(self, density_power: float, novelty_power: float) -> None:
        self.density_power = density_power
        self.novelty_power = novelty_power

    def sizes(self, pool: Pool) -> Floats:
        """Likeness to the traffic ** density power, times (1 - likeness to the nearest answer) ** novelty power."""
        if not pool.candidates:
            return np.zeros(0)
        queries = [candidate.query for candidate in pool.candidates]
        those = _vectors.vectors(queries)
        known = _vectors.vectors([one.query for one in pool.answered], reference=queries)
        density = _vectors.likeness_to_all(those, _opinions.traffic(pool))
        novelty = 1 - _vectors.likeness_to_nearest(those, known)
        # A query like no other stands for itself at least.
        lowest = 1 / len(queries)
        return np.asarray((density + lowest) ** self.density_power * novelty**self.novelty_power, dtype=np.float64)

    def reason(self, pool: Pool, place: int) -> str:  # noqa: ARG002 - the same for all
        """Why this candidate, in words."""
        return "many queries look like this one, and none like it was answered yet"


def build(density_power: float = 0.5, novelty_power: float = 2.0) -> QueryStrategy:
    """Larger powers keep the draw closer to the densest, and to the most novel, queries."""
    return Representative(density_power, novelty_power)
