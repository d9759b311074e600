"""Days side by side on a chart, without the long stretches of which nothing is known."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

GAP = 2
"""Places left empty where days are missing, however many."""


def places(days: Sequence[date]) -> list[int]:
    """The place of each day from left to right; `days` are in order.

    >>> places([date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 21)])
    [0, 1, 4]
    """
    found = [0]
    for before, day in pairwise(days):
        found.append(found[-1] + min((day - before).days, GAP + 1))
    return found[: len(days)]
