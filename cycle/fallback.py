"""The queue of predictions that the model is not sure of: people answer in its place, while a client waits.

A client waits for seconds, a flow never does. Whoever is shown an item has it for a while; then it is anybody's again.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    update,
)

from kempelen.errors import BadData
from ledger.database import reading, with_tables, writing
from ledger.moments import Moment

_YES, _NO = "y", "n"

_meta = MetaData()

_items = Table(
    "fallback_item",
    _meta,
    Column("ticket", String(40), primary_key=True),
    Column("model", String(50), nullable=False, index=True),
    Column("version", String(20), nullable=False),
    Column("item_id", String(32), nullable=False),
    Column("query", Text, nullable=False),
    Column("suggestion", Text),
    Column("confidence", Float),
    Column("asked_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("answer", Text),
    Column("answered_in", String(40)),  # the turn, or its late part
    Column("served_at", Moment),
)
_turns = Table(
    "fallback_turn",
    _meta,
    Column("turn", String(40), primary_key=True),
    Column("ticket", String(40), nullable=False, index=True),
    Column("person", String(80), nullable=False),
    Column("simulated", String(1), nullable=False),
    Column("shown_at", Moment, nullable=False),
    Column("lapses_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("label", Text),
    Column("booked", String(1), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An item for whose answer a client waits until `deadline`; `query` is what people are shown."""

    ticket: str
    model: str
    version: str
    item_id: str
    query: str
    suggestion: str | None
    confidence: float | None
    asked_at: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One person's time with one item, from `shown_at` on.

    `label` is None if they skipped, or let it lapse: then `ended_at` is None, too, and the turn ended by `lapses_at`.
    `served` says whether the client was given this answer.
    """

    turn: str
    item: Waiting
    person: str
    simulated: bool
    shown_at: datetime
    lapses_at: datetime
    ended_at: datetime | None
    label: str | None
    served: bool

    def after_lapse(self) -> "Turn":
        """What went on after the turn had lapsed, as a turn of its own."""
        return replace(self, turn=_late(self.turn), shown_at=self.lapses_at)


class FallbackQueue:
    """Items, and the turns that people take at them. Safe for several processes at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = with_tables(engine, _meta.sorted_tables)

    def ask(self, item: Waiting) -> None:
        """Put an item before people."""
        with writing(self._engine) as connection:
            connection.execute(insert(_items), [asdict(item)])

    def take(self, ticket: str, now: datetime) -> str | None:
        """The answer, served from now on; None while nobody has given one, and when it came too late."""
        answered = and_(_items.c.ticket == ticket, _items.c.answer.is_not(None), _items.c.deadline >= now)
        with reading(self._engine) as connection:
            answer = connection.execute(select(_items.c.answer).where(answered)).scalar()
        if answer is None:
            return None
        with writing(self._engine) as connection:
            serve = update(_items).where(answered, _items.c.served_at.is_(None)).values(served_at=now)
            connection.execute(serve)
        return str(answer)

    def next(
        self, model: str, person: str, now: datetime, *, hold: timedelta, simulated: bool = False
    ) -> tuple[str, Waiting] | None:
        """Show a person the item that has waited longest and that nobody else has before them: the turn, and the item.

        None when nothing waits. A person is not shown an item that they skipped.
        """
        with writing(self._engine) as connection:
            row = connection.execute(_free(model, person, now)).mappings().first()
            if row is None:
                return None
            turn = secrets.token_hex(16)
            values = {
                "turn": turn,
                "ticket": row["ticket"],
                "person": person,
                "simulated": _YES if simulated else _NO,
                "shown_at": now,
                "lapses_at": now + hold,
                "booked": _NO,
            }
            connection.execute(insert(_turns), [values])
        return turn, _waiting(row)

    def end(self, turn: str, label: str | None, now: datetime) -> bool:
        """Record what a person answered, or that they skipped; whether it is the item's answer.

        It is not if it came too late, or another's was first. BadData for a turn that nobody took; a second answer
        in one turn changes nothing. A turn that had lapsed and is booked goes on in a turn of its own.
        """
        with writing(self._engine) as connection:
            row = connection.execute(select(_turns).where(_turns.c.turn == turn)).mappings().first()
            if row is None:
                raise BadData(f"Nobody was given the turn {turn}.", hint="Take the next item, and answer that one.")
            if row["ended_at"] is not None:
                return False
            ended = {"ended_at": now, "label": label}
            answered_in = turn
            if row["booked"] == _YES:
                answered_in = _late(turn)
                late = {"turn": answered_in, "shown_at": row["lapses_at"], "booked": _NO}
                connection.execute(insert(_turns), [{**row, **late, **ended}])
            connection.execute(update(_turns).where(_turns.c.turn == turn).values(**ended))
            if label is None:
                return False
            open_ = and_(_items.c.ticket == row["ticket"], _items.c.answer.is_(None), _items.c.deadline >= now)
            first = update(_items).where(open_).values(answer=label, answered_in=answered_in)
            return bool(connection.execute(first).rowcount)

    def settled(self, model: str, now: datetime) -> list[Turn]:
        """Turns that are over, whose fate is known, and that are not booked yet, oldest first."""
        over = or_(_turns.c.ended_at.is_not(None), _turns.c.lapses_at < now)
        known = or_(_items.c.served_at.is_not(None), _items.c.deadline < now, _turns.c.label.is_(None))
        query = (
            select(_turns, _items)
            .join(_items, _items.c.ticket == _turns.c.ticket)
            .where(_items.c.model == model, _turns.c.booked == _NO, over, known)
            .order_by(_turns.c.shown_at, _turns.c.turn)
        )
        with reading(self._engine) as connection:
            return [_turn(row) for row in connection.execute(query).mappings()]

    def booked(self, turns: Sequence[Turn]) -> None:
        """Remember that turns are in the books."""
        with writing(self._engine) as connection:
            for turn in turns:
                connection.execute(update(_turns).where(_turns.c.turn == turn.turn).values(booked=_YES))

    def wipe(self, model: str, now: datetime) -> None:
        """Forget the texts of items that nobody waits for any more."""
        over = and_(_items.c.model == model, _items.c.deadline < now, _items.c.query != "")
        with reading(self._engine) as connection:
            something = connection.execute(select(_items.c.ticket).where(over).limit(1)).first()
        if something:
            with writing(self._engine) as connection:
                connection.execute(update(_items).where(over).values(query=""))

    def waiting(self, model: str, now: datetime) -> int:
        """How many items still wait for an answer."""
        with reading(self._engine) as connection:
            return len(connection.execute(select(_items.c.ticket).where(_open(model, now))).all())


def _late(turn: str) -> str:
    return f"{turn}-late"


def _open(model: str, now: datetime) -> Any:
    return and_(_items.c.model == model, _items.c.answer.is_(None), _items.c.deadline >= now)


def _free(model: str, person: str, now: datetime) -> Any:
    held = and_(_turns.c.ended_at.is_(None), _turns.c.lapses_at >= now)
    taken = select(_turns.c.turn).where(_turns.c.ticket == _items.c.ticket, or_(held, _turns.c.person == person))
    return (
        select(_items).where(_open(model, now), ~taken.exists()).order_by(_items.c.asked_at, _items.c.ticket).limit(1)
    )


def _waiting(row: Any) -> Waiting:
    return Waiting(**{field.name: row[field.name] for field in fields(Waiting)})


def _turn(row: Any) -> Turn:
    return Turn(
        turn=row["turn"],
        item=_waiting(row),
        person=row["person"],
        simulated=row["simulated"] == _YES,
        shown_at=row["shown_at"],
        lapses_at=row["lapses_at"],
        ended_at=row["ended_at"],
        label=row["label"],
        served=row["served_at"] is not None and row["answered_in"] == row["turn"],
    )
