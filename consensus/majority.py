"""Keep the label that more than a set share of the answers name."""

import numpy as np

from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes, normalised
from kempelen.protocols import ConsensusRule


def shares(votes: Votes, known: Ints) -> Floats:  # noqa: ARG001 - what is known makes no difference to a count
    """The share of its answers that name each label, shape (items, labels)."""
    return normalised(votes.totals(np.ones(len(votes))))


def build(min_share: float = 0.5, min_votes: int = 1) -> ConsensusRule:
    """`min_share` must be exceeded, so that 0.5 settles no tie; `min_votes` answers are needed at least."""
    demands = Demands(min_votes=min_votes, min_support=min_share, setting="min_share")
    return Rule(name="majority", weigh=shares, demands=demands)
