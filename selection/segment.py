"""Ask about the predicted labels that an alarm has named."""

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions


class NamedSegment:
    """For alarms that name a label and no word: the share, or the confidence, of a predicted label has changed."""

    def __init__(self, traffic_power: float) -> None:
        self.traffic_power = traffic_power

    def sizes(self, pool: Pool) -> Floats:
        """Traffic ** power where the champion predicts such a label, else 0, shape (n,)."""
        named = set(pool.segments)
        inside = np.array([candidate.label in named for candidate in pool.candidates], dtype=np.float64)
        return np.asarray(inside * _opinions.traffic(pool) ** self.traffic_power, dtype=np.float64)

    def reason(self, pool: Pool, place: int) -> str:
        """Why this candidate, in words."""
        return f"something has changed in what the model calls {pool.candidates[place].label}"


def build(traffic_power: float = 0.5) -> QueryStrategy:
    """With `traffic_power` 1 an item counts as often as it is asked, with 0 once."""
    return NamedSegment(traffic_power)
