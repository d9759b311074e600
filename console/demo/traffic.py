"""Put the stream through the deployed model, as a serving process would log it.

The stream has one row a query. That each was asked by one to four people is an ASSUMPTION of the
replay, made so that traffic weights and the rule "shown only if k people asked it" have something
to act on; the demo says so beside its figures.
"""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from connectors.prediction_log.writer import PredictionLog
from console.demo import stream
from kempelen.protocols import Predictor

USERS_SHARES = ((1, 20), (2, 50), (3, 80), (4, 100))
"""Users a query, with the cumulative share of queries in percent: 20 % one, 30 % two, 30 % three, 20 % four."""

SECONDS_BETWEEN_USERS = 97


def users_of(row_id: str) -> int:
    """How many people ask this query: a function of its id alone."""
    draw = hashlib.sha256(row_id.encode()).digest()[0] * 100 // 256
    return next(users for users, share in USERS_SHARES if draw < share)


def replay_day(folder: Path, day: date, model: Predictor, version: str) -> int:
    """Log what `model` says to every query of a day; how many predictions that makes.

    Each prediction has an id of its own, so a day that was cut short by a kill is logged again without harm.
    """
    rows = stream.of_day(day)
    probabilities = model.predict([row.text for row in rows])
    predictions = [
        {
            "prediction_id": f"{row.id}-{user}",
            "at": min(row.at + timedelta(seconds=SECONDS_BETWEEN_USERS * user), _end_of(day)),
            "text": row.text,
            "probabilities": dict(zip(model.labels, map(float, likely), strict=True)),
            "user": f"{row.id}-{user}",
        }
        for row, likely in zip(rows, probabilities, strict=True)
        for user in range(users_of(row.id))
    ]
    with PredictionLog(folder, model_version=version, labels=model.labels) as log:
        log.record_many(predictions)
    return len(predictions)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
