"""Ask in rounds, train after each, and judge: how right a model is after how many human minutes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmarks import _scenes
from benchmarks import _selection_model as model
from benchmarks._days import Answers, Floats, Ints
from benchmarks._selection_model import Fitted, Texts
from benchmarks._selection_world import World
from kempelen import text
from kempelen.records import Answered, Pool
from kempelen.settings import TrainingSettings

HUMAN_WEIGHT, STALE_WEIGHT = (TrainingSettings.model_fields[f"{age}_weight"].default for age in ("human", "stale"))
"""What a human label counts, and an old one on a query with a surging word."""

DIMENSIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """An item to be asked about, by its place among the candidates, and whether a model may learn from it."""

    place: int
    trains: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of a learning curve: accuracy on the days after, in [0, 1]."""

    minutes: float
    items: int
    trained_on: int
    accuracy: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What all runs of a scene have in common: the counted texts, the base data, and the champion trained on it."""

    texts: Texts
    place: Mapping[str, int]
    labels: tuple[str, ...]
    base: tuple[tuple[str, str], ...]
    champion: Fitted

    @classmethod
    def of(cls, base: Sequence[tuple[str, str]], queries: Sequence[str]) -> "Course":
        """Count all the texts there will be, and train the champion."""
        every = list(dict.fromkeys([*(query for query, _ in base), *queries]))
        place = {query: n for n, query in enumerate(every)}
        texts, labels = Texts.of(every), tuple(sorted({label for _, label in base}))
        rows = np.array([place[query] for query, _ in base])
        known = np.array([labels.index(label) for _, label in base])
        champion = model.fit(texts, rows, known, np.ones(len(rows)))
        return cls(texts=texts, place=place, labels=labels, base=tuple(base), champion=champion)

    def answers(self) -> Answers:
        """What the champion says to the traffic."""
        rows, _ = _scenes.live_rows()
        queries = tuple(text.normalise(row.text) for row in rows)
        return Answers(
            queries=queries,
            labels=self.labels,
            probabilities=self.champion.probabilities(self.rows(queries)),
            truth=np.array([self.labels.index(row.label) for row in rows]),
        )

    def rows(self, queries: Sequence[str]) -> Ints:
        """Where the texts are."""
        return np.array([self.place[query] for query in queries], dtype=np.int64)


@dataclass(kw_only=True, eq=False)
class Run:
    """One way of asking in one world, as far as it got.

    `said_before` has what the newest model said to each item that was asked about before it could learn from it.
    """

    course: Course
    world: World
    rng: np.random.Generator
    asked: dict[int, Pick] = field(default_factory=dict)
    said_before: dict[int, Floats] = field(default_factory=dict)
    fitted: Fitted | None = None
    curve: list[Point] = field(default_factory=list)

    @property
    def left(self) -> list[int]:
        """The places of the candidates that nobody was asked about."""
        return [n for n in range(len(self.world.candidates)) if n not in self.asked]

    def learn(self, picks: Sequence[Pick]) -> None:
        """Ask people about these, train on what may be trained on, and judge."""
        said = self.says([self.world.candidates[pick.place].query for pick in picks])
        self.said_before |= {pick.place: row for pick, row in zip(picks, said, strict=True)}
        self.asked |= {pick.place: pick for pick in picks}
        self.fitted = self._fit()
        self.look()

    def look(self) -> None:
        """Judge the newest model."""
        seconds = sum(self.world.settled[place].seconds for place in self.asked)
        self.curve.append(
            Point(
                minutes=seconds / 60,
                items=len(self.asked),
                trained_on=sum(pick.trains for pick in self.asked.values()),
                accuracy=self._accuracy(),
            )
        )

    def _fit(self) -> Fitted:
        """By the recipe of `cycle/training_data.py`: asked queries leave the base, surging words make it stale."""
        world = self.world
        surging = set(world.surging)
        asked = {world.candidates[place].query for place in self.asked}
        rows = [
            (query, label, STALE_WEIGHT if surging & set(text.terms(query)) else 1.0)
            for query, label in self.course.base
            if query not in asked
        ]
        for place, pick in self.asked.items():
            label = world.settled[place].label
            if pick.trains and label is not None:
                rows.append((world.candidates[place].query, label, HUMAN_WEIGHT))
        queries, labels, weights = zip(*rows, strict=True)
        at = {label: n for n, label in enumerate(world.labels)}
        return model.fit(
            self.course.texts,
            self.course.rows(queries),
            np.array([at[label] for label in labels]),
            np.array(weights),
            start=self.fitted or self.course.champion,
        )

    def _accuracy(self) -> float:
        truth = [label for label, _ in self.world.test.values()]
        said = self.says(list(self.world.test)).argmax(axis=1)
        right = np.array(self.world.labels)[said] == np.array(truth)
        return float(np.average(right, weights=self.world.test_weights))

    def says(self, queries: Sequence[str]) -> Floats:
        """The newest model's probabilities; the champion's before there was a round."""
        return (self.fitted or self.course.champion).probabilities(self.course.rows(queries))

    def says_of_left(self) -> Floats:
        """The same of the candidates that nobody was asked about."""
        return self.says([self.world.candidates[place].query for place in self.left])

    @cached_property
    def embedding(self) -> Floats:
        """Where the candidates' texts lie in `DIMENSIONS` dimensions (truncated SVD of what the model sees)."""
        from sklearn.decomposition import TruncatedSVD

        rows = self.course.rows([one.query for one in self.world.candidates])
        return np.asarray(
            TruncatedSVD(DIMENSIONS, random_state=0).fit_transform(self.course.texts.features(rows, rows))
        )

    def pool(self) -> Pool:
        """What a query strategy may look at now."""
        world, left = self.world, self.left
        candidates = tuple(world.candidates[place] for place in left)
        return Pool(
            candidates=candidates,
            labels=world.labels,
            surging=world.surging,
            segments=world.segments,
            challenger=None if self.fitted is None else self.says([one.query for one in candidates]),
            answered=tuple(
                Answered(query=world.candidates[place].query, label=label, suggestion=world.candidates[place].label)
                for place in self.asked
                if (label := world.settled[place].label) is not None
            ),
        )


Asker = Callable[[Sequence[Run], int], Sequence[Sequence[Pick]]]
"""For each run, what to ask in a round of so many items."""
