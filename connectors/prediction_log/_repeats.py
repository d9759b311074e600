"""Predictions whose id is there twice count once, at their earliest moment: Ibis, the same for every engine."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def each_once(predictions: "ir.Table") -> "ir.Table":
    """Without repeated ids. Looking for them is cheap, and usually there are none to take out."""
    return earliest(predictions) if repeat(predictions) else predictions


def repeat(predictions: "ir.Table") -> bool:
    """Whether some id may be there twice: then its draw is, too. Asks the engine."""
    seen = predictions.aggregate(rows=predictions.count(), draws=predictions.draw.nunique())
    (counts,) = seen.to_pyarrow().to_pylist()
    return bool(counts["rows"] != counts["draws"])


def earliest(predictions: "ir.Table") -> "ir.Table":
    """Of each id the earliest row."""
    import ibis

    first = ibis.window(group_by="prediction_id", order_by=["at", "model_version", "label", "confidence", "query"])
    numbered = predictions.mutate(repetition=ibis.row_number().over(first))
    return numbered.filter(numbered.repetition == 0).drop("repetition")
