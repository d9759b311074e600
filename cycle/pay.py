"""What people are owed, what the floor adds, and what a version cost: computed from the books whenever it is asked."""

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine

from kempelen.errors import Problem
from kempelen.settings import Settings
from ledger import accounts, posting_rules
from ledger.pay import from_books
from ledger.pay.contract_book import ContractBook
from ledger.pay.contracts import ANNOTATORS, ANYONE, OFFERS, Basis, Contract, Contracts
from ledger.pay.cost import Cost, PublicPay, cost
from ledger.pay.currencies import smallest_coin
from ledger.pay.floors import SHIPPED, read_floors
from ledger.pay.payable import Payable, payables
from ledger.pay.payroll import Pay, payroll
from ledger.pay.period import Period
from ledger.pay.rates import Rates, read_rates
from ledger.pay.terms import Bound, Terms
from ledger.pay.worked import Received, Worked
from ledger.store import Ledger

_SETTINGS = "kempelen.toml"

_OfPerson = TypeVar("_OfPerson", Worked, Received, Pay)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCost:
    """What the effort for a version, its waste included, cost by contract; and what platforms were paid for it.

    `rewards` are pay and fee by currency. `unknown` says why it may be more.
    """

    version: str
    costs: tuple[Cost, ...]
    rewards: dict[str, tuple[Decimal, Decimal]]
    unknown: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class PayOffice:
    """Pay over the books of one state folder, by the settings of one model."""

    settings: Settings
    engine: Engine
    ledger: Ledger

    @property
    def book(self) -> ContractBook:
        """The contracts."""
        return ContractBook(self.engine)

    def terms(self) -> Terms:
        """Contracts, floors and rates. BadData or ConfigError when a file of them cannot be read."""
        pay = self.settings.pay
        return Terms(
            contracts=self._contracts(),
            floors=read_floors(pay.floors or SHIPPED),
            rates=read_rates(pay.rates, stale_after_days=pay.rate_stale_after_days) if pay.rates else Rates(),
            paid_bound=Bound(pay.paid_bound),
        )

    def payroll(self, period: Period) -> list[Pay]:
        """The pay of everybody who worked in a period, or was paid for it."""
        return _together(self._works(), period)

    def still_to_pay(self, period: Period) -> list[Payable]:
        """What is still to be paid for a period, pay and top-ups apart."""
        return payables(self.payroll(period), self._received())

    def record_paid(self, rows: Iterable[Payable], *, on: date, now: datetime) -> int:
        """Book payments that were made; how many were new.

        A payment that is booked stays as it was booked, whatever day is said later. LedgerError, and nothing is booked,
        when a list says another amount for a payment than the books.
        """
        entries = []
        for row in rows:
            entry = posting_rules.paid(
                source_id=row.source_id,
                person=row.person,
                payer=self.settings.pay.payer,
                amount=row.amount,
                currency=row.currency,
                what=row.what.value,
                at=now,
                paid_at=datetime(on.year, on.month, on.day, tzinfo=UTC),
                note=str(row.period),
            )
            booked = self.ledger.entry(entry.source_id)
            entries.append(replace(entry, worked_at=booked.worked_at, giver=booked.giver) if booked else entry)
        return self.ledger.book(entries)

    def cost_of(self, version: str) -> VersionCost:
        """What a version cost so far: agreed pay, its part of top-ups, fees, and what platforms were paid for it."""
        model = self.settings.model.name
        charged = from_books.worked(self.engine, model=model, version=version, elsewhere=False)
        costs, unknown = cost(charged, self._by_month(), self.terms())
        rewards = from_books.rewards(self.engine, model, version)
        return VersionCost(version=version, costs=tuple(costs), rewards=rewards, unknown=tuple(unknown))

    def public_pay(self, version: str) -> PublicPay | None:
        """By which offer all work for a version was paid, if it was; None where nobody was promised anything.

        Anything else would tell of people: a contract of one person, what lifts one to the floor, two offers whose
        hours nothing else tells apart, another platform's hours. That payments are rounded up to the coin is nothing.
        """
        of_version = partial(from_books.worked, self.engine, model=self.settings.model.name, version=version)
        here, contracts = of_version(elsewhere=False), self._contracts()
        held = {contracts.of(each.person, each.on) for each in here}
        if held <= {None}:
            return None
        offer = held.pop() if len(held) == 1 and not of_version(elsewhere=True) else None
        if offer is None or offer.person not in OFFERS or offer.basis is not Basis.HOURLY:
            return PublicPay()
        works, people = self._works(), {each.person for each in here}
        payments = _by_person(each for work in works for each in work.received)
        pays = [pay for pay in _monthly(works) if pay.person in people]
        if any(_on_top(pay, payments.get(pay.person, ())) for pay in pays):
            return PublicPay()
        return PublicPay(offer=offer, certain=all(pay.beyond_agreed is not None for pay in pays))

    def months_of(self, pseudonym: str) -> list[Pay]:
        """One person's pay for each month in which they worked or were paid for, oldest first.

        Months that a payment spans (of weeks, of a quarter) are told as one: what of it was for which is not known.
        """
        works = [
            work
            for person in (accounts.annotator(pseudonym), accounts.reviewer(pseudonym))
            for work in self._works(person)
        ]
        return _monthly(works)

    def _by_month(self) -> list[Pay]:
        """Payrolls of all months in which anybody worked, or of longer spans that were paid as one."""
        return _monthly(self._works())

    def _works(self, person: str | None = None) -> list["_Work"]:
        """What everybody, or one person, worked and received, with the terms: of people of other platforms apart.

        The settings promise an hour's pay to annotators here. At another platform that promise was never made, and
        what its export calls time holds waiting, up to a day an answer.
        """
        here, there = (from_books.worked(self.engine, person=person, elsewhere=other) for other in (False, True))
        received = from_books.received(self.engine, person)
        strangers = {each.person for each in there} - {each.person for each in here}
        terms = self.terms()
        agreed = replace(terms, contracts=self.book.contracts())
        return [
            _Work(
                worked=[each for each in [*here, *there] if (each.person in strangers) is strange],
                received=[each for each in received if (each.person in strangers) is strange],
                terms=agreed if strange else terms,
            )
            for strange in (False, True)
        ]

    def _received(self) -> list[Received]:
        return from_books.received(self.engine)

    def _contracts(self) -> Contracts:
        """What is on record, and what the settings promise."""
        return Contracts([*self.book.contracts(), *self.offer()])

    def offer(self) -> Sequence[Contract]:
        """What the settings promise holds for annotators without a contract, unless the book has an offer to them."""
        annotation = self.settings.annotation
        if annotation.pay_per_hour is None or any(one.person in {ANNOTATORS, ANYONE} for one in self.book.contracts()):
            return []
        return [
            Contract(
                person=ANNOTATORS,
                basis=Basis.HOURLY,
                amount=annotation.pay_per_hour,
                currency=annotation.currency,
                region=self.settings.pay.region,
                first=date.min,
                last=None,
                fee_share=Decimal(str(annotation.platform_fee)),
                recorded_at=datetime.min.replace(tzinfo=UTC),
                recorded_by=_SETTINGS,
            )
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What some people worked and received, and by which terms they are paid."""

    worked: Sequence[Worked]
    received: Sequence[Received]
    terms: Terms


def _together(works: Iterable[_Work], period: Period) -> list[Pay]:
    """The pay of everybody for a period, by name of account."""
    pays = [pay for work in works for pay in payroll(work.worked, work.received, work.terms, period)]
    return sorted(pays, key=lambda pay: pay.person)


def _monthly(works: Iterable[_Work]) -> list[Pay]:
    """Each person's pay for each month of which anything is known, oldest first, months that a payment spans as one."""
    pays: list[Pay] = []
    for work in works:
        worked, received = _by_person(work.worked), _by_person(work.received)
        for person in worked.keys() | received.keys():
            own, got = worked.get(person, []), received.get(person, [])
            for span in _spans(own, got):
                pays += payroll(own, got, work.terms, span)
    return sorted(pays, key=lambda pay: (pay.period, pay.person))


def _spans(worked: Iterable[Worked], received: Iterable[Received]) -> list[Period]:
    """Months, in order; what was paid for weeks or a quarter is in one span with all its days, and so is known."""
    paid_for = {each.pays_for for each in received}
    days = {Period(first=each.on, last=each.on) for each in worked} | paid_for
    spans: list[Period] = []
    for span in sorted({month for each in days for month in months(each)} | paid_for):
        if spans and spans[-1].meets(span):
            spans[-1] = Period(first=spans[-1].first, last=max(spans[-1].last, span.last))
        else:
            spans.append(span)
    return spans


def _on_top(pay: Pay, payments: Iterable[Received]) -> bool:
    """Whether anything was or is to be paid beyond what was agreed, but for a coin of rounding for each payment."""
    if pay.beyond_agreed is None or pay.currency is None:
        return False
    times = max(1, sum(each.pays_for.meets(pay.period) for each in payments))
    return pay.beyond_agreed > times * smallest_coin(pay.currency)


def _by_person(records: Iterable[_OfPerson]) -> dict[str, list[_OfPerson]]:
    found: dict[str, list[_OfPerson]] = {}
    for record in records:
        found.setdefault(record.person, []).append(record)
    return found


def months(span: Period) -> Iterator[Period]:
    """The calendar months that hold the days of a period.

    >>> [str(month) for month in months(Period.of("2020-01-31..2020-02-01"))]
    ['2020-01-01..2020-01-31', '2020-02-01..2020-02-29']
    """
    year, month = span.first.year, span.first.month
    while (year, month) <= (span.last.year, span.last.month):
        yield Period(first=date(year, month, 1), last=date(year, month, monthrange(year, month)[1]))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - months of a year
