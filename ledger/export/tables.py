"""The books as a table, one row an entry: CSV for spreadsheets and anything else, Parquet for programs."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.entries import sealed
from ledger.export._whole import whole_file
from ledger.rows import EntryRow

if TYPE_CHECKING:
    import pyarrow as pa

_SECONDS, _COUNTS = ("s_low", "s_high"), ("annotations", "labels", "events")
_MOMENTS = ("at", "worked_at")
_MONEY_PLACES, _SECOND_PLACES, _DIGITS = 6, 3, 18
_FIRST = ("source_id", *_MOMENTS, "narration", "kind", "provenance", "giver", "receiver")
COLUMNS = (
    *_FIRST, *_SECONDS, *_COUNTS, "currency", "money", "model", "version", "cycle", "item_id", "policy", "person",
    "given", "reverses", "source", "note", "seal",
)  # fmt: skip
"""The same in both files. `seal` is what the digest of a labour card is made of, in hexadecimal digits."""

_AT_ONCE = 50_000
"""Rows that are in memory together."""

# A cell that begins with one of = + - @ is a formula to a spreadsheet, also after the separator of another language
# and on a new line; the apostrophe is there so that what was shielded can be told from what was not.
_BEGINS = r"(^|[,;|\t\r\n])(\s*)"
_FORMULA = re.compile(_BEGINS + r"(?=[=+\-@'\uff1d\uff0b\uff0d\uff20])")
_SHIELDED = re.compile(_BEGINS + r"'(?=[=+\-@'\uff1d\uff0b\uff0d\uff20])")


def write_csv(path: Path, rows: Iterable[EntryRow]) -> None:
    """Write the entries as RFC 4180 has it, in UTF-8. LedgerError when the file cannot be written.

    Numbers are plain decimal numbers. A text that a spreadsheet would run as a formula gets an apostrophe before it,
    which `unshielded` takes away.
    """
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(row) for row in rows)


def write_parquet(path: Path, rows: Iterable[EntryRow]) -> None:
    """Write the entries as Parquet, amounts as exact decimal numbers. LedgerError when the file cannot be written."""
    import pyarrow.parquet as pq

    schema = _schema()
    with whole_file(path) as unfinished, pq.ParquetWriter(unfinished, schema) as writer:
        for some in _in_parts(rows):
            writer.write_batch(_batch(some, schema))


def shielded(text: str) -> str:
    """The text, so that no spreadsheet runs it.

    >>> shielded("=1+1"), shielded("yes"), shielded("a;-b")
    ("'=1+1", 'yes', "a;'-b")
    """
    return _FORMULA.sub(r"\1\2'", text)


def unshielded(cell: str) -> str:
    """The text that was shielded.

    >>> unshielded("'=1+1"), unshielded("yes")
    ('=1+1', 'yes')
    """
    return _SHIELDED.sub(r"\1\2", cell)


def _cells(row: EntryRow) -> Iterator[str]:
    return (_cell(_value(row, name)) for name in COLUMNS)


def _cell(value: str | int | Decimal | None) -> str:
    if value is None:
        return ""
    return shielded(value) if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _value(row: EntryRow, name: str) -> str | int | Decimal | None:
    """The entry's value in a column; moments as text."""
    if name == "seal":
        return sealed(bytes(row.fingerprint), datetime.fromisoformat(row.at)).hex()
    value: str | int | None = getattr(row, name)
    if isinstance(value, int) and name not in _COUNTS:
        return Decimal(value).scaleb(-(_MONEY_PLACES if name == "money" else _SECOND_PLACES))
    return value


def _schema() -> "pa.Schema":
    import pyarrow as pa

    types = dict.fromkeys(COLUMNS, pa.string())
    types |= dict.fromkeys(_SECONDS, pa.decimal128(_DIGITS, _SECOND_PLACES))
    types |= dict.fromkeys(_COUNTS, pa.int64()) | {"money": pa.decimal128(_DIGITS, _MONEY_PLACES)}
    types |= dict.fromkeys(_MOMENTS, pa.timestamp("us", tz="UTC"))
    return pa.schema(types)


def _batch(rows: Sequence[EntryRow], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    arrays: list[Any] = []
    for field in schema:
        values: list[Any] = [_value(row, field.name) for row in rows]
        if field.name in _MOMENTS:
            values = [datetime.fromisoformat(value) if value else None for value in values]
        arrays.append(pa.array(values, type=field.type))
    return pa.record_batch(arrays, schema=schema)


def _in_parts(rows: Iterable[EntryRow]) -> Iterator[list[EntryRow]]:
    rest = iter(rows)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
