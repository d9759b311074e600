"""Predictions whose id is there twice count once, at their earliest moment: Ibis, the same for every engine."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

DRAWS = 2**53
"""Draws are below this; see `kempelen.profile.draw`."""


def each_once(predictions: "ir.Table") -> "ir.Table":
    """Without repeated ids. Looking for them is cheap, and usually there are none to take out."""
    return earliest(predictions) if repeat(predictions) else predictions


def repeat(predictions: "ir.Table", passes: int = 1) -> bool:
    """Whether some id may be there twice: then its draw is, too. Asks the engine.

    In several passes, each a scan of the column `draw`, the engine's memory is that for a part of the predictions.
    """
    for low, high in pairwise(DRAWS * n // passes for n in range(passes + 1)):
        some = predictions
        if passes > 1:
            some = some.filter(some.draw >= low, some.draw < high)
        seen = some.aggregate(rows=some.count(), draws=some.draw.nunique())
        (counts,) = seen.to_pyarrow().to_pylist()
        if counts["rows"] != counts["draws"]:
            return True
    return False


def earliest(predictions: "ir.Table") -> "ir.Table":
    """Of each id the earliest row."""
    import ibis

    first = ibis.window(group_by="prediction_id", order_by=["at", "model_version", "label", "confidence", "query"])
    numbered = predictions.mutate(repetition=ibis.row_number().over(first))
    return numbered.filter(numbered.repetition == 0).drop("repetition")
