"""Ask about the items whose two best labels are closest."""

from collections.abc import Sequence

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Candidate


class SmallestMargin:
    """Doubtful items first. Blind to what the model gets wrong with confidence, so never used alone.

    Notes
    -----
    Uncertainty needs randomisation under drift, since changes far from the decision boundary are
    missed otherwise (Zliobaite, Bifet, Pfahringer & Holmes 2014, IEEE TNNLS 25(1)).
    """

    def __init__(self, sharpness: float) -> None:
        self.sharpness = sharpness

    def sizes(self, candidates: Sequence[Candidate], surging: Sequence[str]) -> Floats:  # noqa: ARG002 - blind to it
        """(1 - margin) ** sharpness, shape (n,)."""
        margins = np.array([candidate.margin for candidate in candidates], dtype=float)
        return np.asarray(np.clip(1 - margins, 1e-9, 1.0) ** self.sharpness, dtype=float)

    def reason(self, candidate: Candidate, surging: Sequence[str]) -> str:  # noqa: ARG002
        """Why this candidate, in words."""
        second = sorted(candidate.probabilities, key=candidate.probabilities.__getitem__)[-2:][0]
        return f"the model wavers between {candidate.label} and {second}"


def build(sharpness: float = 4.0) -> QueryStrategy:
    """The larger `sharpness`, the more the draw keeps to the smallest margins."""
    return SmallestMargin(sharpness)
