"""Take the rule that gold favours; without enough gold, the one that agreement favours; without enough, a count.

No rule is trusted by name: Dawid and Skene's loses to a count wherever answers are few and labels many.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from consensus import _choosing, dawid_skene, majority, one_coin
from consensus._choosing import Candidate, Choice
from consensus._settling import Demands, settled, support
from consensus._votes import UNKNOWN, Ints, Votes, ballots
from kempelen.errors import ConfigError, Problem
from kempelen.protocols import ConsensusRule
from kempelen.records import Annotation, ConsensusLabel

CANDIDATES = (
    Candidate(name="majority", weigh=majority.shares),
    Candidate(name="one_coin", weigh=one_coin.probabilities, uses_known=True),
    Candidate(name="dawid_skene", weigh=dawid_skene.probabilities, uses_known=True, square=True),
)
"""Simplest first: a later one has to prove that it is better."""


class Auto:
    """Chooses anew at each call. `choice` is the last one: to be logged, it names no person."""

    def __init__(self, *, count: Demands, model: Demands, min_gold: int, min_answers: int, alpha: float) -> None:
        self.count = count
        self.model = model
        self.min_gold = min_gold
        self.min_answers = min_answers
        self.alpha = alpha
        self.choice: Choice | None = None

    def settle(
        self, annotations: Sequence[Annotation], gold: Mapping[str, str] | None = None
    ) -> tuple[list[ConsensusLabel], list[Problem]]:
        """One label an item; items without a clear winner come back as problems. `method` says which rule it was."""
        cast = ballots(annotations)
        known = gold or {}
        votes = cast.votes
        self.choice = self._chosen(votes, votes.known({**cast.decided(), **known}), votes.known(known))
        chosen = next(one for one in CANDIDATES if one.name == self.choice.rule)
        demands = self.count if chosen.name == "majority" else self.model
        return settled(cast, f"auto: {chosen.name}", support(cast, chosen.weigh, known), demands)

    def _chosen(self, votes: Votes, known: Ints, gold: Ints) -> Choice:
        if len(votes.labels) < 2 or not _anybody_differs(votes):  # noqa: PLR2004 - one label is unanimity, too
            return _count("nobody disagrees, so that all rules say the same")
        candidates = [one for one in CANDIDATES if one.name == "majority" or len(votes) >= one.numbers(votes)]
        golds = int((gold != UNKNOWN).sum())
        if golds >= self.min_gold:
            return _choosing.by_gold(votes, known, gold, candidates, self.alpha)
        answers = int(_choosing.foreseeable(votes).sum())
        if answers >= self.min_answers:
            return _choosing.by_agreement(votes, known, candidates, self.alpha)
        return _count(
            f"{golds} gold items and {answers} answers after the first to an item are too few to choose by: "
            f"{self.min_gold} or {self.min_answers} are needed"
        )


def _anybody_differs(votes: Votes) -> bool:
    return bool(np.any((votes.counts() > 0).sum(axis=1) > 1))


def _count(why: str) -> Choice:
    return Choice(rule="majority", why=why, by="default")


def build(  # noqa: PLR0913 - each is a setting
    *,
    min_share: float = 0.5,
    min_confidence: float = 0.7,
    min_votes: int = 1,
    min_gold: int = 50,
    min_answers: int = 100,
    alpha: float = 0.05,
) -> ConsensusRule:
    """Choose by gold, by agreement, or take a count.

    Parameters
    ----------
    min_share, min_confidence, min_votes
        What an item needs: of a count, of a model, of either.
    min_gold
        Answered gold items from which on gold alone decides.
    min_answers
        Answers to items that somebody had answered before, from which on agreement may decide.
    alpha
        Chance that a rule is preferred to a simpler one that is as good, over all comparisons of one call.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha is {alpha}.", hint="It is a probability: set it between 0 and 1, as 0.05.")
    return Auto(
        count=Demands(min_votes=min_votes, min_support=min_share, setting="min_share"),
        model=Demands(min_votes=min_votes, min_support=min_confidence, setting="min_confidence"),
        min_gold=min_gold,
        min_answers=min_answers,
        alpha=alpha,
    )
