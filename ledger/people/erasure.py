"""Forget a person: what connects them with their work, and what they wrote, goes; what they gave stays in the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update

from kempelen.errors import BadData
from ledger.database import reading
from ledger.people.pseudonyms import Pseudonyms
from ledger.people.tables import (
    ANNOTATOR_KEYS,
    CREDITS,
    DECISIONS,
    DROPPED_KEYS,
    ERASURES,
    LINKS,
    LOOKUPS,
    RATINGS,
    REQUESTS,
    changing,
    prepared,
    wipe,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A person was forgotten: when, by whom, and which pseudonym; who they were is written nowhere.

    `waits_for` names the master key that must be dropped before nobody can compute the pseudonym again; None when that
    is so already.
    """

    pseudonym: str
    at: datetime
    by: str
    waits_for: str | None = None


def forget(names: Pseudonyms, pseudonym: str, *, by: str, at: datetime) -> Erasure:
    """Erase what connects a person with a pseudonym, their links, the name they are credited by, and what they wrote.

    Entries, contracts, figures of requests and ratings stay, under a pseudonym of nobody. The person gets another one
    should they come back. Forgetting twice is harmless and keeps the first record. BadData for a pseudonym that nothing
    is known of, or without a name of who does it.
    """
    if not by.strip():
        raise BadData("Nobody is named who erases.", hint="Say who does it: the erasure is on record.")
    with changing(names.engine) as connection:
        earlier = _erasures(connection, pseudonym)
        if not earlier:
            made_from = _made_from(connection, names, pseudonym)
            connection.execute(insert(ERASURES).values(pseudonym=pseudonym, at=at, by=by.strip(), made_from=made_from))
        _erase(connection, pseudonym)
        erased = _erasures(connection, pseudonym)[0]
    wipe(names.engine)
    return erased


def erasures(engine: Engine) -> list[Erasure]:
    """Who was forgotten, oldest first."""
    with reading(prepared(engine)) as connection:
        return _erasures(connection)


def is_erased(connection: Connection, pseudonym: str) -> bool:
    """Whether the person behind a pseudonym was forgotten."""
    return bool(_erasures(connection, pseudonym))


def _erase(connection: Connection, pseudonym: str) -> None:
    connection.execute(delete(LOOKUPS).where(LOOKUPS.c.pseudonym == pseudonym))
    connection.execute(delete(ANNOTATOR_KEYS).where(ANNOTATOR_KEYS.c.pseudonym == pseudonym))
    for table in (LINKS, CREDITS):
        connection.execute(delete(table).where(table.c.person == pseudonym))
    connection.execute(update(RATINGS).where(RATINGS.c.person == pseudonym).values(comment=None))
    connection.execute(update(REQUESTS).where(REQUESTS.c.person == pseudonym).values(reason=None))
    theirs = select(REQUESTS.c.number).where(REQUESTS.c.person == pseudonym)
    # What was answered to their words may repeat them.
    connection.execute(update(DECISIONS).where(DECISIONS.c.request.in_(theirs)).values(reason=None))


def _made_from(connection: Connection, names: Pseudonyms, pseudonym: str) -> str | None:
    """The master key that the pseudonym can be computed from. BadData for one that nothing is known of."""
    row = connection.execute(select(ANNOTATOR_KEYS).where(ANNOTATOR_KEYS.c.pseudonym == pseudonym)).mappings().first()
    if row is not None:
        return None if row["made_from"] is None else str(row["made_from"])
    if names.in_books(pseudonym):  # no row: made from a master key, by the first of all as far as anybody knows
        return names.oldest_key()
    if any(_mentions(connection, table, pseudonym) for table in (LINKS, REQUESTS, RATINGS, CREDITS)):
        return None
    raise BadData(
        f"Nothing is on record about {pseudonym!r}.",
        hint="Give the pseudonym as the books write it, or the person as the annotation system names them.",
    )


def _mentions(connection: Connection, table: Table, pseudonym: str) -> bool:
    return connection.execute(select(table.c.person).where(table.c.person == pseudonym).limit(1)).first() is not None


def _erasures(connection: Connection, pseudonym: str | None = None) -> list[Erasure]:
    query = select(ERASURES, DROPPED_KEYS.c.master_key.label("dropped")).join(
        DROPPED_KEYS, DROPPED_KEYS.c.master_key == ERASURES.c.made_from, isouter=True
    )
    if pseudonym is not None:
        query = query.where(ERASURES.c.pseudonym == pseudonym)
    rows: Sequence = connection.execute(query.order_by(ERASURES.c.at, ERASURES.c.pseudonym)).mappings().all()  # type: ignore[type-arg]
    return [
        Erasure(
            pseudonym=row["pseudonym"],
            at=row["at"],
            by=row["by"],
            waits_for=None if row["dropped"] else row["made_from"],
        )
        for row in rows
    ]
