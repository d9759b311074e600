"""What was agreed with people about pay: contracts from a file, ended or taken back by a row of their own."""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from console import output
from console.commands.common import COMMON, Common, show
from console.commands.labour.office import must_be_known, office_of, told
from kempelen.errors import BadData
from kempelen.words import counted

if TYPE_CHECKING:
    from ledger.pay.contract_book import Recorded
    from ledger.pay.contracts import Contract

_TOLD = 10
_AGREED = ("person", "basis", "amount", "currency", "region", "first", "last", "fee_share")


def contracts(*, every: Annotated[bool, Parameter(negative="")] = False, common: Common = COMMON) -> int:
    """Show the contracts that were not ended, corrected or annulled; `end` and `annul` change one by its number.

    Parameters
    ----------
    every
        What was ended, corrected or annulled, too.
    """
    office = office_of(common)
    rows = office.book.history() if every else office.book.in_force()

    def readable() -> None:
        output.show_table([_agreed(one) for one in rows], right=("number",), whole=("person",))
        if not rows:
            output.say("No contract is on record. `kempelen labour contracts import FILE --by NAME` takes them in.")
        for offer in office.offer():
            output.say(
                f"Annotators without one are paid by the settings: {_terms(offer)}, region {offer.region or 'unknown'}."
            )

    document = [
        {name: getattr(one.contract, name) for name in _AGREED} | {"number": one.number, "remark": _became(one)}
        for one in rows
    ]
    return show(document, common, readable)


def import_(file: Path, *, by: str, common: Common = COMMON) -> int:
    """Take contracts from a CSV file, all or none of it; see docs/pay.md for its columns. Taking it again is harmless.

    Parameters
    ----------
    file
        One contract a row.
    by
        Who records them.
    """
    from ledger.pay.contract_file import import_contracts

    office = office_of(common)
    known = partial(must_be_known, office, file)
    new, problems = import_contracts(office.book, file, at=datetime.now(UTC), by=by, check=known)
    if problems:
        found = " ".join(told(problem) for problem in problems[:_TOLD])
        wrong = counted(len(problems), "wrong row")
        raise BadData(
            f"{file} has {wrong}, and nothing of it was taken. {found}", hint="Mend the file, and import it again."
        )
    said = f"Recorded: {counted(new, 'contract')}." if new else "Nothing is new: these contracts are on record."
    return show({"new": new}, common, lambda: output.say(said))


def end(number: int, *, last: date, by: str, reason: str, common: Common = COMMON) -> int:
    """End a contract on a day. The row stays; another one says so.

    Parameters
    ----------
    number
        Its number, as `kempelen labour contracts` shows it.
    last
        The last day on which it holds.
    by
        Who records it.
    reason
        Why.
    """
    new = office_of(common).book.end(number, last, at=datetime.now(UTC), by=by, reason=reason)
    return show({"number": new}, common, lambda: output.say(f"Contract {number} ends on {last}: see number {new}."))


def annul(number: int, *, by: str, reason: str, common: Common = COMMON) -> int:
    """Take back a contract that never was agreed. The row stays; another one says so.

    Parameters
    ----------
    number
        Its number, as `kempelen labour contracts` shows it.
    by
        Who records it.
    reason
        Why.
    """
    new = office_of(common).book.annul(number, at=datetime.now(UTC), by=by, reason=reason)
    return show({"number": new}, common, lambda: output.say(f"Contract {number} never held: see number {new}."))


def _agreed(row: "Recorded") -> dict[str, Any]:
    agreed = row.contract
    return {
        "number": row.number,
        "person": agreed.person,
        "pay": _terms(agreed),
        "region": agreed.region or "unknown",
        "from": agreed.first,
        "to": agreed.last,
        "remark": _became(row),
    }


def _terms(agreed: "Contract") -> str:
    what = "an hour" if agreed.basis == "hourly" else "an answer"
    fee = f", fee {(agreed.fee_share * 100).normalize():f} %" if agreed.fee_share else ""
    return f"{agreed.amount} {agreed.currency} {what}{fee}"


def _became(row: "Recorded") -> str:
    what = "annuls" if row.annulled else "replaces"
    return f"{what} number {row.supersedes}: {row.reason}" if row.supersedes else ""


app = App(name="contracts", help=contracts.__doc__)
app.default(contracts)
app.command(import_, name="import")
app.command(end)
app.command(annul)
