"""A stretch of days, both ends included: what a payroll is for, and what a payment paid."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from kempelen.errors import BadData


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Period:
    """From `first` to `last`, both included. BadData when it would end before it begins."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BadData(
                f"A period from {self.first} to {self.last} ends before it begins.", hint="Swap the two days."
            )

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    @classmethod
    def of(cls, text: str) -> Self:
        """The period that `str` wrote. BadData when the text is none.

        >>> str(Period.of("2024-02-01..2024-02-29"))
        '2024-02-01..2024-02-29'
        """
        first, _, last = text.partition("..")
        try:
            return cls(first=date.fromisoformat(first), last=date.fromisoformat(last))
        except ValueError as error:
            raise BadData(f"{text!r} is no period.", hint="Write it as 2024-02-01..2024-02-29.") from error

    def holds(self, on: date) -> bool:
        """Whether the day is one of it."""
        return self.first <= on <= self.last

    def covers(self, other: Self) -> bool:
        """Whether every day of the other is one of it."""
        return self.first <= other.first and other.last <= self.last

    def meets(self, other: Self) -> bool:
        """Whether they have a day in common."""
        return self.first <= other.last and other.first <= self.last
