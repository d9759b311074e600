"""What a version cost, published only where it, and whatever is new of it, is of at least k people's money.

A cost is computed anew whenever a contract, a floor or a payment changes. So it is not enough that k people are paid:
two cards of one version are subtracted by whoever wants to know what the new contract of the one person means who has
it, and a cost at a known hourly offer is compared with the hours that stand beside it. Hence a cost is published

* only if at least k people's amounts in it were in no earlier one, or if they are all those of an earlier one again;
* and only if the same holds for those people alone who are not paid by the offer by which most are paid: they are what
  remains when that offer, times the hours on the card, is taken from the cost.

*Why it holds.* Of all that somebody combines, take the latest cost: it holds amounts of k people that are in no other,
so they cannot cancel. Amounts are compared to the coin. Hours are protected by `ledger.people.releases`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from ledger.pay.cost import Range
from ledger.people.privacy import must_protect
from ledger.people.tables import RELEASED_COSTS, changing, prepared

_ALL = ""
"""In the place of a person: the cost of all together."""

_NOTHING = Range(low=Decimal(0), high=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one person's work for a version cost in one currency; nothing for who is paid in another, or not known.

    `offer` names the offer to everybody by which all of it was paid; None where anything was agreed with them alone,
    was paid on top, or is unknown.
    """

    total: Range = _NOTHING
    offer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCost:
    """What a version cost in one currency: all together, and by pseudonym of everybody who worked for the version."""

    currency: str
    total: Range
    parts: Mapping[str, Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCost:
    """What may be said of it."""

    currency: str
    total: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCosts:
    """What may be said of a version's cost, by currency.

    `as_of` is the moment of the oldest one that is no longer what it was, where that may not be said yet; None where
    all are as they are. `held_back` says that a currency is missing altogether.
    """

    costs: tuple[PublishedCost, ...] = ()
    as_of: datetime | None = None
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """One cost as it is or was published; `apart` are those who are not paid by the offer that most are paid by."""

    at: datetime
    total: Range
    parts: Mapping[str, Range]
    apart: frozenset[str]

    def rests_on(self, k: int) -> bool:
        """Whether k people are paid of it, or k worked and nobody is paid anything."""
        paid = sum(part != _NOTHING for part in self.parts.values())
        return paid >= k or (paid == 0 and len(self.parts) >= k)

    def of_those_apart(self) -> dict[str, Range]:
        """The parts of them alone."""
        return {person: self.parts[person] for person in self.apart}

    def amounts(self, bound: str) -> set[tuple[str, Decimal | None]]:
        """By person, what is in the total at one bound; whoever has nothing of it is not."""
        return {(person, amount) for person, amount in _amounts([self.parts], bound) if amount != 0}


class ReleasedCosts:
    """What the cards of versions said they cost, and whose money it was; the parts are shown to nobody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def advance(self, model: str, version: str, known: Iterable[KnownCost], k: int, *, at: datetime) -> PublishedCosts:
        """What may be published of a version's cost by now; it is on record before anybody sees it.

        Doing it again is harmless. ConfigError for a `k` below 2.
        """
        must_protect(k)
        found, dates, held_back = list[PublishedCost](), list[datetime](), False
        costs = {cost.currency: cost for cost in known}
        with changing(self._engine) as connection:
            past = _released(connection, model, version)
            for currency in sorted({*costs, *past}):
                earlier = past.get(currency, [])
                now = _as_release(costs[currency], at) if currency in costs else None
                published = _publishable(now, earlier, k) if now else None
                if published is not None and published not in earlier[-1:]:
                    _keep(connection, (model, version, currency, len(earlier) + 1), published)
                elif published is None and earlier and earlier[-1].rests_on(k):
                    published = earlier[-1]
                    dates.append(published.at)
                if published is None:
                    held_back = True
                else:
                    found.append(PublishedCost(currency=currency, total=published.total))
        return PublishedCosts(costs=tuple(found), as_of=min(dates, default=None), held_back=held_back)


def _as_release(cost: KnownCost, at: datetime) -> _Release:
    offers = Counter(part.offer for part in cost.parts.values() if part.offer is not None)
    main = max(sorted(offers), key=offers.__getitem__, default=None)
    return _Release(
        at=at,
        total=cost.total,
        parts={person: part.total for person, part in cost.parts.items()},
        apart=frozenset(person for person, part in cost.parts.items() if main is None or part.offer != main),
    )


def _publishable(now: _Release, past: Sequence[_Release], k: int) -> _Release | None:
    """What may be said now, the last release itself if that says it already; None where nothing new may be said."""
    if not now.rests_on(k) or not _may_tell_of_those_apart(now, past, k):
        return None
    low = _told("low", now, past, k)
    high = None if now.total.high is None else _told("high", now, past, k)
    if low is None or (high is None and now.total.high is not None):
        return None
    told = replace(now, total=Range(low=low, high=high))
    stands = bool(past) and replace(told, at=past[-1].at) == past[-1]
    return past[-1] if stands else told


def _told(bound: str, now: _Release, past: Sequence[_Release], k: int) -> Decimal | None:
    """The total at one bound; None unless nobody's or at least k people's amounts in it are new."""
    amounts, earlier = now.amounts(bound), [(release.amounts(bound), release.total) for release in past]
    for before, total in earlier:
        if before == amounts and getattr(total, bound) is not None:
            found: Decimal = getattr(total, bound)  # a part that moved by less than a coin is not seen moving either
            return found
    new = amounts.difference(*(before for before, _ in earlier))
    found = getattr(now.total, bound)
    return found if not amounts or len(new) >= k else None


def _may_tell_of_those_apart(now: _Release, past: Sequence[_Release], k: int) -> bool:
    """Whether the amounts of nobody, or of at least k people apart are new; to be paid nothing is an amount there."""
    apart = now.of_those_apart()
    if not apart or any(release.of_those_apart() == apart for release in past):
        return True
    told = ("low",) if now.total.high is None else ("low", "high")
    return all(len(_amounts([apart], bound) - _amounts([one.parts for one in past], bound)) >= k for bound in told)


def _amounts(some: Iterable[Mapping[str, Range]], bound: str) -> set[tuple[str, Decimal | None]]:
    return {(person, getattr(part, bound)) for parts in some for person, part in parts.items()}


def _released(connection: Connection, model: str, version: str) -> dict[str, list[_Release]]:
    """Everything that was ever published of the version's cost, by currency, oldest first."""
    kept = RELEASED_COSTS.c
    query = select(RELEASED_COSTS).where(kept.model == model, kept.version == version)
    found: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for row in connection.execute(query.order_by(kept.currency, kept.release)).mappings():
        found.setdefault(row["currency"], {}).setdefault(row["release"], []).append(dict(row))
    return {currency: [_release(rows) for rows in releases.values()] for currency, releases in found.items()}


def _release(rows: Sequence[Mapping[str, Any]]) -> _Release:
    amounts = {row["person"]: _range(row) for row in rows}
    return _Release(
        at=rows[0]["at"],
        total=amounts.pop(_ALL),
        parts=amounts,
        apart=frozenset(row["person"] for row in rows if row["apart"]),
    )


def _range(row: Mapping[str, Any]) -> Range:
    return Range(low=Decimal(row["low"]), high=None if row["high"] is None else Decimal(row["high"]))


def _keep(connection: Connection, name: tuple[str, str, str, int], release: _Release) -> None:
    key = dict(zip(("model", "version", "currency", "release"), name, strict=True))
    rows = [
        key
        | {
            "person": person,
            "low": str(amount.low),
            "high": None if amount.high is None else str(amount.high),
            "apart": int(person in release.apart),
            "at": release.at,
        }
        for person, amount in {_ALL: release.total, **release.parts}.items()
    ]
    connection.execute(insert(RELEASED_COSTS), rows)
