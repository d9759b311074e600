"""One logged prediction: checked when it comes in, a line in a spool, a row of a Parquet file."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kempelen import text
from kempelen.errors import BadData
from kempelen.profile import draw, user_bit
from kempelen.records import Prediction

if TYPE_CHECKING:
    import pyarrow as pa

SUM_TOLERANCE = 1e-3
"""How far probabilities may be from summing to 1: what a float32 softmax over many labels loses."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def checked(  # noqa: PLR0913 - a prediction is exactly these things
    *,
    text: Any,
    probabilities: Any,
    user: str,
    at: Any,
    model_version: Any,
    prediction_id: Any = None,
    labels: frozenset[str] | None = None,
) -> Prediction:
    """The prediction, or BadData that says which part of it cannot be. `user` is already hashed."""
    return Prediction(
        prediction_id=uuid.uuid4().hex if prediction_id is None else _name(prediction_id, "prediction_id"),
        at=_moment(at),
        text=_text(text),
        model_version=_name(model_version, "model_version"),
        probabilities=_probabilities(probabilities, labels),
        user=user,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadData(f"text is a {type(value).__name__}, not a string.", hint="Log the query as the person typed it.")
    return _writable(value[: text.LONGEST_QUERY])


def _writable(value: str) -> str:
    """Without lone surrogates, which no file in UTF-8 can hold."""
    return value if value.isascii() else value.encode(errors="replace").decode()


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadData(
            f"{what} is {value!r}, not a name.", hint=f"Give {what} as a string with at least one visible character."
        )
    return _writable(value)


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise BadData(f"at is {value!r}, not a datetime.", hint="Use datetime.now(UTC), or leave `at` out.")
    if value.utcoffset() is None:
        raise BadData(f"at is {value.isoformat()}, without a time zone.", hint="Use datetime.now(UTC).")
    return value.astimezone(UTC)


def _probabilities(value: Any, labels: frozenset[str] | None) -> dict[str, float]:
    if not isinstance(value, Mapping) or not value:
        raise BadData(f"probabilities is {value!r}.", hint="Give a dictionary: label -> probability.")
    try:
        shares = {_name(label, "a label"): float(p) for label, p in value.items()}
    except (TypeError, ValueError) as wrong:
        raise BadData(f"probabilities holds no number: {wrong}.", hint="Give a float for every label.") from wrong
    for label, p in shares.items():
        if not (math.isfinite(p) and p >= 0):
            raise BadData(f"{label!r} has the probability {p}.", hint="Probabilities are finite and not negative.")
        if labels is not None and label not in labels:
            raise BadData(f"{label!r} is not a label of this model.", hint=f"Its labels: {', '.join(sorted(labels))}.")
    if abs(sum(shares.values()) - 1) > SUM_TOLERANCE:
        raise BadData(
            f"probabilities sum to {sum(shares.values()):.6g}.",
            hint="Log all labels, after the softmax; they must sum to 1.",
        )
    return shares


def to_line(prediction: Prediction, *, drawn: bool) -> str:
    """One line of a spool, line break included. Plain ASCII, so that a cut line is never half a character.

    `drawn` says that this log drew the prediction's id itself, so that it cannot occur again.
    """
    return (
        json.dumps(
            [
                prediction.prediction_id,
                (prediction.at - _EPOCH) // _MICROSECOND,
                prediction.text,
                prediction.model_version,
                dict(prediction.probabilities),
                prediction.user,
                drawn,
            ],
            separators=(",", ":"),
        )
        + "\n"
    )


def from_line(line: bytes) -> tuple[Prediction, bool]:
    """Read what `to_line` wrote: the prediction, and whether its id was drawn. BadData if it is anything else."""
    try:
        prediction_id, micros, said, version, probabilities, user, *drawn = json.loads(line)
        at = _EPOCH + timedelta(microseconds=micros)
        who = _name(user, "user")
    except (ValueError, TypeError, OverflowError) as wrong:
        raise BadData(f"this is no logged prediction: {wrong}.", hint="The line was cut short or edited.") from wrong
    prediction = checked(
        text=said,
        probabilities=probabilities,
        user=who,
        at=at,
        model_version=version,
        prediction_id=_name(prediction_id, "prediction_id"),
    )
    return prediction, drawn == [True]


def to_table(predictions: Sequence[Prediction]) -> "pa.Table":
    """A Parquet table of the predictions, with everything derived that readers count."""
    import pyarrow as pa

    queries = [prediction.query for prediction in predictions]
    columns: dict[str, tuple[pa.DataType, list[Any]]] = {
        "prediction_id": (pa.string(), [p.prediction_id for p in predictions]),
        "at": (pa.timestamp("us", tz="UTC"), [p.at for p in predictions]),
        "text": (pa.string(), [p.text for p in predictions]),
        "query": (pa.string(), queries),
        "item_id": (pa.string(), [text.item_id(query) for query in queries]),
        "terms": (pa.list_(pa.string()), [text.terms(query) for query in queries]),
        "model_version": (pa.string(), [p.model_version for p in predictions]),
        "label": (pa.string(), [p.label for p in predictions]),
        "confidence": (pa.float64(), [min(p.confidence, 1.0) for p in predictions]),
        "probabilities": (
            pa.map_(pa.string(), pa.float64()),
            [list(p.probabilities.items()) for p in predictions],
        ),
        "user": (pa.string(), [p.user for p in predictions]),
        "user_bit": (pa.int64(), [user_bit(p.user) for p in predictions]),
        "draw": (pa.int64(), [draw(p.prediction_id) for p in predictions]),
    }
    return pa.table({name: pa.array(values, type=kind) for name, (kind, values) in columns.items()})


COLUMNS = (
    "prediction_id", "at", "text", "query", "item_id", "terms", "model_version",
    "label", "confidence", "probabilities", "user", "user_bit", "draw",
)  # fmt: skip
"""Columns of every file of the log, beside the partition column `date`."""
