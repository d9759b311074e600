"""How fast the books take in human effort, how large they get, and how soon they answer, on SQLite and PostgreSQL.

Every answer is booked twice: when it is given, and when it is charged to a version. The lower bound beside it is the
driver's own `executemany` of the same rows, ready-made, into a table with the same columns and the same two keys.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from benchmarks import _postgresql, _report
from benchmarks._report import Outcome
from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules
from ledger.accounts import Unused
from ledger.entries import Entry
from ledger.rows import EntryRow, row_of
from ledger.statement import labour
from ledger.store import Ledger, open_engine, writing

SEED = 20200124
MODEL = "intents"
BATCH = 1_000
"""Answers of one collection, which is one transaction."""

_BEGAN = datetime(2020, 1, 20, tzinfo=UTC)
_KNOWN_TO_THE_DATABASE = ("id", *EntryRow._fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Annotations in all, versions among which they are, annotators in all and per version, statements and cards."""

    annotations: int
    versions: int
    annotators: int
    annotators_per_version: int
    statements: int
    cards: int


FULL = Size(annotations=1_000_000, versions=100, annotators=500, annotators_per_version=100, statements=25, cards=5)
QUICK = Size(annotations=20_000, versions=20, annotators=100, annotators_per_version=20, statements=10, cards=2)


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what _report.main calls
    """Book, state, trace and verify on each database, one after the other."""
    size, busy = QUICK if quick else FULL, os.getloadavg()[0]
    figures: dict[str, Any] = {}
    with _sqlite() as place:
        figures["sqlite"] = _figures(place, size)
    with _postgres() as place:
        figures["postgresql"] = _figures(place, size)
        version = place.version
    return Outcome(
        figures=figures,
        settings={
            "seed": SEED,
            "batch": BATCH,
            "postgresql": version,
            "cores": os.cpu_count(),
            "load_average": [round(load, 1) for load in sorted((busy, os.getloadavg()[0]))],
            **{name: getattr(size, name) for name in size.__slots__},
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty database, another one for the lower bound, and how large the first one is."""

    address: str
    plain: str
    bytes_held: Callable[[Engine], int]
    version: str


@contextmanager
def _sqlite() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="books-"))
    file = folder / "kempelen.db"

    def held(engine: Engine) -> int:
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")  # a checkpoint is made outside transactions
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.stat().st_size

    try:
        yield Place(address=str(file), plain=str(folder / "plain.db"), bytes_held=held, version="")
    finally:
        shutil.rmtree(folder)


@contextmanager
def _postgres() -> Iterator[Place]:
    def held(engine: Engine) -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    with _postgresql.running(durable=True, settings={"shared_buffers": "256MB", "max_wal_size": "4GB"}) as server:
        yield Place(address=server.make("books"), plain=server.make("plain"), bytes_held=held, version=server.version)


def _figures(place: Place, size: Size) -> dict[str, Any]:
    engine, plain = open_engine(place.address), open_engine(place.plain)
    ledger, empty = Ledger(engine), place.bytes_held(engine)
    booked = _book(ledger, _Plain(plain), size)
    entries = ledger.last_entry()
    lineage = {str(n): [str(m) for m in range(1, n)] for n in range(1, size.versions + 1)}
    figures = {
        **booked,
        "entries": entries,
        "bytes_per_booking": round((place.bytes_held(engine) - empty) / entries),
        **_statements(ledger, lineage, size),
        **_cards(ledger, lineage, size),
        **_traces(ledger, lineage, size),
        **_verified(ledger, size),
    }
    engine.dispose()
    plain.dispose()
    return figures


def _book(ledger: Ledger, plain: "_Plain", size: Size) -> dict[str, Any]:
    """Book cycle after cycle; of every tenth one the lower bound is measured right behind."""
    rng = np.random.default_rng(SEED)
    ours_s = bookings = 0.0
    ratios: list[float] = []
    for version in range(1, size.versions + 1):
        cycle_s, rows = 0.0, []
        for batch in _cycle(rng, version, size):
            began = time.perf_counter()
            new = ledger.book(batch)
            cycle_s += time.perf_counter() - began
            bookings += new
            if version % (size.versions // 10) == 0:
                rows.append([row_of(entry) for entry in batch])
        ours_s += cycle_s
        if rows:
            ratios.append(plain.seconds(rows) / cycle_s)
    return {
        "bookings_per_s": round(bookings / ours_s),
        "annotations_per_s": round(size.annotations / ours_s),
        **_report.spread("rate_over_executemany", ratios, digits=3),
    }


def _cycle(rng: np.random.Generator, version: int, size: Size) -> Iterator[list[Entry]]:
    """The entries of a version's cycle, in batches: all are given first, and charged when it ends."""
    people = rng.choice(size.annotators, size.annotators_per_version, replace=False)
    given = []
    for first in range(0, size.annotations // size.versions, BATCH):
        count = min(BATCH, size.annotations // size.versions - first)
        batch = [_given(rng, version, first + n, int(rng.choice(people))) for n in range(count)]
        given.append(batch)
        yield batch
    for batch in given:
        yield [_assigned(entry, version, n) for n, entry in enumerate(batch)]


def _given(rng: np.random.Generator, version: int, number: int, who: int) -> Entry:
    at = _BEGAN + timedelta(days=version, seconds=number)
    seconds = Decimal(int(rng.lognormal(2.3, 0.8) * 1000)) / 1000
    answer = Annotation(
        source_id=f"label-studio:{version}:{number}:{int(at.timestamp() * 1e6)}",
        item_id=f"{version:04x}{number:08x}" + "5ca1ab1e" * 2,
        annotator=f"{who:016x}",
        label="health",
        lead_time_s=float(seconds),
        started_at=None,
        submitted_at=at,
        simulated=False,
    )
    return posting_rules.annotation_given(
        answer,
        pseudonym=answer.annotator,
        effort=Effort(low_s=seconds, high_s=seconds + 1, policy="lead-time/2 idle_cap_s=60"),
        kind=Kind.VERIFICATION if number % 5 == 0 else Kind.PREPARATION,
        cycle=f"{MODEL}-{version:04}",
        model=MODEL,
        at=at,
    )


def _assigned(given: Entry, version: int, number: int) -> Entry:
    """Of twenty answers one is a skip, and one found no consensus."""
    waste = {0: Unused.SKIPPED, 1: Unused.NO_CONSENSUS}.get(number % 20)
    to = accounts.unused(waste) if waste else accounts.model_version(MODEL, str(version))
    kind = given.kind or Kind.PREPARATION
    return posting_rules.effort_assigned(
        given, to=to, kind=kind, version=str(version), at=given.at + timedelta(days=1), reason="went into a version"
    )


class _Plain:
    """The lower bound: rows as they are, by the driver."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._last = engine, 0
        kinds = {int: "BIGINT", bytes: "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"}
        whole = {"s_low", "s_high", "annotations", "labels", "events", "money"}
        columns = [f"{name} {kinds[int] if name in whole else 'TEXT'}" for name in EntryRow._fields[1:-1]]
        with writing(engine) as connection:
            connection.exec_driver_sql(
                f"CREATE TABLE plain (id BIGINT PRIMARY KEY, source_id TEXT UNIQUE, {', '.join(columns)}, "
                f"fingerprint {kinds[bytes]})"
            )
        mark = "%s" if engine.dialect.name == "postgresql" else "?"
        self._insert = f"INSERT INTO plain VALUES ({', '.join([mark] * len(_KNOWN_TO_THE_DATABASE))})"  # noqa: S608

    def seconds(self, batches: Sequence[Sequence[EntryRow]]) -> float:
        """How long it takes to insert them, a transaction a batch."""
        took = 0.0
        for batch in batches:
            rows = [(self._last + n, *row) for n, row in enumerate(batch, start=1)]
            self._last += len(rows)
            began = time.perf_counter()
            with writing(self._engine) as connection:
                connection.connection.cursor().executemany(self._insert, rows)
            took += time.perf_counter() - began
        return took


def _statements(ledger: Ledger, lineage: dict[str, list[str]], size: Size) -> dict[str, Any]:
    """A statement of one version, inherited effort included; the last version inherits from all others."""
    asked = np.random.default_rng(SEED).integers(1, size.versions + 1, size.statements)
    took = [_seconds(partial(labour, ledger, MODEL, lineage, str(v))) for v in asked]
    last = [_seconds(lambda: labour(ledger, MODEL, lineage, str(size.versions))) for _ in range(5)]
    return {
        **_report.spread("statement_ms", [1000 * s for s in took], digits=3),
        "statement_of_last_ms": round(1000 * statistics.median(last), 1),
        "statement_of_all_ms": round(1000 * _seconds(lambda: labour(ledger, MODEL, lineage)), 1),
    }


def _cards(ledger: Ledger, lineage: dict[str, list[str]], size: Size) -> dict[str, Any]:
    issue = partial(ledger.issue_card, MODEL, lineage=lineage, at=_BEGAN, document=lambda labour: str(labour.digest))
    step = size.versions // size.cards
    took = [_seconds(partial(issue, str(version))) for version in range(step, size.versions + 1, step)]
    return {"card_of_last_s": round(took[-1], 2)}


def _traces(ledger: Ledger, lineage: dict[str, list[str]], size: Size) -> dict[str, Any]:
    ledger.record_lineage(MODEL, lineage)
    first = f"given:label-studio:1:2:{int((_BEGAN + timedelta(days=1, seconds=2)).timestamp() * 1e6)}"
    if len(ledger.where_went(first)) != size.versions:
        raise RuntimeError("An answer of the first version did not go into all of them.")
    return {
        "where_went_ms": round(1000 * _seconds(lambda: ledger.where_went(first)), 1),
        "trace_of_first_s": round(_seconds(lambda: sum(1 for _ in ledger.trace(MODEL, "1"))), 2),
    }


def _verified(ledger: Ledger, size: Size) -> dict[str, Any]:
    closed = [f"{MODEL}-{version:04}" for version in range(1, size.versions + 1)]
    began = time.perf_counter()
    problems = ledger.check(closed)
    took = time.perf_counter() - began
    if problems:
        raise RuntimeError(f"The books are wrong: {problems[0].subject}: {problems[0].message}")
    return {"verify_s": round(took, 2)}


def _seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    _report.main("ledger", __doc__, measure)
