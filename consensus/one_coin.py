"""Find for each annotator how often they are right, and for each item what is right, from each other."""

from consensus import _em
from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from kempelen.protocols import ConsensusRule


def probabilities(votes: Votes, known: Ints) -> Floats:
    """How probable each label of each item is, shape (items, labels). Known labels tell how often people are right."""
    return _em.probabilities(votes, known, _em.one_coin)


def build(min_confidence: float = 0.7, min_votes: int = 1) -> ConsensusRule:
    """The label must be more probable than `min_confidence`; `min_votes` answers are needed at least.

    The one-coin model: one number an annotator, wrong answers spread evenly over the other labels, so that it needs
    few answers. Uses known labels. Source: Zhang, Chen, Zhou and Jordan 2016, Journal of Machine Learning
    Research 17, 1-44.
    """
    demands = Demands(min_votes=min_votes, min_support=min_confidence, setting="min_confidence")
    return Rule(name="one_coin", weigh=probabilities, demands=demands)
