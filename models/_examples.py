"""The rows of a training set that a classifier learns from, in an order that is always the same."""

import math

from kempelen import text
from kempelen.errors import BadData, NotEnoughData
from kempelen.records import Example, TrainingSet

FEWEST_LABELS = 2


def usable(training_set: TrainingSet) -> list[Example]:
    """The examples with a weight above 0, sorted, so that two sets of one digest train one classifier.

    Raises
    ------
    NotEnoughData
        Fewer than two labels are left.
    BadData
        A weight is negative or no number.
    """
    for example in training_set.examples:
        if not (math.isfinite(example.weight) and example.weight >= 0):
            raise BadData(
                f"The example {example.query!r} from {example.source} has the weight {example.weight!r}.",
                hint="A weight is a number from 0 up; 0 leaves the example out.",
            )
    rows = sorted(
        (example for example in training_set.examples if example.weight > 0),
        key=lambda e: (e.query, e.label, e.source, e.weight),
    )
    labels = {example.label for example in rows}
    if len(labels) < FEWEST_LABELS:
        raise NotEnoughData(
            f"The training set has {len(rows)} usable examples of {len(labels)} labels.",
            hint="A classifier needs examples of at least two labels, with weights above 0.",
        )
    return rows


def queries(rows: list[Example]) -> list[str]:
    """The normalised queries of the rows."""
    return [text.normalise(row.query) for row in rows]
