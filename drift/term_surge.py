"""Which words take up a much larger part of the traffic than they did?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drift._company import company
from drift._once import once
from drift._people import FEWEST_USERS, MOST_PER_USER, likely, require_people, sketches
from drift._reports import MOST_EXAMPLES, change, others, per_cent, report
from drift._series import Series
from drift._windows import Counts, Mask, Outcome, require
from kempelen.profile import Floats, Ints, Profile
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window
from kempelen.text import terms

UNKNOWN = -1
"""The place of a word that the reference does not have: the last one."""


class TermSurge:
    """A one-sided exact test for each word, corrected for clustered traffic, words, windows and days."""

    def __init__(  # noqa: PLR0913 - its settings
        self,
        *,
        alpha: float,
        min_share: float,
        min_ratio: float,
        min_predictions: int,
        min_users: int,
        most_per_user: float,
    ) -> None:
        self.alpha = alpha
        self.min_share = min_share
        self.min_ratio = min_ratio
        self.min_predictions = min_predictions
        self.min_users = min_users
        self.most_per_user = most_per_user

    def detect(self, window: Window) -> DriftReport:
        """Compare how often each word occurs.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smallest p-value, after all corrections, among words above the effect
            sizes. `evidence` holds the words that surged, the clearest first, with their counts by day, certain
            users, the label and mean confidence since the change, and the words that surged with them: mostly
            in the same sampled queries, or where too few were sampled, with daily counts that go alike.

        Raises NotEnoughData when a window is too small, or of too few users, or not after its reference, or no word
        recurs in the reference.

        Statistical price: a word must reach `min_share` of a window's traffic, and come from `min_users` users; a
        user who says it over and over counts `most_per_user` times. On a reference day on which a word
        was folded it is taken to have been just below the fold.
        """
        require(window, min_current=self.min_predictions)
        require_people(window.current, self.min_users)
        return report(
            detector="term_surge",
            window=window,
            counts=self._counts(window),
            alpha=self.alpha,
            two_sided=False,
            relevant=self._surged,
            explain=lambda test, i: _with_label(change(test, i), window.current),
            relate=lambda found: _with_company(found, window),
            describe=lambda found: _in_words(found, window),
            nothing="No word surges.",
            min_share=self.min_share,
        )

    def _counts(self, window: Window) -> Counts:
        """Counts of the words whose total would pass the effect size of some window, were all of it in there."""
        usual, current = _usual(window.reference), window.current
        least = self.min_share * current.by_day.min()
        known = np.array([window.reference.place.get(word, UNKNOWN) for word in current.terms], dtype=np.int64)
        now = current.by_term.sum(axis=1)
        both = np.flatnonzero(now + usual.series.total[0][known] >= least)
        gone = np.setdiff1d(np.flatnonzero(usual.series.total[0][:UNKNOWN] >= least), known)
        places = np.concatenate([known[both], gone])
        subject = np.full(len(current.terms), -1)
        subject[both] = np.arange(len(both))
        silent = np.zeros((len(gone), len(current.days)))
        return Counts(
            subjects=(*_names(current, both), *_names(window.reference, gone)),
            reference=usual.series.subjects(places),
            current=_series(current, np.vstack([current.by_term[both].astype(float), silent])),
            today=window.today,
            hidden=usual.hidden[places],
            users=sketches(current, subject, len(places)),
            most_per_user=self.most_per_user,
        )

    def _surged(self, test: Outcome) -> Mask:
        before, after = test.rates
        large = (after >= self.min_share) & (after >= self.min_ratio * before)
        return np.asarray(large & (test.users >= self.min_users))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Usual:
    """The words of the reference and, as the last one, a word that it does not have.

    `hidden` is how often each may have occurred on days that folded it, shape (T + 1,).
    """

    series: Series
    hidden: Floats


@once
def _usual(reference: Profile) -> _Usual:
    counts = np.vstack([reference.by_term.astype(float), np.zeros((1, len(reference.days)))])
    return _Usual(series=_series(reference, counts), hidden=np.asarray((counts == 0) @ (reference.fold - 1.0)))


def _names(profile: Profile, places: Ints) -> list[str]:
    return [profile.terms[n] for n in places.tolist()]


def _series(profile: Profile, counts: Floats) -> Series:
    return Series(days=profile.days, counts=counts, exposure=profile.by_day[None].astype(float))


def _with_label(evidence: Evidence, current: Profile) -> Evidence:
    term = current.term(evidence.subject, evidence.since)
    return replace(evidence, label=term.label, confidence=term.confidence)


def _with_company(found: list[Evidence], window: Window) -> list[Evidence]:
    queries, alike = company(found, window.current.sample)
    return [
        replace(
            evidence,
            together=tuple(
                e.subject for e in found if e.subject in queries[evidence.subject] | alike[evidence.subject]
            ),
            examples=_examples(evidence, window.current),
        )
        for evidence in found
    ]


def _examples(evidence: Evidence, current: Profile) -> tuple[str, ...]:
    """Some of the sampled queries with the word since it changed."""
    since = evidence.since or current.days[0]
    said = (s.query for s in current.sample if s.day >= since and evidence.subject in terms(s.query))
    return tuple(dict.fromkeys(said))[:MOST_EXAMPLES]


def _in_words(found: Sequence[Evidence], window: Window) -> str:
    """The groups of words that surged together, each under its clearest word; the first in full."""
    queries, alike = company(found, window.current.sample)
    names: list[str] = []
    named: set[str] = set()
    for evidence in found:
        word = evidence.subject
        if word not in named:
            near = [[e.subject for e in found if e.subject in with_it[word] - named] for with_it in (queries, alike)]
            names.append(_named(word, *near))
            named |= {word, *near[0], *near[1]}
    return f"{names[0]}: {_figures(found[0])}{others(names[1:])}"


def _named(word: str, queries: Sequence[str], alike: Sequence[str]) -> str:
    """A word and its company.

    >>> _named("corona", ["virus"], ["wuhan"])
    'corona (with virus; on the same days wuhan)'
    """
    parts = [f"with {', '.join(queries)}"] if queries else []
    parts += [f"on the same days {', '.join(alike)}"] if alike else []
    return f"{word} ({'; '.join(parts)})" if parts else word


def _figures(evidence: Evidence) -> str:
    times = f"{evidence.ratio:.3g} times its share" if evidence.reference_count else "a new word"
    return (
        f"{times} ({per_cent(evidence.reference_share)} -> {per_cent(evidence.current_share)} of traffic) "
        f"since {evidence.since}, from {likely(evidence.users or 0)}, "
        f"mostly taken for {evidence.label} with {100 * (evidence.confidence or 0):.0f} % confidence"
    )


def build(  # noqa: PLR0913 - its settings
    *,
    alpha: float,
    min_share: float = 0.01,
    min_ratio: float = 3.0,
    min_predictions: int = 50,
    min_users: int = FEWEST_USERS,
    most_per_user: float = MOST_PER_USER,
) -> DriftDetector:
    """Words that surge.

    Parameters
    ----------
    alpha
        Chance of any false alarm within a year, all words and looks together.
    min_share, min_ratio
        A word that surges has at least this share of a window's predictions, and at least this many times
        its former share.
    min_predictions
        Fewest current predictions that are looked at.
    min_users
        Fewest certain users of a word that surges.
    most_per_user
        Predictions with a word that a window counts for each of its users.
    """
    return TermSurge(
        alpha=alpha,
        min_share=min_share,
        min_ratio=min_ratio,
        min_predictions=min_predictions,
        min_users=min_users,
        most_per_user=most_per_user,
    )
