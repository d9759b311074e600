"""Queries as sparse vectors of their words and word parts, so that alike queries have a large inner product."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from kempelen import text
from kempelen.protocols import Floats

_DIMENSIONS = 1 << 18
_ROWS = 4096
_PART = 4
"""Letters of a word part. Words count too: those parts find `virus` in `coronavirus`."""


def vectors(queries: Sequence[str], reference: Sequence[str] | None = None) -> Any:
    """Unit vectors, a sparse matrix of shape (queries, dimensions); a query without a word is a zero vector.

    A feature weighs less the more queries of `reference` (or of `queries` themselves) have it. Features are hashed
    (Weinberger et al. 2009, ICML): two that fall together make unlike queries a little alike.
    """
    counted = _counts(queries)
    within = counted if reference is None else _counts(reference)
    documents = np.bincount(within.indices, minlength=_DIMENSIONS)
    rarity = np.log((1 + within.shape[0]) / (1 + documents)) + 1
    counted.data = counted.data * rarity[counted.indices]
    return _unit(counted)


def _counts(queries: Sequence[str]) -> Any:
    from scipy import sparse

    columns: list[int] = []
    ends = [0]
    for query in queries:
        columns += _features(query)
        ends.append(len(columns))
    return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(queries), _DIMENSIONS))


def _features(query: str) -> list[int]:
    words = text.terms(query)
    padded = [f" {word} " for word in words]
    parts = [word[n : n + _PART] for word in padded for n in range(len(word) - _PART + 1)]
    found = Counter(crc32(feature.encode()) % _DIMENSIONS for feature in [*words, *parts])
    return sorted(found)


def _unit(matrix: Any) -> Any:
    from scipy import sparse

    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)) @ matrix


def likeness_to_all(those: Any, weights: Floats) -> Floats:
    """How much of the weight is like each: the weighted mean of the inner products with the others, shape (n,)."""
    everything = np.asarray(those.T @ weights).ravel()
    own = weights * np.asarray(those.multiply(those).sum(axis=1)).ravel()
    return np.asarray(np.clip((np.asarray(those @ everything).ravel() - own) / max(weights.sum(), 1e-300), 0.0, 1.0))


def likeness_to_nearest(those: Any, others: Any) -> Floats:
    """The largest inner product of each with any of the others, in [0, 1], shape (n,); 0 if there are none."""
    nearest = np.zeros(those.shape[0])
    if others.shape[0]:
        # In parts: all inner products at once could be as many as candidates x answers.
        for start in range(0, those.shape[0], _ROWS):
            part = slice(start, start + _ROWS)
            nearest[part] = (those[part] @ others.T).max(axis=1).toarray().ravel()
    return np.clip(nearest, 0.0, 1.0)
