"""The list of what is still to be paid, for whoever transfers it: as rows, as CSV, and back once it was paid.

A row's name counts the payments of its kind for that person and period. Paid twice it would be one payment, and of two
lists that say different things, the books refuse the second.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from kempelen.errors import BadData
from ledger.export.tables import shielded, unshielded
from ledger.pay import currencies
from ledger.pay._rows import Row, every_row, read_rows
from ledger.pay.contracts import checked_person
from ledger.pay.payroll import Pay
from ledger.pay.period import Period
from ledger.pay.worked import Received

COLUMNS = ("person", "amount", "currency", "period", "why", "payment")


class Why(StrEnum):
    """What a payment is for."""

    PAY = "pay"
    TOP_UP = "top-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """One payment to be made. `number` counts those of its kind for this person and period, from 1."""

    person: str
    amount: Decimal
    currency: str
    period: Period
    what: Why
    why: str
    number: int

    def __post_init__(self) -> None:
        checked_person(self.person)
        if self.amount <= 0 or currencies.coins_up(Fraction(self.amount), self.currency) != self.amount:
            raise BadData(
                f"{self.amount} {self.currency} cannot be paid.", hint="Write an amount above 0, in whole coins."
            )

    @property
    def source_id(self) -> str:
        """The name under which the books take the payment once."""
        return f"{self.what}/{self.person}/{self.period}/{self.number}"

    def paid(self, on: date) -> Received:
        """The payment, once it was made."""
        return Received(
            person=self.person,
            on=on,
            amount=self.amount,
            currency=self.currency,
            what=self.what.value,
            period=self.period,
        )


def payables(pays: Iterable[Pay], received: Iterable[Received]) -> list[Payable]:
    """What is still to be paid to each person, pay and top-up apart; `received` is what `payroll` was given.

    Where pay itself is partly unknown, what is certain of pay and floor together is one payment.
    """
    made = Counter((each.person, each.period, each.what) for each in received)
    return [
        Payable(
            person=pay.person,
            amount=amount,
            currency=pay.currency,
            period=pay.period,
            what=what,
            why=why,
            number=made[pay.person, pay.period, what.value] + 1,
        )
        for pay in pays
        if pay.currency is not None
        for what, amount, why in _parts(pay)
        if amount
    ]


def payables_csv(rows: Sequence[Payable]) -> str:
    """The list as CSV, amounts to the coin, in which no cell is a formula to a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = row.person, f"{row.amount:f}", row.currency, str(row.period), row.why, row.source_id
        writer.writerow(map(shielded, cells))
    return text.getvalue()


def read_payables(file: Path) -> list[Payable]:
    """The payments of such a file, without those that somebody took out. BadData when any line is wrong."""
    return every_row(file, read_rows(file, COLUMNS), _payable)


def _parts(pay: Pay) -> list[tuple[Why, Decimal, str]]:
    if pay.payable is None:
        return []
    certain = "" if not pay.unknown else " (as far as it is known)"
    if pay.due is None:
        return [(Why.PAY, pay.payable, f"agreed pay, or the floor{certain}")]
    top_up = f"top-up to the floor for {pay.high_s / 3600:.2f} h{certain}"
    return [(Why.PAY, pay.due, "agreed pay"), (Why.TOP_UP, pay.payable - pay.due, top_up)]


def _payable(row: Row) -> Payable:
    person, why, payment = (unshielded(row.text(column)) for column in ("person", "why", "payment"))
    what, _, rest = payment.partition("/")
    number = rest.removeprefix(f"{person}/{row['period']}/")
    if what not in set(Why) or not re.fullmatch("[1-9][0-9]{0,8}", number):
        raise BadData(f"payment = {row['payment']!r} is none of {person}.", hint="Leave this column as it was written.")
    return Payable(
        person=person,
        amount=row.number("amount"),
        currency=row.text("currency"),
        period=Period.of(row.text("period")),
        what=Why(what),
        why=why,
        number=int(number),
    )
