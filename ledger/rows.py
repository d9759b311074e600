"""Entries as rows of tables, and back."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
from ledger.entries import Entry, posting_of_parts
from ledger.tables import ENTRIES, POSTINGS

_AT_ONCE = 500
"""Rows asked for or sent in one statement, below SQLite's limit on parameters."""

_TEXTS = ("source_id", "narration", "model", "version", "cycle", "item_id", "policy", "given", "note")


def entries_query() -> Select[Any]:
    """One row a posting, those of an entry together, oldest entry first."""
    return (
        select(ENTRIES, POSTINGS.c.account, POSTINGS.c.unit, POSTINGS.c.parts)
        .outerjoin(POSTINGS, POSTINGS.c.entry_id == ENTRIES.c.id)
        .order_by(ENTRIES.c.at, ENTRIES.c.id, POSTINGS.c.line)
    )


def rows_by_entry(connection: Connection, query: Select[Any]) -> Iterator[list[RowMapping]]:
    """The rows of one entry after the other, as they stand."""
    rows = connection.execute(query).mappings()
    return (list(group) for _, group in groupby(rows, key=lambda row: row["id"]))


def entry_of(rows: Sequence[RowMapping]) -> Entry:
    """The entry in its rows. LedgerError when they hold none that could have been booked."""
    first = rows[0]
    try:
        return Entry(
            at=datetime.fromisoformat(first["at"]),
            kind=Kind(first["kind"]),
            provenance=Provenance(first["provenance"]),
            postings=tuple(
                posting_of_parts(row["account"], row["unit"], row["parts"])
                for row in rows
                if row["account"] is not None
            ),
            **{column: first[column] for column in _TEXTS},
        )
    except ValueError as error:
        raise LedgerError(
            f"Entry {first['source_id']} cannot be read: {error}.",
            hint="Something other than Kempelen wrote to the books. Restore a backup, and run the check.",
        ) from error


def fingerprints(connection: Connection, source_ids: Iterable[str]) -> dict[str, bytes]:
    """What is booked under these names: the fingerprint by source_id."""
    found: dict[str, bytes] = {}
    for some in _in_parts(list(source_ids)):
        query = select(ENTRIES.c.source_id, ENTRIES.c.fingerprint).where(ENTRIES.c.source_id.in_(some))
        found.update((source_id, fingerprint) for source_id, fingerprint in connection.execute(query))
    return found


def insert_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add entries. The caller's transaction holds the right to write, so the next number stays free."""
    last = connection.execute(select(func.max(ENTRIES.c.id))).scalar() or 0
    for start in range(0, len(entries), _AT_ONCE):
        numbered = list(enumerate(entries[start : start + _AT_ONCE], start=last + 1 + start))
        connection.execute(insert(ENTRIES), [_entry_row(number, entry) for number, entry in numbered])
        connection.execute(
            insert(POSTINGS), [row for number, entry in numbered for row in _posting_rows(number, entry)]
        )


def _entry_row(number: int, entry: Entry) -> dict[str, Any]:
    return {column: getattr(entry, column) for column in _TEXTS} | {
        "id": number,
        "at": entry.at.isoformat(timespec="microseconds"),
        "kind": entry.kind.value,
        "provenance": entry.provenance.value,
        "fingerprint": entry.fingerprint(),
    }


def _posting_rows(number: int, entry: Entry) -> list[dict[str, Any]]:
    return [
        {"entry_id": number, "line": line, "account": p.account, "unit": p.unit.value, "parts": p.parts}
        for line, p in enumerate(entry.postings)
    ]


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))
