"""A window of the prediction log as counts: all that a detector may look at, small, and mergeable.

A profile is a table of counts by day, word and label, a table of confidences by day and label, and a small
random sample of predictions. Profiles of separate days merge by putting their tables together.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b
from math import ceil, log
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kempelen.errors import BadData

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FORMAT = 2
"""Version of the document that `Profile.to_json` writes."""

CONFIDENCE_BINS = 20
"""Bins of equal width over [0, 1] in which confidences are counted."""

FOLD_SHARE = 1e-4
"""A word in a smaller share of a day's predictions is folded: its own count of that day is not kept."""

SAMPLE_PER_DAY = 100
"""Predictions of a day that are kept as they are, drawn at random."""

USER_BITS = 63
"""Bits of a sketch of users; one fewer than 64, so that every engine can hold it as a signed integer."""

_DRAW_BITS = 53


def user_bit(user: str) -> int:
    """The bit that stands for a user in the sketch of those who said a word.

    >>> user_bit("ada") == user_bit("ada"), bin(user_bit("ada")).count("1"), user_bit("ada") < 2**63
    (True, 1, True)
    """
    return 1 << (_hashed(user) % USER_BITS)


def draw(prediction_id: str) -> int:
    """A number in [0, 2**53) that depends on the id alone: the smallest of a day are its sample.

    >>> 0 <= draw("42") < 2**53
    True
    """
    return _hashed(prediction_id) >> (64 - _DRAW_BITS)


def _hashed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest())


def users_at_least(sketch: int) -> int:
    """A number of distinct users that is certain: different bits are different people.

    >>> users_at_least(0b1011)
    3
    """
    return sketch.bit_count()


def users_about(sketch: int) -> float:
    """The most likely number of distinct users, as `users_likely` says.

    >>> round(users_about(0b1011), 2)
    3.07
    """
    return users_likely(users_at_least(sketch))


def users_likely(certain: int) -> float:
    """The most likely number of users if so many are certain (linear counting: Whang et al. 1990, ACM TODS 15(2)).

    Within about 10 % up to 100 users, infinite once every bit is set (about 260).

    >>> round(users_likely(51)), users_likely(USER_BITS)
    (104, inf)
    """
    unset = USER_BITS - certain
    return USER_BITS * log(USER_BITS / unset) if unset else float("inf")


def fold_below(predictions: int) -> int:
    """The count from which a word is kept on a day with so many predictions.

    >>> fold_below(600), fold_below(50_000)
    (1, 5)
    """
    return max(1, ceil(FOLD_SHARE * predictions))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sampled:
    """One prediction of a day's sample."""

    day: date
    draw: int
    query: str
    label: str
    confidence: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """Sufficient statistics of a window, by day.

    Attributes
    ----------
    days
        The days that have predictions, oldest first; D of them.
    labels
        The predicted labels, sorted; L of them.
    confidence
        Predictions by day, label and confidence bin, shape (D, L, CONFIDENCE_BINS).
    fold
        Shape (D,): a word that is not listed on a day was in fewer predictions of that day than this.
    folded
        Shape (D,): occurrences of such words, all together.
    terms
        The listed words, sorted; T of them.
    row_day, row_term, row_label
        Places in `days`, `terms` and `labels`; each of the N rows is one combination that occurred.
    row_predictions, row_confidence, row_users
        Predictions of that day and label with that word (once, however often it is in a query),
        the sum of their confidences, and the sketch of their users.
    sample
        At most SAMPLE_PER_DAY predictions a day, uniformly drawn (those with the smallest `draw`), of queries
        that enough people asked; sorted.
    """

    days: tuple[date, ...]
    labels: tuple[str, ...]
    confidence: Ints
    fold: Ints
    folded: Ints
    terms: tuple[str, ...]
    row_day: Ints
    row_term: Ints
    row_label: Ints
    row_predictions: Ints
    row_confidence: Floats
    row_users: Ints
    sample: tuple[Sampled, ...] = ()

    def __post_init__(self) -> None:
        if list(self.days) != sorted(set(self.days)):
            raise ValueError("The days of a profile must be distinct and in order.")
        if self.confidence.shape != (len(self.days), len(self.labels), CONFIDENCE_BINS):
            raise ValueError(f"{self.confidence.shape} is not one count for each day, label and bin.")
        if self.row_predictions.size:
            self._check_rows()

    def _check_rows(self) -> None:
        """A word is in no more predictions of a day than the day has."""
        cells = self.row_day * len(self.terms) + self.row_term
        if (np.diff(cells) < 0).any():
            raise ValueError("The rows of a profile must be in order of day and word.")
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        with_term = np.add.reduceat(self.row_predictions, starts)
        wrong = starts[with_term > self.by_day[self.row_day[starts]]]
        if wrong.size:
            day, term = self.days[self.row_day[wrong[0]]], self.terms[self.row_term[wrong[0]]]
            raise ValueError(f"{day}: more predictions with {term!r} than predictions.")

    # ------------------------------------------------------------ counts

    @property
    def predictions(self) -> int:
        """Predictions in the window."""
        return int(self.confidence.sum())

    @cached_property
    def by_day(self) -> Ints:
        """Predictions, shape (D,)."""
        return np.asarray(self.confidence.sum(axis=(1, 2)))

    @cached_property
    def by_label(self) -> Ints:
        """Predictions per label and day, shape (L, D)."""
        return np.asarray(self.confidence.sum(axis=2).T)

    @cached_property
    def by_term(self) -> Ints:
        """Predictions per listed word and day, shape (T, D)."""
        shape = len(self.terms), len(self.days)
        cells = self.row_term * shape[1] + self.row_day
        sums = np.bincount(cells, weights=self.row_predictions, minlength=shape[0] * shape[1])
        return np.asarray(sums.astype(np.int64).reshape(shape))

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Where each listed word stands in `terms`."""
        return {term: place for place, term in enumerate(self.terms)}

    def term(self, word: str, since: date | None = None) -> "Term":
        """What the window, or its days from `since` on, says about one word. All zero for a word not listed."""
        rows = self.row_term == self.place.get(word, -1)
        if since is not None:
            rows &= np.array([day >= since for day in self.days], dtype=bool)[self.row_day]
        labels = np.bincount(self.row_label[rows], weights=self.row_predictions[rows], minlength=len(self.labels))
        predictions = int(self.row_predictions[rows].sum())
        return Term(
            predictions=predictions,
            labels={label: int(n) for label, n in zip(self.labels, labels, strict=True) if n},
            confidence=float(self.row_confidence[rows].sum()) / predictions if predictions else 0.0,
            users=int(np.bitwise_or.reduce(self.row_users[rows])) if rows.any() else 0,
        )

    def since(self, first: date) -> "Profile":
        """The days from `first` on."""
        return self._of_days([place for place, day in enumerate(self.days) if day >= first])

    def until(self, last: date) -> "Profile":
        """The days up to `last`, it included."""
        return self._of_days([place for place, day in enumerate(self.days) if day <= last])

    def _of_days(self, kept: Sequence[int]) -> "Profile":
        """Some days, in order. Labels and words that those days do not have are left out."""
        place = np.full(len(self.days), -1)
        place[kept] = np.arange(len(kept))
        rows = place[self.row_day] >= 0
        confidence = self.confidence[kept]
        labels = np.flatnonzero(confidence.sum(axis=(0, 2)))
        terms = np.unique(self.row_term[rows])
        days = tuple(self.days[k] for k in kept)
        wanted = frozenset(days)
        return Profile(
            days=days,
            labels=tuple(self.labels[n] for n in labels),
            confidence=confidence[:, labels],
            fold=self.fold[kept],
            folded=self.folded[kept],
            terms=tuple(self.terms[n] for n in terms),
            row_day=place[self.row_day[rows]],
            row_term=np.searchsorted(terms, self.row_term[rows]),
            row_label=np.searchsorted(labels, self.row_label[rows]),
            row_predictions=self.row_predictions[rows],
            row_confidence=self.row_confidence[rows],
            row_users=self.row_users[rows],
            sample=tuple(one for one in self.sample if one.day in wanted),
        )

    # ------------------------------------------------------------ making

    @classmethod
    def empty(cls) -> Self:
        """A window without predictions."""
        return cls.of_tables(days=(), confidence={}, fold={}, folded={}, rows=())

    @classmethod
    def of_tables(  # noqa: PLR0913 - a profile is exactly these tables
        cls,
        *,
        days: Iterable[date],
        confidence: Mapping[tuple[date, str, int], int],
        fold: Mapping[date, int],
        folded: Mapping[date, int],
        rows: Iterable[tuple[date, str, str, int, float, int]],
        sample: Iterable[Sampled] = (),
    ) -> Self:
        """A profile from plain tables, in any order.

        `confidence` maps (day, label, bin) to predictions; `rows` are (day, word, label, predictions, sum of
        confidences, sketch of users). For few rows: engines fill the columns themselves.
        """
        when = tuple(sorted(days))
        listed = sorted(rows)
        labels = tuple(sorted({label for _, label, _ in confidence}))
        terms = tuple(sorted({row[1] for row in listed}))
        day_at, label_at, term_at = ({name: n for n, name in enumerate(names)} for names in (when, labels, terms))
        counts = np.zeros((len(when), len(labels), CONFIDENCE_BINS), dtype=np.int64)
        for (day, label, bin_), n in confidence.items():
            counts[day_at[day], label_at[label], bin_] += n
        return cls(
            days=when,
            labels=labels,
            confidence=counts,
            fold=np.array([fold.get(day, 1) for day in when], dtype=np.int64),
            folded=np.array([folded.get(day, 0) for day in when], dtype=np.int64),
            terms=terms,
            row_day=np.array([day_at[row[0]] for row in listed], dtype=np.int64),
            row_term=np.array([term_at[row[1]] for row in listed], dtype=np.int64),
            row_label=np.array([label_at[row[2]] for row in listed], dtype=np.int64),
            row_predictions=np.array([row[3] for row in listed], dtype=np.int64),
            row_confidence=np.array([row[4] for row in listed], dtype=np.float64),
            row_users=np.array([row[5] for row in listed], dtype=np.int64),
            sample=tuple(sorted(sample)),
        )

    def merge(self, other: "Profile") -> "Profile":
        """The profile of both windows together. ValueError if a day is in both: it would be counted twice."""
        shared = set(self.days) & set(other.days)
        if shared:
            raise ValueError(f"{min(shared)} is in both profiles and would be counted twice.")
        days = tuple(sorted(self.days + other.days))
        labels = tuple(sorted({*self.labels, *other.labels}))
        terms = tuple(sorted({*self.terms, *other.terms}))
        parts = [_Placed(one, days, labels, terms) for one in (self, other)]
        confidence = np.zeros((len(days), len(labels), CONFIDENCE_BINS), dtype=np.int64)
        fold, folded = np.ones(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
        for part in parts:
            confidence[np.ix_(part.day, part.label)] = part.profile.confidence
            fold[part.day], folded[part.day] = part.profile.fold, part.profile.folded
        row_day = np.concatenate([p.day[p.profile.row_day] for p in parts])
        row_term = np.concatenate([p.term[p.profile.row_term] for p in parts])
        row_label = np.concatenate([p.label[p.profile.row_label] for p in parts])
        order = np.lexsort((row_label, row_term, row_day))
        return Profile(
            days=days,
            labels=labels,
            confidence=confidence,
            fold=fold,
            folded=folded,
            terms=terms,
            row_day=row_day[order],
            row_term=row_term[order],
            row_label=row_label[order],
            row_predictions=np.concatenate([p.profile.row_predictions for p in parts])[order],
            row_confidence=np.concatenate([p.profile.row_confidence for p in parts])[order],
            row_users=np.concatenate([p.profile.row_users for p in parts])[order],
            sample=tuple(sorted(self.sample + other.sample)),
        )

    def __eq__(self, other: object) -> bool:
        """Whether both say the same; sums of confidences to six digits, for engines add in an order of their own."""
        return isinstance(other, Profile) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    # ------------------------------------------------------------ keeping

    def to_json(self, *, with_sample: bool = True) -> str:
        """A compact JSON document that `from_json` reads back; the same counts give the same bytes.

        Without its sample it holds no text that somebody typed, only words and counts.
        """
        return json.dumps(
            {
                "format": FORMAT,
                "days": [day.isoformat() for day in self.days],
                "labels": self.labels,
                "confidence": self.confidence.tolist(),
                "fold": self.fold.tolist(),
                "folded": self.folded.tolist(),
                "terms": self.terms,
                "row_day": self.row_day.tolist(),
                "row_term": self.row_term.tolist(),
                "row_label": self.row_label.tolist(),
                "row_predictions": self.row_predictions.tolist(),
                "row_confidence": np.round(self.row_confidence, 6).tolist(),
                "row_users": self.row_users.tolist(),
                "sample": [[s.day.isoformat(), s.draw, s.query, s.label, round(s.confidence, 6)] for s in self.sample]
                if with_sample
                else [],
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, document: str) -> Self:
        """Read what `to_json` wrote. BadData for a document of another format."""
        read = json.loads(document)
        found = read.get("format") if isinstance(read, dict) else 1
        if found != FORMAT:
            raise BadData(
                f"This profile has format {found}, and this version of Kempelen reads format {FORMAT}.",
                hint="Profile that window of the prediction log again.",
            )
        days = tuple(date.fromisoformat(day) for day in read["days"])
        return cls(
            days=days,
            labels=tuple(read["labels"]),
            confidence=np.array(read["confidence"], dtype=np.int64).reshape(
                len(days), len(read["labels"]), CONFIDENCE_BINS
            ),
            terms=tuple(read["terms"]),
            row_confidence=np.array(read["row_confidence"], dtype=np.float64),
            sample=tuple(
                Sampled(day=date.fromisoformat(day), draw=n, query=query, label=label, confidence=confidence)
                for day, n, query, label, confidence in read["sample"]
            ),
            **{name: _integers(read[name]) for name in _INTEGERS},
        )


_INTEGERS = ("fold", "folded", "row_day", "row_term", "row_label", "row_predictions", "row_users")


def _integers(values: Any) -> Ints:
    return np.array(values, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What a window says about one word."""

    predictions: int
    labels: Mapping[str, int]
    confidence: float
    users: int

    @property
    def label(self) -> str | None:
        """What queries with this word are mostly taken for."""
        return min(self.labels, key=lambda label: (-self.labels[label], label), default=None)


class _Placed:
    """Where the days, labels and words of a profile stand in longer lists that hold them."""

    def __init__(self, profile: Profile, days: Sequence[date], labels: Sequence[str], terms: Sequence[str]) -> None:
        self.profile = profile
        self.day = _places(profile.days, days)
        self.label = _places(profile.labels, labels)
        self.term = _places(profile.terms, terms)


def _places(some: Sequence[Any], among: Sequence[Any]) -> Ints:
    at = {name: place for place, name in enumerate(among)}
    return np.array([at[name] for name in some], dtype=np.int64)
