"""Is the model more or less sure of its answers than it was, overall or where it gives one of its labels?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from drift._once import once
from drift._people import as_logged, repeats, unrepeated
from drift._reports import change, clearest, per_cent, report, shift_of_at_least
from drift._series import Series
from drift._windows import Counts, Mask, require
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
        return report(
            detector="confidence",
            window=window,
            counts=_counts(window, unrepeated),
            plain=_counts(window, as_logged) if repeats(window) else None,
            alpha=self.alpha,
            two_sided=True,
            relevant=shift_of_at_least(self.min_change),
            explain=change,
            describe=clearest(_in_words),
            nothing="The model is as sure of its answers as it was.",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cuts:
    """The cuts of the histograms of all predictions (None) and of each label's, shape (G, CONFIDENCE_BINS - 1).

    Counted are the predictions `below` a cut, or else those from it on: the side which the reference has fewer of.
    """

    groups: tuple[str | None, ...]
    below: Mask
    subjects: tuple[str, ...]


@once
def _cuts(reference: Profile) -> _Cuts:
    groups = (None, *reference.labels)
    usual = _histograms(reference, unrepeated(reference), groups).sum(axis=1)
    below = np.cumsum(usual, axis=-1)[:, :-1] * 2 <= usual.sum(axis=1)[:, None]
    return _Cuts(
        groups=groups,
        below=below,
        subjects=tuple(
            _name(cut, group, below=bool(low))
            for group, sides in zip(groups, below, strict=True)
            for cut, low in enumerate(sides, start=1)
        ),
    )


def _counts(window: Window, table: Callable[[Profile], Ints]) -> Counts:
    """One subject a cut."""
    cuts = _cuts(window.reference)
    return Counts(
        subjects=cuts.subjects,
        reference=_beyond(window.reference, cuts, table),
        current=_beyond(window.current, cuts, table),
        today=window.today,
    )


def _histograms(profile: Profile, counts: Ints, groups: Sequence[str | None]) -> Floats:
    """Predictions by group, day and bin, shape (G, D, CONFIDENCE_BINS): of a label, or of all where it is None."""
    table = counts.astype(float)
    at = {label: n for n, label in enumerate(profile.labels)}
    none = np.zeros(table[:, :0].sum(axis=1).shape)
    return np.stack(
        [table.sum(axis=1) if label is None else table[:, at[label]] if label in at else none for label in groups]
    )


@once
def _beyond(profile: Profile, cuts: _Cuts, table: Callable[[Profile], Ints]) -> Series:
    """Counts on the chosen side of each cut of each group, among the predictions of that group."""
    groups = _histograms(profile, table(profile), cuts.groups)
    total = groups.sum(axis=2)[:, :, None]
    up_to = np.cumsum(groups, axis=2)[:, :, :-1]
    counts = np.where(cuts.below[:, None, :], up_to, total - up_to)
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
