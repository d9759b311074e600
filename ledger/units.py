"""What an amount counts: seconds, answers, labels, events, or money of a currency."""

import re
from enum import StrEnum
from typing import Self

from kempelen.errors import LedgerError


class Unit(StrEnum):
    """What people give. Seconds come as a low and a high bound, which are two units."""

    S_LOW = "s_low"
    S_HIGH = "s_high"
    ANNOTATIONS = "annotations"
    LABELS = "labels"
    EVENTS = "events"

    @property
    def per_unit(self) -> int:
        """Smallest parts in one: seconds are kept in whole milliseconds, counts in ones."""
        return 1000 if self in {Unit.S_LOW, Unit.S_HIGH} else 1


class Currency(str):
    """Money, by the ISO 4217 code of its currency. LedgerError for what is none.

    >>> Currency("EUR")
    'EUR'
    """

    __slots__ = ()

    def __new__(cls, code: str) -> Self:
        """The currency. LedgerError for what is no code of one."""
        if not re.fullmatch("[A-Z]{3}", code):
            raise LedgerError(f"{code!r} is no currency.", hint="Write its ISO 4217 code, as EUR.")
        return super().__new__(cls, code)

    @property
    def per_unit(self) -> int:
        """Smallest parts in one: piece rates go below a cent, so money is kept in millionths."""
        return 1_000_000


Measure = Unit | Currency


def measure(name: str) -> Measure:
    """The unit or currency of this name."""
    return Unit(name) if name in set(Unit) else Currency(name)
