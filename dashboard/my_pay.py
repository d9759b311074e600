"""What one person is owed and has received, for their own page alone."""

from collections.abc import Sequence

from cycle.pay import PayOffice
from cycle.wiring import remembered
from dashboard.source import Source
from ledger.pay.payroll import Pay
from ledger.people.own import PeriodPay


def months_of(source: Source, pseudonym: str) -> Sequence[PeriodPay]:
    """Their pay month by month, by the terms of the model that was run last; none before a model was run."""
    with source.reading() as (store, ledger):
        known = [settings for model in store.models() if (settings := remembered(store, model)) is not None]
        if not known:
            return []
        office = PayOffice(settings=known[-1], engine=ledger.engine, ledger=ledger)
        return [_shown(pay) for pay in office.months_of(pseudonym)]


def _shown(pay: Pay) -> PeriodPay:
    return PeriodPay(
        first=pay.period.first,
        last=pay.period.last,
        currency=pay.currency,
        owed=pay.owed,
        received=pay.received,
        top_up=pay.top_up,
        payable=pay.payable,
        unknown=tuple(dict.fromkeys(problem.message for problem in pay.unknown)),
    )
