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
class Day:
    """One day: which query each prediction answered, and the bit that stands for its user; shapes (n,)."""

    day: date
    asked: Ints
    user_bits: Ints
    sample: tuple[Sampled, ...]


def day_of(day: date, askings: Ints, users: Ints, answers: Answers, rng: np.random.Generator) -> Day:
    """A day on which query `askings[i]` was put by `users[i]` people, each for the first time."""
    asked = np.repeat(askings, users)
    enough = askings[users >= MIN_USERS]
    shown = rng.choice(enough, size=min(SAMPLE_PER_DAY, len(enough)), replace=False)
    return Day(
        day=day,
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


def profile(days: Sequence[Day], answers: Answers) -> Profile:
    """The profile of days in order, counted as the log's reader counts; so small a day folds no word."""
    asked = np.concatenate([day.asked for day in days])
    bits = np.concatenate([day.user_bits for day in days])
    when = np.repeat(np.arange(len(days)), [len(day.asked) for day in days])
    flat, lengths = answers.term_places
    each = lengths[asked]
    prediction = np.repeat(np.arange(len(asked)), each)
    starts = np.concatenate([[0], np.cumsum(lengths)])[asked]
    within = np.arange(len(prediction)) - np.repeat(np.cumsum(each) - each, each)
    term = flat[starts[prediction] + within]
    n_terms, n_labels = len(answers.vocabulary), len(answers.labels)
    key = (when[prediction] * n_terms + term) * n_labels + answers.label[asked][prediction]
    order = np.argsort(key, kind="stable")
    distinct, first = np.unique(key[order], return_index=True)
    listed, row_term = np.unique(distinct // n_labels % n_terms, return_inverse=True)
    known = np.unique(answers.label[asked])
    return Profile(
        days=tuple(day.day for day in days),
        labels=tuple(answers.labels[n] for n in known),
        confidence=_bins(when, asked, answers, len(days))[:, known],
        fold=np.ones(len(days), dtype=np.int64),
        folded=np.zeros(len(days), dtype=np.int64),
        terms=tuple(answers.vocabulary[n] for n in listed),
        row_day=distinct // n_labels // n_terms,
        row_term=row_term,
        row_label=np.searchsorted(known, distinct % n_labels),
        row_predictions=np.diff([*first, len(key)]),
        row_confidence=np.add.reduceat(answers.confidence[asked][prediction][order], first),
        row_users=np.bitwise_or.reduceat(bits[prediction][order], first),
        sample=tuple(one for day in days for one in day.sample),
    )


def _bins(when: Ints, asked: Ints, answers: Answers, days: int) -> Ints:
    """Predictions by day, label and confidence bin."""
    bins = np.minimum((answers.confidence[asked] * CONFIDENCE_BINS).astype(np.int64), CONFIDENCE_BINS - 1)
    counts = np.zeros((days, len(answers.labels), CONFIDENCE_BINS), dtype=np.int64)
    np.add.at(counts, (when, answers.label[asked], bins), 1)
    return counts


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
