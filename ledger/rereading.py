"""Read every entry again: does it still say what was booked, and what do all of them add up to?"""

import codecs
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, text

from kempelen.errors import LedgerError, Problem
from ledger.database import driver_rows
from ledger.rows import entry_of
from ledger.seals import SEAL_BYTES
from ledger.tables import ENTRIES
from ledger.totals import NOBODY, NOTHING, Line, Sums, Totals

AT_ONCE = 20_000
"""Entries read at once: this bounds the memory."""

_UTC = "+00:00"
_BEFORE_AMOUNTS = ("source_id", "narration", "kind", "provenance", "giver", "receiver")
_AMOUNTS = ("annotations", "events", "labels", "s_high", "s_low")
_BEHIND_AMOUNTS = (
    *("model", "version", "cycle", "item_id", "policy", "person", "worked_at", "given", "reverses", "source", "note"),
)

Flow = tuple[str, str, str | None]
"""Giver, receiver, currency."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What a range of entries holds.

    `seals` has the seal of entry number n at 32 (n - first) bytes, zeros for one that is missing; `flows` what moved
    between two accounts, `totals` what the entries of versions add up to.
    """

    first: int
    last: int
    entries: int = 0
    seals: bytearray = field(default_factory=bytearray)
    flows: dict[Flow, Sums] = field(default_factory=dict)
    totals: Totals = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, later: "Found") -> None:
        """Go on with what was found behind this."""
        self.last = later.last
        self.entries += later.entries
        self.seals += later.seals
        self.problems += later.problems
        for flow, sums in later.flows.items():
            self.flows[flow] = self.flows.get(flow, NOTHING).plus(sums)
        for key, sums in later.totals.items():
            self.totals[key] = self.totals.get(key, NOTHING).plus(sums)


def reread(connection: Connection, first: int, last: int) -> Found:
    """Read the entries from one number to another."""
    found = Found(first=first, last=first - 1)
    for start in range(first, last + 1, AT_ONCE):
        found.take(_part(connection, start, min(start + AT_ONCE - 1, last)))
    return found


def problem(subject: str, message: str, hint: str) -> Problem:
    """Something that is wrong in the books."""
    return Problem(stage="ledger", subject=subject, message=message, hint=hint)


def _part(connection: Connection, first: int, last: int) -> Found:
    span = {"first": first, "last": last}
    found = Found(first=first, last=last, seals=bytearray(SEAL_BYTES * (last - first + 1)))
    doubtful = _sealed_part(connection, span, found)
    for some in (doubtful[start : start + 500] for start in range(0, len(doubtful), 500)):
        query = select(ENTRIES).where(ENTRIES.c.id.in_(some)).order_by(ENTRIES.c.id)
        found.problems += [p for row in connection.execute(query) for p in _wrong_with(row)]
    for giver, receiver, currency, *sums in connection.execute(_FLOWS, span).tuples():
        found.flows[giver, receiver, currency] = _sums(sums)
    for row in connection.execute(_TOTALS, span).tuples():
        line = Line(*row[: len(Line._fields)])
        key = line._replace(timed=bool(line.timed)), row[len(Line._fields)] or NOBODY
        found.totals[key] = found.totals.get(key, NOTHING).plus(_sums(row[len(Line._fields) + 1 :]))
    return found


def _sealed_part(connection: Connection, span: dict[str, int], found: Found) -> list[int]:
    """Fill in the seals; the numbers of those entries whose text, as the database writes it, is not what was booked."""
    sha256, first, seals, doubtful = hashlib.sha256, found.first, found.seals, []
    query = _event_query(connection.dialect.name)
    for number, at, fingerprint, event in driver_rows(connection, query, tuple(span.values())):
        found.entries += 1
        place = SEAL_BYTES * (number - first)
        seals[place : place + SEAL_BYTES] = sha256(fingerprint + at.encode()).digest()
        if sha256(event.encode("ascii", _JSON)).digest() != fingerprint or not at.endswith(_UTC):
            doubtful.append(number)
    return doubtful


def _wrong_with(row: Any) -> list[Problem]:
    """What Python says of an entry that the database writes otherwise: a name of a rare letter, or a changed one."""
    try:
        entry = entry_of(row)
    except LedgerError as error:
        return [problem(row.source_id, str(error), error.hint)]
    if entry.fingerprint() == bytes(row.fingerprint):
        return []
    hint = "Somebody changed the database. Compare it with a backup."
    return [problem(row.source_id, "It does not read as it was booked.", hint)]


def _event_query(dialect: str) -> str:
    """The event of each entry as JSON, as `Entry.event` has it, written by the database: three times as fast.

    The texts before and behind the amounts are two lists, joined without the brackets between them.
    """
    if dialect == "postgresql":
        listed, quoted, mark = "to_json(ARRAY[{0}])::text", "to_json(currency)::text", "%s"
    else:
        listed, quoted, mark = "json_array({0})", "json_quote(currency)", "?"
    before, behind = (listed.format(", ".join(names)) for names in (_BEFORE_AMOUNTS, _BEHIND_AMOUNTS))
    units = "||".join(f"coalesce(',[\"{name}\",'||{name}||']', '')" for name in _AMOUNTS)
    amounts = f"substr(coalesce(',['||{quoted}||','||money||']', '')||{units}, 2)"
    return (
        f"SELECT id, at, fingerprint, rtrim({before}, ']')||',['||{amounts}||'],'||substr({behind}, 2) "  # noqa: S608 - our own names
        f"FROM ledger_entries WHERE id BETWEEN {mark} AND {mark}"
    )


_JSON = "kempelen-json"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Letters outside ASCII as JSON escapes them, in UTF-16."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4)), error.end


codecs.register_error(_JSON, _escaped)

_SUMS = "sum(CASE WHEN reverses IS NULL THEN 1 ELSE -1 END), " + ", ".join(
    f"coalesce(sum({name}), 0)" for name in Sums._fields[1:]
)
_FLOWS = text(
    f"SELECT giver, receiver, currency, {_SUMS} FROM ledger_entries WHERE id BETWEEN :first AND :last "  # noqa: S608
    "GROUP BY giver, receiver, currency"
)
_OF_LINE = {
    **{name: name for name in Line._fields},
    "note": "CASE WHEN currency IS NULL THEN note END",
    "timed": "CASE WHEN s_high IS NULL THEN 0 ELSE 1 END",
}
_LINE = ", ".join(_OF_LINE.values())
_TOTALS = text(
    f"SELECT {_LINE}, person, {_SUMS} FROM ledger_entries WHERE id BETWEEN :first AND :last "  # noqa: S608
    f"AND version IS NOT NULL GROUP BY {_LINE}, person"
)


def _sums(values: Sequence[Any]) -> Sums:
    return Sums(*map(int, values))
