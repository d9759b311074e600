"""What people are owed, what the floor adds, and what a version cost: computed from the books whenever it is asked."""

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import Engine

from kempelen.errors import Problem
from kempelen.settings import Settings
from ledger import accounts, posting_rules
from ledger.pay import from_books
from ledger.pay.contract_book import ContractBook
from ledger.pay.contracts import ANYONE, Basis, Contract, Contracts
from ledger.pay.cost import Cost, cost
from ledger.pay.floors import SHIPPED, read_floors
from ledger.pay.payable import Payable, payables
from ledger.pay.payroll import Pay, payroll
from ledger.pay.period import Period
from ledger.pay.rates import Rates, read_rates
from ledger.pay.terms import Bound, Terms
from ledger.pay.worked import Received
from ledger.store import Ledger

_SETTINGS = "kempelen.toml"


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
        contracts = [*self.book.contracts(), *self._offer()]
        return Terms(
            contracts=Contracts(contracts),
            floors=read_floors(pay.floors or SHIPPED),
            rates=read_rates(pay.rates, stale_after_days=pay.rate_stale_after_days) if pay.rates else Rates(),
            paid_bound=Bound(pay.paid_bound),
        )

    def payroll(self, period: Period) -> list[Pay]:
        """The pay of everybody who worked in a period, or was paid for it."""
        return payroll(from_books.worked(self.engine), self._received(), self.terms(), period)

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

    def costs_with_people(self, version: str) -> list[tuple[Cost, int]]:
        """The costs of a version, each with how many persons receive it."""
        model = self.settings.model.name
        charged = from_books.worked(self.engine, model=model, version=version, elsewhere=False)
        contracts = self.terms().contracts
        paid_in = {(held.currency, w.person) for w in charged if (held := contracts.of(w.person, w.on)) is not None}
        return [(one, sum(currency == one.currency for currency, _ in paid_in)) for one in self.cost_of(version).costs]

    def months_of(self, pseudonym: str) -> list[Pay]:
        """One person's pay for each month in which they worked or were paid for, oldest first."""
        people = accounts.annotator(pseudonym), accounts.reviewer(pseudonym)
        worked = [each for person in people for each in from_books.worked(self.engine, person=person)]
        received = [each for person in people for each in from_books.received(self.engine, person)]
        days = [each.on for each in worked] + [
            day for each in received for day in (each.pays_for.first, each.pays_for.last)
        ]
        if not days:
            return []
        terms = self.terms()
        span = Period(first=min(days), last=max(days))
        return [pay for month in months(span) for pay in payroll(worked, received, terms, month)]

    def _by_month(self) -> list[Pay]:
        """Payrolls of all months in which anybody worked: over a month the floor must hold."""
        span = from_books.days(self.engine)
        if span is None:
            return []
        worked, received, terms = from_books.worked(self.engine), self._received(), self.terms()
        return [pay for month in months(span) for pay in payroll(worked, received, terms, month)]

    def _received(self) -> list[Received]:
        return from_books.received(self.engine)

    def _offer(self) -> Sequence[Contract]:
        """What the settings promise annotators holds for whoever has no contract, unless the book has an offer."""
        annotation = self.settings.annotation
        if annotation.pay_per_hour is None or any(one.person == ANYONE for one in self.book.contracts()):
            return []
        return [
            Contract(
                person=ANYONE,
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


def months(span: Period) -> Iterator[Period]:
    """The calendar months that hold the days of a period.

    >>> [str(month) for month in months(Period.of("2020-01-31..2020-02-01"))]
    ['2020-01-01..2020-01-31', '2020-02-01..2020-02-29']
    """
    year, month = span.first.year, span.first.month
    while (year, month) <= (span.last.year, span.last.month):
        yield Period(first=date(year, month, 1), last=date(year, month, monthrange(year, month)[1]))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - months of a year
