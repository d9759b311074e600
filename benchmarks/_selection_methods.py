"""Ways of asking: ours (by default, and with less audit), the classic ones, and peers in environments of their own."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _peers
from benchmarks._days import Floats
from benchmarks._selection_run import Asker, Pick, Run
from kempelen import plugins
from kempelen.protocols import QueryStrategy
from kempelen.records import Purpose
from kempelen.settings import SelectionSettings
from selection import choose, expected_draw
from selection._opinions import best_two
from selection.entropy import entropy

OURS, LESS_AUDIT = "Kempelen", "Kempelen, less audit"
RANDOM = ("random query", "random prediction")
"""Each query alike, or each by its traffic: many draw rows of a log, and so ask about what is common."""

CLASSIC = ("margin", "entropy")

STRATEGIES = ("badge", "falcun", "typi_clust")
"""Those of scikit-activeml: two that mix doubt with diversity, and one of texts alone; doubt itself is `CLASSIC`."""

PEERS = {"scikit_activeml": "scikit-activeml", "cleanlab": "cleanlab"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What the product does, audit included: its items cost their minutes, and no model learns from them."""

    shares: Mapping[str, float]
    audit_fraction: float

    def __call__(self, run: Run, n: int) -> list[Pick]:
        """The items of a round."""
        built: dict[str, QueryStrategy] = {name: plugins.build("selection", name, {}) for name in self.shares}
        pool = run.pool()
        draw = expected_draw(pool, built, self.shares, items=n, audit_fraction=self.audit_fraction)
        requests = choose(pool, built, draw, cycle_id="c", round=1, rng=run.rng)
        place = {candidate.item_id: n for n, candidate in enumerate(run.world.candidates)}
        return [Pick(place=place[one.item_id], trains=one.purpose is Purpose.TRAINING) for one in requests]


_DEFAULT = SelectionSettings()
MIXTURES: Mapping[str, Mixture] = {
    # Half of the items are for the audit: by these the gate sees mistakes, and live accuracy is known.
    OURS: Mixture(shares=_DEFAULT.shares, audit_fraction=_DEFAULT.audit_fraction),
    # A third of them.
    LESS_AUDIT: Mixture(shares={"audit": 0.15, "margin": 0.25, "term_surge": 0.6}, audit_fraction=0.2),
}


def own() -> dict[str, Asker]:
    """Ours and the classic ones, by name."""
    picks = (*MIXTURES.values(), _random_query, _random_prediction, _margin, _entropy)
    return dict(zip((*MIXTURES, *RANDOM, *CLASSIC), map(_each, picks), strict=True))


def askers() -> dict[str, Asker]:
    """Every way by its name."""
    return {
        **own(),
        **{f"scikit-activeml, {name}": _Peer("scikit_activeml", name) for name in STRATEGIES},
        "ActiveLab (cleanlab)": _Peer("cleanlab", "activelab"),
    }


class _each:  # noqa: N801 - it reads as the function that it is, and can be sent to other processes
    """Each run by itself."""

    def __init__(self, pick: Any) -> None:
        self.pick = pick

    def __call__(self, runs: Sequence[Run], n: int) -> list[list[Pick]]:
        return [self.pick(run, n) for run in runs]


def _random_query(run: Run, n: int) -> list[Pick]:
    left = run.left
    return [Pick(place=int(place)) for place in run.rng.choice(left, size=min(n, len(left)), replace=False)]


def _random_prediction(run: Run, n: int) -> list[Pick]:
    left = run.left
    traffic = np.array([run.world.candidates[place].predictions for place in left], dtype=np.float64)
    drawn = run.rng.choice(left, size=min(n, len(left)), replace=False, p=traffic / traffic.sum())
    return [Pick(place=int(place)) for place in drawn]


def _margin(run: Run, n: int) -> list[Pick]:
    best, second = best_two(run.says_of_left())
    return _first(run, best - second, n)


def _entropy(run: Run, n: int) -> list[Pick]:
    return _first(run, -entropy(run.says_of_left()), n)


def _first(run: Run, scores: Floats, n: int) -> list[Pick]:
    """The lowest scores, ties broken at random."""
    order = np.lexsort((run.rng.random(len(scores)), scores))
    left = run.left
    return [Pick(place=left[which]) for which in order[:n]]


class _Peer:
    """A strategy of a peer: one process a round, for all runs."""

    def __init__(self, peer: str, strategy: str) -> None:
        self.peer = peer
        self.strategy = strategy

    def __call__(self, runs: Sequence[Run], n: int) -> list[list[Pick]]:
        seeds = [int(run.rng.integers(2**31)) for run in runs]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "runs.npz"
            np.savez(file, **{key: value for number, run in enumerate(runs) for key, value in _told(number, run)})
            question = {"file": str(file), "n": n, "runs": [[self.strategy, seed] for seed in seeds]}
            picked = _peers.run(self.peer, f"{self.peer}_pick", question).found["picked"]
        return [[Pick(place=place) for place in places] for places in picked]


def _told(number: int, run: Run) -> list[tuple[str, Any]]:
    """What a peer is told of a run: what the newest model says, where the texts lie, and what was answered."""
    world = run.world
    labelled = [place for place in run.asked if world.settled[place].label is not None]
    people = sorted({name for one in world.settled for name in one.answers})
    answers = np.full((len(world.candidates), len(people)), np.nan)
    for place in labelled:
        for name, label in world.settled[place].answers.items():
            answers[place, people.index(name)] = world.labels.index(label)
    probabilities = run.says([one.query for one in world.candidates])
    for place, row in run.said_before.items():
        # ActiveLab wants to know what a model says to what it has not seen.
        probabilities[place] = row
    return [
        (f"probabilities_{number}", probabilities),
        (f"embedding_{number}", run.embedding),
        (f"asked_{number}", np.array(labelled, dtype=np.int64)),
        (f"labels_{number}", np.array([world.labels.index(str(world.settled[p].label)) for p in labelled], dtype=int)),
        (f"answers_{number}", answers),
        (f"left_{number}", np.array(run.left, dtype=np.int64)),
    ]
