"""Which consensus rule finds what is right: simulated crowds of several kinds, and people who answered a quiz.

Every rule settles the same answers with its own defaults. *accuracy* is of its best label, items for which it has
several counted in part; *right* and *wrong* are labels that it gives, as a share of all items: the rest comes back as
problems.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks import _consensus_crowds, _peers, _report
from benchmarks._consensus_crowds import KINDS, Crowd
from benchmarks._report import Outcome
from consensus._settling import settled, support
from consensus._votes import UNKNOWN, Floats, Votes, ballots
from consensus.auto import Auto
from kempelen.plugins import available, build

LABELS = 6
EQUAL = 1e-9
TIMED_ANSWERS = 10_000
SLOW = ("glad", "mace")
"""These work on tables at every step: they get fewer crowds, and none of the largest."""

# Ustalov, Pavlichenko and Tseitlin 2024, Journal of Open Source Software 9(96), 6227: their table, not ours.
PUBLISHED = [
    {"data": "D_Product", "majority": 0.897, "wawa": 0.897, "dawid_skene": 0.940, "glad": 0.928, "mace": 0.929},
    {"data": "D_PosSent", "majority": 0.932, "wawa": 0.951, "dawid_skene": 0.960, "glad": 0.948, "mace": 0.950},
    {"data": "S_Rel", "majority": 0.536, "wawa": 0.557, "dawid_skene": 0.615, "glad": 0.511, "mace": 0.501},
    {"data": "S_Adult", "majority": 0.763, "wawa": 0.766, "dawid_skene": 0.748, "glad": 0.760, "mace": 0.763},
    {"data": "binary1", "majority": 0.931, "wawa": 0.981, "dawid_skene": 0.994, "glad": 0.994, "mace": 0.995},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Crowds of each kind as (items, people, how many), and groups of the quiz as people."""

    crowds: tuple[tuple[int, int, int], ...] = ((100, 5, 20), (300, 10, 20), (2_000, 20, 5))
    slow_crowds: int = 3
    slow_items: int = 300
    quiz: tuple[int, ...] = (5, 20, 100)
    groups: int = 30


FULL = Sizes()
QUICK = Sizes(crowds=((100, 5, 2),), slow_crowds=1, quiz=(20,), groups=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rule made of one crowd, as shares of its items; `took` is the rule that `auto` chose, or the rule."""

    accuracy: float
    right: float
    wrong: float
    took: str


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """All crowds, all rules."""
    sizes = QUICK if quick else FULL
    rows = [*_simulated(sizes), *_quizzed(sizes)]
    package = _consensus_crowds.QUIZ
    by_data = {(row["data"], row["rule"]): row["accuracy"] for row in rows}
    data = list(dict.fromkeys(row["data"] for row in rows))
    gains = {name: by_data[name, "auto"] - by_data[name, "majority"] for name in data}
    return Outcome(
        figures={
            "auto_minus_majority_worst": round(min(gains.values()), 4),
            "auto_minus_majority_best": round(max(gains.values()), 4),
            "dawid_skene_minus_majority_worst": round(
                min(by_data[name, "dawid_skene"] - by_data[name, "majority"] for name in data), 4
            ),
            "accuracy": rows,
            f"seconds_{TIMED_ANSWERS}_answers": _timed(sizes, quick=quick),
        },
        peers={
            "crowd-kit": _crowd_kit_version(),
            "quiz": f"iqitems of R psych, in {package} {_peers.versions(package)[package]}",
            "published_by_crowd_kit": PUBLISHED,
        },
        settings={"labels": LABELS, "answers_per_item": "2, a third where they disagree", **asdict(sizes)},
    )


def _simulated(sizes: Sizes) -> Iterable[dict[str, Any]]:
    for kind, chances in KINDS.items():
        for items, people, seeds in sizes.crowds:
            crowds = [
                _consensus_crowds.simulated(chances, seed, items=items, people=people, labels=LABELS)
                for seed in range(seeds)
            ]
            slow = sizes.slow_crowds if items <= sizes.slow_items else 0
            yield from _rows(f"{kind}, {items} items, {people} people", crowds, slow)


def _quizzed(sizes: Sizes) -> Iterable[dict[str, Any]]:
    rows = _consensus_crowds.quiz()
    for people in sizes.quiz:
        crowds = _consensus_crowds.quiz_groups(rows, people, sizes.groups, seed=1)
        yield from _rows(f"quiz, 16 questions, {people} people", crowds, sizes.slow_crowds)


def _rows(data: str, crowds: Sequence[Crowd], slow: int) -> Iterable[dict[str, Any]]:
    """One row a rule: means over the crowds, and half the width of the accuracy's 95 % interval.

    `worse` counts the crowds in which its accuracy is below that of a count, `worst` is the largest such loss.
    """
    counted = [score("majority", crowd).accuracy for crowd in crowds]
    for rule in available("consensus"):
        scores = [score(rule, crowd) for crowd in (crowds[:slow] if rule in SLOW else crowds)]
        if scores:
            losses = [count - one.accuracy for one, count in zip(scores, counted, strict=False)]
            lost = {"worse": sum(loss > EQUAL for loss in losses), "worst": round(max(0.0, *losses), 4)}
            yield {"data": data, "rule": rule, "crowds": len(scores), **_means(scores), **lost}


def _means(scores: Sequence[Score]) -> dict[str, Any]:
    accuracies = np.array([one.accuracy for one in scores])
    half = 1.96 * float(accuracies.std(ddof=1)) / len(scores) ** 0.5 if len(scores) > 1 else None
    return {
        "accuracy": round(float(accuracies.mean()), 4),
        "plus_minus": None if half is None else round(half, 4),
        "right": round(float(np.mean([one.right for one in scores])), 4),
        "wrong": round(float(np.mean([one.wrong for one in scores])), 4),
        "took": _counted([one.took for one in scores]),
    }


def _counted(names: Sequence[str]) -> str:
    """How often each occurs.

    >>> _counted(["majority", "one_coin", "one_coin"])
    'majority 1, one_coin 2'
    """
    return ", ".join(f"{name} {names.count(name)}" for name in sorted(set(names)))


def score(name: str, crowd: Crowd) -> Score:
    """Settle a crowd's answers with the defaults, and see which label the rule would give if it had to give one."""
    rule = build("consensus", name, {})
    if isinstance(rule, Auto):
        rule.settle(crowd.annotations)
        if rule.choice is None:
            raise AssertionError("auto settled without a choice")
        # What auto settles is what the rule that it took settles.
        return score(rule.choice.rule, crowd)
    cast = ballots(crowd.annotations)
    supports = support(cast, rule.weigh, {})
    labels, _ = settled(cast, name, supports, rule.demands)
    right = sum(crowd.truth[one.item_id] == one.label for one in labels)
    return Score(
        accuracy=_best(cast.votes, supports, crowd.truth),
        right=right / len(crowd.truth),
        wrong=(len(labels) - right) / len(crowd.truth),
        took=name,
    )


def _best(votes: Votes, supports: Floats, truth: Mapping[str, str]) -> float:
    """The share of items whose best label is right; of n labels that share first place, each counts 1/n."""
    best = supports >= supports.max(axis=1, keepdims=True) - EQUAL
    credit = best / best.sum(axis=1, keepdims=True)
    places = votes.known(truth)
    named = np.flatnonzero(places != UNKNOWN)
    return float(credit[named, places[named]].sum()) / len(truth)


def _timed(sizes: Sizes, *, quick: bool) -> dict[str, float]:
    """Seconds to settle many answers, once each, after a warm-up that loads libraries."""
    warm = _consensus_crowds.simulated(KINDS["one coin"], 0, items=20, people=5, labels=3)
    items = sizes.crowds[0][0] if quick else TIMED_ANSWERS * 10 // 24
    crowd = _consensus_crowds.simulated(KINDS["one coin"], 1, items=items, people=20, labels=LABELS)
    seconds = {}
    for name in available("consensus"):
        rule = build("consensus", name, {})
        rule.settle(warm.annotations)
        started = time.perf_counter()
        rule.settle(crowd.annotations[:TIMED_ANSWERS])
        seconds[name] = round(time.perf_counter() - started, 3)
    return seconds


def _crowd_kit_version() -> str:
    from importlib.metadata import version

    return version("crowd-kit")


if __name__ == "__main__":
    _report.main("consensus", __doc__, measure)
