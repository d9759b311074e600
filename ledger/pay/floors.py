"""The least that an hour must bring, by region and day; where no figure is known, the answer says so."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from kempelen.errors import BadData, Problem
from ledger.pay import currencies
from ledger.pay._rows import Row, every_row, read_rows
from ledger.pay.contracts import checked_region

SHIPPED = Path(__file__).with_name("floors.csv")
"""Statutory minimum wages of some regions. They end where the figures were known to end; users bring their own file."""

COLUMNS = ("region", "first", "last", "per_hour", "currency", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What an hour must bring in a region. It holds to `last`, or until the region's next one when that is None."""

    region: str
    first: date
    last: date | None
    per_hour: Decimal
    currency: str
    source: str

    def __post_init__(self) -> None:
        checked_region(self.region)
        currencies.known(self.currency)
        if self.per_hour <= 0:
            raise BadData(f"{self.per_hour} an hour is no floor.", hint="Leave the row out where there is none.")
        if self.last is not None and self.last < self.first:
            raise BadData(f"It would end on {self.last}, before {self.first}.", hint="Swap its first and last day.")


class Floors:
    """A table of floors. BadData when two of one region hold on the same day."""

    def __init__(self, floors: Iterable[Floor] = ()) -> None:
        self._of: dict[str, list[Floor]] = {}
        for floor in sorted(floors, key=lambda each: (each.region, each.first)):
            self._of.setdefault(floor.region, []).append(floor)
        for one, other in (pair for of_one in self._of.values() for pair in pairwise(of_one)):
            if one.first == other.first or (one.last is not None and one.last >= other.first):
                raise BadData(
                    f"Two floors hold in {one.region} on {other.first}: {one.per_hour} and {other.per_hour}.",
                    hint="Give each region one floor a day: correct the dates of one of them.",
                )

    def on(self, region: str | None, day: date) -> Floor | Problem:
        """The floor of exactly that region on that day, or why it is unknown. Never that of a larger region."""
        if region is None:
            return _unknown("no region", "No region is named.", "Name it in the contract, or in [pay] region.")
        known = self._of.get(region, [])
        latest = bisect_right(known, day, key=lambda each: each.first)
        if not known:
            return _unknown(region, f"No floor is known for {region}.", "Add its floors to the table of floors.")
        floor = known[max(latest - 1, 0)]
        if not latest:
            return _unknown(region, f"No floor is known for {region} before {floor.first}.", "Add the earlier ones.")
        if floor.last is not None and day > floor.last:
            hint = "Add the floor that followed to the table of floors."
            return _unknown(region, f"The floor known for {region} ends on {floor.last}.", hint)
        return floor


def read_floors(file: Path = SHIPPED) -> Floors:
    """The floors of a CSV file. BadData, naming its lines, when any of them is wrong."""
    optional = ("last",)
    rows = read_rows(file, [column for column in COLUMNS if column not in optional], optional)
    return Floors(every_row(file, rows, _floor))


def _floor(row: Row) -> Floor:
    return Floor(
        region=row.text("region"),
        first=row.day("first"),
        last=row.day_or_open("last"),
        per_hour=row.number("per_hour"),
        currency=row.text("currency"),
        source=row.text("source"),
    )


def _unknown(subject: str, message: str, hint: str) -> Problem:
    return Problem(stage="pay", subject=subject, message=message, hint=hint)
