"""What the models say about the candidates of a pool, as matrices."""

from collections.abc import Sequence

import numpy as np

from kempelen.protocols import Floats
from kempelen.records import Candidate, Pool


def champion(pool: Pool) -> Floats:
    """The deployed model's probabilities, shape (candidates, labels), columns as `pool.labels`."""
    said = [_in_order(candidate, pool.labels) for candidate in pool.candidates]
    return np.array(said, dtype=np.float64).reshape(len(pool.candidates), len(pool.labels))


def _in_order(candidate: Candidate, labels: Sequence[str]) -> list[float]:
    return [candidate.probabilities.get(label, 0.0) for label in labels]


def newest(pool: Pool) -> Floats:
    """The same of the model that learnt the most: the challenger, or the champion before there is one."""
    return champion(pool) if pool.challenger is None else np.asarray(pool.challenger, dtype=np.float64)


def newest_of(pool: Pool, place: int) -> Floats:
    """The newest model's probabilities for one candidate, shape (labels,)."""
    if pool.challenger is None:
        return np.array(_in_order(pool.candidates[place], pool.labels), dtype=np.float64)
    return np.asarray(pool.challenger[place], dtype=np.float64)


def traffic(pool: Pool) -> Floats:
    """Predictions behind each candidate, shape (candidates,)."""
    return np.array([candidate.predictions for candidate in pool.candidates], dtype=np.float64)


def best_two(probabilities: Floats) -> tuple[Floats, Floats]:
    """The largest and the second largest of each row; a single column has a second of 0.

    >>> best_two(np.array([[0.2, 0.7, 0.1]]))
    (array([0.7]), array([0.2]))
    """
    padded = np.pad(probabilities, ((0, 0), (max(0, 2 - probabilities.shape[1]), 0)))
    ordered = np.sort(padded, axis=1)
    return ordered[:, -1], ordered[:, -2]
