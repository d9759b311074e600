"""The product's linear model, fitted over and over to nearly the same examples: each fit starts from another.

It is the model of `models/linear.py`: the same features, the same objective. What that file does anew for every
training set (cut texts into words and word parts, start from nothing) is done once here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = 1 << 13

_C = 10.0
_MAX_ITERATIONS = 1_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """Logarithmic counts of the words and word parts of N texts: two sparse matrices with N rows.

    Features are folded into so many `columns` with random signs (Weinberger et al. 2009, ICML), for the solver's time
    goes into parameters; 0 leaves them as they are.
    """

    blocks: tuple[Any, ...]
    columns: int

    @classmethod
    def of(cls, queries: Sequence[str], columns: int = COLUMNS) -> "Texts":
        """Count them as `models/linear.py` does."""
        from sklearn.feature_extraction.text import CountVectorizer

        from models.linear import _pipeline  # the vectorisers' settings have one home

        counted = []
        for _, tfidf in _pipeline(_C, 0).named_steps["features"].transformer_list:
            settings = {key: getattr(tfidf, key) for key in ("analyzer", "ngram_range", "token_pattern", "lowercase")}
            counts = CountVectorizer(**settings, dtype=np.float64).fit_transform(queries).tocsr()
            counts.data = 1 + np.log(counts.data)
            counted.append(counts)
        return cls(blocks=tuple(counted), columns=columns)

    def features(self, rows: Ints, learnt_from: Ints) -> Any:
        """TF-IDF of some rows, with the vocabulary and the document frequencies of others; sparse, folded."""
        from scipy import sparse

        wide = sparse.hstack([_weighted(block, rows, learnt_from) for block in self.blocks], format="csr")
        if not self.columns:
            return wide
        rng = np.random.default_rng(self.columns)
        column = rng.integers(0, self.columns, size=wide.shape[1], dtype=np.int32)
        sign = rng.choice([-1.0, 1.0], size=wide.shape[1])
        folded = (wide.data * sign[wide.indices], column[wide.indices], wide.indptr)
        narrow = sparse.csr_matrix(folded, shape=(wide.shape[0], self.columns))
        narrow.sum_duplicates()
        return narrow


def _weighted(block: Any, rows: Ints, learnt_from: Ints) -> Any:
    from sklearn.preprocessing import normalize

    present = block[learnt_from]
    documents = np.bincount(present.indices, minlength=block.shape[1])
    rarity = np.log((1 + len(learnt_from)) / (1 + documents)) + 1
    weighted = block[rows]
    # A word that no example has is none of the model's words.
    weighted.data *= np.where(documents > 0, rarity, 0.0)[weighted.indices]
    return normalize(weighted, copy=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """One fitted model; `learnt_from` are the rows of its vocabulary."""

    texts: Texts
    regression: Any
    learnt_from: Ints

    def probabilities(self, rows: Ints) -> Floats:
        """Shape (rows, classes)."""
        if not len(rows):
            return np.empty((0, len(self.regression.classes_)))
        return np.asarray(self.regression.predict_proba(self.texts.features(rows, self.learnt_from)))


def fit(texts: Texts, rows: Ints, labels: Ints, weights: Floats, start: Fitted | None = None) -> Fitted:
    """Fit to N examples, shapes (N,), starting where another fit of the same labels ended.

    Every label must occur. The optimum is one, whatever the start; where the solver stops near it is not.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

    regression = LogisticRegression(C=_C, max_iter=_MAX_ITERATIONS, warm_start=True)
    if start is not None:
        regression.coef_ = start.regression.coef_.copy()
        regression.intercept_ = start.regression.intercept_.copy()
    with threadpool_limits(limits=1):
        regression.fit(texts.features(rows, rows), labels, sample_weight=weights)
    return Fitted(texts=texts, regression=regression, learnt_from=rows)
