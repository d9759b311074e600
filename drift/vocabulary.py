"""Do people use many words that the model's reference days did not have, none of them often enough to surge?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drift._people import FEWEST_USERS, at_least, likely, require_people, sketches, without_bursts
from drift._rates import ADEQUATE
from drift._reports import change, report
from drift._windows import WEEK, Counts, Mask, Outcome, Series, require
from kempelen.profile import Floats, Ints, Profile, fold_below
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window

MOST_WORDS = 10
"""Unseen words named in a report, the most frequent first."""


class Vocabulary:
    """A one-sided exact test of how often words occur that the reference does not have."""

    def __init__(
        self, *, alpha: float, min_change: float, min_ratio: float, min_predictions: int, min_users: int
    ) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_ratio = min_ratio
        self.min_predictions = min_predictions
        self.min_users = min_users

    def detect(self, window: Window) -> DriftReport:
        """Compare the occurrences of unseen words per prediction.

        For a current day a word is unseen if no reference day lists it; for a reference day, if no OTHER reference
        day does. By this leave-one-out (Good 1953, Biometrika 40) both are measured alike, a current day even
        against one day more. On every day only words count that would be listed on the day with the highest
        fold, so that a fold alone changes nothing: rarer words, folded or not, are nobody's. One user cannot
        raise the count by more than a few times what others do.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the p-value, after all corrections, if the occurrences per prediction rose by
            `min_change` and `min_ratio`. `together` are the most frequent unseen words.

        Raises NotEnoughData when a window is too small, or of too few users, or not after its reference. Where
        hardly a word of the reference is of one day only, all of its words tell how unevenly they arrive.
        """
        require(window, min_current=self.min_predictions)
        require_people(window.current, self.min_users)
        fold = _common_fold(window)
        unseen = _unseen(window, fold)
        before = _series(window.reference, _leave_one_out(window.reference, fold)[None])
        every = _series(window.reference, window.reference.by_term)
        return report(
            detector="vocabulary",
            window=window,
            counts=Counts(
                subjects=("unseen words",),
                reference=before,
                current=_series(window.current, unseen.capped[None]),
                variation=before if before.counts.sum() >= ADEQUATE else every,
                today=window.today,
                users=np.bitwise_or.reduce(unseen.users, axis=0, keepdims=True),
            ),
            alpha=self.alpha,
            two_sided=False,
            relevant=self._many_more,
            explain=lambda test, i: _with_words(test, i, unseen),
            describe=lambda found: _in_words(found, unseen),
            nothing="People use the words of the reference.",
        )

    def _many_more(self, test: Outcome) -> Mask:
        before, after = test.rates
        large = (after - before >= self.min_change) & (after >= self.min_ratio * before)
        return np.asarray(large & (test.users >= self.min_users))


@dataclass(frozen=True, kw_only=True)
class _Unseen:
    """The current words that the reference does not have: `counts` and sketches of `users`, each (W, C)."""

    words: tuple[str, ...]
    counts: Ints
    users: Ints

    @property
    def capped(self) -> Floats:
        return without_bursts(self.counts, self.users)

    def most_frequent(self, held: Mask) -> list[tuple[str, int]]:
        """The words of some days that most users used, then by count."""
        counts = self.counts[:, held].sum(axis=1)
        users = at_least(np.bitwise_or.reduce(self.users[:, held], axis=1))
        order = np.lexsort((-counts, -users))[:MOST_WORDS]
        return [(self.words[n], int(counts[n])) for n in order if counts[n]]


def _common_fold(window: Window) -> int:
    """A count that lists a word on every day, also when today has become as large as the largest day of a week."""
    lately = np.concatenate([window.reference.by_day, window.current.by_day])[-WEEK - 1 :]
    return max(int(window.reference.fold.max()), int(window.current.fold.max()), fold_below(int(lately.max())))


def _unseen(window: Window, fold: int) -> _Unseen:
    current, known = window.current, window.reference.place
    new = np.array([word not in known for word in current.terms], dtype=bool)
    subject = np.where(new, np.cumsum(new) - 1, -1)
    counts = _listed(current.by_term[new], fold)
    users = np.where(counts > 0, sketches(current, subject, int(new.sum())), 0)
    return _Unseen(words=tuple(current.terms[n] for n in np.flatnonzero(new)), counts=counts, users=users)


def _leave_one_out(reference: Profile, fold: int) -> Floats:
    """Occurrences by day of words that no other day of the reference lists, shape (R,)."""
    once = (reference.by_term > 0).sum(axis=1) == 1
    subject = np.where(once, np.cumsum(once) - 1, -1)
    counts = _listed(reference.by_term[once], fold)
    return without_bursts(counts, np.where(counts > 0, sketches(reference, subject, int(once.sum())), 0))


def _listed(counts: Ints, fold: int) -> Ints:
    return np.where(counts >= fold, counts, 0)


def _series(profile: Profile, counts: Floats | Ints) -> Series:
    return Series(days=profile.days, counts=counts.astype(float), exposure=profile.by_day[None].astype(float))


def _with_words(test: Outcome, i: int, unseen: _Unseen) -> Evidence:
    return replace(change(test, i), together=tuple(word for word, _ in unseen.most_frequent(test.held)))


def _in_words(found: Sequence[Evidence], unseen: _Unseen) -> str:
    (evidence,) = found
    at = {word: n for n, word in enumerate(unseen.words)}
    words = ", ".join(f"{word} ({int(unseen.counts[at[word]].sum())})" for word in evidence.together)
    return (
        f"words that the reference does not have: {100 * evidence.current_share:.3g} in 100 predictions "
        f"instead of {100 * evidence.reference_share:.3g} since {evidence.since}, "
        f"from {likely(evidence.users or 0)}, most often {words}"
    )


def build(
    *,
    alpha: float,
    min_change: float = 0.02,
    min_ratio: float = 1.5,
    min_predictions: int = 50,
    min_users: int = FEWEST_USERS,
) -> DriftDetector:
    """Many words that the reference does not have.

    Parameters
    ----------
    alpha
        Chance of any false alarm within a year, all looks together.
    min_change, min_ratio
        Smallest rise of the occurrences per prediction, and how many times the former ones, that is worth an alarm.
    min_predictions
        Fewest current predictions that are looked at.
    min_users
        Fewest certain users of such words.
    """
    return Vocabulary(
        alpha=alpha,
        min_change=min_change,
        min_ratio=min_ratio,
        min_predictions=min_predictions,
        min_users=min_users,
    )
