"""Which queries of a window may be shown to people: Ibis expressions, the same for every engine."""

import json
from typing import TYPE_CHECKING, Any

from kempelen.errors import BadData
from kempelen.records import Candidate, Showable

if TYPE_CHECKING:
    import ibis.expr.types as ir


def candidates_of(predictions: "ir.Table", *, min_users: int) -> Showable | None:
    """The distinct queries of enough users in a table of predictions, and how many were held back; None if it is empty.

    A candidate's days are days in UTC. Its model version and probabilities are those of its latest prediction.
    Queries of which nothing was left once normalised are neither shown nor held back: there is nothing to show.
    Memory of this process: the candidates alone.

    Raises BadData for probabilities that are neither a map nor a JSON object.
    """
    (totals,) = _totals(predictions, min_users).to_pyarrow().to_pylist()
    if not totals["predictions"]:
        return None
    return Showable(
        candidates=tuple(_candidate(row) for row in _shared(predictions, min_users).to_pyarrow().to_pylist()),
        held_back=int(totals["held_back"]),
        held_back_predictions=int(totals["held_back_predictions"] or 0),
    )


def _totals(predictions: "ir.Table", min_users: int) -> "ir.Table":
    """One row: all predictions, and the queries with too few users and their predictions."""
    named = predictions["query"] != ""
    counted = predictions.group_by(predictions.item_id, named.name("named")).aggregate(
        predictions=predictions.count(), users=predictions.user.nunique()
    )
    too_few = counted.named & (counted.users < min_users)
    return counted.aggregate(
        predictions=counted.predictions.sum(),
        held_back=too_few.sum(),
        held_back_predictions=counted.predictions.sum(where=too_few),
    )


def _shared(predictions: "ir.Table", min_users: int) -> "ir.Table":
    """One row a distinct query that enough people asked, with its latest prediction."""
    import ibis

    named = predictions.filter(predictions["query"] != "")
    latest = ibis.struct({"at": named.at, "prediction_id": named.prediction_id})
    counted = named.group_by("item_id").aggregate(
        predictions=named.count(),
        users=named.user.nunique(),
        days=named.date.nunique(),
        query=named["query"].argmax(latest),
        model_version=named.model_version.argmax(latest),
        probabilities=named.probabilities.argmax(latest),
    )
    return counted.filter(counted.users >= min_users).order_by("item_id")


def _candidate(row: dict[str, Any]) -> Candidate:
    return Candidate(**(row | {"probabilities": _shares(row["probabilities"])}))


def _shares(value: Any) -> dict[str, float]:
    """Probabilities by label; not every engine has maps."""
    try:
        pairs = dict(json.loads(value) if isinstance(value, str) else value)
        return {str(label): float(p) for label, p in pairs.items()}
    except (TypeError, ValueError) as wrong:
        raise BadData(
            f"The probabilities of a prediction are {value!r}, no JSON object with a number for each label.",
            hint='Write them as {"food": 0.75, "health": 0.25}.',
        ) from wrong
