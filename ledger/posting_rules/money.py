"""Money that reached a person: payments are facts; what is owed is computed on reading."""

from datetime import datetime
from decimal import Decimal

from kempelen.records import Provenance
from ledger import accounts
from ledger.entries import Entry
from ledger.units import Currency

PAID = "paid:"
"""Begins the `source_id` of every payment."""


def paid(  # noqa: PLR0913 - the event is exactly these facts
    *,
    source_id: str,
    person: str,
    payer: str,
    amount: Decimal,
    currency: str,
    what: str,
    at: datetime,
    paid_at: datetime,
    note: str | None = None,
) -> Entry:
    """A wage, a bonus or a top-up was paid: payer -> the person's account (`annotator:...` or `reviewer:...`).

    It belongs to no version: the cost of a version is what contracts say of the effort charged to it.
    """
    return Entry(
        at=at,
        source_id=f"{PAID}{source_id}",
        narration=what,
        kind=None,
        provenance=Provenance.DECLARED,
        giver=accounts.payer(payer),
        receiver=accounts.checked(person),
        amounts={Currency(currency): amount},
        model=None,
        person=person,
        worked_at=paid_at,
        note=note,
    )
