"""Days of traffic in memory: what people asked, what the model said, and the profile that the log would give."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from kempelen import text
from kempelen.profile import CONFIDENCE_BINS, SAMPLE_PER_DAY, USER_BITS, Profile, Sampled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_USERS = 2
"""People who must have asked a query before it may be in a profile's sample."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Q normalised queries with what the model says to each, and what is right.

    Attributes
    ----------
    labels
        The model's L labels, sorted.
    probabilities
        Shape (Q, L); rows sum to 1.
    truth
        Shape (Q,): the place of the right label in `labels`.
    """

    queries: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: Floats
    truth: Ints

    @cached_property
    def label(self) -> Ints:
        """Shape (Q,): the place of the predicted label."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confidence(self) -> Floats:
        """Shape (Q,): the probability of that label."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The distinct words of each query."""
        return tuple(tuple(text.terms(query)) for query in self.queries)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """All words, sorted."""
        return tuple(sorted({word for words in self.words for word in words}))

    @cached_property
    def term_places(self) -> tuple[Ints, Ints]:
        """The places of all queries' words in the vocabulary, one after the other, and how many each query has."""
        place = {word: n for n, word in enumerate(self.vocabulary)}
        flat = np.array([place[word] for words in self.words for word in words], dtype=np.int64)
        return flat, np.array([len(words) for words in self.words], dtype=np.int64)

    def with_word(self, word: str) -> Ints:
        """The queries in which a word occurs."""
        return np.array([n for n, words in enumerate(self.words) if word in words], dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """A day as a profile has it: its combinations of word and label, in order, each of shape (n,); and its histogram.

    `term` and `label` are places in all words and labels of the answers; `confidence` is the sum of the confidences,
    `bins` counts predictions by label and confidence bin.
    """

    term: Ints
    label: Ints
    predictions: Ints
    confidence: Floats
    users: Ints
    bins: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Day:
    """One day: which query each prediction answered, and the bit that stands for its user; shapes (n,)."""

    day: date
    asked: Ints
    user_bits: Ints
    sample: tuple[Sampled, ...]
    answers: Answers

    @cached_property
    def rows(self) -> Rows:
        """The day's part of every profile that holds it."""
        answers, asked = self.answers, self.asked
        flat, lengths = answers.term_places
        each = lengths[asked]
        prediction = np.repeat(np.arange(len(asked)), each)
        starts = (np.cumsum(lengths) - lengths)[asked]
        within = np.arange(len(prediction)) - np.repeat(np.cumsum(each) - each, each)
        key = flat[starts[prediction] + within] * len(answers.labels) + answers.label[asked][prediction]
        order = np.argsort(key, kind="stable")
        key, prediction = key[order], prediction[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        return Rows(
            term=key[first] // len(answers.labels),
            label=key[first] % len(answers.labels),
            predictions=np.diff(first, append=len(key)),
            confidence=np.add.reduceat(answers.confidence[asked][prediction], first),
            users=np.bitwise_or.reduceat(self.user_bits[prediction], first),
            bins=_bins(asked, answers),
        )


def _bins(asked: Ints, answers: Answers) -> Ints:
    """Predictions by label and confidence bin."""
    bins = np.minimum((answers.confidence[asked] * CONFIDENCE_BINS).astype(np.int64), CONFIDENCE_BINS - 1)
    cells = answers.label[asked] * CONFIDENCE_BINS + bins
    counts = np.bincount(cells, minlength=len(answers.labels) * CONFIDENCE_BINS)
    return counts.reshape(len(answers.labels), CONFIDENCE_BINS)


def day_of(day: date, askings: Ints, users: Ints, answers: Answers, rng: np.random.Generator) -> Day:
    """A day on which query `askings[i]` was put by `users[i]` people, each for the first time."""
    asked = np.repeat(askings, users)
    enough = askings[users >= MIN_USERS]
    shown = rng.choice(enough, size=min(SAMPLE_PER_DAY, len(enough)), replace=False)
    return Day(
        day=day,
        answers=answers,
        asked=asked,
        user_bits=np.left_shift(np.int64(1), rng.integers(0, USER_BITS, size=len(asked))),
        sample=tuple(
            sorted(
                Sampled(
                    day=day,
                    draw=n,
                    query=answers.queries[place],
                    label=answers.labels[answers.label[place]],
                    confidence=float(answers.confidence[place]),
                )
                for n, place in enumerate(shown)
            )
        ),
    )


def profile(days: Sequence[Day]) -> Profile:
    """The profile of days in order, counted as the log's reader counts; so small a day folds no word."""
    answers, rows = days[0].answers, [day.rows for day in days]
    bins = np.stack([one.bins for one in rows])
    known = np.flatnonzero(bins.any(axis=(0, 2)))
    listed, row_term = np.unique(np.concatenate([one.term for one in rows]), return_inverse=True)
    return Profile(
        days=tuple(day.day for day in days),
        labels=tuple(answers.labels[n] for n in known),
        confidence=bins[:, known],
        fold=np.ones(len(days), dtype=np.int64),
        folded=np.zeros(len(days), dtype=np.int64),
        terms=tuple(answers.vocabulary[n] for n in listed.tolist()),
        row_day=np.repeat(np.arange(len(days)), [len(one.term) for one in rows]),
        row_term=row_term,
        row_label=np.searchsorted(known, np.concatenate([one.label for one in rows])),
        row_predictions=np.concatenate([one.predictions for one in rows]),
        row_confidence=np.concatenate([one.confidence for one in rows]),
        row_users=np.concatenate([one.users for one in rows]),
        sample=tuple(one for day in days for one in day.sample),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A reference and the days after it, each looked at once, when it is over."""

    reference: tuple[Day, ...]
    live: tuple[Day, ...]
    answers: Answers


def write(scenes: Sequence[Scene], file: Path) -> None:
    """All predictions as one Parquet file, for peers that read rows.

    Columns: `run` (which scene), `day` (text), `live` (or reference), `text`, `label`, `truth`, `confidence`, and the
    probability `p_<label>` of each label.
    """
    with parquet.ParquetWriter(file, _rows(0, scenes[0].reference[0], scenes[0], live=False).schema) as writer:
        for run, scene in enumerate(scenes):
            for live, days in ((False, scene.reference), (True, scene.live)):
                writer.write_table(pa.concat_tables([_rows(run, day, scene, live=live) for day in days]))


def _rows(run: int, day: Day, scene: Scene, *, live: bool) -> pa.Table:
    answers, n = scene.answers, len(day.asked)
    names = np.array(answers.labels)
    columns = {
        "run": np.full(n, run),
        "day": np.full(n, str(day.day)),
        "live": np.full(n, live),
        "text": np.array(answers.queries, dtype=object)[day.asked],
        "label": names[answers.label[day.asked]],
        "truth": names[answers.truth[day.asked]],
        "confidence": answers.confidence[day.asked],
        **{f"p_{label}": answers.probabilities[day.asked, k] for k, label in enumerate(answers.labels)},
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})
