"""The pay office behind the commands of payroll: by which settings, over which books, about which people."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.common import Common, books_of
from kempelen.errors import BadData

if TYPE_CHECKING:
    from cycle.pay import PayOffice
    from kempelen.errors import Problem
    from ledger.pay.contracts import Contract
    from ledger.pay.payable import Payable


def office_of(common: Common) -> "PayOffice":
    """Pay by the settings file, over its books, which must exist."""
    from cycle.wiring import pay_office

    settings = common.settings
    books_of(settings.state)
    return pay_office(settings)


def must_be_known(office: "PayOffice", file: Path, rows: "Iterable[Contract | Payable]") -> None:
    """Nobody can owe anything to a name that was misspelt; and what was paid to it would be missing elsewhere."""
    from ledger.pay.contracts import OFFERS
    from ledger.people.booked import booked_people

    known = booked_people(office.engine)
    strangers = sorted(
        {row.person for row in rows if row.person not in OFFERS and row.person.partition(":")[2] not in known}
    )
    if strangers:
        raise BadData(
            f"{file} names people who are not in the books: {', '.join(strangers[:5])}. Nothing of it was taken.",
            hint="Write names as `kempelen labour payroll` shows them. Whoever is new has one once they answered.",
        )


def told(problem: "Problem") -> str:
    """A problem in one line."""
    return f"{problem.subject}: {problem.message} {problem.hint}"
