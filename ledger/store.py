"""The books in a database: entries are added, once each, and never changed or removed."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.orm import aliased

from kempelen.errors import LedgerError, Problem
from ledger.checks import problems_in
from ledger.database import database_errors, open_engine, reading, writing
from ledger.entries import Entry, Unit, posting_of_parts
from ledger.rows import entries_query, entry_of, fingerprints, insert_entries, rows_by_entry
from ledger.tables import ENTRIES, POSTINGS, SCHEMA_VERSION, make_tables, must_be_known, schema_version

__all__ = ["Ledger", "database_errors", "open_engine", "reading", "writing"]


class Ledger:
    """Books on an engine from `open_engine`; threads and processes may book at the same time.

    The tables are made when they are missing. LedgerError when a newer Kempelen made them; the
    errors of `open_engine` whenever the database fails.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with reading(engine) as connection:
            version = schema_version(connection)
        must_be_known(version)
        if version < SCHEMA_VERSION:
            with writing(engine) as connection:
                make_tables(connection)

    def book(self, entries: Iterable[Entry]) -> int:
        """Add entries in one transaction; how many were new.

        Booking the same again is harmless. LedgerError, and nothing is added, when an entry
        contradicts one with its `source_id`, in the books or among `entries`.
        """
        wanted = list(entries)
        with writing(self._engine) as connection:
            new, contradictions = _sorted_out(connection, wanted)
            if contradictions:
                raise _refusal(contradictions)
            insert_entries(connection, new)
        return len(new)

    def unbooked(self, entries: Iterable[Entry]) -> tuple[list[Entry], list[Problem]]:
        """Those that `book` would add; those for which it would raise come back as problems."""
        with reading(self._engine) as connection:
            return _sorted_out(connection, list(entries))

    def entries(self, model: str | None = None, cycle: str | None = None, version: str | None = None) -> list[Entry]:
        """The entries of a model, a cycle and a version, each where it is named; oldest first."""
        asked = {ENTRIES.c.model: model, ENTRIES.c.cycle: cycle, ENTRIES.c.version: version}
        conditions = [column == value for column, value in asked.items() if value is not None]
        return self._read(entries_query().where(*conditions))

    def unassigned(self, cycle: str) -> list[Entry]:
        """Annotations of a cycle whose effort still lies in its pool, oldest first."""
        later = aliased(ENTRIES)
        moved_on = select(later.c.id).where(later.c.given == ENTRIES.c.source_id).exists()
        return self._read(entries_query().where(ENTRIES.c.cycle == cycle, ENTRIES.c.given.is_(None), ~moved_on))

    def balance(self, account: str) -> dict[Unit, Decimal]:
        """What lies on one account, by unit; negative for what it gave. Empty when nothing was posted."""
        return self._balances(account).get(account, {})

    def balances(self) -> dict[str, dict[Unit, Decimal]]:
        """What lies on every account, by unit."""
        return self._balances(None)

    def check(self, closed_cycles: Iterable[str] = ()) -> list[Problem]:
        """What is wrong with the books, see `ledger.checks.problems_in`; empty when nothing is."""
        with reading(self._engine) as connection:
            return problems_in(rows_by_entry(connection, entries_query()), closed_cycles)

    def _balances(self, account: str | None) -> dict[str, dict[Unit, Decimal]]:
        columns = POSTINGS.c.account, POSTINGS.c.unit
        query = select(*columns, func.sum(POSTINGS.c.parts)).group_by(*columns).order_by(*columns)
        found: dict[str, dict[Unit, Decimal]] = {}
        with reading(self._engine) as connection:
            for name, unit, parts in connection.execute(query.where(columns[0] == account) if account else query):
                posting = posting_of_parts(name, unit, parts)
                found.setdefault(name, {})[posting.unit] = posting.amount
        return found

    def _read(self, query: Select[Any]) -> list[Entry]:
        with reading(self._engine) as connection:
            return [entry_of(rows) for rows in rows_by_entry(connection, query)]


def _sorted_out(connection: Connection, wanted: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """The new ones, each once, and the contradictory ones."""
    booked = fingerprints(connection, {entry.source_id for entry in wanted})
    new: list[Entry] = []
    problems: list[Problem] = []
    for entry in wanted:
        fingerprint = entry.fingerprint()
        known = booked.setdefault(entry.source_id, fingerprint)
        if known is fingerprint:
            new.append(entry)
        elif known != fingerprint:
            problems.append(
                Problem(
                    stage="ledger",
                    subject=entry.source_id,
                    message=f"Entry {entry.source_id} contradicts what is booked under that name.",
                    hint="An entry is never changed: see what happened, and book the difference under its own name.",
                )
            )
    return new, problems


def _refusal(contradictions: Sequence[Problem]) -> LedgerError:
    more = f" So do {len(contradictions) - 1} others." if len(contradictions) > 1 else ""
    return LedgerError(contradictions[0].message + more, hint=contradictions[0].hint)
