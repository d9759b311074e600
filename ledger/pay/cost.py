"""What effort cost: pay between two bounds, what the floor added, and the platform's fee, each apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from kempelen.errors import BadData, Problem
from ledger.pay.contracts import Basis, Contract
from ledger.pay.currencies import coins_down, coins_up
from ledger.pay.payroll import Pay
from ledger.pay.terms import Bound, Money, Terms, agreed_pay, no_contract, no_time
from ledger.pay.worked import Day, Worked, by_person_and_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An amount from a low to a high bound, in whole coins; `high` is None where nobody knows how much it may be."""

    low: Decimal
    high: Decimal | None

    def __add__(self, other: "Range") -> "Range":
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(low=self.low + other.low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What effort cost in one currency: agreed pay, what was paid `beyond` it (top-ups, bonuses), and fees on both."""

    currency: str
    pay: Range
    beyond: Range
    fee: Range

    @property
    def total(self) -> Range:
        """All three together."""
        return self.pay + self.beyond + self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPay:
    """How work was paid, as far as it may be said where no figure may be of fewer than k people.

    `offer` is the hourly offer by which all of it was paid; None where anything else was agreed with anybody, or came
    on top of it. `certain` says that nothing can come on top any more.
    """

    offer: Contract | None = None
    certain: bool = True

    def cost(self, low_s: Decimal, high_s: Decimal | None) -> Cost | None:
        """What hours that are public cost: a number that follows from them and the offer, and tells of nobody.

        >>> from datetime import UTC, date, datetime
        >>> now = datetime(2026, 1, 1, tzinfo=UTC)
        >>> offer = Contract(person="*", basis=Basis.HOURLY, amount=Decimal(18), currency="EUR", region="DE",
        ...                  first=date(2026, 1, 1), last=None, fee_share=Decimal("0.2"), recorded_at=now,
        ...                  recorded_by="Jo")
        >>> PublicPay(offer=offer).cost(Decimal(3600), Decimal(7200)).total
        Range(low=Decimal('21.60'), high=Decimal('43.20'))
        """
        if self.offer is None:
            return None
        sums = _Sums()
        sums.charge(Day(low_s=low_s, high_s=high_s or low_s, untimed=0, accepted=0, rejected=0), self.offer, None)
        (found,) = sums.costs(complete=self.certain and high_s is not None)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PerPoint:
    """What a percentage point of accuracy cost; where that cannot be said, `reason` says why."""

    cost: Range | None
    reason: str | None


def cost(worked: Iterable[Worked], pays: Iterable[Pay], terms: Terms) -> tuple[list[Cost], list[Problem]]:
    """The cost of a set of effort, one for each currency, and what of it is unknown.

    Agreed pay lies between the bounds of the effort. What a payroll paid beyond it is spread over the seconds (by the
    high bound) that its person worked in its period, so that the versions which share these seconds share it. `pays`
    must cover every day, each once: BadData when two payrolls of a person overlap. With anything unknown the low bounds
    still hold, and the high ones are None.
    """
    days = by_person_and_day(worked)
    extras = _Extras(pays)
    sums, unknown = _Sums(), list[Problem]()
    for person, of_person in days.items():
        held = {on: terms.contracts.of(person, on) for on in of_person}
        unknown += _unknown(of_person, held) + extras.unknown(person, of_person)
        for on, day in of_person.items():
            sums.charge(day, held[on], extras.for_day(person, on, day))
    return sums.costs(complete=not unknown), list(dict.fromkeys(unknown))


def per_point(cost: Cost, before: float | None, after: float | None) -> PerPoint:
    """The total for each percentage point by which accuracy rose; `before` and `after` are shares from 0 to 1.

    >>> nothing = Range(low=Decimal(0), high=Decimal(0))
    >>> spent = Cost(currency="EUR", pay=Range(low=Decimal(30), high=Decimal(40)), beyond=nothing, fee=nothing)
    >>> per_point(spent, 0.9, 0.93).cost
    Range(low=Decimal('10.00'), high=Decimal('13.34'))
    >>> per_point(spent, 0.93, 0.93).reason
    'accuracy did not rise'
    """
    if before is None or after is None:
        return PerPoint(cost=None, reason="accuracy is unknown")
    points = (Fraction(str(after)) - Fraction(str(before))) * 100
    if points <= 0:
        return PerPoint(cost=None, reason="accuracy did not rise")
    return PerPoint(cost=_times(cost.total, 1 / points, cost.currency), reason=None)


class _Sums:
    """Exact sums by currency of what the low and the high bounds of effort cost."""

    def __init__(self) -> None:
        self._pay = {bound: Money() for bound in Bound}
        self._fee = {bound: Money() for bound in Bound}
        self._beyond = Money()

    def charge(self, day: Day, contract: Contract | None, extra: tuple[Fraction, str] | None) -> None:
        """Add a day's agreed pay, what came on top, and the fee on both."""
        beyond = [extra] if extra else []
        for bound in Bound:
            agreed = [(agreed_pay(day, contract, bound), contract.currency)] if contract else []
            for amount, currency in agreed:
                self._pay[bound].add(amount, currency)
            for amount, currency in agreed + beyond:
                self._fee[bound].add(amount * Fraction(contract.fee_share if contract else 0), currency)
        for amount, currency in beyond:
            self._beyond.add(amount, currency)

    def costs(self, *, complete: bool) -> list[Cost]:
        """One cost for each currency, by name."""
        low, high = Bound.LOW, Bound.HIGH
        return [
            Cost(
                currency=currency,
                pay=_range(self._pay[low], self._pay[high], currency, complete=complete),
                beyond=_range(self._beyond, self._beyond, currency, complete=complete),
                fee=_range(self._fee[low], self._fee[high], currency, complete=complete),
            )
            for currency in sorted(self._pay[low].parts.keys() | self._beyond.parts.keys())
        ]


class _Extras:
    """What payrolls paid beyond the agreed pay, for each second of the person's time in their period."""

    def __init__(self, pays: Iterable[Pay]) -> None:
        self._of: dict[str, list[Pay]] = {}
        for pay in sorted(pays, key=lambda each: (each.person, each.period)):
            earlier = self._of.setdefault(pay.person, [])
            if earlier and earlier[-1].period.meets(pay.period):
                raise BadData(
                    f"Two payrolls of {pay.person} overlap: {earlier[-1].period} and {pay.period}.",
                    hint="Give payrolls of periods that follow one another.",
                )
            earlier.append(pay)

    def for_day(self, person: str, on: date, day: Day) -> tuple[Fraction, str] | None:
        """The day's part, and its currency."""
        pay = self._pay(person, on)
        if pay is None or not pay.beyond_agreed or pay.currency is None or not pay.high_s:
            return None
        return Fraction(pay.beyond_agreed) * Fraction(day.high_s) / Fraction(pay.high_s), pay.currency

    def unknown(self, person: str, days: Iterable[date]) -> list[Problem]:
        """Why something may have been paid beyond that nobody knows of."""
        pays = {on: self._pay(person, on) for on in days}
        missing = sorted(on for on, pay in pays.items() if pay is None)
        problems = [each for pay in pays.values() if pay and pay.beyond_agreed is None for each in pay.unknown]
        problems += [_timeless(pay) for pay in pays.values() if pay and pay.beyond_agreed and not pay.high_s]
        if missing:
            message = f"No payroll covers {person} on {missing[0]}: top-ups may come on top."
            hint = "Give the payroll of every period in which the effort was given."
            problems.append(Problem(stage="pay", subject=person, message=message, hint=hint))
        return problems

    def _pay(self, person: str, on: date) -> Pay | None:
        return next((pay for pay in self._of.get(person, ()) if pay.period.holds(on)), None)


def _timeless(pay: Pay) -> Problem:
    return Problem(
        stage="pay",
        subject=pay.person,
        message=f"{pay.beyond_agreed} {pay.currency} beyond agreed pay in {pay.period} go with no second of effort.",
        hint="See what the payment was for; it is charged to no version.",
    )


def _unknown(days: Mapping[date, Day], held: Mapping[date, Contract | None]) -> list[Problem]:
    hourly = [on for on, contract in held.items() if contract is not None and contract.basis is Basis.HOURLY]
    missing = no_contract(on for on, contract in held.items() if contract is None)
    return missing + no_time(on for on in hourly if days[on].untimed)


def _range(low: Money, high: Money, currency: str, *, complete: bool) -> Range:
    nothing = Fraction(0)
    return Range(
        low=coins_down(low.parts.get(currency, nothing), currency),
        high=coins_up(high.parts.get(currency, nothing), currency) if complete else None,
    )


def _times(amount: Range, factor: Fraction, currency: str) -> Range:
    """The range times a positive factor, rounded outwards."""
    high = None if amount.high is None else coins_up(Fraction(amount.high) * factor, currency)
    return Range(low=coins_down(Fraction(amount.low) * factor, currency), high=high)
