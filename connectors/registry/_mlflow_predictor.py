"""A registered version, loaded through plain pyfunc."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from connectors.registry._mlflow_client import SYSTEM, fluent, speaking
from kempelen.errors import ConnectorRefused
from kempelen.protocols import Floats

_LOADED_AT_ONCE = 8


class MlflowPredictor:
    """Answers with the code and the files that the version was registered with."""

    def __init__(self, name: str, model: Any) -> None:
        self._name = name
        self._model = model
        # A first answer shows that the model answers as it should, and names the labels.
        self._labels = tuple(self._answers([""])[0])

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns of `predict`, in the order of the saved model."""
        return self._labels

    def predict(self, queries: Sequence[str]) -> Floats:
        """Probabilities, shape (n, len(labels)). ConnectorRefused when the model answers in another form."""
        rows = [[answer[label] for label in self._labels] for answer in self._answers(list(queries))]
        return np.array(rows, dtype=np.float64).reshape(len(queries), len(self._labels))

    def _answers(self, queries: list[str]) -> list[dict[str, float]]:
        if not queries:
            return []
        try:
            answers = self._model.predict(queries)
        except Exception as error:  # a model runs code of its own, which may raise anything
            raise ConnectorRefused(
                f"{self._name} failed on {len(queries)} queries: {error}",
                system=SYSTEM,
                hint="Look at that model's serving file and its requirements in MLflow.",
            ) from error
        try:
            return [answer["probabilities"] for answer in answers]
        except (TypeError, KeyError) as other:
            raise ConnectorRefused(
                f"{self._name} does not answer with label, confidence and probabilities.",
                system=SYSTEM,
                hint="Register versions with `kempelen retrain`, or let that model's serving file answer so.",
            ) from other


@lru_cache(maxsize=_LOADED_AT_ONCE)
def loaded(uri: str, model: str, version: str) -> MlflowPredictor:
    """The version, loaded once in a process: a version never changes."""
    import mlflow

    name = f"models:/{model}/{version}"
    # The files may go when the model is loaded: a serving file reads them once, in load_context.
    with TemporaryDirectory(prefix="kempelen-model-") as folder, speaking(uri), fluent(uri):
        local = mlflow.artifacts.download_artifacts(artifact_uri=name, dst_path=str(Path(folder) / "model"))
        return MlflowPredictor(name, mlflow.pyfunc.load_model(local, suppress_warnings=True))
