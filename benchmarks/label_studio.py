"""How fast items reach Label Studio and answers come back, and whether any is lost or doubled when the network fails.

Everything is measured on one Label Studio of its own, on SQLite. The import is compared with the bare bulk endpoint:
the same items in the same portions, in turn with ours, which also looks up what is there and checks what arrived.
"""

import time
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks import _report
from benchmarks._label_studio import FailingNetwork, Site, briefing, project_of, requests, running
from benchmarks._report import Outcome
from connectors.annotation import _importing
from console.stack.label_studio import VERSION
from kempelen.errors import ConnectorUnavailable

SEED = 20200120
LOST, DOUBLED = 6, 6
"""One answer in so many is lost, one change in so many is delivered twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Items an import and how often; items of the large project, answers between two readings, readings."""

    import_items: int
    imports: int
    project_items: int
    answers: int
    readings: int
    faulty_rounds: int


FULL = Size(import_items=2_000, imports=3, project_items=20_000, answers=100, readings=3, faulty_rounds=6)
QUICK = Size(import_items=500, imports=2, project_items=1_000, answers=20, readings=2, faulty_rounds=3)


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what _report.main calls
    """Import in turn with the bare endpoint, read answers back, and do both over a network that fails."""
    size = QUICK if quick else FULL
    with running() as site:
        imports, raw_rates = _imports(site, size)
        readings, bare_s, whole_s = _readings(site, size)
        faults = _faults(site, size)
    return Outcome(
        figures={
            **imports,
            **_report.spread(f"collect_{size.answers}_of_{size.project_items}_s", readings, digits=3),
            **_report.spread(
                "collect_over_bare_request", [a / b for a, b in zip(readings, bare_s, strict=True)], digits=3
            ),
            f"collect_all_of_{size.project_items}_s": round(whole_s, 2),
            **faults,
        },
        peers={
            "bare bulk endpoint": {"label-studio": VERSION, "items_per_s": round(median(raw_rates))},
            "bare list of the new answers": {"label-studio": VERSION, "s": round(median(bare_s), 2)},
        },
        settings={
            "seed": SEED,
            "portion": _importing.PORTION,
            **{name: getattr(size, name) for name in size.__slots__},
            "answers_lost_one_in": LOST,
            "changes_doubled_one_in": DOUBLED,
        },
    )


def _imports(site: Site, size: Size) -> tuple[dict[str, Any], list[float]]:
    ratios: list[float] = []
    ours: list[float] = []
    bare: list[float] = []
    for number in range(size.imports):
        sides = [(ours, _our_rate), (bare, _bare_rate)]
        for rates, rate in sides if number % 2 else reversed(sides):
            rates.append(rate(site, f"{rate.__name__}-{number}", size.import_items))
        ratios.append(ours[-1] / bare[-1])
    return {**_report.spread("import_rate_over_raw", ratios), "import_items_per_s": round(median(ours))}, bare


def _our_rate(site: Site, cycle_id: str, items: int) -> float:
    connector = site.connector()
    connector.open(briefing(cycle_id))
    wanted = requests(cycle_id, 0, items)
    began = time.perf_counter()
    connector.submit(briefing(cycle_id), wanted)
    return items / (time.perf_counter() - began)


def _bare_rate(site: Site, cycle_id: str, items: int) -> float:
    asked = briefing(cycle_id)
    path = f"/api/projects/{project_of(site.connector().open(asked))}/import"
    wanted = requests(cycle_id, 0, items)
    began = time.perf_counter()
    for first in range(0, items, _importing.PORTION):
        portion = wanted[first : first + _importing.PORTION]
        site.http.post(path, json=[_importing.payload(each, asked) for each in portion]).raise_for_status()
    return items / (time.perf_counter() - began)


def _readings(site: Site, size: Size) -> tuple[list[float], list[float], float]:
    """Seconds of the readings after so many new answers each, of one bare request for these, and of the first reading.

    The first one reads the whole project.
    """
    cycle_id, connector = "large", site.connector()
    took: list[float] = []
    bare: list[float] = []
    address = connector.open(briefing(cycle_id))
    connector.submit(briefing(cycle_id), requests(cycle_id, 0, size.project_items))
    tasks = site.tasks(address)
    began = time.perf_counter()
    cursor = connector.collect(cycle_id).cursor
    whole_s = time.perf_counter() - began
    for number in range(size.readings):
        new = tasks[number * size.answers : (number + 1) * size.answers]
        site.answer(new)
        bare.append(site.bare_reading(address, new))
        began = time.perf_counter()
        collection = connector.collect(cycle_id, cursor)
        took.append(time.perf_counter() - began)
        cursor = collection.cursor
        if len(collection.annotations) != size.answers:
            raise RuntimeError(f"{len(collection.annotations)} answers were read where {size.answers} are new.")
    return took, bare, whole_s


def _faults(site: Site, size: Size) -> dict[str, Any]:
    """What is lost or doubled in the end when each call is repeated until it succeeds."""
    network = FailingNetwork(np.random.default_rng(SEED), lost=LOST, doubled=DOUBLED)
    cycle_id, connector = "faults", site.connector(transport=network, late_commit_s=1.0)
    address = site.connector().open(briefing(cycle_id))
    found: Counter[str] = Counter()
    cursor, per_round = None, 20
    for number in range(size.faulty_rounds):
        wanted = requests(cycle_id, 0, per_round * (number + 1))
        _until_done(lambda wanted=wanted: connector.submit(briefing(cycle_id), wanted))
        site.answer(site.tasks(address)[-per_round:], network)
        collection = _until_done(lambda cursor=cursor: connector.collect(cycle_id, cursor))
        found.update({answer.source_id: 1 for answer in collection.annotations if answer.source_id not in found})
        cursor = collection.cursor
    items = Counter(site.connector().items(cycle_id))
    held = site.answers(address)
    network.close()
    return {
        "items_lost": size.faulty_rounds * per_round - len(items),
        "items_doubled": items.total() - len(items),
        "annotations_lost": len(held) - len(found),
        "annotations_doubled": len(held) - size.faulty_rounds * per_round,
        "faults": network.faults,
    }


def _until_done(call: Any) -> Any:
    for _ in range(100):
        try:
            return call()
        except ConnectorUnavailable:
            continue
    raise RuntimeError("A call did not succeed in a hundred attempts.")


if __name__ == "__main__":
    _report.main("label_studio", __doc__, measure)
