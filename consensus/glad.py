"""Find how able each annotator and how hard each item is, and what is right, from each other: GLAD."""

from consensus import _crowd
from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from kempelen.protocols import ConsensusRule


def probabilities(votes: Votes, known: Ints) -> Floats:  # noqa: ARG001 - crowd-kit's estimate takes no known labels
    """How probable each label of each item is, shape (items, labels)."""
    from crowdkit.aggregation import GLAD

    with _crowd.quietly():
        return _crowd.supports(GLAD().fit(_crowd.table(votes)).probas_, votes)


def build(min_confidence: float = 0.7, min_votes: int = 1) -> ConsensusRule:
    """The label must be more probable than `min_confidence`; `min_votes` answers are needed at least.

    Known labels are not used. By far the slowest rule: see docs/consensus.md. Source: Whitehill, Ruvolo, Wu, Bergsma
    and Movellan 2009, Advances in Neural Information Processing Systems 22.
    """
    demands = Demands(min_votes=min_votes, min_support=min_confidence, setting="min_confidence")
    return Rule(name="glad", weigh=probabilities, demands=demands)
