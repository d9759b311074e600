"""What each person is owed for a period, and what the floor under every hour adds to it.

The floor holds for each person, never for a median of people, and over all their time: skipped, rejected and unpaid
minutes are hours like any others. Amounts are exact fractions until the end, where what is payable is rounded up to the
smallest coin, once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from kempelen.errors import Problem
from ledger.pay.contracts import Basis, Contract
from ledger.pay.currencies import coins_down, coins_up
from ledger.pay.period import Period
from ledger.pay.terms import HOUR_S, Money, Terms, agreed_pay, no_contract, no_time
from ledger.pay.worked import Day, Received, Worked, by_person_and_day, total_of

Days = Mapping[date, Day]
Held = Mapping[date, Contract | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """One person's pay for a period; None where it is unknown, for the reasons in `unknown`, and never 0 instead.

    All money is in `currency`, converted where needed by the rate of the period's last day. `owed` is the agreed pay,
    `received` what reached them for the period so far, `floor` what all their hours must bring at least; `owed` and
    `floor` are rounded up to the coin, `received` down. `hourly_low` is pay (agreed or received, whichever is more) for
    an hour by the high bound, rounded down; `hourly_high` is by the low bound, rounded up, and None without an end.

    `due` is the agreed pay still to be paid, and `payable` what is still to be paid in all. Where something is unknown,
    `payable` is what is owed for certain: it can only grow as more becomes known. `low_s` and `high_s` are the seconds
    that are known; `untimed` answers come on top.
    """

    person: str
    period: Period
    currency: str | None
    low_s: Decimal
    high_s: Decimal
    untimed: int
    accepted: int
    rejected: int
    owed: Decimal | None = None
    received: Decimal | None = None
    floor: Decimal | None = None
    hourly_low: Decimal | None = None
    hourly_high: Decimal | None = None
    due: Decimal | None = None
    payable: Decimal | None = None
    unknown: tuple[Problem, ...] = ()

    @property
    def top_up(self) -> Decimal | None:
        """What is still to be paid beyond the agreed pay, so that the floor holds; None where a part is unknown."""
        if self.due is None or self.floor is None or self.payable is None:
            return None
        return self.payable - self.due

    @property
    def beyond_agreed(self) -> Decimal | None:
        """What the period costs beyond the agreed pay: top-ups and bonuses, paid or still to be paid."""
        if self.owed is None or self.received is None or self.payable is None or self.top_up is None:
            return None
        return max(self.received + self.payable - self.owed, Decimal(0))


def payroll(worked: Iterable[Worked], received: Iterable[Received], terms: Terms, period: Period) -> list[Pay]:
    """The pay of everybody who worked in the period, or was paid for it, by name of account.

    The order of `worked` and `received` changes nothing. A payment that names a period counts if this period covers it.
    One whose period is only partly in this one makes what was received unknown: pay such periods as a whole.
    """
    days = by_person_and_day(worked, period)
    payments: dict[str, list[Received]] = {}
    for payment in received:
        if period.meets(payment.pays_for):
            payments.setdefault(payment.person, []).append(payment)
    return [
        _pay(person, days.get(person, {}), payments.get(person, []), terms, period)
        for person in sorted(days.keys() | payments.keys())
    ]


def _pay(person: str, days: Days, payments: Sequence[Received], terms: Terms, period: Period) -> Pay:
    held = {on: terms.contracts.of(person, on) for on in days}
    owed, floor, received = _owed(days, held, terms), _floor(days, held, terms), _received(payments, period)
    pay = Pay(
        person=person,
        period=period,
        currency=_currency(held, payments) or _offered(person, terms, period),
        low_s=total_of(day.low_s for day in days.values()),
        high_s=total_of(day.high_s for day in days.values()),
        untimed=sum(day.untimed for day in days.values()),
        accepted=sum(day.accepted for day in days.values()),
        rejected=sum(day.rejected for day in days.values()),
    )
    if pay.currency is not None:
        pay = _with_money(pay, pay.currency, (owed, floor, received), terms)
    reasons = [replace(each, subject=person) for money in (owed, floor, received) for each in money.unknown]
    return replace(pay, unknown=tuple(dict.fromkeys(reasons)))


def _owed(days: Days, held: Held, terms: Terms) -> Money:
    owed = Money()
    for on, day in days.items():
        contract = held[on]
        if contract is not None:
            owed.add(agreed_pay(day, contract, terms.paid_bound), contract.currency)
    owed.unknown += no_contract(on for on, contract in held.items() if contract is None)
    hourly = (on for on, contract in held.items() if contract is not None and contract.basis is Basis.HOURLY)
    owed.unknown += no_time(on for on in hourly if days[on].untimed)
    return owed


def _floor(days: Days, held: Held, terms: Terms) -> Money:
    floor = Money()
    for on, day in days.items():
        contract = held[on]
        if contract is None or not (day.high_s or day.untimed):
            continue
        least = terms.floors.on(contract.region, on)
        if isinstance(least, Problem):
            floor.unknown.append(least)
        else:
            floor.add(Fraction(day.high_s) * Fraction(least.per_hour) / HOUR_S, least.currency)
    floor.unknown += no_contract(on for on, contract in held.items() if contract is None)
    floor.unknown += no_time(on for on, day in days.items() if day.untimed)
    return floor


def _received(payments: Sequence[Received], period: Period) -> Money:
    received = Money()
    for payment in payments:
        if period.covers(payment.pays_for):
            received.add(Fraction(payment.amount), payment.currency)
        else:
            received.unknown.append(_torn(payment, period))
    return received


def _torn(payment: Received, period: Period) -> Problem:
    return Problem(
        stage="pay",
        subject=payment.person,
        message=f"{payment.amount} {payment.currency} ({payment.what}) was paid for {payment.pays_for}, "
        f"of which only a part is in {period}.",
        hint=f"Compute pay for a period that holds the whole of {payment.pays_for}.",
    )


def _currency(held: Held, payments: Sequence[Received]) -> str | None:
    """That of the contract of the last day worked; without one, that of the last payment."""
    agreed = [contract.currency for _, contract in sorted(held.items()) if contract is not None]
    paid = [payment.currency for payment in sorted(payments, key=lambda each: (each.on, each.currency))]
    return next(iter((agreed or paid)[-1:]), None)


def _offered(person: str, terms: Terms, period: Period) -> str | None:
    contract = terms.contracts.of(person, period.last)
    return contract.currency if contract else None


def _with_money(pay: Pay, currency: str, moneys: tuple[Money, Money, Money], terms: Terms) -> Pay:
    """The figures of the period: each is known as far as nothing of it is unknown."""
    owed, floor, received = (money.known_in(currency, terms.rates, pay.period.last) for money in moneys)
    owed_known, floor_known, received_known = (not money.unknown for money in moneys)
    due_known = owed_known and received_known
    low, high = _hourly(max(owed, received), pay, currency) if due_known else (None, None)
    nothing = Fraction(0)
    return replace(
        pay,
        owed=coins_up(owed, currency) if owed_known else None,
        received=coins_down(received, currency) if received_known else None,
        floor=coins_up(floor, currency) if floor_known else None,
        hourly_low=low,
        hourly_high=high,
        due=coins_up(max(owed - received, nothing), currency) if due_known else None,
        payable=coins_up(max(owed - received, floor - received, nothing), currency) if received_known else None,
    )


def _hourly(earned: Fraction, pay: Pay, currency: str) -> tuple[Decimal | None, Decimal | None]:
    """Earnings for an hour, by the high and by the low bound of the hours."""
    if pay.untimed:
        return None, None
    low = coins_down(earned * HOUR_S / Fraction(pay.high_s), currency) if pay.high_s else None
    high = coins_up(earned * HOUR_S / Fraction(pay.low_s), currency) if pay.low_s else None
    return low, high
