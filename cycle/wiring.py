"""The composition root: from settings to an App, and the only place that names concrete parts."""

from collections.abc import Mapping
from pathlib import Path

from cycle.app import App, Connectors
from cycle.store import Store
from kempelen.errors import ConfigError
from kempelen.plugins import build
from kempelen.protocols import AnnotationConnector, DriftDetector, ModelRegistry, PredictionReader
from kempelen.settings import Settings
from ledger.database import open_engine
from ledger.pseudonyms import pseudonyms
from ledger.store import Ledger

DATABASE = "kempelen.db"
"""Store and ledger share one database in the state folder."""


def wire(settings: Settings) -> App:
    """Build everything one model's loop needs. Nothing is contacted yet."""
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_engine(settings.state / DATABASE)
    return App(
        settings=settings,
        store=Store(engine),
        ledger=Ledger(engine),
        pseudonym=pseudonyms(settings.state / "pseudonyms.key").of,
        connectors=Connectors(
            predictions=lambda: _predictions(settings),
            annotators=lambda: _annotators(settings),
            registry=lambda: _registry(settings),
        ),
        detectors=_detectors(settings),
        strategies={name: build("selection", name, {}) for name in settings.selection.shares},
        consensus=build(
            "consensus", settings.annotation.consensus, {"min_votes": min(2, settings.annotation.answers_per_item)}
        ),
        # Every challenger gets a chance to pass by luck: the gate's alpha is shared among them.
        gate=build(
            "gates",
            settings.gate.name,
            {
                "alpha": settings.gate.alpha / len(settings.model.types),
                "tolerance": settings.gate.tolerance,
                "min_before": settings.gate.min_before,
            },
        ),
        learners=lambda name: build("models", name, {}),
    )


def books(state: Path) -> tuple[Store, Ledger]:
    """Store and ledger of a state folder, for those who only read."""
    engine = open_engine(state / DATABASE)
    return Store(engine), Ledger(engine)


def _detectors(settings: Settings) -> Mapping[str, DriftDetector]:
    """The year's false-alarm budget is split evenly over the detectors (Bonferroni)."""
    drift = settings.drift
    budget = {"alpha": drift.alpha_per_year / len(drift.detectors), "looks": drift.looks_per_year}
    return {name: build("drift", name, {**budget, **drift.params.get(name, {})}) for name in drift.detectors}


def _predictions(settings: Settings) -> PredictionReader:
    from connectors.prediction_log import parquet

    return parquet.build(settings.prediction_log.folder)


def _annotators(settings: Settings) -> AnnotationConnector:
    from connectors.annotation import label_studio

    url, token = settings.servers.label_studio_url, settings.servers.label_studio_token
    if url is None or token is None:
        raise _no_server("label_studio_url and label_studio_token")
    return label_studio.build(
        url=url, token=token.get_secret_value(), blind_audit=settings.annotation.blind_audit, lock_folder=settings.state
    )


def _registry(settings: Settings) -> ModelRegistry:
    from connectors.registry import mlflow

    if settings.servers.mlflow_uri is None:
        raise _no_server("mlflow_uri")
    return mlflow.build(uri=settings.servers.mlflow_uri, model=settings.model.name)


def _no_server(key: str) -> ConfigError:
    return ConfigError(f"[servers] {key} is not set.", hint="Run `kempelen up` for a local server, or name your own.")
