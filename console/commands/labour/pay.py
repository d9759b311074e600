"""What people are owed: payrolls, the list of what is still to be paid, the cost of versions. For the payroll role."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, books_of, own_version, show
from console.commands.labour.office import must_be_known, office_of, told
from kempelen.errors import BadData, ConfigError
from kempelen.words import counted

_AMOUNTS = ("owed", "received", "floor", "payable")
_FIGURES = (
    *("person", "currency", "low_s", "high_s", "untimed", "accepted", "rejected", "owed", "received", "floor"),
    *("hourly_low", "hourly_high", "due", "top_up", "payable"),
)

if TYPE_CHECKING:
    from cycle.pay import PayOffice
    from kempelen.errors import Problem
    from ledger.pay.payable import Payable
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
    office, period = office_of(common), _period(month)
    if paid is not None:
        if csv is not None:
            raise ConfigError("--csv writes a list, --paid books one.", hint="Write it, transfer the money, book it.")
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
        "unknown": [told(problem) for problem in unknown],
    }

    def readable() -> None:
        output.show_table(
            [{"person": r.person, "amount": f"{r.amount} {r.currency}", "why": r.why} for r in rows],
            right=("amount",),
            whole=("person", "amount"),
        )
        open_ = f"For {period}, {counted(len(rows), 'payment')} of {_in_all(rows)} in all are still to be made."
        output.say(open_ if rows else f"Nothing that is known is still to be paid for {period}.")
        _say_unknown(unknown)
        if csv is not None:
            output.say(f"Written to {csv}. Once it is paid: kempelen labour topups --paid {csv}")
        elif rows:
            output.say(f"The list for the transfer: kempelen labour topups {period} --csv FILE")

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
    office = office_of(common)
    pays = office.payroll(period)

    def readable() -> None:
        output.show_table([_row(pay) for pay in pays], right=_AMOUNTS, whole=("person", *_AMOUNTS, "in"))
        if not pays:
            output.say(f"Nobody worked in {period}, or was paid for it.{_when_somebody_did(office)}")
        _say_unknown(dict.fromkeys(problem for pay in pays for problem in pay.unknown))
        if any(pay.payable for pay in pays):
            output.say(f"What is still to be paid, as a list: kempelen labour topups {period}")

    return show([_as_json(pay) for pay in pays], common, readable)


def cost(version: str | None = None, *, common: Common = COMMON) -> int:
    """Show what the human effort behind versions cost, and each gained point of accuracy. For the payroll role.

    Waste and fees are in it. Nothing is held back: where few people worked for a version, it tells of their pay.

    Parameters
    ----------
    version
        VERSION of the settings file's model, or MODEL/VERSION; all versions of that model by default.
    """
    from cycle.cost import costs_of

    store, _ = books_of(common.folder)
    office = office_of(common)
    one = version and own_version(store, version, office.settings.model.name)
    rows = costs_of(office, store, one or None)

    def readable() -> None:
        output.show_table([row.in_words() for row in rows])
        said = {f"{problem.message} {problem.hint}" for row in rows for problem in row.cost.unknown}
        for line in sorted(said):
            output.say(f"  not in it: {line}")
        if said:
            output.say("Whose pay is missing: kempelen labour payroll MONTH")

    return show([row.as_json() for row in rows], common, readable)


def _record(office: "PayOffice", file: Path, on: date, common: Common) -> int:
    from ledger.pay.payable import read_payables

    now, rows = datetime.now(UTC), read_payables(file)
    if on > now.date():
        raise BadData(f"{on} is still to come.", hint="Book payments once they are made.")
    must_be_known(office, file, rows)
    new = office.record_paid(rows, on=on, now=now)

    def readable() -> None:
        if new:
            output.say(f"Booked: {counted(new, 'payment')}, made on {on}.")
        if new < len(rows) or not rows:
            output.say(f"{counted(len(rows) - new, 'payment')} of {file.name} had been booked before.")

    return show({"booked": new}, common, readable)


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
    """As a whole or not at all, for its owner alone: it is payroll data."""
    from ledger.export import whole_file

    with whole_file(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")


def _when_somebody_did(office: "PayOffice") -> str:
    from ledger.pay.from_books import worked

    days = {each.on for each in worked(office.engine)}
    return f" The books hold work of {min(days)} to {max(days)}." if days else ""


def _say_unknown(problems: "Iterable[Problem]") -> None:
    for problem in problems:
        output.say(f"  unknown: {told(problem)}")


def _in_all(rows: "Iterable[Payable]") -> str:
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.amount
    return " and ".join(f"{amount} {currency}" for currency, amount in sorted(sums.items()))


def _row(pay: "Pay") -> dict[str, Any]:
    from ledger.durations import interval

    return {
        "person": pay.person,
        "worked": interval(pay.low_s, pay.high_s) + (f", {pay.untimed} answers untimed" if pay.untimed else ""),
        "owed": _known(pay.owed),
        "received": _known(pay.received),
        "floor": _known(pay.floor),
        "an hour": _hourly(pay),
        "payable": _known(pay.payable),
        "in": pay.currency,
    }


def _hourly(pay: "Pay") -> str:
    low, high = pay.hourly_low, pay.hourly_high
    if low is None or low == high:
        return _known(low)
    return f"{low} or more" if high is None else f"{low} to {high}"


def _known(amount: Decimal | None) -> str:
    return "unknown" if amount is None else str(amount)


def _as_json(pay: "Pay") -> dict[str, Any]:
    facts = {name: getattr(pay, name) for name in _FIGURES}
    return facts | {"period": str(pay.period), "unknown": [told(problem) for problem in pay.unknown]}
