"""Average the learned vectors of a query's hashed words and word parts (fastText: Joulin et al. 2017, EACL)."""

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kempelen import text
from kempelen.errors import ConfigError
from kempelen.protocols import Classifier, Floats, Learner
from kempelen.records import SavedModel, TrainingSet
from models import _examples, _files
from models._ngrams import buckets

if TYPE_CHECKING:
    from models._bag import Network


@dataclass(frozen=True, kw_only=True)
class EmbeddingBagLearner:
    """Fits `size` vectors of `dimensions` numbers each, and one linear layer over their mean."""

    size: int
    dimensions: int
    epochs: int
    learning_rate: float

    def fit(self, training_set: TrainingSet, seed: int) -> Classifier:
        """Fit by Adam on the weighted cross-entropy. NotEnoughData when fewer than two labels are left."""
        import torch

        from models import _bag

        rows = _examples.usable(training_set)
        labels = tuple(sorted({row.label for row in rows}))
        lesson = _bag.Lesson(
            bags=_bags(_examples.queries(rows), self.size),
            targets=[labels.index(row.label) for row in rows],
            weights=[row.weight for row in rows],
        )
        schedule = _bag.Schedule(epochs=self.epochs, learning_rate=self.learning_rate)
        with _bag.one_thread():
            # A generator of our own: torch's global one is neither read nor seeded.
            rng = torch.Generator().manual_seed(seed)
            network = _bag.first(self.size, self.dimensions, len(labels), rng)
            _bag.descend(network, lesson, schedule, rng)
        return EmbeddingBagClassifier(labels, network)


class EmbeddingBagClassifier:
    """A fitted network and the labels of its outputs."""

    def __init__(self, labels: tuple[str, ...], network: "Network") -> None:
        self._labels = labels
        self._network = network

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, sorted: columns of `predict`."""
        return self._labels

    def predict(self, queries: Sequence[str]) -> Floats:
        """Probabilities, shape (n, len(labels)); rows sum to 1. A query without a word gets the offsets alone."""
        if not queries:
            return np.empty((0, len(self._labels)))
        normalised = [text.normalise(query) for query in queries]
        return self._network.probabilities(_bags(normalised, len(self._network.vectors)))

    def save(self, folder: Path) -> SavedModel:
        """Write the weights as tensors and the labels as JSON; neither can run code on loading."""
        import torch

        weights, about = folder / "weights.pt", folder / "about.json"
        torch.save(self._network.tensors, weights)
        about.write_text(json.dumps({"labels": self._labels}, ensure_ascii=False), encoding="utf-8")
        return _files.saved(
            folder,
            serving="_serve_embedding_bag.py",
            artifacts={"weights": weights, "about": about},
            needs=("mlflow", "numpy", "torch"),
        )


def _bags(queries: Sequence[str], size: int) -> list[NDArray[np.int64]]:
    return [np.array(buckets(query, size), dtype=np.int64) for query in queries]


def build(size: int = 65_536, dimensions: int = 32, epochs: int = 5, learning_rate: float = 0.02) -> Learner:
    """Learn `size` x `dimensions` vectors. ConfigError when torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise ConfigError(
            "models.embedding_bag needs torch, which is not installed.",
            hint="Run `pip install kempelen[torch]`, or leave embedding_bag out of [model] types.",
        )
    if min(size, dimensions, epochs, learning_rate) <= 0:
        raise ConfigError(
            "models.embedding_bag: size, dimensions, epochs and learning_rate are above 0.",
            hint="The defaults are 65536, 32, 5 and 0.02.",
        )
    return EmbeddingBagLearner(size=size, dimensions=dimensions, epochs=epochs, learning_rate=learning_rate)
