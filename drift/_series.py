"""How often subjects occurred by day, in how many predictions, and how unevenly they arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from drift._rates import FEWEST_BLOCKS, dispersion, unevenness
from kempelen.profile import Floats, Ints

LENGTHS = (1, 2, 4, 7)
"""Days of the windows: a sharp change is found in one day, a slow one in seven."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """How often S subjects occurred on D days: `counts` (S, D), among `exposure` predictions, (S, D) or (1, D).

    `chosen`, if given, is a longer series and the places in it of these subjects: what is known there of how unevenly
    they arrive is not worked out again.
    """

    days: tuple[date, ...]
    counts: Floats
    exposure: Floats
    chosen: "tuple[Series, Ints] | None" = None

    def subjects(self, places: Ints) -> "Series":
        """Some of the subjects. All of them have the same exposure."""
        return Series(days=self.days, counts=self.counts[places], exposure=self.exposure, chosen=(self, places))

    @cached_property
    def total(self) -> tuple[Floats, Floats]:
        """Occurrences and exposure of all days together, shapes (S,) and (S,) or (1,)."""
        return self.counts.sum(axis=1), self.exposure.sum(axis=1)

    @cached_property
    def uneven(self) -> Mapping[int, Floats]:
        """How much more than Poisson counts each subject varies between blocks of so many days, shape (S,)."""
        if self.chosen is not None:
            series, places = self.chosen
            return {length: each[places] for length, each in series.uneven.items()}
        lengths = [n for n in LENGTHS if n * FEWEST_BLOCKS <= len(self.days)]
        return {length: unevenness(self.counts, self.exposure, length) for length in lengths}

    @cached_property
    def dispersion(self) -> Mapping[int, tuple[float, Floats]]:
        """By the length of a window, how much its counts vary: pooled, and each subject on its own.

        A window longer than a third of the days has none, for that cannot be told.
        """
        return {length: dispersion(self.total[0], self.uneven, len(self.days), length) for length in self.uneven}
