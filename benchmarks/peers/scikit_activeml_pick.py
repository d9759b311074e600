"""What query strategies of scikit-activeml would ask next, each told what the same model says."""

from typing import Any

from _inside import Stopwatch, answer


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """The next `n` places of each run in `file`, by the strategy named there."""
    with stopwatch("imports"):
        import numpy as np
        from skactiveml import pool
        from skactiveml.classifier import SklearnClassifier
        from skactiveml.utils import MISSING_LABEL
        from sklearn.linear_model import LogisticRegression

    made = {
        "margin": lambda seed: pool.UncertaintySampling(method="margin_sampling", random_state=seed),
        "badge": lambda seed: pool.Badge(random_state=seed),
        "falcun": lambda seed: pool.Falcun(random_state=seed),
        "typi_clust": lambda seed: pool.TypiClust(random_state=seed),
    }

    class Told(SklearnClassifier):  # type: ignore[misc]  # their class has no types here
        """A classifier that says what it was told about each point, known by its embedding."""

        def told(self, embedding: Any, probabilities: Any) -> "Told":
            self.known_ = {point.tobytes(): row for point, row in zip(embedding, probabilities, strict=True)}
            self.classes_ = np.arange(probabilities.shape[1])
            return self

        def predict_proba(self, X: Any) -> Any:  # noqa: N803 - their name
            return np.array([self.known_[point.tobytes()] for point in np.ascontiguousarray(X)])

    runs = np.load(question["file"])
    picked = []
    with stopwatch("strategies"):
        for n, (strategy, seed) in enumerate(question["runs"]):
            embedding = np.ascontiguousarray(runs[f"embedding_{n}"])
            asked = runs[f"asked_{n}"]
            labels = np.full(len(embedding), MISSING_LABEL)
            labels[asked] = runs[f"labels_{n}"]
            classes = list(range(runs[f"probabilities_{n}"].shape[1]))
            model = Told(LogisticRegression(), classes=classes).told(embedding, runs[f"probabilities_{n}"])
            told = {} if strategy == "typi_clust" else {"clf": model, "fit_clf": False}
            left = runs[f"left_{n}"]
            wanted = min(question["n"], len(left))
            places = made[strategy](seed).query(embedding, labels, candidates=left, batch_size=wanted, **told)
            picked.append([int(place) for place in places])
    return {"picked": picked}


answer(work)
