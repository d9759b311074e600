"""How well the queries of some days can be told from those of the others, each window of the reference in turn.

A naive Bayes classifier on words and pairs of neighbouring words learns the difference from one half of the distinct
queries and is judged on the other half, and the other way round. Its figure for a window is the area under the ROC
curve: the chance that a query of the window looks more like it than a query of the other days does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kempelen.profile import Floats, Ints, Sampled
from kempelen.text import item_id, terms

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PRIOR_FEATURES = 50.0
"""Features' worth of trust in the other days' frequencies (the Dirichlet prior of Monroe, Colaresi & Quinn 2008)."""

_UNSEEN = 0.5
"""What a feature counts on the other days beside what it was seen there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """The queries of reference days and, after them, current days; all D days have m predictions.

    Attributes
    ----------
    queries
        The n distinct queries.
    asked
        The place in `queries` of each prediction's, shape (D, m).
    references
        How many of the days are of the reference.
    features, matrix
        Words and pairs of neighbouring words, and which of them each query has, shape (n, len(features)).
    lengths
        How many features each query has, at least 1, shape (n,).
    first_half
        Whether a query is in the first half, by a hash of it, shape (n,).
    """

    queries: tuple[str, ...]
    asked: Ints
    references: int
    features: tuple[str, ...]
    matrix: "csr_array"
    lengths: Ints
    first_half: NDArray[np.bool_]


def corpus(reference: Sequence[Sequence[Sampled]], current: Sequence[Sequence[Sampled]]) -> Corpus:
    """Read the days. Each must have the same number of predictions."""
    days = [*reference, *current]
    queries = sorted({one.query for day in days for one in day})
    place = {query: n for n, query in enumerate(queries)}
    of_query = [_features(query) for query in queries]
    features = sorted({feature for some in of_query for feature in some})
    return Corpus(
        queries=tuple(queries),
        asked=np.array([[place[one.query] for one in day] for day in days], dtype=np.int64),
        references=len(reference),
        features=tuple(features),
        matrix=_matrix(of_query, features),
        lengths=np.array([max(len(some), 1) for some in of_query], dtype=np.int64),
        first_half=np.array([int(item_id(query), 16) % 2 == 0 for query in queries], dtype=bool),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Separated:
    """How well some days can be told from the reference days that are not among them.

    `looks`: for each prediction of these days the share of the others' held-out queries that look less like these
    days than it does, shape (days, m). `weights`: the log odds of each feature, mean of both halves.
    """

    looks: Floats
    weights: Floats

    @property
    def area(self) -> float:
        """The area under the ROC curve."""
        return float(self.looks.mean())


def separate(of: Corpus, days: slice) -> Separated:
    """Train on one half of the queries, judge the other, and the other way round."""
    own = of.asked[days]
    reference = of.asked[: of.references]
    others = np.delete(reference, days, axis=0) if days.start < of.references else reference
    looks = np.full(own.shape, 0.5)
    weights = []
    for learns in (of.first_half, ~of.first_half):
        learned = _weights(of.matrix, own[learns[own]], others[learns[others]])
        scores = of.matrix @ learned / of.lengths
        held_out = np.sort(scores[others[~learns[others]]])
        judged = ~learns[own]
        if len(held_out):
            mine = scores[own[judged]]
            below, up_to = (np.searchsorted(held_out, mine, side=side) for side in ("left", "right"))
            looks[judged] = (below + up_to) / 2 / len(held_out)
        weights.append(learned)
    return Separated(looks=looks, weights=np.mean(weights, axis=0))


def _matrix(of_query: Sequence[Sequence[str]], features: Sequence[str]) -> "csr_array":
    from scipy.sparse import csr_array

    place = {feature: n for n, feature in enumerate(features)}
    columns = np.array([place[feature] for some in of_query for feature in some], dtype=np.int64)
    rows = np.cumsum([0, *map(len, of_query)])
    return csr_array((np.ones(len(columns)), columns, rows), shape=(len(of_query), len(features)))


def _features(query: str) -> list[str]:
    words = terms(query)
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def _weights(matrix: "csr_array", own: Ints, others: Ints) -> Floats:
    """The log odds of each feature between the predictions `own` and `others` (places of their queries)."""
    seen = _sums(matrix, own)
    share = _sums(matrix, others) + _UNSEEN
    share /= share.sum()
    trusted = seen + PRIOR_FEATURES * share
    return np.asarray(np.log(trusted / trusted.sum() / share))


def _sums(matrix: "csr_array", rows: Ints) -> Floats:
    """How many of the predictions have each feature."""
    times = np.bincount(rows, minlength=matrix.shape[0]).astype(np.float64)
    return np.asarray(times @ matrix)
