"""What ActiveLab (cleanlab) would ask next: the items not asked about yet with the lowest scores."""

from typing import Any

from _inside import Stopwatch, answer


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """The next `n` places of each run in `file`."""
    with stopwatch("imports"):
        import numpy as np
        from cleanlab.multiannotator import get_active_learning_scores

    runs = np.load(question["file"])
    picked = []
    with stopwatch("strategies"):
        for n, (_, seed) in enumerate(question["runs"]):
            probabilities, answers = runs[f"probabilities_{n}"], runs[f"answers_{n}"]
            asked = ~np.isnan(answers).all(axis=1)
            left = runs[f"left_{n}"]
            known = (answers[asked], probabilities[asked]) if asked.any() else (None, None)
            _, scores = get_active_learning_scores(*known, probabilities[left])
            ties = np.random.default_rng(seed).random(len(scores))
            best = np.lexsort((ties, scores))[: question["n"]]
            picked.append([int(place) for place in left[best]])
    return {"picked": picked}


answer(work)
