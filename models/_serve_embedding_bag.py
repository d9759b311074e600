"""Answer queries with a saved embedding bag.

This file travels inside the saved model (MLflow models-from-code) and imports nothing of the
project that trained it. `normalise` and `buckets` are copies for that reason; a test compares them.
"""

import itertools
import json
import re
import unicodedata
import zlib
from pathlib import Path
from typing import Any

import torch
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

LONGEST_QUERY = 2_000
SHORTEST_PART, LONGEST_PART = 3, 5
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def normalise(text: str) -> str:
    """Fold width, case, control characters, blanks and closing punctuation."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST_QUERY]).casefold()
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in folded)
    return " ".join(visible.split()).rstrip("?.!,; ")


def buckets(query: str, size: int) -> list[int]:
    """Bucket numbers in [0, size) of a query's words, word pairs and word parts."""
    words = _WORD.findall(query)
    grams = [f"w {word}" for word in words] + [f"b {a} {b}" for a, b in itertools.pairwise(words)]
    for word in words:
        marked = f"<{word}>"
        for length in range(SHORTEST_PART, LONGEST_PART + 1):
            grams += [f"c {marked[i : i + length]}" for i in range(len(marked) - length + 1)]
    return [zlib.crc32(gram.encode("utf-8", "surrogatepass")) % size for gram in grams]


class EmbeddingBagText(PythonModel):  # type: ignore[misc]  # MLflow ships no types
    """One answer a text: label, confidence, and the probability of every label."""

    def load_context(self, context: Any) -> None:
        """Read tensors and labels; `weights_only` refuses anything else."""
        self._weights = torch.load(context.artifacts["weights"], weights_only=True)
        self._labels = json.loads(Path(context.artifacts["about"]).read_text(encoding="utf-8"))["labels"]

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: list[str],
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> list[dict]:  # type: ignore[type-arg]  # MLflow warns of Any in a type it reads
        """Answer each text; the same texts always get the same answers."""
        bags = [buckets(normalise(text), len(self._weights["vectors"])) for text in model_input]
        if not bags:
            return []
        starts = [0]
        for bag in bags[:-1]:
            starts.append(starts[-1] + len(bag))
        with torch.no_grad():
            means = torch.nn.functional.embedding_bag(
                torch.tensor([number for bag in bags for number in bag], dtype=torch.int64),
                self._weights["vectors"],
                torch.tensor(starts),
                mode="mean",
            )
            logits = torch.nn.functional.linear(means, self._weights["layer"], self._weights["offset"])
            rows = torch.softmax(logits.double(), dim=1).tolist()
        return [_answer(dict(zip(self._labels, row, strict=True))) for row in rows]


def _answer(probabilities: dict[str, float]) -> dict[str, Any]:
    label = max(probabilities, key=probabilities.__getitem__)
    return {"label": label, "confidence": probabilities[label], "probabilities": probabilities}


set_model(EmbeddingBagText())
