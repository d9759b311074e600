"""Does the model answer with other labels than it did? (black box shift detection)."""

from collections.abc import Callable

import numpy as np

from drift._once import once
from drift._people import as_logged, repeats, unrepeated
from drift._reports import change, clearest, per_cent, report, shift_of_at_least
from drift._series import Series
from drift._windows import Counts, require
from kempelen.profile import Ints, Profile
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window


class ClassMix:
    """A two-sided exact test for each predicted label, corrected for clustered traffic, labels, windows and days."""

    def __init__(self, *, alpha: float, min_change: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare how often each label is predicted; what one user repeats is left out.

        Univariate tests on a classifier's predictions with Bonferroni's correction: Lipton, Wang & Smola 2018
        (ICML), Rabanser, Günnemann & Lipton 2019 (NeurIPS), there without the clusters of real traffic.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value, after all corrections, of a label whose share moved by
            `min_change`; `evidence` holds the labels that changed, the clearest first.

        Raises NotEnoughData when a window is too small, or not after its reference, or that is of another version.
        """
        require(window, min_current=self.min_predictions, answers=True)
        return report(
            detector="class_mix",
            window=window,
            counts=_counts(window, unrepeated),
            plain=_counts(window, as_logged) if repeats(window) else None,
            alpha=self.alpha,
            two_sided=True,
            relevant=shift_of_at_least(self.min_change),
            explain=change,
            describe=clearest(_in_words),
            nothing="The mix of predicted labels is as it was.",
        )


def _counts(window: Window, table: Callable[[Profile], Ints]) -> Counts:
    labels = tuple(sorted({*window.reference.labels, *window.current.labels}))
    return Counts(
        subjects=labels,
        reference=_series(window.reference, labels, table),
        current=_series(window.current, labels, table),
        today=window.today,
    )


@once
def _series(profile: Profile, labels: tuple[str, ...], table: Callable[[Profile], Ints]) -> Series:
    by_label = table(profile).sum(axis=2).T.astype(float)
    counts = np.zeros((len(labels), len(profile.days)))
    counts[[labels.index(label) for label in profile.labels]] = by_label
    return Series(days=profile.days, counts=counts, exposure=by_label.sum(axis=0, keepdims=True))


def _in_words(evidence: Evidence) -> str:
    return (
        f"{evidence.subject}: predicted for {per_cent(evidence.current_share)} of traffic "
        f"instead of {per_cent(evidence.reference_share)}"
    )


def build(*, alpha: float, min_change: float = 0.02, min_predictions: int = 50) -> DriftDetector:
    """Labels whose share of the predictions changed.

    Parameters
    ----------
    alpha
        Chance of any false alarm within a year, all labels and looks together.
    min_change
        Smallest change of a share, in either direction, that is worth an alarm.
    min_predictions
        Fewest current predictions that are looked at.
    """
    return ClassMix(alpha=alpha, min_change=min_change, min_predictions=min_predictions)
