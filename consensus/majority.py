"""Keep the label that more than a set share of the answers name."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from kempelen.errors import Problem
from kempelen.protocols import ConsensusRule
from kempelen.records import Annotation, ConsensusLabel


class Majority:
    """One person, one vote, the last one; skips are no votes."""

    def __init__(self, min_share: float, min_votes: int) -> None:
        self.min_share = min_share
        self.min_votes = min_votes

    def settle(self, annotations: Sequence[Annotation]) -> tuple[list[ConsensusLabel], list[Problem]]:
        """One label an item. Items without a clear winner come back as problems, not as guesses."""
        labels, problems = [], []
        for item_id, votes in sorted(_votes(annotations).items()):
            total = votes.total()
            # Sorted, so that neither the winner nor the message depends on the order of the answers.
            counts = dict(sorted(votes.items()))
            label = max(counts, key=counts.__getitem__, default="")
            if total < self.min_votes:
                problems.append(_problem(item_id, f"{total} of {self.min_votes} answers."))
            elif votes[label] / total > self.min_share:
                labels.append(
                    ConsensusLabel(
                        item_id=item_id, label=label, confidence=votes[label] / total, votes=total, method="majority"
                    )
                )
            else:
                problems.append(_problem(item_id, f"{counts} has no majority above {self.min_share:.0%}."))
        return labels, problems


def _votes(annotations: Sequence[Annotation]) -> dict[str, Counter[str]]:
    last: dict[tuple[str, str], Annotation] = {}
    for annotation in sorted(annotations, key=lambda a: (a.submitted_at, a.source_id)):
        last[annotation.item_id, annotation.annotator] = annotation
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for (item_id, _), annotation in last.items():
        # An item that everybody skipped must come back as a problem, too: touch its counter.
        votes[item_id].update([annotation.label] if annotation.label is not None else [])
    return votes


def _problem(item_id: str, message: str) -> Problem:
    return Problem(
        stage="consensus", subject=item_id, message=message, hint="Ask one more annotator, or send it to an expert."
    )


def build(min_share: float = 0.5, min_votes: int = 1) -> ConsensusRule:
    """`min_share` must be exceeded, so that 0.5 settles no tie; `min_votes` answers are needed at least."""
    return Majority(min_share, min_votes)
