"""Weigh each annotator's votes by how often they agree with the majority: worker agreement with aggregate."""

from consensus import majority
from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from consensus._weights import agreement, clear_winners, weighted_shares
from kempelen.protocols import ConsensusRule


def weighted(votes: Votes, known: Ints) -> Floats:
    """The share of the weights of its votes that each label has, shape (items, labels)."""
    return weighted_shares(votes, agreement(votes, clear_winners(majority.shares(votes, known))))


def build(min_share: float = 0.6, min_votes: int = 1) -> ConsensusRule:
    """More than `min_share` of the weight must name the label; `min_votes` answers are needed at least.

    Known labels are not used. With 0.5, two who disagree would be settled in favour of whoever agrees a hair more with
    everybody else. As in crowd-kit's `Wawa` (Ustalov, Pavlichenko and Tseitlin 2024, Journal of Open Source Software
    9(96), 6227), but a tie is no majority: nobody gains by agreeing with its first label.
    """
    demands = Demands(min_votes=min_votes, min_support=min_share, setting="min_share")
    return Rule(name="wawa", weigh=weighted, demands=demands)
