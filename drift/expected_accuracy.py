"""By its own confidences, how often should the model be wrong now? A hint that is blind to a changed meaning."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drift._once import once
from drift._people import as_logged, repeats, unrepeated
from drift._reports import change, clearest, per_cent, report
from drift._series import Series
from drift._windows import Counts, Mask, Outcome, require
from kempelen.profile import CONFIDENCE_BINS, Ints, Profile
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window

OVERALL = "all labels"


class ExpectedAccuracy:
    """A one-sided exact test of the expected errors of all and of each label's predictions."""

    def __init__(self, *, alpha: float, min_change: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare the errors that the model's confidences make one expect.

        A prediction of confidence c counts as 1 - c errors, c being the middle of its bin: confidence-based
        performance estimation (NannyML's CBPE), a smooth relative of Average Thresholded Confidence (Garg,
        Balakrishnan, Lipton, Neyshabur & Sedghi 2022, ICLR). Sums of weights in [0, 1] vary less than the counts
        as which they are tested, so the test errs towards silence. What one user repeats is left out.

        Returns
        -------
        DriftReport
            A `hint` on where to ask people. `statistic` is -log10 of the smallest p-value, after all
            corrections, where the expected error rate rose by `min_change`; `evidence` names the labels.

        Raises NotEnoughData when a window is too small, or not after its reference, or that is of another version.

        Where the confidences are not calibrated the figures are off, in both windows alike. No arithmetic on
        confidences sees that the truth behind the same queries changed: that takes `audit_risk`.
        """
        require(window, min_current=self.min_predictions, answers=True)
        found = report(
            detector="expected_accuracy",
            window=window,
            counts=_counts(window, unrepeated),
            plain=_counts(window, as_logged) if repeats(window) else None,
            alpha=self.alpha,
            two_sided=False,
            relevant=self._worse,
            explain=_with_label,
            describe=clearest(_in_words),
            nothing="By its own confidences the model is as accurate as it was.",
            hint=True,
        )
        return replace(found, summary=f"{found.summary} {_where_to_look(found)}")

    def _worse(self, test: Outcome) -> Mask:
        before, after = test.rates
        return np.asarray(after - before >= self.min_change)


def _counts(window: Window, table: Callable[[Profile], Ints]) -> Counts:
    labels = window.reference.labels
    return Counts(
        subjects=(OVERALL, *labels),
        reference=_series(window.reference, labels, table),
        current=_series(window.current, labels, table),
        today=window.today,
    )


@once
def _series(profile: Profile, labels: tuple[str, ...], table: Callable[[Profile], Ints]) -> Series:
    """Expected errors overall and by label; labels that the reference never had count only overall."""
    predictions = table(profile)
    errors = predictions @ (1 - (np.arange(CONFIDENCE_BINS) + 0.5) / CONFIDENCE_BINS)
    counts, exposure = np.zeros((2, 1 + len(labels), len(profile.days)))
    counts[0], exposure[0] = errors.sum(axis=1), predictions.sum(axis=(1, 2))
    for place, label in enumerate(profile.labels):
        if label in labels:
            counts[1 + labels.index(label)] = errors[:, place]
            exposure[1 + labels.index(label)] = predictions[:, place].sum(axis=1)
    return Series(days=profile.days, counts=counts, exposure=exposure)


def _with_label(test: Outcome, i: int) -> Evidence:
    evidence = change(test, i)
    return evidence if evidence.subject == OVERALL else replace(evidence, label=evidence.subject)


def _in_words(evidence: Evidence) -> str:
    return (
        f"{evidence.subject}: by the model's own confidences {per_cent(evidence.current_share)} wrong "
        f"instead of {per_cent(evidence.reference_share)}"
    )


def _where_to_look(found: DriftReport) -> str:
    labels = [evidence.label for evidence in found.evidence if evidence.label]
    place = f"Look first at queries taken for {' or '.join(labels[:3])}. " if labels else ""
    return f"{place}A changed meaning does not show here: only people's labels (audit_risk) can see that."


def build(*, alpha: float, min_change: float = 0.02, min_predictions: int = 50) -> DriftDetector:
    """A rise of the error rate that the confidences make one expect.

    Parameters
    ----------
    alpha
        Chance of any false alarm within a year, all labels and looks together.
    min_change
        Smallest rise of the expected error rate, of all or of one label's predictions, that is worth a hint.
    min_predictions
        Fewest current predictions that are looked at.
    """
    return ExpectedAccuracy(alpha=alpha, min_change=min_change, min_predictions=min_predictions)
