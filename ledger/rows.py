"""Entries as rows of their table, and back."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
from ledger.database import insert_many
from ledger.entries import Entry
from ledger.tables import ENTRIES
from ledger.units import Currency, Measure, Unit

Item = TypeVar("Item")

AT_ONCE = 500
"""Rows asked for or sent in one statement, below every database's limit on parameters."""


class EntryRow(NamedTuple):
    """An entry as its table keeps it, without its number: amounts in smallest parts, moments as text."""

    source_id: str
    at: str
    narration: str
    kind: str | None
    provenance: str
    giver: str
    receiver: str
    s_low: int | None
    s_high: int | None
    annotations: int | None
    labels: int | None
    events: int | None
    currency: str | None
    money: int | None
    model: str | None
    version: str | None
    cycle: str | None
    item_id: str | None
    policy: str | None
    person: str | None
    worked_at: str | None
    given: str | None
    reverses: str | None
    source: str | None
    note: str | None
    fingerprint: bytes


_NAMES = ("id", *EntryRow._fields)
_COLUMNS = tuple(ENTRIES.c[name] for name in EntryRow._fields)
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
_BEFORE_AMOUNTS, _BEHIND_AMOUNTS = slice(2, 7), slice(14, 25)


def row_of(entry: Entry) -> EntryRow:
    """The entry as a row. LedgerError for what the tables cannot keep."""
    parts = entry.parts()
    _must_fit(entry, parts)
    currency = next((unit for unit in parts if isinstance(unit, Currency)), None)
    values = (
        entry.source_id,
        _moment(entry.at),
        entry.narration,
        entry.kind.value if entry.kind else None,
        entry.provenance.value,
        entry.giver,
        entry.receiver,
        *(parts.get(unit) for unit in _UNITS),
        str(currency) if currency else None,
        parts[currency] if currency else None,
        entry.model,
        entry.version,
        entry.cycle,
        entry.item_id,
        entry.policy,
        entry.person,
        _moment(entry.worked_at) if entry.worked_at else None,
        entry.given,
        entry.reverses,
        entry.source,
        entry.note,
    )
    # `Entry.event`, from what is at hand: the same text at a third of the time.
    event = [entry.source_id, *values[_BEFORE_AMOUNTS], sorted(parts.items()), *values[_BEHIND_AMOUNTS]]
    written = _ENCODER.encode(event)
    if "\\u" in written:
        _must_be_text(values)
    return EntryRow._make((*values, hashlib.sha256(written.encode()).digest()))


_UNITS = tuple(Unit)


def entry_of(row: Row[Any] | EntryRow) -> Entry:
    """The entry in its row. LedgerError when it holds none that could have been booked."""
    try:
        return Entry(
            at=datetime.fromisoformat(row.at),
            source_id=row.source_id,
            narration=row.narration,
            kind=Kind(row.kind) if row.kind is not None else None,
            provenance=Provenance(row.provenance),
            giver=row.giver,
            receiver=row.receiver,
            amounts=_amounts(row),
            model=row.model,
            version=row.version,
            cycle=row.cycle,
            item_id=row.item_id,
            policy=row.policy,
            person=row.person,
            worked_at=datetime.fromisoformat(row.worked_at) if row.worked_at is not None else None,
            given=row.given,
            reverses=row.reverses,
            source=row.source,
            note=row.note,
        )
    except (ValueError, TypeError) as error:
        raise LedgerError(
            f"Entry {row.source_id} cannot be read: {error}.",
            hint="Something other than Kempelen wrote to the books. Restore a backup, and run the check.",
        ) from error


def entries_query() -> Select[Any]:
    """One row an entry, oldest first."""
    return select(*_COLUMNS).order_by(ENTRIES.c.at, ENTRIES.c.id)


def fingerprints(connection: Connection, source_ids: Iterable[str]) -> dict[str, bytes]:
    """What is booked under these names: the fingerprint by source_id."""
    found: dict[str, bytes] = {}
    for some in in_parts(list(source_ids)):
        found.update((source_id, bytes(booked)) for source_id, booked in connection.execute(_BOOKED, {"names": some}))
    return found


_BOOKED = select(ENTRIES.c.source_id, ENTRIES.c.fingerprint).where(
    ENTRIES.c.source_id.in_(bindparam("names", expanding=True))
)


def insert_entries(connection: Connection, rows: Sequence[EntryRow]) -> None:
    """Add entries to their table. The caller's transaction holds the right to write, so the next number stays free."""
    last = last_number(connection)
    insert_many(connection, ENTRIES.name, _NAMES, [(last + n, *row) for n, row in enumerate(rows, start=1)])


def last_number(connection: Connection) -> int:
    """The number of the newest entry, 0 when there is none."""
    return connection.execute(select(func.max(ENTRIES.c.id))).scalar() or 0


def in_parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """So many as one statement takes."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _amounts(row: Row[Any] | EntryRow) -> dict[Measure, Decimal]:
    parts: dict[Measure, int | None] = {unit: getattr(row, unit) for unit in Unit}
    if row.currency is not None:
        parts[Currency(row.currency)] = row.money
    return {unit: Decimal(n) / unit.per_unit for unit, n in parts.items() if n is not None}


def _must_fit(entry: Entry, parts: Mapping[Measure, int]) -> None:
    low, high = parts.get(Unit.S_LOW), parts.get(Unit.S_HIGH)
    if (low is None) is not (high is None) or (low is not None and high is not None and abs(low) > abs(high)):
        raise LedgerError(
            f"Entry {entry.source_id} has seconds from {low} to {high} ms.", hint="Give a low bound and a high one."
        )
    if len(parts) > 1 and any(isinstance(unit, Currency) for unit in parts):
        raise LedgerError(
            f"Entry {entry.source_id} moves {', '.join(parts)} at once.",
            hint="Money of one currency moves in an entry of its own.",
        )


def _must_be_text(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            raise LedgerError(
                f"{value!r} is no text that a database keeps.",
                hint="Remove zero characters and halves of surrogate pairs from names and notes.",
            )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
