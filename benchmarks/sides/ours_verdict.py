"""Our verdict on two windows of a prediction log: profiles of both, and every detector that needs no labels."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.sides._inside import Stopwatch, answer

if TYPE_CHECKING:
    from kempelen.profile import Profile
    from kempelen.protocols import DriftDetector

NEEDS_LABELS = frozenset({"audit_risk"})


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """Compare the windows `current` and `reference`, each [first, last], of the log in `folder`."""
    with stopwatch("imports"):
        detectors = _detectors()
        _engine_is_imported()
    with stopwatch("verdict"):
        with stopwatch("profile"):
            reference, current = _profiles(Path(question["folder"]), question["reference"], question["current"])
        verdicts = {name: _verdict(detector, reference, current) for name, detector in detectors.items()}
    return {"predictions": reference.predictions + current.predictions, "verdicts": verdicts}


def _detectors() -> "dict[str, DriftDetector]":
    from kempelen import plugins
    from kempelen.settings import DriftSettings

    drift = DriftSettings()
    shares = {name: share for name, share in drift.detectors.items() if name not in NEEDS_LABELS}
    return {
        name: plugins.build("drift", name, {"alpha": drift.alpha_per_year * share}) for name, share in shares.items()
    }


def _engine_is_imported() -> None:
    """Import time is measured apart, ours as the peers'; a first question makes Ibis import what it needs later."""
    import duckdb  # noqa: F401
    import ibis

    engine = ibis.duckdb.connect()
    engine.create_table("one", {"one": [1]}).count().to_pyarrow()
    engine.disconnect()


def _profiles(folder: Path, reference: list[str], current: list[str]) -> "tuple[Profile, Profile]":
    """Both windows from one scan: one follows the other, and a profile can be cut between days."""
    from connectors.prediction_log.parquet import ParquetPredictions

    whole = ParquetPredictions(folder).profile(date.fromisoformat(reference[0]), date.fromisoformat(current[1]))
    return whole.until(date.fromisoformat(reference[1])), whole.since(date.fromisoformat(current[0]))


def _verdict(detector: "DriftDetector", reference: "Profile", current: "Profile") -> dict[str, Any]:
    from kempelen.errors import NotEnoughData
    from kempelen.records import Window

    try:
        report = detector.detect(Window(reference=reference, current=current))
    except NotEnoughData as too_little:
        return {"undecided": str(too_little)}
    return {"drifted": report.drifted, "names": [one.subject for one in report.evidence[:5]]}


if __name__ == "__main__":
    answer(work)
