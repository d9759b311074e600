"""How long a drift verdict takes, and how much memory: ours, Evidently's text drift, and a bare DuckDB query.

Every side runs in fresh processes of its own, several times, in turn; imports are timed apart. Our time is from
files to verdict. Evidently's is from texts that are in memory already to its verdict, which spares it the reading.

The bare DuckDB query is the floor: it counts what a profile counts, draws no sample, and decides nothing. It was 15
times as fast as Evidently 0.7.23 on 100,000 rows a window, and 46 times on a million. So on this traffic no verdict
that begins with files can be 50 or 100 times as fast as Evidently; ours takes about 1.5 times as long as the floor.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks import _measure, _peers, _report, _traffic
from benchmarks._measure import Measured
from benchmarks._report import Outcome
from kempelen.profile import FOLD_SHARE

SEED = 20200120
FIRST = date(2026, 1, 1)
DAYS = 14
"""Days of each of the two windows."""

SURGE_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Rows of each of the two windows, how often each side runs, and whether Evidently is asked."""

    name: str
    rows: int
    runs: int
    evidently: bool


FULL = (
    Size(name="100k", rows=100_000, runs=5, evidently=True),
    Size(name="1m", rows=1_000_000, runs=5, evidently=True),
    Size(name="10m", rows=10_000_000, runs=3, evidently=False),
)
QUICK = (
    Size(name="10k", rows=10_000, runs=2, evidently=True),
    Size(name="100k", rows=100_000, runs=2, evidently=False),
)


@dataclass(frozen=True, kw_only=True)
class Log:
    """Two windows of traffic of the same length, the second with a word that surges on its last days."""

    folder: Path
    reference: tuple[date, date]
    current: tuple[date, date]


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """All sizes, one after the other; a log is thrown away before the next is made."""
    sizes = QUICK if quick else FULL
    rows = {}
    for size in sizes:
        with traffic(size.rows) as log:
            rows[size.name] = _of_size(size, log)
    figures: dict[str, Any] = {}
    for name, one in rows.items():
        figures |= _ratios(name, one)
    small, large = sizes[-2].name, sizes[-1].name
    peaks = {name: median(m.peak_bytes for m in one["ours"]) for name, one in rows.items()}
    figures[f"peak_memory_{large}_over_{small}"] = float(f"{peaks[large] / peaks[small]:.3g}")
    return Outcome(
        figures=figures,
        peers={"evidently": {"version": _peers.versions("evidently")["evidently"], **_told(rows)}},
        settings={
            "seed": SEED,
            "days_a_window": DAYS,
            "cores": os.cpu_count(),
            "fold_share": FOLD_SHARE,
            "rows_a_window": {size.name: size.rows for size in sizes},
            "runs": {size.name: size.runs for size in sizes},
            "our_verdicts": {name: one["ours"][0].found["verdicts"] for name, one in rows.items()},
        },
    )


@contextmanager
def traffic(rows: int) -> Iterator[Log]:
    """A log of two windows of `rows` predictions each, for as long as the `with` block lasts."""
    rng = np.random.default_rng(SEED)
    second = FIRST + timedelta(days=DAYS)
    before = _traffic.Plan(first=FIRST, days=DAYS, rows=rows)
    after = _traffic.Plan(first=second, days=DAYS, rows=rows, surge_days=SURGE_DAYS)
    made = _traffic.pool(rng)
    with tempfile.TemporaryDirectory(prefix="kempelen-bench-") as place:
        folder = Path(place) / "predictions"
        for plan in (before, after):
            _traffic.write(folder, plan, made, rng)
        yield Log(folder=folder, reference=(before.first, before.last), current=(after.first, after.last))


def _of_size(size: Size, log: Log) -> dict[str, list[Measured]]:
    """Each side's runs, in turn, so that what else the machine does hits all alike."""
    _measure.warm(log.folder)
    rows: dict[str, list[Measured]] = {"ours": [], "duckdb": []}
    for _ in range(size.runs):
        rows["duckdb"].append(_duckdb(log))
        rows["ours"].append(_ours(log))
    if size.evidently:
        rows["evidently"] = [_evidently(log)]
    return rows


def _ours(log: Log) -> Measured:
    windows = {name: [str(day) for day in window] for name, window in _windows(log).items()}
    return _measure.side("ours_verdict", {"folder": str(log.folder), **windows})


def _duckdb(log: Log) -> Measured:
    question = {"first": str(log.reference[0]), "last": str(log.current[1]), "fold": FOLD_SHARE}
    return _measure.side("duckdb_counts", {"folder": str(log.folder), **question})


def _evidently(log: Log) -> Measured:
    """Evidently on the same rows: the texts alone, which it is given as data frames."""
    files = {}
    for name, (first, last) in _windows(log).items():
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        parts = [file for day in days for file in sorted((log.folder / f"date={day}").glob("*.parquet"))]
        texts = pa.concat_tables([parquet.ParquetFile(part).read(columns=["text"]) for part in parts])
        files[name] = str(log.folder.parent / f"{name}.parquet")
        parquet.write_table(texts, files[name])
    return _peers.run("evidently", "evidently_text", files)


def _windows(log: Log) -> dict[str, tuple[date, date]]:
    return {"reference": log.reference, "current": log.current}


def _ratios(name: str, rows: Mapping[str, list[Measured]]) -> dict[str, Any]:
    """The figures of one size. Runs are paired by their turn."""
    ours, duckdb = rows["ours"], rows["duckdb"]
    pairs = list(zip(ours, duckdb, strict=True))
    figures = {
        f"ours_over_duckdb_{name}": [a.seconds["verdict"] / b.seconds["counts"] for a, b in pairs],
        f"our_profile_over_duckdb_{name}": [a.seconds["profile"] / b.seconds["counts"] for a, b in pairs],
        f"ours_over_duckdb_cpu_{name}": [a.cpu_seconds["verdict"] / b.cpu_seconds["counts"] for a, b in pairs],
        f"our_verdict_s_{name}": [one.seconds["verdict"] for one in ours],
        f"duckdb_s_{name}": [one.seconds["counts"] for one in duckdb],
    }
    for theirs in rows.get("evidently", []):
        figures |= {
            f"evidently_over_ours_{name}": [theirs.seconds["verdict"] / one.seconds["verdict"] for one in ours],
            f"evidently_over_duckdb_{name}": [theirs.seconds["verdict"] / one.seconds["counts"] for one in duckdb],
            f"evidently_over_ours_cpu_{name}": [
                theirs.cpu_seconds["verdict"] / one.cpu_seconds["verdict"] for one in ours
            ],
        }
    told: dict[str, Any] = {}
    for figure, values in figures.items():
        told |= _report.spread(figure, values, 3)
    for side in ("ours", "duckdb"):
        told[f"{side}_peak_mib_{name}"] = _measure.mebibytes(median(one.peak_bytes for one in rows[side]))
    return told


def _told(rows: Mapping[str, Mapping[str, list[Measured]]]) -> dict[str, Any]:
    """What Evidently said, and what that took."""
    return {
        name: {
            **one["evidently"][0].found,
            "verdict_s": round(one["evidently"][0].seconds["verdict"], 2),
            "imports_s": round(one["evidently"][0].seconds["imports"], 2),
            "peak_mib": _measure.mebibytes(one["evidently"][0].peak_bytes),
        }
        for name, one in rows.items()
        if "evidently" in one
    }


if __name__ == "__main__":
    _report.main("drift_speed", __doc__, measure)
