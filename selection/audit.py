"""Ask about a random prediction: an item's chance is proportional to its traffic, whatever the model thinks."""

from collections.abc import Sequence

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Candidate


class RandomAudit:
    """Items proportional to traffic: the share of wrong ones estimates the live risk without bias."""

    def sizes(self, candidates: Sequence[Candidate], surging: Sequence[str]) -> Floats:  # noqa: ARG002 - blind to it
        """The number of predictions of each candidate, shape (n,)."""
        return np.array([candidate.predictions for candidate in candidates], dtype=float)

    def reason(self, candidate: Candidate, surging: Sequence[str]) -> str:  # noqa: ARG002
        """Why this candidate, in words."""
        return "drawn at random, to see how often the model is right"


def build() -> QueryStrategy:
    """The audit has no parameters."""
    return RandomAudit()
