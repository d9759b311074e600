"""The daily share of something as columns: where they stand, how high they are, what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kempelen import timeline
from kempelen.records import DayCount, Evidence

MOST_STRETCHES = 2
"""Stretches of days that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One day: where (per cent), how high (per cent of the highest), and whether it is among the days in question."""

    x: float
    width: float
    height: float
    now: bool
    text: str


def columns(evidence: Evidence) -> tuple[Column, ...]:
    """The days that have predictions; those from `evidence.first` on are `now`."""
    days = [day for day in evidence.daily if day.predictions]
    if not days:
        return ()
    places = timeline.places([day.day for day in days])
    step = 100 / (places[-1] + 1)
    highest = max(day.count / day.predictions for day in days) or 1.0
    return tuple(_column(day, place * step, step, highest, evidence) for place, day in zip(places, days, strict=True))


def _column(day: DayCount, x: float, step: float, highest: float, evidence: Evidence) -> Column:
    share = day.count / day.predictions
    return Column(
        x=round(x, 3),
        width=round(0.78 * step, 3),
        height=round(100 * share / highest, 2),
        now=evidence.first is not None and day.day >= evidence.first,
        text=f"{_said(day.day)}: {day.count:g} of {day.predictions:,} ({100 * share:.1f} %)",
    )


def spans_of(days: Sequence[date]) -> str:
    """From when to when, without the days that lie between; of many stretches only the whole.

    >>> december = [date(2019, 12, 30), date(2019, 12, 31)]
    >>> spans_of([*december, date(2020, 1, 21)]), spans_of(december), spans_of([])
    ('30 to 31 Dec, 21 Jan', '30 to 31 Dec', '')
    """
    stretches: list[list[date]] = []
    for day in days:
        if stretches and (day - stretches[-1][-1]).days == 1:
            stretches[-1].append(day)
        else:
            stretches.append([day])
    shown = stretches if len(stretches) <= MOST_STRETCHES else [list(days)]
    return ", ".join(_span(stretch) for stretch in shown)


def _span(days: Sequence[date]) -> str:
    first, last = days[0], days[-1]
    if first == last:
        return _said(last)
    return f"{first.day if (first.year, first.month) == (last.year, last.month) else _said(first)} to {_said(last)}"


def _said(when: date) -> str:
    return f"{when.day} {when:%b}"
