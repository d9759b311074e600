"""Is the model more or less sure of its answers than it was, overall or where it gives one of its labels?"""

from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np

from drift._people import unrepeated
from drift._reports import change, clearest, per_cent, report, shift_of_at_least
from drift._windows import Counts, Series, require
from kempelen.profile import CONFIDENCE_BINS, Floats, Ints, Profile
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window


class Confidence:
    """A two-sided exact test at each cut of each confidence histogram, corrected for clusters, cuts and looks."""

    def __init__(self, *, alpha: float, min_change: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare the distribution of the confidence, cut by cut, of all predictions and of each label's.

        The largest gap between two distribution functions, as Kolmogorov and Smirnov look at it (Rabanser,
        Günnemann & Lipton 2019, NeurIPS), but by tests that know how unevenly traffic arrives; confidences
        within one bin of a profile are not told apart. What one user repeats is left out.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value, after all corrections, of a cut whose share moved by
            `min_change`; `evidence` holds the cuts that changed, the clearest first.

        Raises NotEnoughData when a window is too small, or not after its reference, or that is of another version.
        A model that stays sure of itself while it is wrong is not seen here: that takes `audit_risk`.
        """
        require(window, min_current=self.min_predictions, answers=True)
        counts, plain = _counts(window)
        return report(
            detector="confidence",
            window=window,
            counts=counts,
            plain=plain,
            alpha=self.alpha,
            two_sided=True,
            relevant=shift_of_at_least(self.min_change),
            explain=change,
            describe=clearest(_in_words),
            nothing="The model is as sure of its answers as it was.",
        )


def _counts(window: Window) -> tuple[Counts, Counts]:
    """One subject a cut: the predictions on that side of it which the reference has fewer of; and with repetitions."""
    groups = [None, *window.reference.labels]
    usual = _histograms(window.reference, unrepeated(window.reference), groups)
    below = np.cumsum(usual.sum(axis=1), axis=-1)[:, :-1] * 2 <= usual.sum(axis=(1, 2))[:, None]
    subjects = tuple(
        _name(cut, group, below=bool(low))
        for group, sides in zip(groups, below, strict=True)
        for cut, low in enumerate(sides, start=1)
    )

    def counts(table: Callable[[Profile], Ints]) -> Counts:
        reference, current = (
            _beyond(_histograms(profile, table(profile), groups), below, profile)
            for profile in (window.reference, window.current)
        )
        return Counts(subjects=subjects, reference=reference, current=current, today=window.today)

    return counts(unrepeated), counts(attrgetter("confidence"))


def _histograms(profile: Profile, counts: Ints, groups: Sequence[str | None]) -> Floats:
    """Predictions by group, day and bin, shape (G, D, CONFIDENCE_BINS): of a label, or of all where it is None."""
    table = counts.astype(float)
    at = {label: n for n, label in enumerate(profile.labels)}
    none = np.zeros(table[:, :0].sum(axis=1).shape)
    return np.stack(
        [table.sum(axis=1) if label is None else table[:, at[label]] if label in at else none for label in groups]
    )


def _beyond(groups: Floats, below: Floats, profile: Profile) -> Series:
    """Counts on the chosen side of each cut of each group, among the predictions of that group."""
    total = groups.sum(axis=2)[:, :, None]
    up_to = np.cumsum(groups, axis=2)[:, :, :-1]
    counts = np.where(below[:, None, :], up_to, total - up_to)
    by_cut = counts.transpose(0, 2, 1).reshape(-1, len(profile.days))
    return Series(days=profile.days, counts=by_cut, exposure=np.repeat(total[:, :, 0], CONFIDENCE_BINS - 1, axis=0))


def _name(cut: int, label: str | None, *, below: bool) -> str:
    """What the predictions on one side of a cut are called.

    >>> _name(11, None, below=True), _name(19, "food", below=False)
    ('confidence below 55 %', 'food: confidence of 95 % and more')
    """
    edge = 100 * cut // CONFIDENCE_BINS
    side = f"confidence below {edge} %" if below else f"confidence of {edge} % and more"
    return side if label is None else f"{label}: {side}"


def _in_words(evidence: Evidence) -> str:
    return (
        f"{evidence.subject}: {per_cent(evidence.current_share)} of predictions "
        f"instead of {per_cent(evidence.reference_share)}"
    )


def build(*, alpha: float, min_change: float = 0.02, min_predictions: int = 50) -> DriftDetector:
    """Shift of the model's confidence.

    Parameters
    ----------
    alpha
        Chance of any false alarm within a year, all cuts, labels and looks together.
    min_change
        Smallest change of the share of predictions beyond a cut that is worth an alarm; a label's cuts are
        shares of that label's predictions.
    min_predictions
        Fewest current predictions that are looked at.
    """
    return Confidence(alpha=alpha, min_change=min_change, min_predictions=min_predictions)
