"""Traffic whose right answers are all known, and rounds of questions about it, to try estimates of accuracy on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from selection import Draw
from selection._sampling import inclusion_probabilities

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ITEMS = 1_000
"""Distinct queries of a simulated pool."""

AUDIT_FRACTION = 1 / 3
"""Of the items that were not drawn for the audit itself, the part that is kept for it: the default of the settings."""

SEGMENTS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """One figure for each distinct query: share of traffic, whether the champion is right, what a model believes."""

    share: Floats
    right: Floats
    surrogate: Floats
    doubt: Floats

    @property
    def accuracy(self) -> float:
        """The champion's accuracy on it."""
        return float(self.share @ self.right / self.share.sum())

    def times(self, n: int) -> "Traffic":
        """Traffic of the same kind with n times as many queries: each is there n times, with an n-th of its share."""
        return Traffic(
            share=np.tile(self.share / n, n),
            right=np.tile(self.right, n),
            surrogate=np.tile(self.surrogate, n),
            doubt=np.tile(self.doubt, n),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How items are drawn.

    `audit` is the share of a round that stands for the traffic as it is; the rest goes to what is in doubt, and in
    later rounds to the segments in which the champion was found wrong. `even`: every query alike instead.
    """

    name: str
    audit: float = 1.0
    rounds: int = 1
    even: bool = False


TRAFFIC = Design(name="traffic")
DESIGNS = (
    TRAFFIC,
    Design(name="every query alike", even=True),
    Design(name="half in doubt", audit=0.5),
    Design(name="three rounds, half in doubt", audit=0.5, rounds=3),
    Design(name="two rounds, three quarters in doubt", audit=0.25, rounds=2),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """The draws of a few rounds, and what an estimate from them should say."""

    draws: tuple[Draw, ...]
    truth: float

    @property
    def answers(self) -> int:
        """Distinct answers that were kept for the audit: those known from an earlier round count once."""
        return len(self.draws[-1].right)


def _good(wrong: Floats, _accuracy: float, _rng: Generator) -> Floats:
    return 1 - wrong


def _noise(wrong: Floats, accuracy: float, rng: Generator) -> Floats:
    return rng.beta(accuracy, 1 - accuracy, len(wrong))


def _against(wrong: Floats, _accuracy: float, _rng: Generator) -> Floats:
    return wrong


GOOD, NOISE, AGAINST, SURE = "good", "noise", "against", "sure of its errors"
SURROGATES: dict[str, Callable[[Floats, float, Generator], Floats]] = {
    GOOD: _good,
    NOISE: _noise,
    AGAINST: _against,
    SURE: _good,
}


def simulated(accuracy: float, surrogate: str, rng: Generator) -> Traffic:
    """Queries of very unequal traffic; the champion is wrong on each with a chance of its own, which it half knows.

    A good surrogate is that chance; one that is sure of its errors calls exactly the wrong answers certain.
    """
    share = np.minimum(rng.pareto(1.2, ITEMS) + 1, 50)
    wrong = rng.beta(0.3 * (1 - accuracy), 0.3 * accuracy, ITEMS)
    right = (rng.random(ITEMS) >= wrong).astype(float)
    belief = SURROGATES[surrogate](wrong, accuracy, rng)
    if surrogate == SURE:
        belief = np.where(right == 0, 1.0, belief)
    return Traffic(share=share / share.sum(), right=right, surrogate=belief, doubt=np.sqrt(belief * (1 - belief)))


def ask(traffic: Traffic, design: Design, items: int, rng: Generator) -> Asked:
    """Ask in rounds: what is drawn for training leaves the pool, what is drawn for the audit stays as known."""
    known: Bools = np.zeros(len(traffic.share), dtype=bool)
    trained: Bools = known.copy()
    segment = rng.integers(0, SEGMENTS, len(known))
    draws, truths = [], []
    for _ in range(design.rounds):
        pool = ~trained
        open_items = pool & ~known
        chance = np.zeros(len(known))
        sizes, attributed = _sizes(traffic, design, open_items, _wrong_so_far(traffic, known, segment))
        chance[open_items] = inclusion_probabilities(sizes, items / design.rounds)
        kept = np.zeros(len(known))
        kept[open_items] = attributed + (1 - attributed) * AUDIT_FRACTION
        drawn = rng.random(len(known)) < chance
        audited = drawn & (rng.random(len(known)) < kept)
        probability = np.where(known, 1.0, chance * kept)
        seen = known | audited
        draws.append(
            Draw.of_pool(
                share=traffic.share[pool],
                probability=probability[pool],
                right=np.where(seen, traffic.right, np.nan)[pool],
                surrogate=traffic.surrogate[pool],
            )
        )
        truths.append(float(traffic.share[pool] @ traffic.right[pool] / traffic.share[pool].sum()))
        known, trained = seen, trained | (drawn & ~audited)
    return Asked(draws=tuple(draws), truth=float(np.mean(truths)))


def _sizes(traffic: Traffic, design: Design, inside: Bools, wrong: Floats) -> tuple[Floats, Floats]:
    """Size measures of the open items, and the part of each that is the audit's."""
    share = traffic.share[inside]
    if design.even:
        return np.ones(len(share)), np.ones(len(share))
    audit = design.audit * share / share.sum()
    aimed = share * traffic.doubt[inside] * wrong[inside]
    if design.audit == 1 or not aimed.sum():
        return share / share.sum(), np.ones(len(share))
    mix = audit + (1 - design.audit) * aimed / aimed.sum()
    return mix, audit / mix


def _wrong_so_far(traffic: Traffic, known: Bools, segment: NDArray[np.int_]) -> Floats:
    """How often the champion was wrong in each item's segment, so far: later rounds are aimed by the answers."""
    errors = np.bincount(segment[known], weights=1 - traffic.right[known], minlength=SEGMENTS)
    answers = np.bincount(segment[known], minlength=SEGMENTS)
    return np.asarray(((errors + 1) / (answers + 2))[segment], dtype=np.float64)
