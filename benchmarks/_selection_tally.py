"""From learning curves to minutes, and from minutes to ratios with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks._days import Floats
from benchmarks._selection_run import Point

CONFIDENCE = 0.95
LEAST_MINUTES = 1.0
"""What is reached at once counts as so much, so that ratios exist."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """What one way of asking took: minutes with each seed, and with how many seeds the target was reached.

    `trained_share` is the part of the items of the first three rounds from which a model could learn.
    """

    minutes: Floats
    reached: int
    trained_share: float


def minutes_until(curve: Sequence[Point], whole: Sequence[Point], slack: float) -> tuple[float, bool]:
    """Minutes until the accuracy is within `slack` of the last of `whole`, and whether it ever is.

    Between two points of the curve minutes are interpolated; what never gets there takes as long as everything.
    """
    target = whole[-1].accuracy - slack
    last = curve[0]
    for point in curve:
        if point.accuracy >= target:
            part = (target - last.accuracy) / (point.accuracy - last.accuracy) if point is not last else 0.0
            return max(LEAST_MINUTES, last.minutes + part * (point.minutes - last.minutes)), True
        last = point
    return whole[-1].minutes, False


def ratio(one: Reached, other: Reached) -> tuple[float, float, float]:
    """Geometric mean of one's minutes over the other's with the same seed, and its interval (Student's, of logs)."""
    from scipy import stats

    logs = np.log(one.minutes / other.minutes)
    middle, n = logs.mean(), len(logs)
    width = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * logs.std(ddof=1) / np.sqrt(n) if n > 1 else np.inf
    return float(np.exp(middle)), float(np.exp(middle - width)), float(np.exp(middle + width))
