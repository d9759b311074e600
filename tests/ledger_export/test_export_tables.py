"""Tables of the books: every figure exact, every text harmless to a spreadsheet, and all of it as it was booked."""

import csv
import io
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.entries import Entry, digest
from ledger.export import tables
from ledger.rows import row_of
from ledger.units import Currency, Unit

Events = Callable[[int, int], Iterator[Entry]]


@pytest.fixture
def entries(events: Events) -> list[Entry]:
    return list(events(300, 11))


def read(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8"), newline="")))


def money(entry: Entry) -> Decimal | None:
    return next((amount for unit, amount in entry.amounts.items() if isinstance(unit, Currency)), None)


def test_every_cell_of_the_csv_is_what_was_booked(tmp_path: Path, entries: list[Entry]) -> None:
    tables.write_csv(tmp_path / "books.csv", map(row_of, entries))
    rows = read(tmp_path / "books.csv")
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        for name in ("source_id", "narration", "giver", "receiver", "model", "version", "person", "reverses", "note"):
            assert tables.unshielded(row[name]) == (getattr(entry, name) or "")
        for unit in Unit:
            assert (Decimal(row[unit]) if row[unit] else None) == entry.amounts.get(unit)
        assert (Decimal(row["money"]) if row["money"] else None) == money(entry)
        assert row["seal"] == entry.seal().hex()
        assert datetime.fromisoformat(row["at"]) == entry.at


def test_the_seals_of_a_csv_give_the_digest_of_the_books(tmp_path: Path, entries: list[Entry]) -> None:
    tables.write_csv(tmp_path / "books.csv", map(row_of, entries))
    seals = [bytes.fromhex(row["seal"]) for row in read(tmp_path / "books.csv")]
    assert digest(seals) == digest(entry.seal() for entry in entries)


def test_the_csv_is_as_rfc_4180_has_it(tmp_path: Path, entries: list[Entry]) -> None:
    harmless = [replace(entry, source_id=f"event/{n}", narration="said", note=None) for n, entry in enumerate(entries)]
    tables.write_csv(tmp_path / "books.csv", map(row_of, harmless))
    lines = (tmp_path / "books.csv").read_bytes().split(b"\r\n")
    assert lines[0].decode() == ",".join(tables.COLUMNS)
    assert lines[-1] == b""
    assert len(lines) == len(harmless) + 2
    assert b"\n" not in b"".join(lines)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\uff1d", " =", "\t=", "a;=", "a,+", "a\n=", "a|@", "\r-"])
def test_no_text_is_a_formula_and_a_negative_number_stays_one(tmp_path: Path, entries: list[Entry], begin: str) -> None:
    back = next(entry for entry in entries if Unit.S_LOW in entry.amounts and entry.amounts[Unit.S_LOW] < 0)
    tables.write_csv(tmp_path / "books.csv", [row_of(replace(back, note=f"{begin}cmd|' /C calc'!A0"))])
    (row,) = read(tmp_path / "books.csv")
    sign = begin[-1]
    assert f"'{sign}cmd" in row["note"]
    assert row["s_low"] == f"{back.amounts[Unit.S_LOW]:.3f}"
    assert row["s_low"].startswith("-")


@given(st.text(alphabet="=+-@'\uff1d ;,|\t\r\nab", max_size=8))
@example("'=1")
@example("''=1")
@example("' '=")
def test_a_shielded_text_comes_back(text: str) -> None:
    assert tables.unshielded(tables.shielded(text)) == text


def test_the_parquet_file_has_exact_numbers_and_real_moments(tmp_path: Path, entries: list[Entry]) -> None:
    tables.write_parquet(tmp_path / "books.parquet", map(row_of, entries))
    table = pq.read_table(tmp_path / "books.parquet")
    assert table.column_names == list(tables.COLUMNS)
    assert str(table.schema.field("s_low").type) == "decimal128(18, 3)"
    assert str(table.schema.field("money").type) == "decimal128(18, 6)"
    assert str(table.schema.field("at").type) == "timestamp[us, tz=UTC]"
    for row, entry in zip(table.to_pylist(), entries, strict=True):
        assert {unit: row[unit] for unit in Unit if row[unit] is not None} == {
            unit: amount for unit, amount in entry.amounts.items() if isinstance(unit, Unit)
        }
        assert (row["money"], row["note"], row["source_id"]) == (money(entry), entry.note, entry.source_id)
        assert (row["at"], row["worked_at"]) == (entry.at, entry.worked_at)


def test_the_largest_amount_that_can_be_booked_fits(tmp_path: Path, events: Events) -> None:
    (entry,) = events(1, 3)
    largest = {Unit.S_LOW: Decimal(10**12), Unit.S_HIGH: Decimal(10**12), Unit.EVENTS: Decimal(10**15)}
    wealth = replace(entry, amounts={Currency("JPY"): Decimal(10**9)})
    tables.write_parquet(tmp_path / "books.parquet", [row_of(replace(entry, amounts=largest)), row_of(wealth)])
    seconds, paid = pq.read_table(tmp_path / "books.parquet").to_pylist()
    assert (seconds["s_high"], seconds["events"], paid["money"]) == (Decimal(10**12), 10**15, Decimal(10**9))


def test_no_entries_make_a_table_without_rows(tmp_path: Path) -> None:
    tables.write_csv(tmp_path / "books.csv", [])
    tables.write_parquet(tmp_path / "books.parquet", [])
    assert read(tmp_path / "books.csv") == []
    assert pq.read_table(tmp_path / "books.parquet").num_rows == 0


def test_its_owner_alone_may_read_an_export(tmp_path: Path, entries: list[Entry]) -> None:
    tables.write_csv(tmp_path / "books.csv", map(row_of, entries))
    assert stat.S_IMODE((tmp_path / "books.csv").stat().st_mode) == 0o600
