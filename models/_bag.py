"""The network behind the embedding bag: mean of the vectors in a bag, then one linear layer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Bags = Sequence[NDArray[np.int64]]

_BATCH = 128
_FIRST_SPREAD = 0.1


@dataclass(frozen=True, kw_only=True)
class Network:
    """`vectors` (size, dimensions), `layer` (labels, dimensions), `offset` (labels,)."""

    vectors: torch.Tensor
    layer: torch.Tensor
    offset: torch.Tensor

    def logits(self, bags: Bags) -> torch.Tensor:
        """Scores before the softmax, shape (len(bags), labels); `bags` is not empty, its bags may be."""
        starts = np.concatenate([[0], np.cumsum([len(bag) for bag in bags])[:-1]])
        numbers, offsets = torch.from_numpy(np.concatenate(bags)), torch.from_numpy(starts)
        means = torch.nn.functional.embedding_bag(numbers, self.vectors, offsets, mode="mean", sparse=True)
        return torch.nn.functional.linear(means, self.layer, self.offset)

    def probabilities(self, bags: Bags) -> NDArray[np.float64]:
        """Softmax of the logits, in double precision, so that rows sum to 1."""
        with torch.no_grad():
            return np.asarray(torch.softmax(self.logits(bags).double(), dim=1))

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights by name, without what training needed."""
        return {name: getattr(self, name).detach() for name in ("vectors", "layer", "offset")}


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is to be learned: a bag, the number of its label, and its weight, per example."""

    bags: Bags
    targets: Sequence[int]
    weights: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long to descend, and how fast at first; the rate falls to nothing in a straight line."""

    epochs: int
    learning_rate: float


def first(size: int, dimensions: int, labels: int, generator: torch.Generator) -> Network:
    """A network that knows nothing, drawn from `generator`."""

    def spread(*shape: int) -> torch.Tensor:
        return torch.empty(shape).uniform_(-_FIRST_SPREAD, _FIRST_SPREAD, generator=generator).requires_grad_()

    return Network(
        vectors=spread(size, dimensions),
        layer=spread(labels, dimensions),
        offset=torch.zeros(labels, requires_grad=True),
    )


def descend(network: Network, lesson: Lesson, schedule: Schedule, rng: torch.Generator) -> None:
    """Minimise the weighted cross-entropy by Adam, in batches of an order drawn from `rng`."""
    targets, importance = torch.tensor(lesson.targets), torch.tensor(lesson.weights)
    importance /= importance.mean()
    optimisers = [
        torch.optim.SparseAdam([network.vectors], lr=schedule.learning_rate),
        torch.optim.Adam([network.layer, network.offset], lr=schedule.learning_rate),
    ]
    batches = list(_batches(len(targets), schedule.epochs, rng))
    for step, batch in enumerate(batches):
        logits = network.logits([lesson.bags[i] for i in batch.tolist()])
        losses = torch.nn.functional.cross_entropy(logits, targets[batch], reduction="none")
        torch.autograd.backward((losses * importance[batch]).mean())
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = schedule.learning_rate * (1 - step / len(batches))
            optimiser.step()
            optimiser.zero_grad()


def _batches(rows: int, epochs: int, rng: torch.Generator) -> Iterator[torch.Tensor]:
    for _ in range(epochs):
        order = torch.randperm(rows, generator=rng)
        for start in range(0, rows, _BATCH):
            yield order[start : start + _BATCH]


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order on any number of cores; and faster than two threads for matrices this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
