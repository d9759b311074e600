"""Can one tell today's queries from those of the reference? A classifier two-sample test on a sample, day by day.

Lopez-Paz & Oquab 2017, Revisiting classifier two-sample tests, ICLR; the classifiers of the reference's own days
say how well days can be told apart when nothing has changed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby

import numpy as np

from drift._domains import Corpus, corpus, followed, log_odds, looks
from drift._once import once
from drift._reports import SMALLEST_P, per_cent
from drift._windows import DAYS_A_YEAR, require
from kempelen.errors import NotEnoughData
from kempelen.profile import Floats, Profile, Sampled
from kempelen.protocols import DriftDetector
from kempelen.records import DayCount, DriftReport, Evidence, Window
from kempelen.text import terms

LENGTHS = (1, 4)
"""Days of the windows that are tested."""

NEW = 0.9
"""A query looks new if it looks more like its day than this share of the held-out queries of the reference."""

FEWEST_DAYS = 7
"""Reference days with enough sampled queries, below which it cannot be told how much days differ."""

MOST_WORDS = 5

LEAST_TELLING = 0.25
"""Words that speak less for the current days than this part of what the clearest one does are not named."""

MOST_EXAMPLES = 5

Day = tuple[date, tuple[Sampled, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tested:
    """One window that ends on the last whole day: its figure, its p-value, its part of the budget."""

    length: int
    share: float
    p_value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Days:
    """The sampled days, reference days first, and what is read in them."""

    days: tuple[Day, ...]
    corpus: Corpus

    @cached_property
    def shares(self) -> Floats:
        """The share of each day's queries that look new, beside those of the (other) reference days, shape (D,)."""
        return np.array([np.mean(looks(self.corpus, slice(d, d + 1)) > NEW) for d in range(len(self.days))])

    def last(self, length: int) -> slice:
        """The last days."""
        return slice(len(self.days) - length, len(self.days))

    @property
    def each(self) -> int:
        """Queries of a day."""
        return self.corpus.asked.shape[1]

    @property
    def usual(self) -> Floats:
        """The shares of the reference days."""
        return self.shares[: self.corpus.references]

    @property
    def recent(self) -> Floats:
        """The shares of the current days."""
        return self.shares[self.corpus.references :]


class DomainClassifier:
    """A t-test of how many queries of the last days look new, against the reference's days."""

    def __init__(self, *, alpha: float, least_share: float, min_sample: int) -> None:
        self.alpha = alpha
        self.least_share = least_share
        self.min_sample = min_sample

    def detect(self, window: Window) -> DriftReport:
        """Compare the sampled queries of the last whole day, and of the last four, with the reference's.

        Returns
        -------
        DriftReport
            `statistic` is -log10 of the smaller p-value times 2 * 366 windows a year, `threshold` -log10(alpha). A
            change below the least effect never exceeds the threshold. The evidence names the words that speak most
            for the current days; its counts are sampled queries that look new, its shares those of all sampled ones.

        Raises NotEnoughData when there is no whole current day, or the samples are too small; and while the reference
        is borrowed, for the change that the version was trained for would be found again.

        Statistical price: for each day, alone, a classifier is trained against the other reference days, and the
        share of its held-out queries that look new is the day's figure. Days from the same traffic give exchangeable
        figures whatever is peculiar to each of them; that these are about normal, once transformed, is assumed. It is
        if they vary by up to 30 % from day to day beyond sampling, as simulated; at 40 % a single day's test has
        about ten times its level in the far tail. The same query is never in both halves of the training. With 21
        reference days and alpha 0.0025 two fifths of a day's queries must be new, or a fifth of those of four days.
        """
        require(window, min_current=1, answers=True)
        read = self._read(window)
        level = self.alpha / DAYS_A_YEAR / len(LENGTHS)
        tested = min((_test(read, n) for n in LENGTHS if n <= len(read.recent)), key=lambda one: one.p_value)
        threshold = -np.log10(self.alpha)
        statistic = max(0.0, -np.log10(tested.p_value * self.alpha / level))
        large = tested.share >= self.least_share
        alarming = large and tested.p_value < level
        words = _words(read.corpus, read.last(tested.length))
        return DriftReport(
            detector="domain_classifier",
            statistic=float(statistic if large else min(statistic, threshold)),
            threshold=float(threshold),
            alpha=self.alpha,
            n_reference=len(read.usual) * read.each,
            n_current=len(read.recent) * read.each,
            summary=_in_words(read, tested, words, level, self.least_share),
            evidence=(_evidence(read, tested, words, level),) if alarming else (),
        )

    def _read(self, window: Window) -> _Days:
        """The days that are compared, each with equally many queries, those with the smallest draws."""
        current = [day for day in _by_day(window.current) if day[0] != window.today]
        whole = [day for day in window.current.days if day != window.today]
        if not whole or not current or current[-1][0] != whole[-1] or len(current[-1][1]) < self.min_sample:
            raise NotEnoughData(
                f"The last whole day has no sample of {self.min_sample} queries that enough people asked.",
                hint="Wait until the day is over, and for more traffic.",
            )
        current = [day for day in current if len(day[1]) >= self.min_sample][-max(LENGTHS) :]
        reference = [day for day in _by_day(window.reference) if len(day[1]) >= self.min_sample]
        if len(reference) < FEWEST_DAYS:
            raise NotEnoughData(
                f"The reference has {len(reference)} days with a sample of {self.min_sample} queries or more.",
                hint=f"Compare with a reference of at least {FEWEST_DAYS} such days (drift.reference_days).",
            )
        # A quarter of the reference days may fall out for being smaller: else one small day would shrink them all.
        sizes = sorted((len(queries) for _, queries in reference), reverse=True)
        of_reference = sizes[max(FEWEST_DAYS, 3 * len(sizes) // 4) - 1]
        each = min([of_reference, *(len(queries) for _, queries in current)])
        days, usual = _usual(window.reference, each)
        recent = _cut(current, each)
        read = followed(usual, corpus([queries for _, queries in recent]))
        return _Days(days=(*days, *recent), corpus=read)


@once
def _by_day(profile: Profile) -> tuple[Day, ...]:
    return tuple((day, tuple(some)) for day, some in groupby(sorted(profile.sample), key=lambda one: one.day))


def _cut(days: Sequence[Day], each: int) -> list[Day]:
    return [(day, queries[:each]) for day, queries in days if len(queries) >= each]


@once
def _usual(reference: Profile, each: int) -> tuple[list[Day], Corpus]:
    """The reference days with so many queries."""
    days = _cut(_by_day(reference), each)
    return days, corpus([queries for _, queries in days])


def _test(read: _Days, length: int) -> _Tested:
    """A predictive t-test of the last days' mean against the reference days (Hahn & Meeker 1991, section 4.8).

    Shares are tested as their arcsine square root (Anscombe 1948), which makes their deviation even and less skewed.
    """
    from scipy.special import stdtr

    n = len(read.usual)
    usual, recent = np.arcsin(np.sqrt(read.usual)), np.arcsin(np.sqrt(read.recent[-length:]))
    deviation = max(float(usual.std(ddof=1)), 1 / (2 * read.each**0.5))
    t = (recent.mean() - usual.mean()) / (deviation * (1 / length + 1 / n) ** 0.5)
    return _Tested(
        length=length, share=float(read.recent[-length:].mean()), p_value=max(float(stdtr(n - 1, -t)), SMALLEST_P)
    )


def _evidence(read: _Days, tested: _Tested, words: Sequence[str], level: float) -> Evidence:
    last = read.last(tested.length)
    return Evidence(
        subject=", ".join(words),
        reference_count=float(read.usual.sum() * read.each),
        current_count=float(read.recent[-tested.length :].sum() * read.each),
        reference_share=float(read.usual.mean()),
        current_share=tested.share,
        p_value=tested.p_value,
        budget=level,
        first=read.days[last][0][0],
        since=read.days[len(read.usual) + _since(read)][0],
        label=_label(read.days[last], words),
        daily=tuple(
            DayCount(day=day, count=round(float(share) * read.each), predictions=read.each)
            for (day, _), share in zip(read.days, read.shares, strict=True)
        ),
        examples=_examples(read.corpus, last),
    )


def _since(read: _Days) -> int:
    """The current day from which on the shares are most likely raised (least squares)."""
    above = read.recent - read.usual.mean()
    gain = [max(above[k:].sum(), 0.0) ** 2 / (len(above) - k) for k in range(len(above))]
    return int(np.argmax(gain))


def _words(read: Corpus, last: slice) -> tuple[str, ...]:
    """The words that speak most for the current days: by their log odds, times the queries that have them."""
    times = np.bincount(read.asked[last].ravel(), minlength=len(read.queries)) @ read.matrix
    telling = log_odds(read, last) * times
    single = [n for n in np.flatnonzero(telling > 0).tolist() if " " not in read.features[n]]
    single = sorted(single, key=lambda n: (-telling[n], read.features[n]))[:MOST_WORDS]
    return tuple(read.features[n] for n in single if telling[n] >= LEAST_TELLING * telling[single[0]])


def _label(days: Sequence[Day], words: Sequence[str]) -> str | None:
    """What the model mostly takes queries with the first of these words for."""
    labels = Counter(one.label for _, queries in days for one in queries if set(words[:1]) & set(terms(one.query)))
    return min(labels, key=lambda label: (-labels[label], label), default=None)


def _examples(read: Corpus, last: slice) -> tuple[str, ...]:
    """The current queries that look newest, those first that were asked more often."""
    asked = read.asked[last].ravel().tolist()
    best = dict(zip(asked, looks(read, last).ravel().tolist(), strict=True))
    often = Counter(asked)
    order = sorted(best, key=lambda n: (-round(best[n], 2), -often[n], read.queries[n]))
    return tuple(read.queries[n] for n in order[:MOST_EXAMPLES])


def _in_words(read: _Days, tested: _Tested, words: Sequence[str], level: float, least_share: float) -> str:
    when = "the last whole day" if tested.length == 1 else f"the last {tested.length} whole days"
    return (
        f"{per_cent(tested.share)} of the sampled queries of {when} look new "
        f"(on a day of the reference {per_cent(float(read.usual.mean()))}; an alarm needs at least "
        f"{100 * least_share:.3g} % and p below {level:.2g}, here p = {tested.p_value:.2g}). "
        f"Most telling: {', '.join(words) or 'no word'}."
    )


def build(*, alpha: float, least_share: float = 0.2, min_sample: int = 30) -> DriftDetector:
    """Current queries that a classifier can tell from the reference's.

    Parameters
    ----------
    alpha
        Chance of any false alarm in a year.
    least_share
        A change is worth an alarm if so many of the current queries look new; 0.1 do by chance. All of a fifth of
        the traffic being new is an area under the ROC curve of about 0.6.
    min_sample
        Fewest sampled queries of a day that is compared.
    """
    return DomainClassifier(alpha=alpha, least_share=least_share, min_sample=min_sample)
