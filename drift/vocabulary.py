"""Do people use many words that the model's reference days did not have, none of them often enough to surge?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from drift._once import once
from drift._people import FEWEST_USERS, at_least, likely, require_people, without_bursts
from drift._rates import ADEQUATE
from drift._reports import change, report
from drift._series import Series
from drift._windows import WEEK, Counts, Mask, Outcome, require
from kempelen.profile import Floats, Ints, Profile, fold_below
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window

MOST_WORDS = 10
"""Unseen words named in a report, the most frequent first."""

_MILLIONTHS = 1_000_000
"""Sums of confidences are equal if they are to six digits: engines add in an order of their own."""


class Vocabulary:
    """A one-sided exact test of how many predictions hold words that the reference does not have."""

    def __init__(
        self, *, alpha: float, min_change: float, min_ratio: float, min_predictions: int, min_users: int
    ) -> None:
        self.alpha = alpha
        self.min_change = min_change
        self.min_ratio = min_ratio
        self.min_predictions = min_predictions
        self.min_users = min_users

    def detect(self, window: Window) -> DriftReport:
        """Compare the part of the predictions that hold unseen words.

        For a current day a word is unseen if no reference day lists it; for a reference day, if no OTHER reference
        day does. By this leave-one-out (Good 1953, Biometrika 40) both are measured alike, a current day even
        against one day more. On every day only words count that would be listed on the day with the highest
        fold, so that a fold alone changes nothing: rarer words, folded or not, are nobody's. The days of the reference
        say so of each other, and are less sure of it than as many days that do not: by how much, the words of two days
        tell (Esty 1983, Annals of Statistics 11(3)).

        Words that come together count once: those that a day has in as many predictions of one label, from the same
        users and with the same confidence, were in the same queries. Else one long query that a few people ask
        would be worth many short ones, and counts with such tails are not what is tested (words come in bursts:
        Church & Gale 1995, Poisson mixtures, Natural Language Engineering 1(2)). One user cannot raise the count by
        more than a few times what others do.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the p-value, after all corrections, if the share of these predictions rose by
            `min_change` and `min_ratio`. Predictions whose unseen words did not all come together may count more
            than once. `together` are the most frequent unseen words.

        Raises NotEnoughData when a window is too small, or of too few users, or not after its reference. Where
        hardly a word of the reference is of one day only, all of its words tell how unevenly they arrive.
        """
        require(window, min_current=self.min_predictions)
        require_people(window.current, self.min_users)
        fold = _common_fold(window)
        unseen = _unseen(window, fold)
        before = _leave_one_out(window.reference, fold)
        return report(
            detector="vocabulary",
            window=window,
            counts=Counts(
                subjects=("unseen words",),
                reference=before,
                trust=_trust(window.reference, fold),
                current=unseen.series,
                variation=before if before.counts.sum() >= ADEQUATE else _all_words(window.reference),
                today=window.today,
                users=unseen.users,
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


def _common_fold(window: Window) -> int:
    """A count that lists a word on every day, also when today has become as large as the largest day of a week."""
    lately = np.concatenate([window.reference.by_day, window.current.by_day])[-WEEK - 1 :]
    return max(int(window.reference.fold.max()), int(window.current.fold.max()), fold_below(int(lately.max())))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Unseen:
    """The rows of a profile with words that count as unseen, shape (n,)."""

    profile: Profile
    rows: Ints

    @cached_property
    def series(self) -> Series:
        """Predictions that hold such words, by day: words that come together once, and no single user for much."""
        of = self.profile
        together = np.column_stack(
            [
                of.row_day[self.rows],
                of.row_label[self.rows],
                of.row_predictions[self.rows],
                of.row_users[self.rows],
                np.rint(_MILLIONTHS * of.row_confidence[self.rows]).astype(np.int64),
            ]
        )
        day, _, predictions, users, _ = np.unique(together, axis=0).T
        shape = len(day), len(of.days)
        counts, sketches = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        counts[np.arange(len(day)), day] = predictions
        sketches[np.arange(len(day)), day] = users
        return _series(of, without_bursts(counts, sketches)[None])

    @cached_property
    def users(self) -> Ints:
        """Sketches of the users of such words by day, shape (1, D)."""
        found = np.zeros((1, len(self.profile.days)), dtype=np.int64)
        np.bitwise_or.at(found[0], self.profile.row_day[self.rows], self.profile.row_users[self.rows])
        return found

    def most_frequent(self, held: Mask) -> tuple[str, ...]:
        """The words of some days that most users used, then by count, then as sorted."""
        rows = self.rows[held[self.profile.row_day[self.rows]]]
        terms, word = np.unique(self.profile.row_term[rows], return_inverse=True)
        users, counts = np.zeros((2, len(terms)), dtype=np.int64)
        np.bitwise_or.at(users, word, self.profile.row_users[rows])
        np.add.at(counts, word, self.profile.row_predictions[rows])
        order = np.lexsort((-counts, -at_least(users)))[:MOST_WORDS]
        return tuple(self.profile.terms[n] for n in terms[order].tolist())


def _unseen(window: Window, fold: int) -> _Unseen:
    known = window.reference.place
    return _of_words(window.current, np.array([word not in known for word in window.current.terms], dtype=bool), fold)


def _of_words(profile: Profile, words: Mask, fold: int) -> _Unseen:
    """The rows of some words on days on which they were in `fold` predictions or more."""
    rows = np.flatnonzero(words[profile.row_term])
    often = profile.by_term[profile.row_term[rows], profile.row_day[rows]] >= fold
    return _Unseen(profile=profile, rows=rows[often])


@once
def _leave_one_out(reference: Profile, fold: int) -> Series:
    """Predictions by day that hold words which no other day of the reference lists."""
    return _of_days(reference, 1, fold)


@once
def _trust(reference: Profile, fold: int) -> float:
    """How much these predictions tell of those to come, as a part of what independent days would.

    Their number n1, less what is to be expected on as many days that follow, has variance n1 + n2, if n2 predictions
    hold words of two days only (Esty 1983, where those words are counted): a word that comes again is missing twice.
    """
    once_only, twice = (float(_of_days(reference, days, fold).total[0][0]) for days in (1, 2))
    return once_only / (once_only + twice) if once_only else 1.0


def _of_days(reference: Profile, days: int, fold: int) -> Series:
    """Predictions by day that hold words which so many days of the reference list."""
    return _of_words(reference, (reference.by_term > 0).sum(axis=1) == days, fold).series


@once
def _all_words(reference: Profile) -> Series:
    return _series(reference, reference.by_term)


def _series(profile: Profile, counts: Floats | Ints) -> Series:
    return Series(days=profile.days, counts=counts.astype(float), exposure=profile.by_day[None].astype(float))


def _with_words(test: Outcome, i: int, unseen: _Unseen) -> Evidence:
    return replace(change(test, i), together=unseen.most_frequent(test.held))


def _in_words(found: Sequence[Evidence], unseen: _Unseen) -> str:
    (evidence,) = found
    words = ", ".join(f"{word} ({unseen.profile.term(word).predictions})" for word in evidence.together)
    return (
        f"words that the reference does not have: in {100 * evidence.current_share:.3g} of 100 predictions "
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
        Smallest rise of the share of predictions with such words, and how many times the former one, that is worth an
        alarm.
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
