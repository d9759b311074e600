"""Ask where the challenger would answer otherwise than the champion: these answers decide between the two."""

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions


class ModelsDisagree:
    """What both answer alike tells nothing about which is better, so it has no size here; the audit covers it."""

    def __init__(self, traffic_power: float) -> None:
        self.traffic_power = traffic_power

    def sizes(self, pool: Pool) -> Floats:
        """How far the challenger's label is ahead of the champion's, by the challenger, times traffic ** power.

        Shape (n,). All 0 without a challenger.
        """
        if pool.challenger is None or not pool.candidates:
            return np.zeros(len(pool.candidates))
        rows = np.arange(len(pool.candidates))
        said = _opinions.champion(pool).argmax(axis=1)
        ahead = pool.challenger.max(axis=1) - pool.challenger[rows, said]
        return np.asarray(ahead * _opinions.traffic(pool) ** self.traffic_power, dtype=np.float64)

    def reason(self, pool: Pool, place: int) -> str:
        """Why this candidate, in words."""
        if pool.challenger is None:
            return "there is no second model to compare with yet"
        new = pool.labels[int(pool.challenger[place].argmax())]
        old = pool.candidates[place].label
        return f"the model in service says {old}, and the one that learnt from recent answers says {new}"


def build(traffic_power: float = 0.5) -> QueryStrategy:
    """With `traffic_power` 1 an item counts as often as it is asked, with 0 once."""
    return ModelsDisagree(traffic_power)
