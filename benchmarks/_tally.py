"""From alarms to the figures of the table: delay, false alarms, and how sure those shares are."""

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import Any

from scipy.stats import beta

from benchmarks._fixed_n import Alarms

CONFIDENCE = 0.95


def arrival(alarms: Sequence[Alarms], word: str, reached: Sequence[date], first_look: date) -> dict[str, Any]:
    """How one method met the virus: `reached` are the days on which the word had its share, by run.

    `delay_days` is until the first alarm from that day on, `named_delay_days` until the first that names the word.
    An alarm before that day is false unless it names the word.
    """
    delays, named, false_days, quiet_days = [], [], 0, 0
    for run, since in zip(alarms, reached, strict=True):
        delays += sorted((day - since).days for day in run if day >= since)[:1]
        named += sorted((day - since).days for day, names in run.items() if word in names)[:1]
        false_days += sum(day < since and word not in names for day, names in run.items())
        quiet_days += (since - first_look).days
    return {
        "runs": len(alarms),
        "found": len(delays),
        **_middle("delay_days", delays),
        "named": len(named),
        **_middle("named_delay_days", named),
        "false_alarm_days_share": round(false_days / quiet_days, 4),
    }


def _middle(name: str, values: Sequence[int]) -> dict[str, Any]:
    """The median, and the least and the largest value."""
    return {
        name: median(values) if values else None,
        f"{name}_range": [min(values), max(values)] if values else None,
    }


def years(alarms: Sequence[Alarms], days: int) -> dict[str, Any]:
    """The share of years with any false alarm, with the exact upper bound of that share, and alarms a year."""
    bad = sum(bool(run) for run in alarms)
    return {
        "years": len(alarms),
        "years_with_alarm": bad,
        "false_alarm_share_per_year": round(bad / len(alarms), 4),
        "false_alarm_share_upper": round(upper_bound(bad, len(alarms)), 4),
        "alarm_days_a_year": round(sum(map(len, alarms)) / len(alarms) * 366 / days, 3),
    }


def upper_bound(bad: int, n: int) -> float:
    """The exact upper 95 % bound of a share of which `bad` of `n` were seen (Clopper & Pearson 1934, one-sided).

    None of 59 is the smallest sample that shows a share below 5 %:

    >>> round(upper_bound(0, 59), 3), upper_bound(3, 3)
    (0.05, 1.0)
    """
    return 1.0 if bad == n else float(beta.ppf(CONFIDENCE, bad + 1, n - bad))


def before_and_after(alarms: Sequence[Alarms], changed: date, before: int, after: int) -> dict[str, Any]:
    """Share of days with an alarm in the `before` days until a change, and in the `after` days from it on."""
    early = sum(day < changed for run in alarms for day in run)
    late = sum(day >= changed for run in alarms for day in run)
    return {
        "runs": len(alarms),
        "alarm_days_before_share": round(early / len(alarms) / before, 4),
        "alarm_days_after_share": round(late / len(alarms) / after, 4),
    }
