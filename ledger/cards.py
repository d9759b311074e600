"""The labour cards that were issued, so that each can be verified whatever is booked later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, func, insert, select

from ledger.tables import CARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A labour card of a version as it was issued.

    `digest` is over the entries behind the version among the first `upto`, with what it inherits from `earlier`.
    `document` is what was issued, as text.
    """

    model: str
    version: str
    sequence: int
    at: datetime
    upto: int
    earlier: tuple[str, ...]
    digest: str
    document: str


def cards(connection: Connection, model: str | None = None, version: str | None = None) -> list[Card]:
    """The cards of a model and a version, each where it is named, in the order of their issue."""
    asked = {CARDS.c.model: model, CARDS.c.version: version}
    query = select(CARDS).where(*(column == value for column, value in asked.items() if value is not None))
    order = CARDS.c.model, CARDS.c.version, CARDS.c.sequence
    return [_card_of(row) for row in connection.execute(query.order_by(*order))]


def add(connection: Connection, card: Card) -> Card:
    """Issue a card under the next number of its version, unless the last one says the same; what stands then."""
    past = cards(connection, card.model, card.version)
    if past and (past[-1].digest, past[-1].document) == (card.digest, card.document):
        return past[-1]
    sequence = past[-1].sequence + 1 if past else 1
    connection.execute(
        insert(CARDS).values(
            model=card.model,
            version=card.version,
            sequence=sequence,
            at=card.at.astimezone(UTC).isoformat(timespec="microseconds"),
            upto=card.upto,
            earlier=json.dumps(card.earlier),
            digest=card.digest,
            document=card.document,
        )
    )
    return cards(connection, card.model, card.version)[-1]


def digests(connection: Connection, model: str) -> Mapping[str, str]:
    """The digest of the last card of each version."""
    last = (
        select(CARDS.c.version, func.max(CARDS.c.sequence).label("sequence"))
        .where(CARDS.c.model == model)
        .group_by(CARDS.c.version)
        .subquery()
    )
    query = select(CARDS.c.version, CARDS.c.digest).join(
        last, (CARDS.c.version == last.c.version) & (CARDS.c.sequence == last.c.sequence)
    )
    return dict(connection.execute(query.where(CARDS.c.model == model)).tuples().all())


def _card_of(row: Row[tuple[object, ...]]) -> Card:
    return Card(
        model=row.model,
        version=row.version,
        sequence=row.sequence,
        at=datetime.fromisoformat(row.at),
        upto=row.upto,
        earlier=tuple(json.loads(row.earlier)),
        digest=row.digest,
        document=row.document,
    )
