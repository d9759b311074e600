"""Which rule weighs these answers best: gold tells, or how well each rule foresees answers that it was not shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from consensus._settling import Weigh
from consensus._votes import UNKNOWN, Floats, Ints, Votes

Bools = NDArray[np.bool_]

FOLDS = 4
"""Parts in which items are held out: each rule is fitted once a part and turn."""

TURNS = (1, 2, 4, 8, 16)
"""After so many answers to an item the next one is foreseen."""

_TURN = (sqrt(5) - 1) / 2
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule that may be chosen. `numbers` says how many it has to find, from annotators and labels."""

    name: str
    weigh: Weigh
    uses_known: bool = False
    square: bool = False

    def numbers(self, votes: Votes) -> int:
        """How many numbers it estimates: one an annotator, or a table of mistakes for each."""
        cells = len(votes.labels) * (len(votes.labels) - 1) if self.square else 1
        return votes.annotators * cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rule that was chosen, why in words, and the mean score of each rule that was compared.

    With `gold`, scores are accuracies on gold items; with `agreement`, quadratic scores of held-out answers, 0 at best.
    """

    rule: str
    why: str
    by: str
    scores: Mapping[str, float] = field(default_factory=dict)


def by_gold(votes: Votes, known: Ints, gold: Ints, candidates: Sequence[Candidate], alpha: float) -> Choice:
    """The simplest rule that no later one beats on gold (exact one-sided sign test, `alpha` over all comparisons).

    `known` are all known labels, `gold` those to judge by. A rule that uses known labels is never shown the gold
    label of an item that it is judged by.
    """
    judged = np.flatnonzero(gold != UNKNOWN)
    right = {one.name: _right_on_gold(votes, known, gold, judged, one) for one in candidates}
    level = alpha / max(1, len(candidates) - 1)
    best = candidates[0].name
    for one in candidates[1:]:
        better = int(np.sum(right[one.name] > right[best] + _EQUAL))
        worse = int(np.sum(right[one.name] < right[best] - _EQUAL))
        if better > worse and sign_test(better, worse) <= level:
            best = one.name
    scores = {name: float(values.mean()) for name, values in right.items()}
    return Choice(rule=best, why=f"right on {scores[best]:.0%} of {len(judged)} gold items", by="gold", scores=scores)


def by_agreement(votes: Votes, known: Ints, candidates: Sequence[Candidate], alpha: float) -> Choice:
    """The simplest rule that no later one beats at foreseeing answers from the consensus of those before them.

    The quadratic score (Brier) of each answer to an item that was hidden from then on; differences are summed by item,
    and one-sided normal bounds share `alpha` over all comparisons. One number a rule, how much answers follow its
    consensus, is fitted to the same answers, so that no rule wins by being bold or shy. Answers, not truth: a crowd
    that errs together looks good.
    """
    scored = foreseeable(votes)
    scores = {one.name: _foreseen(votes, known, one)[scored] for one in candidates}
    level = NormalDist().inv_cdf(1 - alpha / max(1, len(candidates) - 1))
    best = candidates[0].name
    for one in candidates[1:]:
        if advantage(votes.item[scored], scores[one.name] - scores[best]) > level:
            best = one.name
    means = {name: float(values.mean()) for name, values in scores.items()}
    return Choice(
        rule=best, why=f"foresees {int(scored.sum())} held-out answers best or no worse", by="agreement", scores=means
    )


def sign_test(better: int, worse: int) -> float:
    """The chance of at least `better` heads in `better + worse` tosses of a fair coin (McNemar's exact test).

    >>> sign_test(5, 0)
    0.03125
    """
    n = better + worse
    return float(sum(comb(n, k) for k in range(better, n + 1)) / 2**n)


def advantage(item: Ints, differences: Floats) -> float:
    """The sum of the differences in standard errors, answers to one item counted together; -inf when all are 0.

    >>> round(advantage(np.array([0, 0, 1, 2]), np.array([0.5, 0.5, 1.0, 1.0])), 3)
    1.732
    """
    summed = np.bincount(item, differences)
    spread = float(np.sqrt((summed**2).sum()))
    return float(summed.sum()) / spread if spread > _EQUAL else -inf


def _right_on_gold(votes: Votes, known: Ints, gold: Ints, judged: Ints, one: Candidate) -> Floats:
    """1 for a gold item of which the rule finds the label, less for ties, 0 otherwise; shape (judged,)."""
    if not one.uses_known:
        return _picked(one.weigh(votes, known))[judged, gold[judged]]
    right = np.zeros(len(judged))
    parts = _parts(len(judged))
    for part in range(FOLDS):
        hidden = judged[parts == part]
        shown = known.copy()
        shown[hidden] = UNKNOWN
        right[parts == part] = _picked(one.weigh(votes, shown))[hidden, gold[hidden]]
    return right


def _picked(supports: Floats) -> Floats:
    """1 for the label with the most support, split evenly among those that share it."""
    best = supports >= supports.max(axis=1, keepdims=True) - _EQUAL
    picked: Floats = best / best.sum(axis=1, keepdims=True)
    return picked


def foreseeable(votes: Votes) -> Bools:
    """The answers that are foreseen: the second to an item, the third, the fifth, the ninth..., shape (votes,)."""
    return np.isin(votes.turn, TURNS)


def _foreseen(votes: Votes, known: Ints, one: Candidate) -> Floats:
    """Minus the squared distance between each answer and its forecast from what was known of its item before.

    Only earlier answers to the item are shown: whether a third person is asked depends on what the first two said, and
    a second answer held out of an item that ended with two would be known to agree.
    """
    forecast = np.zeros((len(votes), len(votes.labels)))
    parts = _parts(len(votes.items))[votes.item]
    for turn in TURNS:
        for part in range(FOLDS):
            held = (parts == part) & (votes.turn == turn)
            if held.any():
                shown = votes.only((parts != part) | (votes.turn < turn))
                forecast[held] = one.weigh(shown, known)[votes.item[held]]
    given = np.eye(len(votes.labels))[votes.label]
    missed: Floats = ((given - _followed(forecast, given, foreseeable(votes))) ** 2).sum(axis=1)
    return -missed


def _followed(forecast: Floats, given: Floats, scored: Bools) -> Floats:
    """The forecast, drawn towards evenness as much as fits the answers best (least squares, one number)."""
    even = 1 / forecast.shape[1]
    away = forecast - even
    power = float((away[scored] ** 2).sum())
    follow = float(((given - even)[scored] * away[scored]).sum()) / power if power > _EQUAL else 0.0
    return even + min(1.0, max(0.0, follow)) * away


def _parts(n: int) -> Ints:
    """A part for each of n rows: evenly spread, and in step with no pattern among the rows (golden ratio)."""
    return (np.arange(n) * _TURN % 1 * FOLDS).astype(np.int64)
