"""The books in a database: entries are added, once each, and never changed or removed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select, union_all

from kempelen.errors import LedgerError, Problem
from ledger import accounts, cards, checks, seals, totals, trace
from ledger.cards import Card
from ledger.database import database_errors, open_engine, reading, writing
from ledger.entries import Entry
from ledger.labour import VersionLabour
from ledger.migrations import bring_up_to_date
from ledger.rows import EntryRow, entries_query, entry_of, fingerprints, insert_entries, last_number, row_of
from ledger.statement import grouped, of_version
from ledger.tables import ENTRIES
from ledger.totals import LineTotal
from ledger.trace import Traced
from ledger.units import Currency, Measure, Unit

__all__ = ["Ledger", "database_errors", "open_engine", "reading", "writing"]


class Ledger:
    """Books on an engine from `open_engine`; threads and processes may book at the same time.

    The tables are made, or brought to their newest form, when that is needed. LedgerError when a newer Kempelen made
    them; the errors of `open_engine` whenever the database fails.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        bring_up_to_date(engine)

    @property
    def engine(self) -> Engine:
        """The database, for what stands beside the entries: contracts, pseudonyms, releases."""
        return self._engine

    # ------------------------------------------------------------ booking

    def book(self, entries: Iterable[Entry]) -> int:
        """Add entries in one transaction; how many were new.

        Booking the same again is harmless. LedgerError, and nothing is added, when an entry
        contradicts one with its `source_id`, in the books or among `entries`.
        """
        wanted = [row_of(entry) for entry in entries]
        with writing(self._engine) as connection:
            new, contradictions = _sorted_out(connection, wanted)
            if contradictions:
                raise _refusal(contradictions)
            insert_entries(connection, new)
            totals.book(connection, new)
        return len(new)

    def unbooked(self, entries: Iterable[Entry]) -> tuple[list[Entry], list[Problem]]:
        """Those that `book` would add; those for which it would raise come back as problems."""
        wanted = list(entries)
        rows = [row_of(entry) for entry in wanted]
        with reading(self._engine) as connection:
            new, problems = _sorted_out(connection, rows)
        added = {id(row) for row in new}
        return [entry for entry, row in zip(wanted, rows, strict=True) if id(row) in added], problems

    # ------------------------------------------------------------ entries and balances

    def entries(self, model: str | None = None, cycle: str | None = None, version: str | None = None) -> list[Entry]:
        """The entries of a model, a cycle and a version, each where it is named; oldest first."""
        asked = {ENTRIES.c.model: model, ENTRIES.c.cycle: cycle, ENTRIES.c.version: version}
        conditions = [column == value for column, value in asked.items() if value is not None]
        return self._read(entries_query().where(*conditions))

    def entry(self, source_id: str) -> Entry | None:
        """One entry by its name."""
        return next(iter(self._read(entries_query().where(ENTRIES.c.source_id == source_id))), None)

    def unassigned(self, cycle: str) -> list[Entry]:
        """What still lies in the pool of a cycle, oldest first: given, not taken back, and not moved on."""
        pool = accounts.pool(cycle)
        pools = ENTRIES.c.receiver.in_([pool, accounts.simulated(pool)])
        mine = ENTRIES.c.cycle == cycle, pools, ENTRIES.c.reverses.is_(None)
        later, undone = ENTRIES.alias(), ENTRIES.alias()
        moved_on = later.c.given == ENTRIES.c.source_id, later.c.reverses.is_(None), ~_reversed(later)
        taken_back = select(undone.c.id).where(undone.c.reverses == ENTRIES.c.source_id).exists()
        return self._read(entries_query().where(*mine, ~taken_back, ~select(later.c.id).where(*moved_on).exists()))

    def balance(self, account: str) -> dict[Measure, Decimal]:
        """What lies on one account, by unit; negative for what it gave. Empty when nothing was posted."""
        return self._balances(account).get(account, {})

    def balances(self) -> dict[str, dict[Measure, Decimal]]:
        """What lies on every account, by unit."""
        return self._balances(None)

    # ------------------------------------------------------------ statements and traces

    def totals(self, model: str, version: str | None = None, earlier: Collection[str] = ()) -> list[LineTotal]:
        """What the entries of a version, with what it inherits from earlier ones, or of all versions, add up to.

        No entry is read for it.
        """
        with reading(self._engine) as connection:
            return totals.read(connection, model, version, earlier)

    def record_lineage(self, model: str, lineage: Mapping[str, Sequence[str]]) -> None:
        """Remember of each version all earlier ones whose labels it also trained on; repeatable, and only added to."""
        with reading(self._engine) as connection:
            new = trace.unrecorded(connection, model, lineage)
        if new:
            with writing(self._engine) as connection:
                trace.record(connection, trace.unrecorded(connection, model, lineage))

    def trace(self, model: str, version: str) -> Iterator[Traced]:
        """Every answer and label behind a version: whose, how long, what for, and from which version it is inherited.

        By the recorded lineage. One query, read as it is consumed: read it to its end.
        """
        with reading(self._engine) as connection:
            yield from trace.behind(connection, model, version)

    def where_went(self, source_id: str) -> list[Traced]:
        """Every version that an answer, named as it or its entry is, went into; by the recorded lineage."""
        with reading(self._engine) as connection:
            return trace.went(connection, source_id)

    # ------------------------------------------------------------ cards and checks

    def last_entry(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        with reading(self._engine) as connection:
            return last_number(connection)

    def digest(self, model: str, version: str, lineage: Mapping[str, Sequence[str]], upto: int | None = None) -> str:
        """SHA-256 over the entries behind a version, those inherited by `lineage` too, see `ledger.seals.digest_of`.

        `upto` is the number of the last entry that counts; None for the newest.
        """
        with reading(self._engine) as connection:
            last = last_number(connection) if upto is None else upto
            return seals.digest_of(connection, model, version, lineage.get(version, ()), last)

    def issue_card(
        self,
        model: str,
        version: str,
        lineage: Mapping[str, Sequence[str]],
        *,
        at: datetime,
        document: Callable[[VersionLabour], str],
    ) -> tuple[Card, VersionLabour]:
        """Issue the labour card of a version over the books as they are, and the labour that it is of.

        `document` writes the card from the labour, whose `digest` is then that of the card. Issuing the same again
        changes nothing and returns the card that stands.
        """
        earlier = tuple(sorted({*lineage.get(version, ())} - {version}))
        with reading(self._engine) as connection:
            upto = last_number(connection)
            digest = seals.digest_of(connection, model, version, earlier, upto)
            by_version = grouped(totals.read(connection, model, version, earlier))
        labour = of_version(model, version, earlier, by_version, digest)
        card = Card(
            model=model,
            version=version,
            sequence=0,
            at=at,
            upto=upto,
            earlier=earlier,
            digest=digest,
            document=document(labour),
        )
        with writing(self._engine) as connection:
            return cards.add(connection, card), labour

    def cards(self, model: str | None = None, version: str | None = None) -> list[Card]:
        """The cards that were issued for a model and a version, each where it is named, in the order of their issue."""
        with reading(self._engine) as connection:
            return cards.cards(connection, model, version)

    def card_digests(self, model: str) -> Mapping[str, str]:
        """The digest of the last card that was issued for each version."""
        with reading(self._engine) as connection:
            return cards.digests(connection, model)

    def check(self, closed_cycles: Iterable[str] = ()) -> list[Problem]:
        """What is wrong with the books, see `ledger.checks.problems_in`; empty when nothing is."""
        with reading(self._engine) as connection:
            return checks.problems_in(connection, closed_cycles)

    # ------------------------------------------------------------ rows

    def rebuild_totals(self) -> None:
        """Derive the totals anew from the entries: when the check says that somebody changed them."""
        with writing(self._engine) as connection:
            totals.rebuild(connection)

    def _balances(self, account: str | None) -> dict[str, dict[Measure, Decimal]]:
        found: dict[str, dict[Measure, Decimal]] = {}
        with reading(self._engine) as connection:
            for name, currency, *sums, money in connection.execute(_balances_query(account)).tuples():
                parts: dict[Measure, int | None] = dict(zip(Unit, sums, strict=True))
                if currency is not None:
                    parts[Currency(currency)] = money
                amounts = found.setdefault(name, {})
                for unit, n in parts.items():
                    if n is not None:
                        amounts[unit] = amounts.get(unit, Decimal(0)) + Decimal(int(n)) / unit.per_unit
        return found

    def _read(self, query: Select[Any]) -> list[Entry]:
        with reading(self._engine) as connection:
            return [entry_of(row) for row in connection.execute(query)]


def _reversed(entry: Any) -> Any:
    undone = ENTRIES.alias()
    return select(undone.c.id).where(undone.c.reverses == entry.c.source_id).exists()


def _balances_query(account: str | None) -> Any:
    """What each account received and gave, by currency; None where nothing was said of a unit."""
    amounts = [ENTRIES.c[unit] for unit in Unit] + [ENTRIES.c.money]
    sides = []
    for side, sign in ((ENTRIES.c.receiver, 1), (ENTRIES.c.giver, -1)):
        sums = [func.sum(sign * amount) for amount in amounts]
        query = select(side.label("account"), ENTRIES.c.currency, *sums).group_by(side, ENTRIES.c.currency)
        sides.append(query.where(side == account) if account else query)
    return union_all(*sides).order_by("account")


def _sorted_out(connection: Connection, wanted: Sequence[EntryRow]) -> tuple[list[EntryRow], list[Problem]]:
    """The new ones, each once, and the contradictory ones."""
    booked = fingerprints(connection, {row.source_id for row in wanted})
    new: list[EntryRow] = []
    problems: list[Problem] = []
    for row in wanted:
        known = booked.setdefault(row.source_id, row.fingerprint)
        if known is row.fingerprint:
            new.append(row)
        elif known != row.fingerprint:
            problems.append(
                Problem(
                    stage="ledger",
                    subject=row.source_id,
                    message=f"Entry {row.source_id} contradicts what is booked under that name.",
                    hint="An entry is never changed: see what happened, and book the difference under its own name.",
                )
            )
    return new, problems


def _refusal(contradictions: Sequence[Problem]) -> LedgerError:
    more = f" So do {len(contradictions) - 1} others." if len(contradictions) > 1 else ""
    return LedgerError(contradictions[0].message + more, hint=contradictions[0].hint)
