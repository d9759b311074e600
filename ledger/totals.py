"""What entries add up to, by version and all that a statement tells apart: kept up as they are booked."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, text, true

from ledger.rows import AT_ONCE, EntryRow, in_parts
from ledger.seals import trained
from ledger.tables import ENTRIES, LINES, TOTALS

NOBODY = ""
"""Stands where no person is known by name."""


class Line(NamedTuple):
    """What entries agree in that are added up together."""

    model: str | None
    version: str
    cycle: str | None
    receiver: str
    kind: str | None
    provenance: str
    source: str | None
    note: str | None
    policy: str | None
    timed: bool
    currency: str | None

    @property
    def key(self) -> bytes:
        """SHA-256 of the line: a key that NULLs do not weaken."""
        return hashlib.sha256(json.dumps(self, separators=(",", ":")).encode()).digest()


class Sums(NamedTuple):
    """Entries, those taken back subtracted, and their amounts in smallest parts."""

    entries: int
    s_low: int
    s_high: int
    annotations: int
    labels: int
    events: int
    money: int

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(*map(add, self, other))


NOTHING = Sums(0, 0, 0, 0, 0, 0, 0)

Totals = dict[tuple[Line, str], Sums]
"""By line and person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTotal:
    """What the entries of a line add up to. `people` are the accounts of those who have an entry in it that stands."""

    line: Line
    sums: Sums
    people: frozenset[str]


def of(rows: Iterable[EntryRow]) -> Totals:
    """What these entries add up to; those that belong to no version are none of it."""
    found: Totals = {}
    for row in rows:
        if row.version is not None:
            key = line_of(row), row.person or NOBODY
            found[key] = found.get(key, NOTHING).plus(_sums(row))
    return found


def line_of(row: EntryRow) -> Line:
    """The line that an entry is added to."""
    return Line(
        model=row.model,
        version=row.version or "",
        cycle=row.cycle,
        receiver=row.receiver,
        kind=row.kind,
        provenance=row.provenance,
        source=row.source,
        note=row.note if row.currency is None else None,
        policy=row.policy,
        timed=row.s_high is not None,
        currency=row.currency,
    )


def _sums(row: EntryRow) -> Sums:
    return Sums(
        entries=1 if row.reverses is None else -1,
        s_low=row.s_low or 0,
        s_high=row.s_high or 0,
        annotations=row.annotations or 0,
        labels=row.labels or 0,
        events=row.events or 0,
        money=row.money or 0,
    )


def lines_of(totals: Totals) -> list[LineTotal]:
    """The totals by line."""
    sums: dict[Line, Sums] = {}
    people: dict[Line, set[str]] = {}
    for (line, person), more in totals.items():
        sums[line] = sums.get(line, NOTHING).plus(more)
        people.setdefault(line, set()).update({person} if person and more.entries > 0 else ())
    return [LineTotal(line=line, sums=sums[line], people=frozenset(people[line])) for line in sums]


def book(connection: Connection, rows: Iterable[EntryRow]) -> None:
    """Add what was booked to the totals, in the transaction that books it."""
    totals = of(rows)
    numbers = _numbers(connection, {line for line, _ in totals})
    changes = [{"line": numbers[line], "person": person} | sums._asdict() for (line, person), sums in totals.items()]
    for some in in_parts(changes):
        connection.execute(_ADD, some)


_ADD = text(
    f"INSERT INTO ledger_totals (line, person, {', '.join(Sums._fields)}) "  # noqa: S608 - names from this file alone
    f"VALUES (:line, :person, {', '.join(f':{name}' for name in Sums._fields)}) ON CONFLICT (line, person) DO UPDATE "
    f"SET {', '.join(f'{name} = ledger_totals.{name} + excluded.{name}' for name in Sums._fields)}"
)


def _numbers(connection: Connection, lines: Collection[Line]) -> Mapping[Line, int]:
    """The number of each line in the database; new ones are added."""
    keys = {line.key: line for line in lines}
    found: dict[Line, int] = {}
    for some in in_parts(sorted(keys)):
        found |= {keys[bytes(key)]: number for key, number in connection.execute(_KNOWN, {"keys": some})}
    new = [line for _, line in sorted(keys.items()) if line not in found]
    if new:
        last = connection.execute(select(func.max(LINES.c.id))).scalar() or 0
        rows = [line._asdict() | {"id": last + n, "key": line.key} for n, line in enumerate(new, start=1)]
        for part in in_parts(rows):
            connection.execute(insert(LINES), part)
        found |= {line: last + n for n, line in enumerate(new, start=1)}
    return found


_KNOWN = select(LINES.c.key, LINES.c.id).where(LINES.c.key.in_(bindparam("keys", expanding=True)))


def rebuild(connection: Connection) -> None:
    """Derive all totals anew from the entries."""
    connection.execute(delete(TOTALS))
    connection.execute(delete(LINES))
    for rows in all_rows(connection):
        book(connection, rows)


def all_rows(connection: Connection, at_once: int = 20_000) -> Iterator[list[EntryRow]]:
    """All entries in their order, so many at once."""
    columns = [ENTRIES.c[name] for name in EntryRow._fields]
    first, last = 1, connection.execute(select(func.max(ENTRIES.c.id))).scalar() or 0
    for start in range(first, last + 1, at_once):
        query = select(*columns).where(ENTRIES.c.id.between(start, start + at_once - 1)).order_by(ENTRIES.c.id)
        yield [EntryRow(*row) for row in connection.execute(query)]


_WIDTH = len(Line._fields)
_FIELDS = [LINES.c[name] for name in Line._fields]
_BETWEEN = "\n"
"""Stands between people that are read together: ten thousand rows of them would take as long as all the rest."""

_OF_LINE = (
    select(
        *_FIELDS,
        *(func.sum(TOTALS.c[name]) for name in Sums._fields),
        func.aggregate_strings(case((TOTALS.c.entries > 0, TOTALS.c.person)), _BETWEEN),
    )
    .join_from(LINES, TOTALS)
    .group_by(LINES.c.id)
)


def read(
    connection: Connection, model: str, version: str | None = None, earlier: Collection[str] = ()
) -> list[LineTotal]:
    """The lines of a version, and those that it inherits from earlier ones; those of all versions without `version`."""
    rows = connection.execute(_OF_LINE.where(*_asked(model, version, earlier))).tuples()
    return [
        LineTotal(
            line=_line(row[:_WIDTH]),
            sums=Sums(*map(int, row[_WIDTH:-1])),
            people=frozenset((row[-1] or "").split(_BETWEEN)) - {""},
        )
        for row in rows
    ]


def _asked(model: str, version: str | None, earlier: Collection[str]) -> list[ColumnElement[bool]]:
    of_model = LINES.c.model == model
    if version is None:
        return [of_model]
    some = LINES.c.version.in_(sorted(earlier)) if len(earlier) <= AT_ONCE else true()
    inherited = some & text(trained(LINES.name))
    return [of_model, (LINES.c.version == version) | inherited]


def read_all(connection: Connection) -> Totals:
    """All that is kept."""
    query = select(*_FIELDS, TOTALS.c.person, *(TOTALS.c[name] for name in Sums._fields)).join_from(LINES, TOTALS)
    return {(_line(row[:_WIDTH]), row[_WIDTH]): Sums(*row[_WIDTH + 1 :]) for row in connection.execute(query).tuples()}


def _line(values: Iterable[Any]) -> Line:
    line = Line(*values)
    return line._replace(timed=bool(line.timed))
