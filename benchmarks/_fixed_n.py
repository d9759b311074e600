"""What many do by hand: a test at 5 % of each day against the reference, every day anew."""

from collections.abc import Mapping
from datetime import date

import numpy as np
from scipy.stats import chi2_contingency
from scipy.stats.distributions import kstwobign

from benchmarks._days import Ints, Scene

LEVEL = 0.05
ENOUGH = 5
"""Labels with fewer predictions in the reference are put together: the chi-square test is an approximation."""

Alarms = Mapping[date, tuple[str, ...]]
"""The days with an alarm, each with the words it names."""


def verdicts(scene: Scene) -> dict[str, Alarms]:
    """Chi-square on the predicted labels, and Kolmogorov-Smirnov on the confidence; they name no words."""
    answers = scene.answers
    before = np.concatenate([day.asked for day in scene.reference])
    labels = np.bincount(answers.label[before], minlength=len(answers.labels))
    confidences = np.unique(answers.confidence)
    place = np.searchsorted(confidences, answers.confidence)
    spread = np.cumsum(np.bincount(place[before], minlength=len(confidences))) / len(before)
    chi_square, smirnov = {}, {}
    for day in scene.live:
        if _chi_square(labels, np.bincount(answers.label[day.asked], minlength=len(labels))) < LEVEL:
            chi_square[day.day] = ()
        now = np.cumsum(np.bincount(place[day.asked], minlength=len(confidences))) / len(day.asked)
        if _smirnov(float(np.abs(now - spread).max()), len(before), len(day.asked)) < LEVEL:
            smirnov[day.day] = ()
    return {"chi-square at 5 % (label)": chi_square, "Kolmogorov-Smirnov at 5 % (confidence)": smirnov}


def _chi_square(before: Ints, now: Ints) -> float:
    """The p-value of the chi-square test that both have the same shares."""
    table = np.array([before, now])
    rare = before < ENOUGH
    grouped = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    return float(chi2_contingency(grouped[:, grouped.sum(axis=0) > 0], correction=False).pvalue)


def _smirnov(gap: float, n: int, m: int) -> float:
    """The asymptotic p-value of the two-sample Kolmogorov-Smirnov test.

    The critical gap at 5 % is about 1.358 * sqrt(1/n + 1/m):

    >>> round(_smirnov(1.358 * (2 / 100) ** 0.5, 100, 100), 3)
    0.05
    """
    return float(kstwobign.sf(gap * np.sqrt(n * m / (n + m))))
