"""What the books hold about one person in sums, and the entries about a few of their annotations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, select
from sqlalchemy.orm import aliased

from ledger import accounts
from ledger.database import reading
from ledger.entries import Entry
from ledger.people.own import Payment, payments_in
from ledger.posting_rules import annotation_of
from ledger.rows import entries_query, entry_of, in_parts
from ledger.tables import ENTRIES
from ledger.units import Currency, Unit

_EDIT = "#edit-"
"""Is in the name of what is a later part of an annotation, and no piece of work of its own."""

Column = ColumnElement[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One person's work in sums. Seconds are None where none are known; `untimed` counts entries without them.

    `cycles` are those worked in, newest first, each with its model.
    """

    entries: int
    low_s: Decimal | None
    high_s: Decimal | None
    untimed: int
    models: tuple[str, ...]
    cycles: dict[str, str]
    paid: dict[str, Decimal]


def overview(engine: Engine, person: str) -> Overview:
    """Everything in the books about a person, added up by the database. Simulated work is nobody's."""
    sign = case((ENTRIES.c.reverses.is_(None), 1), else_=-1)
    counted = case((ENTRIES.c.source_id.contains(_EDIT, autoescape=True), 0), else_=sign)
    timed = case((ENTRIES.c.s_high.is_(None), 0), else_=sign)
    untimed = case((ENTRIES.c.s_high.is_(None), counted), else_=0)
    sums = (func.sum(one) for one in (counted, ENTRIES.c.s_low, ENTRIES.c.s_high, timed, untimed))
    by = ENTRIES.c.model, ENTRIES.c.cycle
    given = select(*by, func.max(ENTRIES.c.worked_at), *sums).where(_gave(person)).group_by(*by)
    received = select(ENTRIES.c.currency, func.sum(ENTRIES.c.money)).where(_received(person))
    with reading(engine) as connection:
        rows = connection.execute(given).tuples().all()
        money = connection.execute(received.group_by(ENTRIES.c.currency)).tuples().all()
    rows = sorted((row for row in rows if row[3]), key=lambda row: (row[2] or "", row[1] or ""), reverse=True)
    known = [row for row in rows if row[6]]
    return Overview(
        entries=sum(int(row[3]) for row in rows),
        low_s=sum((Decimal(row[4]) / Unit.S_LOW.per_unit for row in known), Decimal(0)) if known else None,
        high_s=sum((Decimal(row[5]) / Unit.S_HIGH.per_unit for row in known), Decimal(0)) if known else None,
        untimed=sum(int(row[7]) for row in rows),
        models=tuple(sorted({row[0] for row in rows if row[0]})),
        cycles={row[1]: row[0] for row in rows if row[0] and row[1]},
        paid={currency: Decimal(int(sum_)) / Currency(currency).per_unit for currency, sum_ in money if sum_},
    )


def annotations_of(engine: Engine, person: str, *, first: int, most: int) -> list[str]:
    """The names of `most` pieces of work that stand, newest first, after leaving out the `first` ones."""
    later = aliased(ENTRIES)
    taken_back = select(later.c.id).where(later.c.reverses == ENTRIES.c.source_id).exists()
    query = (
        select(ENTRIES.c.source_id)
        .where(_gave(person), ENTRIES.c.reverses.is_(None), ~taken_back)
        .where(~ENTRIES.c.source_id.contains(_EDIT, autoescape=True))
        .order_by(ENTRIES.c.worked_at.desc(), ENTRIES.c.source_id.desc())
        .limit(most)
        .offset(first)
    )
    with reading(engine) as connection:
        return [annotation_of(source_id) for source_id in connection.scalars(query)]


def entries_about(engine: Engine, person: str, annotations: Collection[str]) -> list[Entry]:
    """Every entry of a person about these annotations, and perhaps about others on the same items; oldest first."""
    with reading(engine) as connection:
        items = _items(connection, person, sorted(set(annotations)))
        found = [
            entry_of(row)
            for some in in_parts(sorted(item for item in items if item is not None))
            for row in connection.execute(entries_query().where(_theirs(person), ENTRIES.c.item_id.in_(some)))
        ]
        if None in items:  # reviews are about no item
            nothing = ENTRIES.c.item_id.is_(None), ENTRIES.c.currency.is_(None)
            found += [entry_of(row) for row in connection.execute(entries_query().where(_theirs(person), *nothing))]
    return sorted(found, key=lambda entry: entry.at)


def last_payments(engine: Engine, person: str, most: int) -> list[Payment]:
    """The latest payments that reached a person, newest first."""
    query = entries_query().where(_received(person)).order_by(None).order_by(ENTRIES.c.worked_at.desc())
    with reading(engine) as connection:
        return payments_in([entry_of(row) for row in connection.execute(query.limit(most))])[::-1]


def are_booked(engine: Engine, names: Collection[str]) -> set[str]:
    """Those of these names under which there is an entry."""
    with reading(engine) as connection:
        return {
            name
            for some in in_parts(sorted(set(names)))
            for name in connection.scalars(select(ENTRIES.c.source_id).where(ENTRIES.c.source_id.in_(some)))
        }


def _items(connection: Connection, person: str, annotations: Sequence[str]) -> set[str | None]:
    return {
        item
        for some in in_parts(annotations)
        for item in connection.scalars(select(ENTRIES.c.item_id).where(_theirs(person), ENTRIES.c.source_id.in_(some)))
    }


def _theirs(person: str) -> Column:
    return ENTRIES.c.person.in_([accounts.annotator(person), accounts.reviewer(person)])


def _gave(person: str) -> Column:
    return and_(_theirs(person), ENTRIES.c.giver == ENTRIES.c.person)


def _received(person: str) -> Column:
    return and_(_theirs(person), ENTRIES.c.receiver == ENTRIES.c.person, ENTRIES.c.currency.is_not(None))
