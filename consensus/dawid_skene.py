"""Find for each annotator which labels they mistake for which, and for each item what is right, from each other."""

from consensus import _em
from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from kempelen.protocols import ConsensusRule


def probabilities(votes: Votes, known: Ints) -> Floats:
    """How probable each label of each item is, shape (items, labels).

    Known labels tell what annotators mistake; the items that have one are then judged by their votes, as any other.
    """
    return _em.probabilities(votes, known, _em.confusions)


def build(min_confidence: float = 0.7, min_votes: int = 1) -> ConsensusRule:
    """The label must be more probable than `min_confidence`; `min_votes` answers are needed at least.

    Uses known labels. A table of mistakes for each annotator has labels x labels numbers: with few answers a person
    and many labels it is sure of what it cannot know, and loses to a count. `auto` notices. Source: Dawid and Skene
    1979, Applied Statistics 28(1), 20-28.
    """
    demands = Demands(min_votes=min_votes, min_support=min_confidence, setting="min_confidence")
    return Rule(name="dawid_skene", weigh=probabilities, demands=demands)
