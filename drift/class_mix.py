"""Does the model answer with other labels than it did? (black box shift detection)."""

from drift._rates import Counts, count, require
from drift._reports import change, per_cent, report, shift_of_at_least
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window


class ClassMix:
    """A two-sided exact test for each predicted label, corrected for clustered traffic, all labels and looks."""

    def __init__(self, *, alpha: float, min_change: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare how often each label is predicted.

        Univariate tests on a classifier's predictions with Bonferroni's correction: Lipton et al. 2018
        (ICML), Rabanser et al. 2019 (NeurIPS), there without the clusters of real traffic.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value among labels whose share moved by `min_change`;
            `evidence` holds the labels that changed, the clearest first.

        Raises NotEnoughData when a window is too small.
        """
        require(window, min_current=self.min_predictions)
        return report(
            detector="class_mix",
            window=window,
            counts=_counts(window),
            alpha=self.alpha,
            two_sided=True,
            relevant=shift_of_at_least(self.min_change),
            evidence=change,
            describe=_in_words,
            nothing="The mix of predicted labels is as it was.",
        )


def _counts(window: Window) -> Counts:
    labels = sorted(window.reference.labels | window.current.labels)
    return count(window, labels, lambda day: day.labels)


def _in_words(evidence: Evidence) -> str:
    return (
        f"{evidence.subject}: predicted for {per_cent(evidence.current_share)} of traffic "
        f"instead of {per_cent(evidence.reference_share)}"
    )


def build(*, alpha: float, looks: int, min_change: float = 0.02, min_predictions: int = 50) -> DriftDetector:
    """Labels whose share of the predictions changed.

    Parameters
    ----------
    alpha
        Chance of any false alarm over `looks` comparisons, all labels together (Bonferroni).
    min_change
        Smallest change of a share, in either direction, that is worth an alarm.
    min_predictions
        Fewest predictions of a current window that is looked at.
    """
    return ClassMix(alpha=alpha / looks, min_change=min_change, min_predictions=min_predictions)
