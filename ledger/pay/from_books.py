"""What people worked and received, as the books have it: summed by the database, a row a person, day and outcome."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, and_, case, func, or_, select

from kempelen.records import Kind
from ledger import accounts
from ledger.database import reading
from ledger.pay.period import Period
from ledger.pay.worked import Received, Worked
from ledger.posting_rules.annotations import SKIPPED
from ledger.posting_rules.money import PAID
from ledger.tables import ENTRIES
from ledger.units import Currency, Unit

_E = ENTRIES.c
_DAY = func.substr(_E.worked_at, 1, 10)
_MS = Unit.S_LOW.per_unit
_MICRO = Currency("XXX").per_unit

_LAPSED = and_(_E.kind == Kind.IMPERSONATION.value, _E.receiver == accounts.unused(accounts.Unused.WITHDRAWN))

_ACCEPTED, _REJECTED, _NEITHER = "accepted", "rejected", "neither"


def worked(
    engine: Engine,
    *,
    person: str | None = None,
    model: str | None = None,
    version: str | None = None,
    elsewhere: bool | None = None,
) -> list[Worked]:
    """What every person, or one, worked by day (UTC), in all or for one model or version, as corrections left it.

    `elsewhere` keeps work that another platform declares (True) or leaves it out (False). Simulated effort is none, and
    users' feedback has no person. Work for a version includes what it wasted. An answer that was deleted stays an
    accepted one: who deleted it is not known. A turn that somebody let lapse is time without an answer.
    """
    asked = [_E.person.is_not(None), _E.provenance != "simulated", _E.currency.is_(None), _E.worked_at.is_not(None)]
    asked += [_E.person == person] if person is not None else []
    asked += [_E.model == model] if model is not None else []
    asked += [_E.version == version] if version is not None else []
    asked += [_E.source.is_not(None) if elsewhere else _E.source.is_(None)] if elsewhere is not None else []
    ended = or_(_begins(_E.receiver, "model_version:"), _begins(_E.receiver, "unused:"))
    conditions = [ended, *([_still_in_a_pool()] if version is None else [])]
    with reading(engine) as connection:
        rows = [row for each in conditions for row in connection.execute(_sums(each).where(*asked)).tuples()]
    return [each for row in rows for each in _worked(*row)]


def received(engine: Engine, person: str | None = None) -> list[Received]:
    """What reached people, or one: platforms' rewards on the day of the work, payments for the period they name.

    A payment that came back is booked as taken back, and belongs to the period that it had paid for.
    """
    query = select(_E.source_id, _E.reverses, _E.receiver, _E.worked_at, _E.currency, _E.money, _E.narration, _E.note)
    paid = _E.currency.is_not(None) & (_E.receiver == _E.person)
    paid = paid & (_E.person == person) if person is not None else paid
    with reading(engine) as connection:
        rows = connection.execute(query.where(paid).order_by(_E.id)).tuples().all()
    return [_received(*row) for row in rows]


def rewards(engine: Engine, model: str, version: str) -> dict[str, tuple[Decimal, Decimal]]:
    """What platforms paid to people for a version, and kept as fees, by currency."""
    to_people = case((_E.receiver == _E.person, _E.money), else_=0)
    query = select(_E.currency, func.sum(to_people), func.sum(_E.money - to_people)).group_by(_E.currency)
    asked = _E.currency.is_not(None) & (_E.model == model) & (_E.version == version)
    with reading(engine) as connection:
        rows = connection.execute(query.where(asked)).tuples().all()
    return {currency: (Decimal(int(pay)) / _MICRO, Decimal(int(fee)) / _MICRO) for currency, pay, fee in sorted(rows)}


def _begins(account: Any, role: str) -> Any:
    return func.substr(account, 1, len(role)) == role


def _still_in_a_pool() -> Any:
    """Answers that no version was charged with yet; those that were taken back are none."""
    later, undone, moved_back = ENTRIES.alias(), ENTRIES.alias(), ENTRIES.alias()
    taken_back = select(undone.c.id).where(undone.c.reverses == _E.source_id).exists()
    came_back = select(moved_back.c.id).where(moved_back.c.reverses == later.c.source_id).exists()
    moved_on = select(later.c.id).where(later.c.given == _E.source_id, later.c.reverses.is_(None), ~came_back).exists()
    return and_(_begins(_E.receiver, "pool:"), _E.reverses.is_(None), ~taken_back, ~moved_on)


def _sums(condition: Any) -> Any:
    outcome = case(
        (_E.receiver == accounts.unused(accounts.Unused.REJECTED_ANSWER), _REJECTED),
        (_E.receiver == accounts.unused(accounts.Unused.SKIPPED), _NEITHER),
        (_E.narration == SKIPPED, _NEITHER),
        (_LAPSED, _NEITHER),
        else_=_ACCEPTED,
    )
    amounts = [func.sum(func.coalesce(column, 0)) for column in (_E.s_low, _E.s_high, _E.annotations)]
    standing = func.sum(case((_E.reverses.is_(None), 1), else_=-1))
    keys = _E.person, _DAY, _E.kind, outcome, _E.s_high.is_not(None)
    return select(*keys, *amounts, standing).where(condition).group_by(*keys).order_by(*keys)


def _worked(  # noqa: PLR0913, PLR0917 - the columns of a row
    person: str,
    on: str,
    kind: str,
    outcome: str,
    timed: bool,  # noqa: FBT001
    low: int,
    high: int,
    answers: int,
    standing: int,
) -> Iterator[Worked]:
    # Without any of these, everything in it was taken back. An edit of unknown length has no amounts, and stands.
    if low or high or answers or (standing and not timed):
        yield Worked(
            person=person,
            on=date.fromisoformat(on),
            low_s=Decimal(int(low)) / _MS if timed else None,
            high_s=Decimal(int(high)) / _MS if timed else None,
            pieces=int(answers) if outcome == _ACCEPTED else 0,
            rejected_pieces=int(answers) if outcome == _REJECTED else 0,
            kind=Kind(kind),
        )


def _received(  # noqa: PLR0913, PLR0917 - the columns of a row
    source_id: str,
    reverses: str | None,
    person: str,
    at: str,
    currency: str,
    money: int,
    narration: str,
    note: str | None,
) -> Received:
    wage = (reverses or source_id).startswith(PAID)
    return Received(
        person=person,
        on=date.fromisoformat(at[:10]),
        amount=Decimal(money) / _MICRO,
        currency=currency,
        what=narration,
        period=Period.of(note) if wage and note else None,
    )
