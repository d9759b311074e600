"""What a version cost, published only where each amount, and each change of it, is of at least k people's money.

A cost moves when a contract, a floor or a payment does. Without this rule whoever compares two cards of one version
would know what a new contract means to the one person who has it. It is the rule of `ledger.people.releases`, for
figures that are computed anew each time and not added to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from ledger.pay.cost import Cost, Range
from ledger.people.privacy import must_protect
from ledger.people.tables import RELEASED_COSTS, changing, prepared

_AMOUNTS = "pay", "beyond", "fee"
_ALL = ""
"""In the place of a person: the cost of all together."""

_NOTHING = Range(low=Decimal(0), high=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCosts:
    """What a version cost, one for each currency; and by pseudonym the parts of it that are their money.

    Whoever works for nothing is among `of_person`, too, with the currency of what was agreed.
    """

    costs: Sequence[Cost] = ()
    of_person: Mapping[str, Sequence[Cost]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCosts:
    """What may be said of it: at most one cost for each currency.

    `as_of` is the moment of the oldest one that is no longer what it was, where that may not be said yet; None where
    all are as they are. `held_back` says that a currency is missing altogether.
    """

    costs: tuple[Cost, ...] = ()
    as_of: datetime | None = None
    held_back: bool = False


class ReleasedCosts:
    """What the cards of versions said they cost, and whose money it was; the parts are shown to nobody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def advance(self, model: str, version: str, known: VersionCosts, k: int, *, at: datetime) -> PublishedCosts:
        """What may be published of a version's cost by now; it is on record before anybody sees it.

        Doing it again is harmless. ConfigError for a `k` below 2.
        """
        must_protect(k)
        found, dates, held_back = list[Cost](), list[datetime](), False
        with changing(self._engine) as connection:
            for cost in known.costs:
                parts = {
                    person: part
                    for person, costs in known.of_person.items()
                    for part in costs
                    if part.currency == cost.currency
                }
                then = _released(connection, model, version, cost.currency)
                if _may_be_said(parts, then, k):
                    if then.get(_ALL) != cost or any(_changed(parts, then).values()):
                        _keep(connection, model, version, {_ALL: cost, **parts}, at)
                    found.append(cost)
                elif _ALL in then:
                    found.append(then[_ALL])
                    dates.append(_since(connection, model, version, cost.currency))
                else:
                    held_back = True
        return PublishedCosts(costs=tuple(found), as_of=min(dates, default=None), held_back=held_back)


def _may_be_said(parts: Mapping[str, Cost], then: Mapping[str, Cost], k: int) -> bool:
    """Whether each amount is of k people or of nobody, and what changed of it is as well."""
    having = {name: sum(_amount(part, name) != _NOTHING for part in parts.values()) for name in _AMOUNTS}
    counts = [*having.values(), *_changed(parts, then).values()]
    return len(parts) >= k and all(count == 0 or count >= k for count in counts)


def _changed(parts: Mapping[str, Cost], then: Mapping[str, Cost]) -> dict[str, int]:
    """How many people's part changed, for each amount."""
    people = {*parts, *then} - {_ALL}
    return {
        name: sum(_amount(parts.get(person), name) != _amount(then.get(person), name) for person in people)
        for name in _AMOUNTS
    }


def _amount(part: Cost | None, name: str) -> Range:
    found: Range = getattr(part, name) if part else _NOTHING
    return found


def _released(connection: Connection, model: str, version: str, currency: str) -> dict[str, Cost]:
    """By person, and for all together, what was last published; empty where nothing was."""
    rows = connection.execute(select(RELEASED_COSTS).where(*_of(model, version, currency))).mappings()
    return {row["person"]: Cost(currency=currency, **{name: _range(row, name) for name in _AMOUNTS}) for row in rows}


def _since(connection: Connection, model: str, version: str, currency: str) -> datetime:
    query = select(RELEASED_COSTS.c.at).where(*_of(model, version, currency), RELEASED_COSTS.c.person == _ALL)
    moment: datetime = connection.execute(query).scalar_one()
    return moment


def _range(row: Mapping[Any, Any], name: str) -> Range:
    high = row[f"{name}_high"]
    return Range(low=Decimal(row[f"{name}_low"]), high=None if high is None else Decimal(high))


def _keep(connection: Connection, model: str, version: str, costs: Mapping[str, Cost], at: datetime) -> None:
    currency = costs[_ALL].currency
    connection.execute(delete(RELEASED_COSTS).where(*_of(model, version, currency)))
    rows = [
        {"model": model, "version": version, "currency": currency, "person": person, "at": at}
        | {f"{name}_low": str(getattr(cost, name).low) for name in _AMOUNTS}
        | {f"{name}_high": _text(getattr(cost, name).high) for name in _AMOUNTS}
        for person, cost in costs.items()
    ]
    connection.execute(insert(RELEASED_COSTS), rows)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _of(model: str, version: str, currency: str) -> tuple[Any, ...]:
    kept = RELEASED_COSTS.c
    return kept.model == model, kept.version == version, kept.currency == currency
