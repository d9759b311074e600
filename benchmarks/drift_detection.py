"""What drift detectors notice, and how often they cry wolf: ours, Evidently, NannyML and fixed tests, side by side.

Three scenes. *Arrival*: the demo's stream with reseeded backgrounds; how long after "coronavirus" first reached
1 % of a day's predictions does an alarm come, and how many came before? *Stationary years*: every alarm is
false. *Meaning*: words and scores stay as they are, and what is right for one word changes.

Every method looks once a day, when the day is over. Rows are predictions: a query that three people asked is three
rows, as in any log. Ours is given profiles of those rows, Evidently and NannyML the rows.

`KEMPELEN_THOROUGH=1` plays 1,000 stationary years. `KEMPELEN_KEEP_YEARS=folder` keeps those of ours and of the fixed
tests there, once they are played, so that a run that was killed goes on; one folder for one state of the code.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import _days, _fixed_n, _kept, _ours, _peers, _report, _scenes, _tally
from benchmarks._days import Answers, Scene
from benchmarks._fixed_n import Alarms
from benchmarks._measure import Measured
from benchmarks._report import Outcome
from console.demo import stream
from kempelen.settings import DriftSettings

SHARE = 0.01
"""Share of a day's predictions from which an alarm about the word is due."""

YEAR = 366
"""Looks of a stationary year."""

YEARS_A_BATCH = 10
KEEP_IN = "KEMPELEN_KEEP_YEARS"
"""Names the environment variable with the folder that keeps our years and those of the fixed tests, if there is one."""

CHANGED_AFTER = 56
"""Quiet days, of which the first eight weekly audits are, before the meaning changes."""

ALL = "Kempelen, all together"
COUNTING = f"Kempelen, all but {_ours.SAMPLED}"

PEERS = {"evidently": "Evidently", "nannyml": "NannyML"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How often each scene is played; what is slow gets fewer stationary years."""

    backgrounds: int = 20
    backgrounds_evidently: int = 3
    years_counting: int = 40
    years_sampled: int = 40
    years_fixed: int = 40
    years_nannyml: int = 2
    years_evidently: int = 0
    meanings: int = 100
    meaning_share: float = 0.25
    meaning_peers: int = 1


FULL = Sizes()
"""Some 20 minutes on two cores. One year of Evidently alone takes five minutes."""

THOROUGH = Sizes(
    backgrounds_evidently=20,
    years_counting=1_000,
    years_sampled=1_000,
    years_fixed=1_000,
    years_nannyml=50,
    years_evidently=3,
    meaning_peers=3,
)
"""What `KEMPELEN_THOROUGH=1` asks for: some hours. Ours takes 7 s of one core a year, the peers the rest."""

QUICK = Sizes(
    backgrounds=1,
    backgrounds_evidently=1,
    years_counting=4,
    years_sampled=2,
    years_fixed=20,
    years_nannyml=1,
    years_evidently=0,
    meanings=10,
    meaning_peers=1,
)


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """All three scenes."""
    if quick:
        return measured(QUICK)
    return measured(THOROUGH if os.environ.get("KEMPELEN_THOROUGH") else FULL)


def measured(sizes: Sizes) -> Outcome:
    """All three scenes, each as often as `sizes` says."""
    answers = _scenes.answered()
    arrivals = arrival(answers, sizes)
    years = stationary_years(answers, sizes)
    audits = meaning_audits(answers, sizes)
    silent = meaning_silence(answers, sizes)
    ours, weekly, quiet = arrivals[ALL], audits[0], years[ALL]
    return Outcome(
        figures={
            "delay_days": ours["named_delay_days"],
            "delay_days_range": ours["named_delay_days_range"],
            "false_alarm_share_per_year": quiet["false_alarm_share_per_year"],
            "false_alarm_share_upper": quiet["false_alarm_share_upper"],
            "meaning_only_delay_days": weekly["delay_days"],
            "meaning_only_labels": weekly["labels"],
            "arrival": _rows(arrivals),
            "stationary_years": _rows(years),
            "meaning_audit": audits,
            "meaning_without_labels": _rows(silent),
        },
        peers={name: _peers.versions(peer)[peer] for peer, name in PEERS.items()},
        settings={
            "seed": _scenes.SEED,
            "alpha_per_year": DriftSettings().alpha_per_year,
            "looks_per_year": YEAR,
            "reference_days": _scenes.REFERENCE_DAYS,
            "predictions_a_day": round(float(np.mean([len(d.asked) for d in _scenes.stationary(answers, 0, 60).live]))),
            "share_of_traffic": SHARE,
            "word": _scenes.SURGING,
            **asdict(sizes),
        },
    )


def _rows(by_method: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"method": method, **figures} for method, figures in by_method.items()]


# ---------------------------------------------------------------- the virus arrives


def arrival(answers: Answers, sizes: Sizes) -> dict[str, dict[str, Any]]:
    """Delay and earlier false alarms of every method on the reseeded streams."""
    scenes = [_scenes.corona(answers, seed) for seed in range(sizes.backgrounds)]
    reached = [_scenes.reaches(scene, _scenes.SURGING, SHARE) for scene in scenes]
    alarms = {
        **_merged(map(_ours_and_fixed, scenes)),
        **_of_peer("evidently", scenes[: sizes.backgrounds_evidently]),
        **_of_peer("nannyml", scenes),
    }
    return {
        method: _tally.arrival(runs, _scenes.SURGING, reached[: len(runs)], stream.FIRST_LOOK)
        for method, runs in alarms.items()
    }


def _ours_and_fixed(scene: Scene) -> dict[str, Alarms]:
    ours = _ours.verdicts(scene)
    return {ALL: _alarms_of(ours), **ours, **_fixed_n.verdicts(scene)}


def _alarms_of(ours: Mapping[str, Alarms]) -> Alarms:
    """What our detectors alarm about together; hints are no alarms."""
    return _ours.together(alarms for method, alarms in ours.items() if not method.endswith(_ours.HINT))


def _of_peer(peer: str, scenes: Sequence[Scene]) -> dict[str, list[Alarms]]:
    """The alarms of a peer by method, in the order of the scenes."""
    if not scenes:
        return {}
    found = _ask_peer(peer, scenes).found["alarms"]
    return {
        f"{PEERS[peer]}, {method}": [_dated(runs[str(run)]) for run in range(len(scenes))]
        for method, runs in found.items()
    }


def _ask_peer(peer: str, scenes: Sequence[Scene]) -> Measured:
    with tempfile.TemporaryDirectory(prefix="kempelen-bench-") as folder:
        file = Path(folder) / "rows.parquet"
        _days.write(scenes, file)
        return _peers.run(peer, f"{peer}_daily", {"file": str(file)})


def _dated(days: Sequence[str]) -> Alarms:
    return {date.fromisoformat(day): () for day in days}


def _merged(found: Iterator[Mapping[str, Alarms]]) -> dict[str, list[Alarms]]:
    """The alarms of several scenes by method, in the order of the scenes."""
    merged: dict[str, list[Alarms]] = {}
    for one in found:
        for method, alarms in one.items():
            merged.setdefault(method, []).append(alarms)
    return merged


# ---------------------------------------------------------------- nothing happens


def stationary_years(answers: Answers, sizes: Sizes) -> dict[str, dict[str, Any]]:
    """The share of years with any alarm, for every method. The same year is the same traffic for all."""
    counting = _years("counting", partial(_ours.verdicts, names=_ours.COUNTING), answers, sizes.years_counting)
    sampled = _years("sampled", partial(_ours.verdicts, names={_ours.SAMPLED}), answers, sizes.years_sampled)
    alarms = {
        ALL: _by_year({**counting, **sampled}),
        COUNTING: _by_year(counting),
        **counting,
        **sampled,
        **_years("fixed", _fixed_n.verdicts, answers, sizes.years_fixed),
        **_of_peer("evidently", [_scenes.stationary(answers, seed) for seed in range(sizes.years_evidently)]),
        **_of_peer("nannyml", [_scenes.stationary(answers, seed) for seed in range(sizes.years_nannyml)]),
    }
    return {method: _tally.years(runs, YEAR) for method, runs in alarms.items()}


def _by_year(ours: Mapping[str, list[Alarms]]) -> list[Alarms]:
    """What our detectors alarm about together, in the years that all of them saw."""
    return [_alarms_of(dict(zip(ours, of_year, strict=True))) for of_year in zip(*ours.values(), strict=False)]


Verdicts = Callable[[Scene], Mapping[str, Alarms]]


def _years(name: str, verdicts: Verdicts, answers: Answers, many: int) -> dict[str, list[Alarms]]:
    """The alarms of some methods in so many years, on all cores."""
    batches = [range(first, min(first + YEARS_A_BATCH, many)) for first in range(0, many, YEARS_A_BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as workers:
        done = workers.map(partial(_batch, name, verdicts, answers), batches)
        return _merged(one for batch in done for one in batch)


def _batch(name: str, verdicts: Verdicts, answers: Answers, seeds: range) -> Sequence[Mapping[str, Alarms]]:
    def play() -> list[Mapping[str, Alarms]]:
        return [verdicts(_scenes.stationary(answers, seed, YEAR)) for seed in seeds]

    folder = os.environ.get(KEEP_IN)
    return _kept.kept(Path(folder) / f"{name}-{seeds.start}-{seeds.stop}.json", play) if folder else play()


# ---------------------------------------------------------------- a word changes its meaning


def meaning_audits(answers: Answers, sizes: Sizes) -> list[dict[str, Any]]:
    """How long the audit takes, in days and in labels: with the default plan, and with its items every day."""
    plans = (_ours.Plan.default(), _ours.Plan(every_days=1, items=_ours.Plan.default().items))
    return [_audit_row(answers, sizes, plan) for plan in plans]


def _audit_row(answers: Answers, sizes: Sizes, plan: _ours.Plan) -> dict[str, Any]:
    truth_after = _scenes.truth_after(answers)
    found, early = [], 0
    for seed in range(sizes.meanings):
        scene = _scenes.meaning(answers, seed, sizes.meaning_share, YEAR)
        changed = scene.live[CHANGED_AFTER].day
        one = _ours.audit(scene, truth_after, changed, plan, np.random.default_rng([_scenes.SEED, 4, seed]))
        if one.alarm and one.alarm < changed:
            early += 1
        elif one.alarm:
            found.append(((one.alarm - changed).days, one.labels_since, one.labels))
    row: dict[str, Any] = {"every_days": plan.every_days, "items": plan.items, "runs": sizes.meanings}
    row |= {"found": len(found), "alarms_before": early}
    for place, what in enumerate(("delay_days", "labels", "labels_with_those_before")):
        values = sorted(one[place] for one in found)
        row[what] = median(values) if values else None
        row[f"{what}_middle_90"] = [float(v) for v in np.quantile(values, (0.05, 0.95))] if values else None
    return row


def meaning_silence(answers: Answers, sizes: Sizes) -> dict[str, dict[str, Any]]:
    """The other methods on the same days: their share of days with an alarm before the change and after it."""
    scenes = [
        _scenes.meaning(answers, seed, sizes.meaning_share, 2 * CHANGED_AFTER) for seed in range(sizes.meaning_peers)
    ]
    alarms = {**_merged(map(_ours_and_fixed, scenes)), **_of_peer("nannyml", scenes)}
    changed = scenes[0].live[CHANGED_AFTER].day
    return {
        method: _tally.before_and_after(runs, changed, CHANGED_AFTER, CHANGED_AFTER) for method, runs in alarms.items()
    }


if __name__ == "__main__":
    _report.main("drift_detection", __doc__, measure)
