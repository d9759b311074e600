"""By what pay is computed: contracts, floors, exchange rates, and which bound of people's effort is paid."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from kempelen.errors import Problem
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.floors import Floors
from ledger.pay.rates import Rates
from ledger.pay.worked import Day

HOUR_S = 3600


class Bound(StrEnum):
    """Which bound of their effort people are paid for by the hour. The floor is always over the high one."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that was agreed or is known, apart from the work itself."""

    contracts: Contracts
    floors: Floors
    rates: Rates = field(default_factory=Rates)
    paid_bound: Bound = Bound.HIGH


class Money:
    """Exact amounts by currency, and why there may be more than is known."""

    def __init__(self) -> None:
        self.parts: dict[str, Fraction] = {}
        self.unknown: list[Problem] = []

    def add(self, amount: Fraction, currency: str) -> None:
        """More of a currency."""
        self.parts[currency] = self.parts.get(currency, Fraction(0)) + amount

    def known_in(self, currency: str, rates: Rates, on: date) -> Fraction:
        """What of it can be said in one currency, by the rates of a day; what cannot joins the unknown."""
        total = Fraction(0)
        for source, amount in sorted(self.parts.items()):
            converted = rates.converted(amount, source, currency, on)
            if isinstance(converted, Problem):
                self.unknown.append(converted)
            else:
                total += converted
        return total


def agreed_pay(day: Day, contract: Contract, bound: Bound) -> Fraction:
    """What a contract says of a day's work, as far as its seconds are known; nothing is rounded."""
    if contract.basis is Basis.PIECE:
        return Fraction(contract.amount) * day.accepted
    return Fraction(contract.amount) * Fraction(day.high_s if bound is Bound.HIGH else day.low_s) / HOUR_S


def no_contract(days: Iterable[date]) -> list[Problem]:
    """What is unknown because nothing was agreed for these days."""
    return _unknown(
        days,
        "No contract holds",
        "Add the contract, or an offer to all such people (annotator:*, reviewer:*), and compute pay again.",
    )


def no_time(days: Iterable[date]) -> list[Problem]:
    """What is unknown because nobody knows how long answers of these days took."""
    return _unknown(days, "How long some answers took is unknown", "Ask who gave them, and book what they say.")


def _unknown(days: Iterable[date], what: str, hint: str) -> list[Problem]:
    found = sorted(days)
    if not found:
        return []
    others = f" and {len(found) - 1} later days" if found[1:] else ""
    return [Problem(stage="pay", subject=str(found[0]), message=f"{what} on {found[0]}{others}.", hint=hint)]
