"""Find for each annotator how often they look and how they answer when they do not: MACE, made for spammers."""

from consensus import _crowd
from consensus._settling import Demands, Rule
from consensus._votes import Floats, Ints, Votes
from kempelen.protocols import ConsensusRule


def probabilities(votes: Votes, known: Ints) -> Floats:  # noqa: ARG001 - crowd-kit's estimate takes no known labels
    """How probable each label of each item is, shape (items, labels)."""
    from crowdkit.aggregation import MACE

    with _crowd.quietly():
        # Every restart of crowd-kit begins at the same place, so that one says as much as ten.
        return _crowd.supports(MACE(n_restarts=1).fit(_crowd.table(votes)).probas_, votes)


def build(min_confidence: float = 0.7, min_votes: int = 1) -> ConsensusRule:
    """The label must be more probable than `min_confidence`; `min_votes` answers are needed at least.

    Known labels are not used. Source: Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013, NAACL-HLT, 1120-1130.
    """
    demands = Demands(min_votes=min_votes, min_support=min_confidence, setting="min_confidence")
    return Rule(name="mace", weigh=probabilities, demands=demands)
