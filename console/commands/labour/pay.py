"""What people are owed: contracts, payrolls, the list of what is still to be paid. For those who run the payroll."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, books_of, show
from kempelen.errors import BadData, ConfigError

_FIGURES = (
    *("person", "currency", "low_s", "high_s", "untimed", "accepted", "rejected", "owed", "received", "floor"),
    *("hourly_low", "hourly_high", "due", "top_up", "payable"),
)

if TYPE_CHECKING:
    from cycle.pay import PayOffice
    from kempelen.errors import Problem
    from ledger.pay.contract_book import Recorded
    from ledger.pay.payroll import Pay
    from ledger.pay.period import Period


def topups(
    month: str | None = None,
    *,
    csv: Path | None = None,
    paid: Path | None = None,
    on: date | None = None,
    common: Common = COMMON,
) -> int:
    """List what is still to be paid, so that every person reaches at least the floor. Ends with 3 if something is.

    Parameters
    ----------
    month
        As 2020-01; or any days, as 2020-01-01..2020-01-31. Last month by default.
    csv
        Write the list there, for whoever transfers the money.
    paid
        Book the payments of such a list, once they are made; what could not be transferred is taken out before.
    on
        The day on which they were made; today by default.
    """
    office, period = _office(common), _period(month)
    if paid is not None:
        return _record(office, paid, on or datetime.now(UTC).date(), common)
    from ledger.pay.payable import payables_csv

    rows, pays = office.still_to_pay(period), office.payroll(period)
    if csv is not None:
        _write(csv, payables_csv(rows))
    unknown = list(dict.fromkeys(problem for pay in pays for problem in pay.unknown))
    document = {
        "period": str(period),
        "payable": [
            {"person": r.person, "amount": r.amount, "currency": r.currency, "why": r.why, "payment": r.source_id}
            for r in rows
        ],
        "unknown": [_told(problem) for problem in unknown],
    }

    def readable() -> None:
        output.show_table(
            [
                {"person": r.person, "amount": f"{r.amount} {r.currency}", "for": r.what.value, "why": r.why}
                for r in rows
            ],
            right=("amount",),
        )
        output.say(f"{len(rows)} payments are open for {period}." if rows else f"Nothing is to be paid for {period}.")
        for problem in unknown:
            output.say(f"  unknown: {_told(problem)}")
        if csv is not None:
            output.say(f"Written to {csv}. Once it is paid: kempelen labour topups --paid {csv}")

    show(document, common, readable)
    return NEEDS_A_PERSON if rows or unknown else DONE


def payroll(month: str | None = None, *, common: Common = COMMON) -> int:
    """Show each person's pay for a period: hours, what is owed, received and the floor, and what an hour brought.

    Parameters
    ----------
    month
        As 2020-01; or any days, as 2020-01-01..2020-01-31. Last month by default.
    """
    period = _period(month)
    pays = _office(common).payroll(period)

    def readable() -> None:
        output.show_table([_row(pay) for pay in pays], right=("owed", "received", "floor", "payable"))
        if not pays:
            output.say(f"Nobody worked in {period}, or was paid for it.")
        for problem in dict.fromkeys(problem for pay in pays for problem in pay.unknown):
            output.say(f"  unknown: {_told(problem)}")

    return show([_as_json(pay) for pay in pays], common, readable)


def contracts(*, every: bool = False, common: Common = COMMON) -> int:
    """Show the contracts that hold.

    Parameters
    ----------
    every
        What was ended, corrected or annulled, too.
    """
    book = _office(common).book
    rows = book.history() if every else book.in_force()

    def readable() -> None:
        output.show_table([{"number": one.number, "contract": str(one.contract), "": _became(one)} for one in rows])
        if not rows:
            output.say("No contract is on record. `kempelen labour contracts import FILE --by NAME` takes them in.")

    document = [{"number": one.number, "contract": str(one.contract), "remark": _became(one)} for one in rows]
    return show(document, common, readable)


def import_contracts(file: Path, *, by: str, common: Common = COMMON) -> int:
    """Take contracts from a CSV file, all or none of it; see docs/pay.md for its columns. Taking it again is harmless.

    Parameters
    ----------
    file
        One contract a row.
    by
        Who records them.
    """
    from ledger.pay.contract_file import import_contracts as take

    new, problems = take(_office(common).book, file, at=datetime.now(UTC), by=by)
    if problems:
        told = " ".join(_told(problem) for problem in problems[:10])
        raise BadData(f"{file} has {len(problems)} wrong rows, and nothing of it was taken. {told}", hint="Mend them.")
    return show({"new": new}, common, lambda: output.say(f"{new} contracts are new."))


def end_contract(number: int, *, last: date, by: str, reason: str, common: Common = COMMON) -> int:
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
    new = _office(common).book.end(number, last, at=datetime.now(UTC), by=by, reason=reason)
    return show({"number": new}, common, lambda: output.say(f"Contract {number} ends on {last}: see number {new}."))


def cost(version: str | None = None, *, common: Common = COMMON) -> int:
    """Show what the human effort behind a version cost, waste and fees included, and for each gained point.

    Parameters
    ----------
    version
        All versions by default.
    """
    from cycle.cost import costs_of

    store, _ = books_of(common.folder)
    rows = costs_of(_office(common), store, version)

    def readable() -> None:
        output.show_table([row.in_words() for row in rows])
        for problem in dict.fromkeys(problem for row in rows for problem in row.cost.unknown):
            output.say(f"  unknown: {_told(problem)}")

    return show([row.as_json() for row in rows], common, readable)


def _record(office: "PayOffice", file: Path, on: date, common: Common) -> int:
    from ledger.pay.payable import read_payables

    new = office.record_paid(read_payables(file), on=on, now=datetime.now(UTC))
    return show({"booked": new}, common, lambda: output.say(f"{new} payments of {on} are booked."))


def _office(common: Common) -> "PayOffice":
    from cycle.wiring import pay_office

    settings = common.settings
    books_of(settings.state)
    return pay_office(settings)


def _period(said: str | None) -> "Period":
    """A month, any days, or last month."""
    from cycle.pay import months
    from ledger.pay.period import Period

    if said and ".." in said:
        return Period.of(said)
    try:
        first = date.fromisoformat(f"{said}-01") if said else None
    except ValueError as error:
        raise ConfigError(f"{said!r} is no month.", hint="Write 2020-01, or 2020-01-01..2020-01-31.") from error
    if first is None:
        today = datetime.now(UTC).date()
        first = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    return next(months(Period(first=first, last=first)))


def _write(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(file)


def _row(pay: "Pay") -> dict[str, Any]:
    from ledger.durations import interval

    return {
        "person": pay.person,
        "hours": interval(pay.low_s, pay.high_s) + (f", {pay.untimed} answers untimed" if pay.untimed else ""),
        "owed": _money(pay.owed, pay),
        "received": _money(pay.received, pay),
        "floor": _money(pay.floor, pay),
        "an hour": f"{_money(pay.hourly_low, pay)} to {_money(pay.hourly_high, pay)}",
        "payable": _money(pay.payable, pay),
    }


def _money(amount: Any, pay: "Pay") -> str:
    return "unknown" if amount is None else f"{amount} {pay.currency}"


def _as_json(pay: "Pay") -> dict[str, Any]:
    facts = {name: getattr(pay, name) for name in _FIGURES}
    return facts | {"period": str(pay.period), "unknown": [_told(problem) for problem in pay.unknown]}


def _became(row: "Recorded") -> str:
    what = "annuls" if row.annulled else "replaces"
    return f"{what} number {row.supersedes}: {row.reason}" if row.supersedes else ""


def _told(problem: "Problem") -> str:
    return f"{problem.subject}: {problem.message} {problem.hint}"


contracts_app = App(name="contracts", help=contracts.__doc__)
contracts_app.default(contracts)
contracts_app.command(import_contracts, name="import")
contracts_app.command(end_contract, name="end")
