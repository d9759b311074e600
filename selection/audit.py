"""Ask about a random prediction: an item's chance is proportional to its traffic, whatever a model thinks."""

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions


class RandomAudit:
    """Items proportional to traffic: the share of wrong ones estimates the live risk without bias."""

    def sizes(self, pool: Pool) -> Floats:
        """The number of predictions of each candidate, shape (n,)."""
        return _opinions.traffic(pool)

    def reason(self, pool: Pool, place: int) -> str:  # noqa: ARG002 - the same for all
        """Why this candidate, in words."""
        return "drawn at random from what people ask, to see how often the model is right"


def build() -> QueryStrategy:
    """The audit has no parameters."""
    return RandomAudit()
