"""How wide an interval for live accuracy is, whether it covers, and how many answers it saves.

On simulated traffic, over good and bad surrogates, rare and common errors, few answers, and rounds that are aimed by
the answers to earlier ones; and on the last days of January 2020, where a challenger's opinion of the champion's
answers is the surrogate. "Classical" is the estimate without a surrogate: on the same answers for widths, and from a
draw in proportion to traffic for numbers of answers.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from statistics import median
from typing import Any

import numpy as np
from numpy.random import Generator

from benchmarks import _estimation_corona, _estimation_scenes, _report
from benchmarks._estimation_rivals import RIVALS
from benchmarks._estimation_scenes import DESIGNS, GOOD, SURROGATES, TRAFFIC, Asked, Design, Traffic
from benchmarks._report import Outcome
from kempelen.records import Estimate
from selection import estimate
from selection._estimation import LEAST_ANSWERS

SEED = 20200131
CONFIDENCE = 0.95
ACCURACIES = (0.6, 0.8, 0.9, 0.97, 0.99)
TEN = 10
LADDER = (30, 60, 120, 240, 480, 800)
"""Answers of a classical draw, between which its width is interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How often each case is played."""

    runs: int
    items: tuple[int, ...]
    challengers: int
    seeds: int
    asked: tuple[int, ...]


FULL = Sizes(runs=100, items=(15, 40, 120), challengers=3, seeds=20, asked=(50, 100, 200))
QUICK = Sizes(runs=3, items=(30,), challengers=1, seeds=5, asked=(100,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of the grid."""

    accuracy: float
    surrogate: str
    design: Design
    items: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Played:
    """What all runs of one case gave: who covered how often, and how wide ours was beside the classical."""

    case: Case
    runs: int
    covered: Mapping[str, float]
    ratios: Sequence[float]


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """The grid, then the stream."""
    sizes = QUICK if quick else FULL
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        played = list(workers.map(partial(_play, runs=sizes.runs), _cases(sizes)))
    good = [ratio for one in played if one.case.surrogate == GOOD for ratio in one.ratios]
    bad = [ratio for one in played if one.case.surrogate != GOOD for ratio in one.ratios]
    rows = list(_stream(sizes))
    return Outcome(
        figures={
            **_coverage(played),
            **_report.spread("width_over_classical_good_model", good),
            **_report.spread("width_over_classical_bad_model", bad),
            **_headline(rows, "labels_over_classical", times=1, items=max(sizes.asked)),
            **_headline(rows, "labels_over_classical_ten_times_the_traffic", times=TEN, items=max(sizes.asked)),
            "stream": rows,
            "good_model_width": list(_widths(played)),
            "coverage_by_design": [_covered("design", name, some) for name, some in _by(played, "design")],
            "coverage_by_surrogate": [_covered("surrogate", name, some) for name, some in _by(played, "surrogate")],
            "coverage_by_items": [_covered("items", name, some) for name, some in _by(played, "items")],
        },
        settings={
            "seed": SEED,
            "confidence": CONFIDENCE,
            "accuracies": list(ACCURACIES),
            "pool": _estimation_scenes.ITEMS,
            "audit_fraction": round(_estimation_scenes.AUDIT_FRACTION, 3),
            "teaching_answers": _estimation_corona.TEACHING_ANSWERS,
            **asdict(sizes),
        },
    )


# ---------------------------------------------------------------- does it cover?


def _cases(sizes: Sizes) -> Iterator[Case]:
    for accuracy, surrogate, design, items in product(ACCURACIES, SURROGATES, DESIGNS, sizes.items):
        yield Case(accuracy=accuracy, surrogate=surrogate, design=design, items=items)


def _play(case: Case, runs: int) -> Played:
    rng = np.random.default_rng([SEED, *case.design.name.encode(), len(case.surrogate), case.items])
    covered: dict[str, list[bool]] = {name: [] for name in ("ours", "classical", *RIVALS)}
    ratios: list[float] = []
    while len(ratios) < runs:
        asked = _asked(_estimation_scenes.simulated(case.accuracy, case.surrogate, rng), case.design, case.items, rng)
        classical, ours = _both(asked)
        ratios.append(_width(ours) / _width(classical))
        limits = {"ours": (ours.low, ours.high), "classical": (classical.low, classical.high)}
        limits |= {name: rival(asked.draws, CONFIDENCE) for name, rival in RIVALS.items()}
        for name, (low, high) in limits.items():
            covered[name].append(low - 1e-9 <= asked.truth <= high + 1e-9)
    shares = {name: float(np.mean(hits)) for name, hits in covered.items()}
    return Played(case=case, runs=runs, covered=shares, ratios=ratios)


def _asked(traffic: Traffic, design: Design, items: int, rng: Generator) -> Asked:
    """Rounds with enough answers for an estimate: how many were drawn has nothing to do with what they are."""
    while True:
        asked = _estimation_scenes.ask(traffic, design, items, rng)
        if sum(int((~draw.certain).sum()) for draw in asked.draws) >= LEAST_ANSWERS:
            return asked


def _both(asked: Asked) -> tuple[Estimate, Estimate]:
    """The classical estimate, and the one with the surrogate's help."""
    classical = estimate(asked.draws, confidence=CONFIDENCE, assisted=False)
    return classical, estimate(asked.draws, confidence=CONFIDENCE)


def _width(found: Estimate) -> float:
    return found.high - found.low


def _coverage(played: Sequence[Played]) -> dict[str, Any]:
    """Overall, and in the worst case beside what chance allows there."""
    runs = played[0].runs
    tolerance = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / runs)
    worst = min(played, key=lambda one: one.covered["ours"])
    return {
        "coverage": float(f"{np.mean([one.covered['ours'] for one in played]):.4g}"),
        "coverage_lowest": worst.covered["ours"],
        "coverage_lowest_allowed": float(f"{CONFIDENCE - tolerance:.4g}"),
        "coverage_lowest_case": f"{worst.case.accuracy} / {worst.case.surrogate} / {worst.case.design.name} / "
        f"{worst.case.items} items",
        "cases": len(played),
        "cases_below_allowed": sum(one.covered["ours"] < CONFIDENCE - tolerance for one in played),
    }


def _by(played: Sequence[Played], what: str) -> Iterator[tuple[str, list[Played]]]:
    def name(one: Played) -> str:
        value = getattr(one.case, what)
        return value.name if isinstance(value, Design) else str(value)

    for each in dict.fromkeys(map(name, played)):
        yield each, [one for one in played if name(one) == each]


def _covered(what: str, name: str, played: Sequence[Played]) -> dict[str, Any]:
    """Mean and lowest coverage of every method over some cases."""
    row: dict[str, Any] = {what: name}
    for method in played[0].covered:
        row |= {
            method: round(float(np.mean([one.covered[method] for one in played])), 3),
            f"{method}, lowest": round(min(one.covered[method] for one in played), 3),
        }
    return row | {"width_over_classical": round(median(ratio for one in played for ratio in one.ratios), 3)}


def _widths(played: Sequence[Played]) -> Iterator[dict[str, Any]]:
    """What a good surrogate saves of the width, by how common errors and answers are, in a draw by traffic."""
    for one in played:
        if one.case.surrogate == GOOD and one.case.design == TRAFFIC:
            saved = _report.spread("width_over_classical", one.ratios, digits=3)
            yield {"accuracy": one.case.accuracy, "items": one.case.items, **saved}


# ---------------------------------------------------------------- how many answers does it save?


def _stream(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Answers needed, beside a classical draw that is as wide, for each surrogate and design.

    Of four days of the stream a few hundred answers are a good part, which helps the classical draw more than ours;
    live traffic is larger, so it is also tried with ten times the queries.
    """
    by_surrogate = _estimation_corona.traffics(sizes.challengers)
    for times, designs in ((1, (TRAFFIC, DESIGNS[2])), (TEN, (TRAFFIC,))):
        traffics = {name: [one.times(times) for one in some] for name, some in by_surrogate.items()}
        classical = _classical(traffics["champion"][0], sizes.seeds)
        for name, design, items in product(traffics, designs, sizes.asked):
            found = [
                _one(traffic, design, items, classical, np.random.default_rng([SEED, seed, items, times]))
                for traffic in traffics[name]
                for seed in range(sizes.seeds)
            ]
            yield {
                "surrogate": name,
                "design": design.name,
                "pool": len(traffics[name][0].share),
                "times": times,
                "items": items,
                "covered": round(float(np.mean([one["covered"] for one in found])), 4),
                **_report.spread("answers", [one["answers"] for one in found]),
                **_report.spread("width", [one["width"] for one in found], digits=3),
                **_report.spread("width_over_classical", [one["ratio"] for one in found], digits=3),
                **_report.spread("labels_over_classical", [one["saved"] for one in found], digits=3),
            }


def _headline(rows: Sequence[Mapping[str, Any]], name: str, *, times: int, items: int) -> dict[str, Any]:
    """The figure of the challenger's opinion, drawn in proportion to traffic."""
    wanted = {"surrogate": "challenger", "design": TRAFFIC.name, "times": times, "items": items}
    row = next(row for row in rows if wanted.items() <= row.items())
    return {name: row["labels_over_classical"], f"{name}_range": row["labels_over_classical_range"]}


def _classical(traffic: Traffic, seeds: int) -> tuple[list[float], list[float]]:
    """Width of the classical interval by the number of answers, drawn in proportion to traffic; both as logarithms."""
    widths, answers = [], []
    for items in LADDER:
        asked = [_asked(traffic, TRAFFIC, items, np.random.default_rng([SEED, 1, seed])) for seed in range(seeds)]
        found = [estimate(one.draws, confidence=CONFIDENCE, assisted=False) for one in asked]
        widths.append(math.log(median(map(_width, found))))
        answers.append(math.log(median(one.answers for one in found)))
    return widths, answers


def _one(
    traffic: Traffic, design: Design, items: int, classical: tuple[list[float], list[float]], rng: Generator
) -> dict[str, float]:
    asked = _asked(traffic, design, items, rng)
    same, ours = _both(asked)
    widths, answers = classical
    as_wide = math.exp(float(np.interp(-math.log(_width(ours)), [-width for width in widths], answers)))
    return {
        "covered": float(ours.low <= asked.truth <= ours.high),
        "answers": float(asked.answers),
        "width": _width(ours),
        "ratio": _width(ours) / _width(same),
        "saved": asked.answers / as_wide,
    }


if __name__ == "__main__":
    _report.main("estimation", __doc__, measure)
