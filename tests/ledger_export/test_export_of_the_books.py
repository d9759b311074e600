"""The books as a database holds them, exported as they stood at one moment."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine

from benchmarks._postgresql import Server, running
from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules
from ledger.database import open_engine, reading
from ledger.entries import Entry
from ledger.export import Form, export
from ledger.export.books import balances
from ledger.store import Ledger
from ledger.units import Currency, Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


class Judge(Protocol):
    def verdict(self, file: Path) -> tuple[bool, str]: ...


def answered(number: int, *, simulated: bool = False) -> list[Entry]:
    """An answer of some 10 s, charged to a version."""
    answer = Annotation(
        source_id=f"ls/{number}", item_id="i", annotator="ada", label="health", lead_time_s=10.0, started_at=None,
        submitted_at=NOON, simulated=simulated,
    )  # fmt: skip
    effort = Effort(low_s=Decimal(number), high_s=Decimal("10.5") + number, policy="lead-time/1")
    given = posting_rules.annotation_given(
        answer, pseudonym="k7qx", effort=effort, kind=Kind.PREPARATION, cycle="c1", model="intents", at=NOON
    )
    to = accounts.model_version("intents", "2")
    moved = posting_rules.effort_assigned(given, to=to, kind=given.kind, version="2", at=NOON, reason="trained on")
    return [given, moved]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of our own; a missing PostgreSQL is a failure."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = open_engine(tmp_path / "kempelen.db")
        yield made
        made.dispose()
        return
    server: Server = request.getfixturevalue("postgresql")
    name = f"exported_{uuid4().hex}"
    made = open_engine(server.make(name))
    yield made
    made.dispose()
    server.drop(name)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    books = Ledger(engine)
    wage = posting_rules.paid(
        source_id="1", person="annotator:k7qx", payer="Example", amount=Decimal("12.34"), currency="EUR", what="wage",
        at=NOON, paid_at=NOON,
    )  # fmt: skip
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=15_000, at=NOON)
    given, moved = answered(1)
    taken_back = posting_rules.corrected(
        given, moved, effort=Effort(low_s=Decimal(4), high_s=Decimal(5), policy="declared/1"), number=1, at=NOON,
        reason="the tab was idle",
    )  # fmt: skip
    books.book([wage, opening, given, moved, *taken_back, *answered(2), *answered(3, simulated=True)])
    return books


def test_bean_check_accepts_the_books_with_the_sums_of_the_database(
    tmp_path: Path, engine: Engine, ledger: Ledger, judge: Judge
) -> None:
    file = tmp_path / "books.beancount"
    assert export(engine, file, Form.BEANCOUNT) == ledger.last_entry() == 12
    assert judge.verdict(file) == (True, "")
    assert "balance Income:Annotator:K7qx  -16.500 ~ 0 S_HIGH" not in file.read_text()
    assert "balance Income:Annotator:K7qx  -17.500 ~ 0 S_HIGH" in file.read_text()  # 5 s declared, 12.5 s measured
    assert "balance Income:Annotator:K7qx  12.340000 ~ 0 EUR" in file.read_text()


def test_the_sums_of_the_database_are_those_of_the_entries(engine: Engine, ledger: Ledger) -> None:
    with reading(engine) as connection:
        found = balances(connection, ledger.last_entry())
    assert {name: {unit: Decimal(n) / unit.per_unit for unit, n in units.items()} for name, units in found.items()} == (
        ledger.balances()
    )
    assert found["payer:Example"] == {Currency("EUR"): -12_340_000}
    assert found["pool:c1"] == {Unit.S_LOW: 0, Unit.S_HIGH: 0, Unit.ANNOTATIONS: 0}


def test_sums_and_rows_stop_at_the_same_entry_whatever_is_booked_meanwhile(
    tmp_path: Path, engine: Engine, ledger: Ledger, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    upto = ledger.last_entry()

    def books_meanwhile(_: Connection) -> int:
        ledger.book(answered(4))
        return upto

    monkeypatch.setattr("ledger.export.books.last_number", books_meanwhile)
    file = tmp_path / "books.beancount"
    assert export(engine, file, Form.BEANCOUNT) == upto
    assert "ls/4" not in file.read_text()
    assert judge.verdict(file) == (True, "")


@pytest.mark.parametrize("form", [Form.CSV, Form.PARQUET])
def test_a_table_has_every_entry_in_its_order(tmp_path: Path, engine: Engine, ledger: Ledger, form: Form) -> None:
    file = tmp_path / "books"
    assert export(engine, file, form) == 12
    if form is Form.CSV:
        with file.open(encoding="utf-8", newline="") as text:
            names = [row["source_id"] for row in csv.DictReader(text)]
    else:
        names = pq.read_table(file).column("source_id").to_pylist()
    assert len(names) == 12
    assert set(names) == {entry.source_id for entry in ledger.entries()}
    assert names[:2] == ["paid:1", "opening:intents/1:CLINC150"]
