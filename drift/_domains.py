"""How well the queries of some days can be told from those of the others, each window of the reference in turn.

A naive Bayes classifier on words and pairs of neighbouring words learns the difference from one half of the distinct
queries and is judged on the other half, and the other way round. The mean of its figures for a window is the area under
the ROC curve: the chance that a query of the window looks more like it than a query of the other days does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kempelen.profile import Floats, Ints, Sampled
from kempelen.text import item_id, terms

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Mask = NDArray[np.bool_]

PRIOR_FEATURES = 50.0
"""Features' worth of trust in the other days' frequencies (the Dirichlet prior of Monroe, Colaresi & Quinn 2008)."""

QUERIES_KEPT = 4_096
"""Current queries that are not read anew at the next look, which has most of them; some 400 are looked at."""

_UNSEEN = 0.5
"""What a feature counts on the other days beside what it was seen there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """The queries of some days; all D days have m predictions.

    Attributes
    ----------
    queries
        The n distinct queries.
    asked
        The place in `queries` of each prediction's, shape (D, m).
    references
        The first so many of the days are of the reference, the others are current.
    features, matrix
        F words and pairs of neighbouring words, and which of them each query has, shape (n, F).
    first_half
        Whether a query is in the first half, by a hash of it, shape (n,).
    """

    queries: tuple[str, ...]
    asked: Ints
    references: int
    features: tuple[str, ...]
    matrix: "csr_array"
    first_half: Mask

    @cached_property
    def places(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Where each query stands in `queries`, and each feature in `features`."""
        return _places(self.queries), _places(self.features)

    @cached_property
    def lengths(self) -> Ints:
        """How many features each query has, at least 1, shape (n,)."""
        return np.asarray(np.maximum(np.diff(self.matrix.indptr), 1))

    @cached_property
    def halves(self) -> "tuple[Half, Half]":
        """Each half of the queries as what is learned from, the other one as what is judged."""
        return self._half(self.first_half), self._half(~self.first_half)

    def _half(self, learns: Mask) -> "Half":
        learned = learns[self.asked]
        judged = ~learned[: self.references]
        return Half(
            learns=learns,
            counts=_ones(self.asked[learned], _starts(learned), len(self.queries)) @ self.matrix,
            judged=self.asked[: self.references][judged],
            judged_from=_starts(judged),
        )


def _starts(chosen: Mask) -> Ints:
    """Where each day begins among the chosen predictions, and where the last one ends, shape (days + 1,)."""
    return np.concatenate([[0], np.cumsum(chosen.sum(axis=1))])


@dataclass(frozen=True, kw_only=True, eq=False)
class Half:
    """One half of the queries as what is learned from.

    Attributes
    ----------
    learns
        Whether a query is in it, shape (n,).
    counts
        How many predictions of this half have each feature, by day, shape (D, F).
    judged, judged_from
        The queries of the reference's predictions of the other half, day after day, and where each of the R days
        begins, shape (R + 1,).
    """

    learns: Mask
    counts: "csr_array"
    judged: Ints
    judged_from: Ints

    @property
    def references(self) -> int:
        """How many days are of the reference."""
        return len(self.judged_from) - 1

    def others(self, days: slice) -> Ints:
        """The judged queries of the reference days that are not among `days`."""
        if days.start >= self.references:
            return self.judged
        first, end = self.judged_from[[days.start, days.stop]]
        return np.concatenate([self.judged[:first], self.judged[end:]])

    @cached_property
    def usual(self) -> tuple[Floats, float]:
        """How many predictions of the reference have each feature, shape (F,), and of all features."""
        _, seen = self.seen(slice(0, self.references))
        return seen, float(seen.sum())

    def seen(self, days: slice) -> tuple[Ints, Floats]:
        """The features of some days, maybe repeated; and how many predictions have each of all features, shape (F,)."""
        first, end = self.counts.indptr[days.start], self.counts.indptr[days.stop]
        features: Ints = self.counts.indices[first:end]
        seen = np.bincount(features, self.counts.data[first:end], self.counts.shape[1])
        return features, seen.astype(np.float64, copy=False)

    def weights(self, days: slice) -> tuple[Floats, float]:
        """The log odds of each feature, less those of one that the days do not have; and these, the same for all.

        So a query of nothing but such features has a score of exactly 0, and not one that rounding decides.
        """
        features, seen = self.seen(days)
        usual, total = self.usual
        others = usual[features] + _UNSEEN
        total += _UNSEEN * len(usual)
        if days.start < self.references:
            others, total = others - seen[features], total - seen.sum()
        weights = np.zeros(len(usual))
        weights[features] = np.log1p(seen[features] * total / (PRIOR_FEATURES * others))
        return weights, float(np.log(PRIOR_FEATURES / (PRIOR_FEATURES + seen.sum())))


def corpus(days: Sequence[Sequence[Sampled]]) -> Corpus:
    """Read reference days. Each must have the same number of predictions."""
    queries = tuple(sorted({one.query for day in days for one in day}))
    of_query = [_features(query) for query in queries]
    features = tuple(dict.fromkeys(chain.from_iterable(of_query)))
    query_at, feature_at = _places(queries), _places(features)
    return Corpus(
        queries=queries,
        asked=np.array([[query_at[one.query] for one in day] for day in days], dtype=np.int64),
        references=len(days),
        features=features,
        matrix=_ones(
            np.fromiter(map(feature_at.__getitem__, chain.from_iterable(of_query)), np.int64),
            np.cumsum([0, *map(len, of_query)]),
            len(features),
        ),
        first_half=np.array([_in_first_half(query) for query in queries], dtype=bool),
    )


def followed(reference: Corpus, current: Corpus) -> Corpus:
    """The days of the reference, and after them those of `current`, with as many predictions each."""
    queries, query = _joined(reference.queries, reference.places[0], current.queries)
    features, feature = _joined(reference.features, reference.places[1], current.features)
    new = query >= len(reference.queries)
    matrix, more = reference.matrix, current.matrix[new]
    return Corpus(
        queries=queries,
        asked=np.vstack([reference.asked, query[current.asked]]),
        references=reference.references,
        features=features,
        matrix=_ones(
            np.concatenate([matrix.indices, feature[more.indices]]),
            np.concatenate([matrix.indptr, matrix.indptr[-1] + more.indptr[1:]]),
            len(features),
        ),
        first_half=np.concatenate([reference.first_half, current.first_half[new]]),
    )


def _joined(known: tuple[str, ...], place: Mapping[str, int], others: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """Some names, and after them those of the others that are new; and where each of the others stands there.

    >>> _joined(("a", "c"), {"a": 0, "c": 1}, ["b", "c", "d"])
    (('a', 'c', 'b', 'd'), array([2, 1, 3]))
    """
    new = [name for name in others if name not in place]
    place_of_new = {name: n for n, name in enumerate(new, start=len(known))}
    at = [place_of_new[name] if name in place_of_new else place[name] for name in others]
    return (*known, *new), np.array(at, dtype=np.int64)


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: n for n, name in enumerate(names)}


def _ones(places: Ints, starts: Ints, columns: int) -> "csr_array":
    """A matrix that has ones at `places` of each row, one row from each of the `starts` to the next."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(places)), places, starts), shape=(len(starts) - 1, columns))


@lru_cache(maxsize=QUERIES_KEPT)
def _features(query: str) -> tuple[str, ...]:
    words = terms(query)
    return (*words, *(f"{a} {b}" for a, b in pairwise(words)))


@lru_cache(maxsize=QUERIES_KEPT)
def _in_first_half(query: str) -> bool:
    return int(item_id(query), 16) % 2 == 0


def looks(of: Corpus, days: slice) -> Floats:
    """For each prediction of some days, how much its query looks like theirs, shape (days, m).

    It is the share of the other reference days' held-out queries that look less so: what one half of the queries
    taught is asked about the other, and the other way round.
    """
    own = of.asked[days]
    found = np.full(own.shape, 0.5)
    for half in of.halves:
        learned, _ = half.weights(days)
        scores = of.matrix @ learned / of.lengths
        held_out = np.sort(scores[half.others(days)])
        judged = ~half.learns[own]
        if len(held_out):
            mine = scores[own[judged]]
            below, up_to = (np.searchsorted(held_out, mine, side=side) for side in ("left", "right"))
            found[judged] = (below + up_to) / 2 / len(held_out)
    return found


def log_odds(of: Corpus, days: slice) -> Floats:
    """How much each feature speaks for some days against the other reference days, mean of both halves, shape (F,)."""
    both = [weights + prior for weights, prior in (half.weights(days) for half in of.halves)]
    return np.asarray(np.mean(both, axis=0))
