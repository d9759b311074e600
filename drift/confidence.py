"""Is the model more or less sure of its answers than it was?"""

import numpy as np

from drift._rates import Counts, count, require
from drift._reports import change, per_cent, report, shift_of_at_least
from kempelen.protocols import DriftDetector
from kempelen.records import CONFIDENCE_BINS, DayProfile, DriftReport, Evidence, Window


class Confidence:
    """A two-sided exact test at each cut of the confidence histogram, corrected for clusters, cuts and looks."""

    def __init__(self, *, alpha: float, min_change: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare the distribution of the confidence, cut by cut.

        The largest gap between two distribution functions, as Kolmogorov and Smirnov look at it, but by
        tests that know how unevenly traffic arrives; confidences within one bin of a profile are not told apart.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value among cuts whose share moved by `min_change`;
            `evidence` holds the cuts that changed, the clearest first.

        Raises NotEnoughData when a window is too small. A model that stays sure of itself while it is
        wrong is not seen here: that takes `audit_risk`.
        """
        require(window, min_current=self.min_predictions)
        return report(
            detector="confidence",
            window=window,
            counts=_counts(window),
            alpha=self.alpha,
            two_sided=True,
            relevant=shift_of_at_least(self.min_change),
            evidence=change,
            describe=_in_words,
            nothing="The model is as sure of its answers as it was.",
        )


def _counts(window: Window) -> Counts:
    """One subject a cut: the predictions on that side of it which the reference has fewer of."""
    below = np.cumsum(window.reference.confidence)[:-1] * 2 <= window.reference.predictions
    names = [_name(cut, below=bool(low)) for cut, low in enumerate(below, start=1)]

    def of_day(day: DayProfile) -> dict[str, int]:
        up_to = np.cumsum(day.confidence)[:-1]
        return {name: int(n if low else day.predictions - n) for name, n, low in zip(names, up_to, below, strict=True)}

    return count(window, names, of_day)


def _name(cut: int, *, below: bool) -> str:
    """What the predictions on one side of a cut are called.

    >>> _name(11, below=True), _name(19, below=False)
    ('confidence below 55 %', 'confidence of 95 % and more')
    """
    edge = 100 * cut // CONFIDENCE_BINS
    return f"confidence below {edge} %" if below else f"confidence of {edge} % and more"


def _in_words(evidence: Evidence) -> str:
    return (
        f"{evidence.subject}: {per_cent(evidence.current_share)} of predictions "
        f"instead of {per_cent(evidence.reference_share)}"
    )


def build(*, alpha: float, looks: int, min_change: float = 0.02, min_predictions: int = 50) -> DriftDetector:
    """Shift of the model's confidence.

    Parameters
    ----------
    alpha
        Chance of any false alarm over `looks` comparisons, all cuts together (Bonferroni).
    min_change
        Smallest change of the share of predictions beyond a cut that is worth an alarm.
    min_predictions
        Fewest predictions of a current window that is looked at.
    """
    return Confidence(alpha=alpha / looks, min_change=min_change, min_predictions=min_predictions)
