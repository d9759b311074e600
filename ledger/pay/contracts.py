"""What was agreed with a person about pay, and from when to when it holds."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from kempelen.errors import BadData, KempelenError
from ledger import accounts
from ledger.pay import currencies

ANYONE = "*"
"""The offer that holds for whoever has no contract of their own on that day."""

ANNOTATORS, REVIEWERS = "annotator:*", "reviewer:*"
"""The offers that hold for such people alone, before the one that holds for anyone."""

OFFERS = frozenset({ANYONE, ANNOTATORS, REVIEWERS})

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_LARGEST = Decimal(10) ** 12


class Basis(StrEnum):
    """What is paid: an hour of effort, or an accepted answer."""

    HOURLY = "hourly"
    PIECE = "piece"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One agreement. BadData when it cannot be one.

    `person` is an account, or one of OFFERS: to whoever has no contract of their own. `amount` is for an hour or an
    accepted answer, and may be finer than the smallest coin. `region` (ISO 3166: `DE`, `US-CA`) says whose floor holds;
    None: nobody knows. Both days are included, and without `last` it holds until further notice. `fee_share` is what a
    platform adds, as a share of pay: 0.2 for 20 %.
    """

    person: str
    basis: Basis
    amount: Decimal
    currency: str
    region: str | None
    first: date
    last: date | None
    recorded_at: datetime
    recorded_by: str
    fee_share: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        checked_person(self.person, offers=True)
        currencies.known(self.currency)
        checked_region(self.region)
        if not (self.amount.is_finite() and 0 <= self.amount < _LARGEST):
            raise BadData(
                f"{self.amount} is no amount of pay.", hint="Write what an hour or an answer is paid, 0 or more."
            )
        if not (self.fee_share.is_finite() and 0 <= self.fee_share <= 1):
            raise BadData(f"A fee of {self.fee_share} is no share of pay.", hint="Write 0.2 for a fee of 20 %.")
        if self.last is not None and self.last < self.first:
            raise BadData(f"It would end on {self.last}, before {self.first}.", hint="Swap its first and last day.")
        if self.recorded_at.tzinfo is None or not self.recorded_by.strip():
            raise BadData("Nobody says when, with a zone, or by whom it was recorded.", hint="Give both.")

    def __str__(self) -> str:
        until = f"to {self.last}" if self.last else "on"
        what = "an hour" if self.basis is Basis.HOURLY else "an answer"
        return f"{self.person}: {self.amount} {self.currency} {what} from {self.first} {until}"

    def holds(self, on: date) -> bool:
        """Whether the day is one of it."""
        return self.first <= on and (self.last is None or on <= self.last)


class Contracts:
    """Agreements in force, none of one person overlapping another. BadData, naming both, when two do."""

    def __init__(self, contracts: Iterable[Contract] = ()) -> None:
        self._of: dict[str, list[Contract]] = {}
        for contract in sorted(contracts, key=lambda each: (each.person, each.first)):
            self._of.setdefault(contract.person, []).append(contract)
        for one, other in overlaps(self):
            raise two_at_once(one, other)

    def __iter__(self) -> Iterator[Contract]:
        return (contract for of_one in self._of.values() for contract in of_one)

    def of(self, person: str, on: date) -> Contract | None:
        """What holds for the person on that day: their own contract, else an offer to such people or to anyone."""
        own, such = self._held(person, on), f"{accounts.role(person)}:*"
        return own or self._held(such, on) or self._held(ANYONE, on)

    def _held(self, person: str, on: date) -> Contract | None:
        known = self._of.get(person, [])
        latest = bisect_right(known, on, key=lambda each: each.first)
        return known[latest - 1] if latest and known[latest - 1].holds(on) else None


def overlaps(contracts: Iterable[Contract]) -> Iterator[tuple[Contract, Contract]]:
    """Pairs of one person that hold on the same day, the one that begins first in front."""
    longest: Contract | None = None
    for contract in sorted(contracts, key=lambda each: (each.person, each.first)):
        if longest is None or longest.person != contract.person:
            longest = contract
            continue
        if longest.holds(contract.first):
            yield longest, contract
        if longest.last is not None and (contract.last is None or contract.last > longest.last):
            longest = contract


def two_at_once(one: Contract, other: Contract) -> BadData:
    """What is wrong with a pair that overlaps."""
    return BadData(
        f"Two contracts hold on {other.first}: {one}; {other}.",
        hint="End one before the other begins, or correct the one that is wrong.",
    )


def checked_person(person: str, *, offers: bool = False) -> str:
    """The account itself. BadData when no human being stands behind it, so that nobody could be paid."""
    try:
        human = offers if person in OFFERS else accounts.is_person(accounts.checked(person))
    except KempelenError:
        human = False
    if not human:
        offer = f", or {ANYONE} for everybody without a contract ({ANNOTATORS}, {REVIEWERS} for such people alone)."
        raise BadData(
            f"{person!r} is nobody who can be paid.",
            hint="Write annotator:PSEUDONYM or reviewer:PSEUDONYM"
            + (offer if offers else ". Simulated effort is never paid."),
        )
    return person


def checked_region(region: str | None) -> str | None:
    """The region itself. BadData when it has not the form of an ISO 3166 code."""
    if region is not None and not _REGION.fullmatch(region):
        raise BadData(f"{region!r} is no region.", hint="Write an ISO 3166 code, as DE or US-CA, or nothing at all.")
    return region
