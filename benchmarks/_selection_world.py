"""A week of traffic to ask about, the days after it to be judged on, and people who answer for a price in seconds.

Both scenes are of the demo's stream with a reseeded background (`_scenes.corona`), so that every seed has another
window, other users, other annotators' answers, and other days to be judged on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from benchmarks import _ours, _scenes
from benchmarks._days import Answers, Day, Floats, profile
from console.personas import answer, order
from kempelen import text
from kempelen.errors import NotEnoughData
from kempelen.records import Candidate, DriftReport, Window

ANSWERS, MOST_ANSWERS = 2, 3
"""People asked about an item at first, and at most if they disagree."""

SCENES: Mapping[str, tuple[tuple[date, date], tuple[date, date]]] = {
    "corona": ((date(2020, 1, 21), date(2020, 1, 27)), (date(2020, 1, 28), date(2020, 1, 31))),
    "stationary": ((date(2019, 12, 18), date(2019, 12, 24)), (date(2019, 12, 25), date(2019, 12, 31))),
}
"""The window that people are asked about, and the days on which models are judged; both ends included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What asking about an item gives: a label, or none if people cannot agree, and the seconds it took them.

    `answers` has the label that each of the people gave, by name.
    """

    label: str | None
    seconds: float
    answers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """One scene with one seed.

    Attributes
    ----------
    candidates, settled
        What could be asked about, and what would come of it.
    test
        The distinct queries of the days after, with the label that most had there, and their predictions.
    surging, segments
        What alarms named on the window's last day: words, and predicted labels.
    """

    labels: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    settled: tuple[Settled, ...]
    test: Mapping[str, tuple[str, int]]
    surging: tuple[str, ...]
    segments: tuple[str, ...]

    @cached_property
    def test_weights(self) -> Floats:
        """Predictions behind each of the `test` queries."""
        return np.array([predictions for _, predictions in self.test.values()], dtype=np.float64)


def world(answers: Answers, scene: str, seed: int) -> World:
    """Make it; an alarm is looked for as `watch` does."""
    drawn = _scenes.corona(answers, seed)
    window, test = ([day for day in (*drawn.reference, *drawn.live) if a <= day.day <= b] for a, b in SCENES[scene])
    before = [day for day in drawn.reference if day.day < window[0].day]
    surging, segments = _named(before, window, answers.labels)
    truth = _labelled(window, answers)
    candidates = _candidates(window, answers)
    return World(
        labels=answers.labels,
        candidates=candidates,
        settled=tuple(settle(one.item_id, truth[one.query][0], answers.labels, seed) for one in candidates),
        test=_labelled(test, answers),
        surging=surging,
        segments=segments,
    )


def _named(
    before: Sequence[Day], window: Sequence[Day], known: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words and the labels that the alarms of a look after the window's last day name."""
    looked = Window(reference=profile(before), current=profile(window))
    words: dict[str, None] = {}
    labels: dict[str, None] = {}
    for name, report in _reports(looked):
        if report.drifted:
            found = [one.subject for one in report.evidence]
            words |= dict.fromkeys([*found, *report.suspects] if name == "term_surge" else [])
            labels |= dict.fromkeys(one for one in found if name == "class_mix" and one in known)
    return tuple(words), tuple(labels)


def _reports(window: Window) -> Iterator[tuple[str, DriftReport]]:
    for name, detector in _ours.detectors().items():
        if name in ("term_surge", "class_mix"):
            try:
                yield name, detector.detect(window)
            except NotEnoughData:
                continue


def _labelled(days: Sequence[Day], answers: Answers) -> dict[str, tuple[str, int]]:
    """Each distinct query with the label that most of its predictions should have had, and their number."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for place, count in _asked(days):
        votes[answers.queries[place]][answers.labels[answers.truth[place]]] += count
    return {query: (of.most_common(1)[0][0], of.total()) for query, of in sorted(votes.items())}


def _asked(days: Sequence[Day]) -> Iterator[tuple[int, int]]:
    places, counts = np.unique(np.concatenate([day.asked for day in days]), return_counts=True)
    return zip(places.tolist(), counts.tolist(), strict=True)


def _candidates(days: Sequence[Day], answers: Answers) -> tuple[Candidate, ...]:
    """Every distinct query of the days; each prediction is of a user of its own."""
    counts: Counter[str] = Counter()
    where: dict[str, int] = {}
    for place, count in _asked(days):
        counts[answers.queries[place]] += count
        where[answers.queries[place]] = place
    return tuple(
        Candidate(
            item_id=text.item_id(query),
            query=query,
            predictions=count,
            users=count,
            model_version="1",
            probabilities=dict(zip(answers.labels, map(float, answers.probabilities[where[query]]), strict=True)),
        )
        for query, count in sorted(counts.items())
    )


def settle(item_id: str, truth: str, labels: Sequence[str], seed: int) -> Settled:
    """Ask two simulated annotators, and a third if they disagree; a skip costs its seconds, and the next is asked."""
    given: dict[str, str] = {}
    seconds = 0.0
    for persona in order(item_id, seed):
        if len(given) >= MOST_ANSWERS or (len(given) >= ANSWERS and len(set(given.values())) == 1):
            break
        one = answer(persona, item_id, truth, labels, seed)
        seconds += one.seconds
        given |= {persona.name: one.label} if one.label else {}
    best = Counter(given.values()).most_common(1)
    agreed = best and 2 * best[0][1] > len(given)
    return Settled(label=best[0][0] if agreed else None, seconds=seconds, answers=given)
