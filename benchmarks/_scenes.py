"""The three scenes that drift detectors are tried on: a virus arrives, nothing happens, a word changes its meaning.

All are drawn from the demo's stream of queries, answered by the linear model trained on its `train` fold.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow.parquet

from benchmarks._days import Answers, Day, Floats, Ints, Scene, day_of
from console.demo import stream
from console.demo.traffic import USERS_SHARES
from kempelen import plugins, text
from kempelen.records import Example, TrainingSet

SEED = 20200120
MODEL = "linear"
SURGING = "coronavirus"
"""The word that an alarm is to name."""

CHANGED = "corona"
"""The word whose meaning changes in the third scene."""

REFERENCE_DAYS = 21
QUERIES_A_DAY = 215
"""Askings of a stationary day, on average: as many as the stream has."""

MEANS_NOW = "health"


@cache
def live_rows() -> tuple[list[stream.Row], frozenset[str]]:
    """The stream's rows from the first day in service on, and the ids of those about the virus."""
    about = pyarrow.parquet.read_table(stream.FILE, columns=["id", "topic"]).to_pylist()
    virus = frozenset(row["id"] for row in about if row["topic"] == "virus")
    return [row for row in stream.rows() if stream.IN_SERVICE_FROM <= row.day <= stream.LAST_DAY], virus


def answered() -> Answers:
    """What the model says to each of `live_rows`, in their order; training it takes some seconds."""
    rows, _ = live_rows()
    base = [
        Example(query=text.normalise(r.text), label=r.label, weight=1.0, source=r.fold) for r in stream.train_fold()
    ]
    model = plugins.build("models", MODEL, {}).fit(TrainingSet(examples=tuple(base)), SEED)
    place = {label: n for n, label in enumerate(model.labels)}
    queries = tuple(text.normalise(row.text) for row in rows)
    return Answers(
        queries=queries,
        labels=tuple(model.labels),
        probabilities=np.asarray(model.predict(queries), dtype=np.float64),
        truth=np.array([place[row.label] for row in rows]),
    )


def corona(answers: Answers, seed: int) -> Scene:
    """The stream with another background: its rows get new days within their period, and new users.

    The rows about the virus keep their days. The reference is 11 to 31 December, January is looked at.
    """
    rng = np.random.default_rng([SEED, 1, seed])
    rows, virus = live_rows()
    days = np.array([row.day.toordinal() for row in rows])
    first_look = stream.FIRST_LOOK.toordinal()
    moves = np.array([row.id not in virus for row in rows])
    for first, last in (
        (stream.IN_SERVICE_FROM.toordinal(), first_look),
        (first_look, stream.LAST_DAY.toordinal() + 1),
    ):
        here = moves & (days >= first) & (days < last)
        days[here] = rng.integers(first, last, size=here.sum())
    users = _users(rng, len(rows))
    made = [
        day_of(date.fromordinal(day), np.flatnonzero(days == day), users[days == day], answers, rng)
        for day in range(int(days.min()), int(days.max()) + 1)
    ]
    return _split(made, answers, stream.FIRST_LOOK)


def stationary(answers: Answers, seed: int, days: int = 366) -> Scene:
    """Days drawn alike from the traffic before the virus, with a reference before them: every alarm is false."""
    return _drawn(np.random.default_rng([SEED, 2, seed]), _chances(answers, None), answers, days)


def meaning(answers: Answers, seed: int, share: float, days: int = 366) -> Scene:
    """Days drawn alike, `share` of whose askings have the word that is to change its meaning."""
    return _drawn(np.random.default_rng([SEED, 3, seed]), _chances(answers, share), answers, days)


def truth_after(answers: Answers) -> Ints:
    """What is right once the word has another meaning: MEANS_NOW for every query with it, all else as before."""
    truth = answers.truth.copy()
    truth[answers.with_word(CHANGED)] = answers.labels.index(MEANS_NOW)
    return truth


def _chances(answers: Answers, share: float | None) -> Floats:
    """The chance of each query of the traffic before the virus; if given, `share` goes to the changed word."""
    rows, virus = live_rows()
    before = np.array([row.day < stream.FIRST_LOOK and row.id not in virus for row in rows], dtype=np.float64)
    if share is None:
        return np.asarray(before / before.sum())
    word = np.zeros(len(rows))
    word[answers.with_word(CHANGED)] = 1
    word *= before
    other = before - word
    return np.asarray(share * word / word.sum() + (1 - share) * other / other.sum())


def _drawn(rng: np.random.Generator, chances: Floats, answers: Answers, days: int) -> Scene:
    first = date(2023, 12, 11)
    made = []
    for number in range(REFERENCE_DAYS + days):
        askings = rng.choice(len(chances), size=rng.poisson(QUERIES_A_DAY), p=chances)
        made.append(day_of(first + timedelta(days=number), askings, _users(rng, len(askings)), answers, rng))
    return _split(made, answers, first + timedelta(days=REFERENCE_DAYS))


def _users(rng: np.random.Generator, askings: int) -> Ints:
    """How many people ask each: one to four, as the demo assumes."""
    users, cumulative = np.array(USERS_SHARES).T
    return np.asarray(users[np.searchsorted(cumulative, rng.integers(0, 100, askings), "right")])


def _split(days: Sequence[Day], answers: Answers, first_look: date) -> Scene:
    return Scene(
        reference=tuple(day for day in days if day.day < first_look),
        live=tuple(day for day in days if day.day >= first_look),
        answers=answers,
    )


def reaches(scene: Scene, word: str, share: float) -> date:
    """The first live day on which a word is in at least `share` of the predictions."""
    has = np.zeros(len(scene.answers.queries), dtype=bool)
    has[scene.answers.with_word(word)] = True
    return next(day.day for day in scene.live if has[day.asked].mean() >= share)
