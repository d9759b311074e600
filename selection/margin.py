"""Ask about the items whose two best labels are closest."""

import numpy as np

from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions


class SmallestMargin:
    """Doubtful items first. Blind to what a model gets wrong with confidence, so never used alone.

    Notes
    -----
    Uncertainty needs randomisation under drift, since changes far from the decision boundary are
    missed otherwise (Zliobaite, Bifet, Pfahringer & Holmes 2014, IEEE TNNLS 25(1)).
    """

    def __init__(self, sharpness: float) -> None:
        self.sharpness = sharpness

    def sizes(self, pool: Pool) -> Floats:
        """(1 - margin) ** sharpness by the newest model, shape (n,)."""
        best, second = _opinions.best_two(_opinions.newest(pool))
        return np.asarray(np.clip(1 - (best - second), 1e-9, 1.0) ** self.sharpness, dtype=np.float64)

    def reason(self, pool: Pool, place: int) -> str:
        """Why this candidate, in words."""
        row = _opinions.newest_of(pool, place)
        if len(row) < 2:  # noqa: PLR2004 - two labels are needed to waver between
            return f"the model knows nothing but {pool.labels[0]}"
        second, first = np.argsort(row, kind="stable")[-2:]
        return f"the model wavers between {pool.labels[first]} and {pool.labels[second]}"


def build(sharpness: float = 4.0) -> QueryStrategy:
    """The larger `sharpness`, the more the draw keeps to the smallest margins."""
    return SmallestMargin(sharpness)
