"""Answer queries with a saved linear classifier.

This file travels inside the saved model (MLflow models-from-code) and imports nothing of the
project that trained it. `normalise` is a copy of `kempelen.text.normalise` for that reason; a test compares them.
"""

import unicodedata
from typing import Any

import skops.io
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

LONGEST_QUERY = 2_000


def normalise(text: str) -> str:
    """Fold width, case, control characters, blanks and closing punctuation."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST_QUERY]).casefold()
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in folded)
    return " ".join(visible.split()).rstrip("?.!,; ")


class LinearText(PythonModel):  # type: ignore[misc]  # MLflow ships no types
    """One answer a text: label, confidence, and the probability of every label."""

    def load_context(self, context: Any) -> None:
        """Read the pipeline; skops refuses a file that names any class it does not trust."""
        self._pipeline = skops.io.load(context.artifacts["pipeline"], trusted=[])

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: list[str],
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> list[dict]:  # type: ignore[type-arg]  # MLflow warns of Any in a type it reads
        """Answer each text; the same texts always get the same answers."""
        if not model_input:
            return []
        labels = [str(label) for label in self._pipeline.classes_]
        rows = self._pipeline.predict_proba([normalise(text) for text in model_input])
        return [_answer(dict(zip(labels, map(float, row), strict=True))) for row in rows]


def _answer(probabilities: dict[str, float]) -> dict[str, Any]:
    label = max(probabilities, key=probabilities.__getitem__)
    return {"label": label, "confidence": probabilities[label], "probabilities": probabilities}


set_model(LinearText())
