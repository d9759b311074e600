"""Entries as rows of their table, and back."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
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


_COLUMNS = tuple(ENTRIES.c[name] for name in EntryRow._fields)
_EVENT = itemgetter(0, *range(2, 7), 26, *range(14, 25))
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def row_of(entry: Entry) -> EntryRow:
    """The entry as a row. LedgerError for what the tables cannot keep."""
    amounts = entry.parts()
    currencies = [unit for unit in amounts if isinstance(unit, Currency)]
    row = EntryRow(
        source_id=entry.source_id,
        at=_moment(entry.at),
        narration=entry.narration,
        kind=entry.kind.value if entry.kind else None,
        provenance=entry.provenance.value,
        giver=entry.giver,
        receiver=entry.receiver,
        s_low=amounts.get(Unit.S_LOW),
        s_high=amounts.get(Unit.S_HIGH),
        annotations=amounts.get(Unit.ANNOTATIONS),
        labels=amounts.get(Unit.LABELS),
        events=amounts.get(Unit.EVENTS),
        currency=str(currencies[0]) if currencies else None,
        money=amounts[currencies[0]] if currencies else None,
        model=entry.model,
        version=entry.version,
        cycle=entry.cycle,
        item_id=entry.item_id,
        policy=entry.policy,
        person=entry.person,
        worked_at=_moment(entry.worked_at) if entry.worked_at else None,
        given=entry.given,
        reverses=entry.reverses,
        source=entry.source,
        note=entry.note,
        fingerprint=b"",
    )
    if currencies and len(amounts) > 1:
        raise LedgerError(
            f"Entry {entry.source_id} moves {', '.join(amounts)} at once.",
            hint="Money of one currency moves in an entry of its own.",
        )
    _must_be_bounds(row)
    _must_be_text(row)
    return row


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
    for some in in_parts(rows):
        connection.execute(_INSERT, [row._asdict() | {"id": last + n} for n, row in enumerate(some, start=1)])
        last += len(some)


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


def _must_be_bounds(row: EntryRow) -> None:
    low, high = row.s_low, row.s_high
    if (low is None) is not (high is None) or (low is not None and high is not None and abs(low) > abs(high)):
        raise LedgerError(
            f"Entry {row.source_id} has seconds from {low} to {high} ms.", hint="Give a low bound and a high one."
        )


def _must_be_text(row: EntryRow) -> None:
    texts = "".join(value for value in row if isinstance(value, str))
    if "\0" in texts or not (texts.isascii() or _is_unicode(texts)):
        raise LedgerError(
            f"Entry {row.source_id!r} holds text that no database keeps.",
            hint="Remove zero characters and halves of surrogate pairs from names and notes.",
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
