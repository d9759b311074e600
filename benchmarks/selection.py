"""How many human minutes until a model has learnt what changed: ours, random, classic and peers' ways of asking.

Two scenes, each with reseeded backgrounds. *Corona*: people are asked about the queries of 21 to 27 January 2020, and
models are judged on the next four days. *Stationary*: a week of December and the week after it, nothing changes,
and the model still has much to learn, for it was trained on a twentieth of the base data.

In each round the same number of items is asked about, by two simulated annotators and by a third if they disagree; the
model learns by the product's own recipe and is judged. What counts is the minutes until it is within a
point of the model that learnt from answers to everything. Ours pays for its audit from these minutes.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks import _peers, _report, _scenes, _selection_world
from benchmarks._report import Outcome
from benchmarks._selection_methods import CLASSIC, LESS_AUDIT, MIXTURES, OURS, PEERS, RANDOM, askers, own
from benchmarks._selection_model import COLUMNS
from benchmarks._selection_run import Course, Pick, Point, Run
from benchmarks._selection_tally import Reached, minutes_until, ratio
from console.demo import stream
from kempelen import text

TOTALS = (36, 72, 108, 150, 210, 300, 450, 700, 1_100)
"""Items asked about in all after each round; the first three are the rounds that the settings' defaults ask."""

SLACK = 0.01
"""How close to the model that learnt from everything: one point."""

LOOSER = (0.02, 0.03)
"""Further levels at which the stationary scene is judged."""

BASE_SHARES: Mapping[str, float] = {"corona": 1.0, "stationary": 0.05}
"""The part of the base data that a scene's champion was trained on."""

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is played: seeds, and how many of them a process plays at once."""

    seeds: int = 20
    together: int = 10


FULL, QUICK = Sizes(), Sizes(seeds=2, together=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One way of asking in one scene, with some seeds, each until its target is reached."""

    method: str
    scene: str
    targets: Mapping[int, float]


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """Both scenes, all ways of asking."""
    return measured(QUICK if quick else FULL)


def measured(sizes: Sizes) -> Outcome:
    """Both scenes, each with so many seeds."""
    for peer in PEERS:
        _peers.environment(peer)
    reached = {scene: _played(scene, sizes) for scene in _selection_world.SCENES}
    corona, stationary = reached["corona"][SLACK], reached["stationary"]
    rivals = {
        "random": _quickest(corona, RANDOM),
        "random_query": RANDOM[0],
        "random_prediction": RANDOM[1],
        "best_classic": _quickest(corona, CLASSIC),
        "best_peer": _quickest(corona, set(corona) - {*MIXTURES, *RANDOM, *CLASSIC}),
    }
    return Outcome(
        figures={
            **_figures(OURS, corona, rivals, stationary, ""),
            **_figures(LESS_AUDIT, corona, rivals, stationary, "less_audit_"),
            "best_random": rivals["random"],
            "best_classic": rivals["best_classic"],
            "best_peer": rivals["best_peer"],
            "corona": _rows(corona),
            **{f"stationary, within {slack:.0%}": _rows(level) for slack, level in stationary.items()},
        },
        peers={name: _peers.versions(peer)[name] for peer, name in PEERS.items()},
        settings={
            **{
                name: {"shares": dict(one.shares), "audit_fraction": one.audit_fraction}
                for name, one in MIXTURES.items()
            },
            "items": list(TOTALS),
            "base_shares": dict(BASE_SHARES),
            "columns": COLUMNS,
            **asdict(sizes),
        },
    )


def _played(scene: str, sizes: Sizes) -> dict[float, dict[str, Reached]]:
    """By level and way of asking: what it took with each seed."""
    course(scene)  # before the processes fork, so that they share it
    seeds = range(sizes.seeds)
    chunks = [seeds[n : n + sizes.together] for n in range(0, sizes.seeds, sizes.together)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork")) as workers:
        whole = {
            seed: curve
            for curves in workers.map(
                play, [Job(method=EVERYTHING, scene=scene, targets=dict.fromkeys(part, 2.0)) for part in chunks]
            )
            for seed, curve in curves.items()
        }
        targets = {seed: curve[-1].accuracy - SLACK for seed, curve in whole.items()}
        jobs = [
            Job(method=name, scene=scene, targets={seed: targets[seed] for seed in part})
            for name in (askers() if scene == "corona" else own())
            for part in chunks
        ]
        curves: dict[str, dict[int, Sequence[Point]]] = {}
        for job, found in zip(jobs, workers.map(play, jobs), strict=True):
            curves.setdefault(job.method, {}).update(found)
    levels = (SLACK,) if scene == "corona" else (SLACK, *LOOSER)
    return {slack: {name: _reached(of, whole, slack) for name, of in curves.items()} for slack in levels}


def _reached(curves: Mapping[int, Sequence[Point]], whole: Mapping[int, Sequence[Point]], slack: float) -> Reached:
    found = [minutes_until(curve, whole[seed], slack) for seed, curve in sorted(curves.items())]
    third = [curve[min(3, len(curve) - 1)] for curve in curves.values()]
    return Reached(
        minutes=np.array([minutes for minutes, _ in found]),
        reached=sum(within for _, within in found),
        trained_share=float(np.mean([point.trained_on / max(1, point.items) for point in third])),
    )


def play(job: Job) -> dict[int, list[Point]]:
    """The curves, by seed: the champion first, then one point a round, until the target is reached."""
    common = course(job.scene)
    answers = common.answers()
    runs = {
        seed: Run(
            course=common,
            world=_selection_world.world(answers, job.scene, seed),
            rng=np.random.default_rng([_scenes.SEED, seed]),
        )
        for seed in job.targets
    }
    for run in runs.values():
        run.look()
    if job.method == EVERYTHING:
        for run in runs.values():
            run.learn([Pick(place=place) for place in run.left])
        return {seed: run.curve for seed, run in runs.items()}
    asker = askers()[job.method]
    for before, total in zip((0, *TOTALS), TOTALS, strict=False):
        open_runs = [run for seed, run in runs.items() if run.curve[-1].accuracy < job.targets[seed]]
        for run, picks in zip(open_runs, asker(open_runs, total - before) if open_runs else [], strict=True):
            run.learn(picks)
    return {seed: run.curve for seed, run in runs.items()}


@cache
def course(scene: str) -> Course:
    """The base data of a scene, by the hash of their texts, and the champion trained on them."""
    base = [(text.normalise(row.text), row.label) for row in stream.train_fold()]
    kept = [one for one in base if int(text.item_id(one[0])[-8:], 16) < BASE_SHARES[scene] * 16**8]
    return Course.of(kept, [text.normalise(row.text) for row in _scenes.live_rows()[0]])


def _quickest(level: Mapping[str, Reached], names: Iterable[str]) -> str:
    return min(sorted(names), key=lambda name: float(np.log(level[name].minutes).mean()))


def _figures(
    name: str,
    corona: Mapping[str, Reached],
    rivals: Mapping[str, str],
    stationary: Mapping[float, Mapping[str, Reached]],
    prefix: str,
) -> dict[str, Any]:
    """The minutes of one of ours over those of each rival; on the stationary stream, those of the worst level."""
    over = [_figure(f"{prefix}minutes_over_{what}", corona[name], corona[rival]) for what, rival in rivals.items()]
    worst = max(stationary.values(), key=lambda level: ratio(level[name], level[_quickest(level, RANDOM)])[0])
    quickest = worst[_quickest(worst, RANDOM)]
    over.append(_figure(f"{prefix}stationary_minutes_over_random_worst", worst[name], quickest))
    return {key: value for figure in over for key, value in figure.items()}


def _figure(name: str, ours: Reached, theirs: Reached) -> dict[str, Any]:
    middle, low, high = (round(value, 3) for value in ratio(ours, theirs))
    return {name: middle, f"{name}_interval": [low, high]}


def _rows(level: Mapping[str, Reached]) -> list[dict[str, Any]]:
    """One row a way of asking, the quickest first."""
    rows = []
    for name, one in sorted(level.items(), key=lambda pair: float(np.log(pair[1].minutes).mean())):
        over, low, high = (round(value, 3) for value in ratio(one, level[_quickest(level, RANDOM)]))
        rows.append(
            {
                "asking": name,
                "minutes": round(float(np.median(one.minutes))),
                "minutes_range": [round(float(one.minutes.min())), round(float(one.minutes.max()))],
                "over_random": over,
                "over_random_interval": [low, high],
                "reached": one.reached,
                "trained_share": round(one.trained_share, 2),
            }
        )
    return rows


if __name__ == "__main__":
    _report.main("selection", __doc__, measure)
