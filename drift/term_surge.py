"""Which words take up a much larger part of the traffic than they did?"""

import numpy as np
from numpy.typing import NDArray

from drift._rates import Counts, count, require
from drift._reports import change, per_cent, report
from kempelen.protocols import DriftDetector
from kempelen.records import DayProfile, DriftReport, Evidence, Window


class TermSurge:
    """A one-sided exact test for each word, corrected for clustered traffic, all words and all looks."""

    def __init__(self, *, alpha: float, min_share: float, min_ratio: float, min_predictions: int) -> None:
        self.alpha = alpha
        self.min_share = min_share
        self.min_ratio = min_ratio
        self.min_predictions = min_predictions

    def detect(self, window: Window) -> DriftReport:
        """Compare how often each word occurs.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value among words above the effect sizes, `threshold`
            that of the level of each word. `evidence` holds the words that surged, the clearest first, with
            their predictions in each window and the label and mean confidence of the current ones.

        Raises NotEnoughData when a window is too small, or no word recurs in the reference.

        Statistical price: a word must reach `min_share` of the current traffic. One source that repeats
        one query can alarm, for a profile counts predictions, not people.
        """
        require(window, min_current=self.min_predictions)
        return report(
            detector="term_surge",
            window=window,
            counts=self._counts(window),
            alpha=self.alpha,
            two_sided=False,
            relevant=self._surged,
            evidence=lambda counts, i, p: _with_label(change(counts, i, p), window),
            describe=lambda e: _in_words(e, window),
            nothing="No word surges.",
        )

    def _counts(self, window: Window) -> Counts:
        """Counts of the words whose total would pass the effect size, were all of it in the current window."""
        total = window.reference.terms + window.current.terms
        words = sorted(word for word, n in total.items() if n >= self._least(window.current.predictions))
        wanted = frozenset(words)

        def of_day(day: DayProfile) -> dict[str, int]:
            return {word: counts.predictions for word, counts in day.terms.items() if word in wanted}

        return count(window, words, of_day)

    def _least(self, predictions: int) -> float:
        return self.min_share * predictions

    def _surged(self, counts: Counts) -> NDArray[np.bool_]:
        before, after = counts.shares
        enough = counts.current >= self._least(counts.current_total)
        return np.asarray(enough & (after >= self.min_ratio * before))


def _with_label(evidence: Evidence, window: Window) -> Evidence:
    labels = window.current.term_labels(evidence.subject)
    return Evidence(
        subject=evidence.subject,
        reference_count=evidence.reference_count,
        current_count=evidence.current_count,
        reference_share=evidence.reference_share,
        current_share=evidence.current_share,
        p_value=evidence.p_value,
        label=min(labels, key=lambda label: (-labels[label], label)),
        confidence=window.current.term_confidence(evidence.subject),
    )


def _in_words(evidence: Evidence, window: Window) -> str:
    before = evidence.reference_count / len(window.reference.days)
    after = evidence.current_count / len(window.current.days)
    return (
        f"{evidence.subject}: {before:.3g} -> {after:.3g} predictions a day "
        f"({per_cent(evidence.reference_share)} -> {per_cent(evidence.current_share)} of traffic), "
        f"mostly taken for {evidence.label} with {100 * (evidence.confidence or 0):.0f} % confidence"
    )


def build(
    *, alpha: float, looks: int, min_share: float = 0.01, min_ratio: float = 3.0, min_predictions: int = 50
) -> DriftDetector:
    """Words that surge.

    Parameters
    ----------
    alpha
        Chance of any false alarm over `looks` comparisons, all words together (Bonferroni).
    min_share, min_ratio
        A word that surges has at least this share of the current predictions, and at least this
        many times its former share.
    min_predictions
        Fewest predictions of a current window that is looked at.
    """
    return TermSurge(alpha=alpha / looks, min_share=min_share, min_ratio=min_ratio, min_predictions=min_predictions)
