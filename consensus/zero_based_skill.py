"""Weigh each annotator's votes by a skill that starts at chance and follows agreement with the weighted majority."""

import numpy as np

from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from consensus._weights import agreement, clear_winners, weighted_shares
from kempelen.protocols import ConsensusRule

PASSES = 100
_HALVED_EVERY = 20
_ABOVE_CHANCE = 1e-5


def weighted(votes: Votes, known: Ints) -> Floats:  # noqa: ARG001 - the weights come from agreement alone
    """The share of the weights of its votes that each label has, shape (items, labels)."""
    skills = np.full(votes.annotators, 1 / max(1, len(votes.labels)) + _ABOVE_CHANCE)
    for turn in range(1, PASSES + 1):
        step = 0.5 ** (turn // _HALVED_EVERY)
        winners = clear_winners(weighted_shares(votes, skills))
        skills += step * (agreement(votes, winners) - skills)
    return weighted_shares(votes, skills)


def build(min_share: float = 0.6, min_votes: int = 1) -> ConsensusRule:
    """More than `min_share` of the weight must name the label; `min_votes` answers are needed at least.

    Known labels are not used. The steps of crowd-kit's `ZeroBasedSkill` (Ustalov, Pavlichenko and Tseitlin 2024,
    Journal of Open Source Software 9(96), 6227), but a tie is no majority: nobody gains by agreeing with its first
    label.
    """
    demands = Demands(min_votes=min_votes, min_support=min_share, setting="min_share")
    return Rule(name="zero_based_skill", weigh=weighted, demands=demands)
