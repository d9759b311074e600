"""Exchange rates by day: the latest one on or before a day, never a later one."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from kempelen.errors import BadData, Problem
from ledger.pay import currencies
from ledger.pay._rows import Row, every_row, read_rows

COLUMNS = ("date", "from", "to", "rate")

STALE_AFTER_DAYS = 31
"""A rate this much older than the day it is asked for no longer says what money is worth on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One `source` is worth `rate` of `target` from `on`."""

    on: date
    source: str
    target: str
    rate: Decimal

    def __post_init__(self) -> None:
        currencies.known(self.source)
        currencies.known(self.target)
        if self.source == self.target or not (self.rate.is_finite() and self.rate > 0):
            raise BadData(
                f"1 {self.source} = {self.rate} {self.target} is no rate.",
                hint="Write two currencies, and a rate above 0.",
            )


class Rates:
    """A table of rates. BadData when two rates of one pair and day differ.

    A pair is also used the other way round, exactly; where both are known for the same day, each is used its own way.
    Rates are not chained over a third currency: which one would be a choice, and could change an amount in silence.
    """

    def __init__(self, rates: Iterable[Rate] = (), *, stale_after_days: int = STALE_AFTER_DAYS) -> None:
        self._stale_after = timedelta(days=stale_after_days)
        self._of: dict[tuple[str, str], dict[date, Fraction]] = {}
        for rate in rates:
            of_pair = self._of.setdefault((rate.source, rate.target), {})
            if of_pair.setdefault(rate.on, Fraction(rate.rate)) != Fraction(rate.rate):
                raise BadData(
                    f"Two rates from {rate.source} to {rate.target} hold on {rate.on}.",
                    hint="Keep the right one.",
                )
        self._days = {pair: sorted(of_pair) for pair, of_pair in self._of.items()}

    def converted(self, amount: Fraction, source: str, target: str, on: date) -> Fraction | Problem:
        """The amount in another currency, exactly, or why that is unknown. Nothing is nothing in every currency."""
        if source == target or not amount:
            return amount
        there, back = self._latest(source, target, on), self._latest(target, source, on)
        found = max((day for day in (there, back) if day), default=None)
        pair = f"{source} to {target}"
        if found is None:
            return _unknown(pair, f"No rate from {pair} is known on or before {on}.")
        if on - found > self._stale_after:
            return _unknown(pair, f"The latest rate from {pair} before {on} is of {found}, too old to be used.")
        if found == there:
            return amount * self._of[source, target][found]
        return amount / self._of[target, source][found]

    def _latest(self, source: str, target: str, on: date) -> date | None:
        days = self._days.get((source, target), [])
        earlier = bisect_right(days, on)
        return days[earlier - 1] if earlier else None


def read_rates(file: Path, *, stale_after_days: int = STALE_AFTER_DAYS) -> Rates:
    """The rates of a CSV file. BadData, naming its lines, when any of them is wrong."""
    return Rates(every_row(file, read_rows(file, COLUMNS), _rate), stale_after_days=stale_after_days)


def _rate(row: Row) -> Rate:
    return Rate(on=row.day("date"), source=row.text("from"), target=row.text("to"), rate=row.number("rate"))


def _unknown(subject: str, message: str) -> Problem:
    return Problem(stage="pay", subject=subject, message=message, hint="Add it to the file that [pay] rates names.")
