"""Weigh the words, word pairs and word parts of a query: TF-IDF and multinomial logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np

from kempelen import text
from kempelen.errors import ConfigError, NotEnoughData
from kempelen.protocols import Classifier, Floats, Learner
from kempelen.records import SavedModel, TrainingSet
from models import _examples, _files

_WORD = r"\w+(?:['\u2019]\w+)*"
_WORD_PARTS = (3, 5)
_MAX_ITERATIONS = 1_000


@dataclass(frozen=True, kw_only=True)
class LinearLearner:
    """Fits the classifier; nothing in it is random, so every seed gives the same one."""

    c: float

    def fit(self, training_set: TrainingSet, seed: int) -> Classifier:
        """Fit on the examples, each counted `weight` times.

        NotEnoughData when fewer than two labels, or no word at all, are left.
        """
        # One thread: sums in one order, so that the same set gives the same bits on any number of cores.
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

        rows = _examples.usable(training_set)
        pipeline = _pipeline(self.c, seed)
        with threadpool_limits(limits=1):
            try:
                pipeline.fit(
                    _examples.queries(rows),
                    [row.label for row in rows],
                    regression__sample_weight=np.array([row.weight for row in rows]),
                )
            except ValueError as nothing:
                if "empty vocabulary" not in str(nothing):
                    raise
                raise NotEnoughData(
                    f"None of the {len(rows)} examples contains a word.", hint="Check the column `text` of the base."
                ) from nothing
        return LinearClassifier(pipeline)


class LinearClassifier:
    """A fitted pipeline of library classes."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, sorted: columns of `predict`."""
        return tuple(str(label) for label in self._pipeline.classes_)

    def predict(self, queries: Sequence[str]) -> Floats:
        """Probabilities, shape (n, len(labels)); rows sum to 1. A query without a known word gets the prior."""
        if not queries:
            return np.empty((0, len(self.labels)))
        return np.asarray(self._pipeline.predict_proba([text.normalise(query) for query in queries]), dtype=np.float64)

    def save(self, folder: Path) -> SavedModel:
        """Write the pipeline in the skops format, which names library classes and runs no code on loading."""
        import skops.io

        file = folder / "pipeline.skops"
        skops.io.dump(self._pipeline, file, compression=ZIP_DEFLATED)
        return _files.saved(
            folder,
            serving="_serve_linear.py",
            artifacts={"pipeline": file},
            needs=("mlflow", "numpy", "scikit-learn", "skops"),
        )


def _pipeline(c: float, seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, Pipeline

    # Queries arrive normalised: the vectorisers must not fold them once more in a way of their own.
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD, lowercase=False, sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=_WORD_PARTS, lowercase=False, sublinear_tf=True)
    return Pipeline(
        [
            ("features", FeatureUnion([("words", words), ("parts", parts)])),
            ("regression", LogisticRegression(C=c, max_iter=_MAX_ITERATIONS, random_state=seed)),
        ]
    )


def build(c: float = 10.0) -> Learner:
    """Learn with regularisation 1/`c`; a larger `c` follows single examples more closely."""
    if c <= 0:
        raise ConfigError(f"models.linear: c = {c} is not positive.", hint="10 is the default; 1 is cautious.")
    return LinearLearner(c=c)
