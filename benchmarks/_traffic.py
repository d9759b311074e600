"""A query log as a service would have written it, of any length, made quickly.

Words are as unevenly common as in any language (Zipf), queries have two to six of them, the same
queries come again, and the model says the same to the same query. A number of distinct queries is made once; a
prediction is a draw from them, so that a longer log costs copying, not invention.
"""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from connectors.prediction_log._parts import metadata
from kempelen import text
from kempelen.profile import user_bit

Ints = NDArray[np.int64]

LABELS = (
    "banking", "entertainment", "food_and_drink", "health", "news", "shopping", "small_talk", "travel", "weather",
)  # fmt: skip
WORDS = 50_000
QUERIES = 200_000
LENGTHS = ((2, 0.30), (3, 0.30), (4, 0.20), (5, 0.12), (6, 0.08))
"""Words a query, and how many of the queries have so many."""

ROWS_A_FILE = 250_000
USER_EVERY = 5
"""Predictions a user, on average."""

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_MICROSECONDS_A_DAY = 86_400_000_000
_DRAW_BITS = 53


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Distinct queries with what the model says to them, and how often each is asked."""

    answers: pa.Table
    chances: NDArray[np.float64]
    surging: Ints


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much traffic to make, and where a word is to surge.

    On the last `surge_days` days, `surge_share` of the predictions are of queries with the word `surge_word`.
    """

    first: date
    days: int
    rows: int
    surge_days: int = 0
    surge_share: float = 0.02

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


SURGE_WORD = "zzurgeword"
"""What people suddenly ask about; no other word is spelt like it."""


def pool(rng: np.random.Generator, queries: int = QUERIES, words: int = WORDS) -> Pool:
    """Queries over a vocabulary of `words`, each with a label, a confidence and probabilities."""
    said = _queries(rng, queries, words)
    surging = [f"{SURGE_WORD} {said[n].partition(' ')[0]}" for n in range(50)]
    every = [*dict.fromkeys([*said, *surging])]
    chances = 1 / np.arange(10, len(every) + 10) ** 0.8
    chances[-len(surging) :] = 0
    return Pool(
        answers=_answers(rng, every),
        chances=chances / chances.sum(),
        surging=np.arange(len(every) - len(surging), len(every)),
    )


def _queries(rng: np.random.Generator, queries: int, words: int) -> list[str]:
    spelt = np.array(_spelt(words))
    common = 1 / np.arange(2, words + 2)
    drawn = rng.choice(words, size=(queries, LENGTHS[-1][0]), p=common / common.sum())
    lengths = rng.choice([n for n, _ in LENGTHS], size=queries, p=[share for _, share in LENGTHS])
    return list(
        dict.fromkeys(
            " ".join(dict.fromkeys(row[:n])) for row, n in zip(spelt[drawn].tolist(), lengths.tolist(), strict=True)
        )
    )


def _spelt(words: int) -> list[str]:
    """Made-up words, short ones first, as common words are."""
    syllables = ["".join(pair) for pair in itertools.product(_CONSONANTS, _VOWELS)]
    pairs = ("".join(parts) for n in (1, 2, 3) for parts in itertools.product(syllables, repeat=n))
    return list(itertools.islice(pairs, words))


def _answers(rng: np.random.Generator, queries: Sequence[str]) -> pa.Table:
    """What the log says about each query: all columns but those of the single prediction."""
    n, labels = len(queries), len(LABELS)
    label = rng.choice(labels, size=n, p=rng.dirichlet(np.full(labels, 8.0)))
    confidence = np.round(0.3 + 0.7 * rng.beta(4, 1.2, size=n), 4)
    probabilities = np.repeat((1 - confidence) / (labels - 1), labels).reshape(n, labels)
    probabilities[np.arange(n), label] = confidence
    keys = pa.array(LABELS).take(pa.array(np.tile(np.arange(labels), n)))
    return pa.table(
        {
            "text": pa.array(queries),
            "query": pa.array(queries),
            "item_id": pa.array([text.item_id(query) for query in queries]),
            "terms": pa.array([text.terms(query) for query in queries], type=pa.list_(pa.string())),
            "label": pa.array(LABELS).take(pa.array(label)),
            "confidence": pa.array(confidence),
            "probabilities": pa.MapArray.from_arrays(
                pa.array(np.arange(n + 1, dtype=np.int32) * labels), keys, pa.array(probabilities.ravel())
            ),
        }
    )


def write(folder: Path, plan: Plan, made: Pool, rng: np.random.Generator, threads: int = 2) -> None:
    """Write the log of a plan as `date=YYYY-MM-DD/part-*.parquet`: `plan.rows` predictions in all."""
    sizes = rng.multinomial(plan.rows, np.full(plan.days, 1 / plan.days))
    source = _Source(plan=plan, made=made, users=_users(max(10, plan.rows // USER_EVERY)))
    with ThreadPoolExecutor(threads) as workers:
        days = workers.map(
            lambda number, size, own: source.write(folder, number, size, own),
            range(plan.days),
            map(int, sizes),
            rng.spawn(plan.days),
        )
        # An error in a worker shows when its result is asked for.
        list(days)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where the predictions of every day come from."""

    plan: Plan
    made: Pool
    users: pa.Table

    def write(self, folder: Path, number: int, size: int, rng: np.random.Generator) -> None:
        """Write day `number` of the plan: `size` predictions."""
        day = self.plan.first + timedelta(days=number)
        surges = number >= self.plan.days - self.plan.surge_days
        where = folder / f"date={day}"
        where.mkdir(parents=True)
        for part, rows in enumerate(_parts(size)):
            drawn = self._queries(rng, rows, self.plan.surge_share if surges else 0)
            predictions = _predictions(rng, day, self.made.answers.take(pa.array(drawn)), self.users)
            path = where / f"part-{part:04d}.parquet"
            # As the service writes where it lets the log draw the ids.
            footer = metadata(path, given=False)
            parquet.write_table(predictions.replace_schema_metadata(footer), path, compression="zstd")

    def _queries(self, rng: np.random.Generator, rows: int, surge_share: float) -> Ints:
        drawn = rng.choice(len(self.made.chances), size=rows, p=self.made.chances)
        surging = rng.random(rows) < surge_share
        drawn[surging] = rng.choice(self.made.surging, size=int(surging.sum()))
        return drawn


def _parts(size: int) -> Iterator[int]:
    while size > 0:
        yield min(size, ROWS_A_FILE)
        size -= ROWS_A_FILE


def _predictions(rng: np.random.Generator, day: date, answers: pa.Table, users: pa.Table) -> pa.Table:
    """The answers as predictions of one day, in order of time, in the order of the log's columns."""
    rows = answers.num_rows
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    at = np.sort(rng.integers(midnight, midnight + _MICROSECONDS_A_DAY, size=rows))
    who = users.take(pa.array(rng.integers(0, users.num_rows, size=rows)))
    columns: dict[str, Any] = {
        "prediction_id": _hexadecimal(rng.bytes(16 * rows)),
        "at": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
        **{name: answers[name] for name in ("text", "query", "item_id", "terms")},
        "model_version": pa.array(["1"]).take(pa.array(np.zeros(rows, dtype=np.int8))),
        **{name: answers[name] for name in ("label", "confidence", "probabilities")},
        "user": who["user"],
        "user_bit": who["user_bit"],
        # As evenly spread as the hash of the id that the service takes, and much faster.
        "draw": pa.array(rng.integers(0, 1 << _DRAW_BITS, size=rows)),
    }
    return pa.table(columns)


def _users(many: int) -> pa.Table:
    """Users as the log knows them: 32 hexadecimal digits, and the bit that stands for each in a sketch."""
    names = _hexadecimal(np.random.default_rng(many).bytes(16 * many))
    return pa.table({"user": names, "user_bit": pa.array([user_bit(name) for name in names.to_pylist()])})


def _hexadecimal(content: bytes) -> pa.Array:
    """Strings of 32 digits, one for each 16 bytes."""
    digits = 32
    rows = 2 * len(content) // digits
    offsets = pa.py_buffer(np.arange(0, digits * (rows + 1), digits, dtype=np.int32).tobytes())
    return pa.StringArray.from_buffers(rows, offsets, pa.py_buffer(content.hex().encode()))
