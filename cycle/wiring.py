"""The composition root: from settings to an App, and the only place that names concrete parts."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from cycle.app import App, Connectors, in_service
from cycle.care import hazards
from cycle.database import DATABASE, kept_in, opened
from cycle.fallback import FallbackQueue
from cycle.feedback import Corrections, Feedback
from cycle.human_answers import HumanAnswers
from cycle.pay import PayOffice
from cycle.store import Store
from kempelen.clock import Clock, WallClock
from kempelen.errors import ConfigError
from kempelen.plugins import build
from kempelen.protocols import AnnotationConnector, DriftDetector, Gate, ModelRegistry, PredictionReader, Scrubber
from kempelen.settings import Settings
from ledger.database import open_engine
from ledger.people.erasure import erasures
from ledger.people.pseudonyms import Pseudonyms
from ledger.store import Ledger


def wire(settings: Settings) -> App:
    """Build everything one model's loop needs. Nothing is contacted yet."""
    engine = opened(settings)
    names, store = pseudonyms(settings, engine), Store(engine)
    store.remember_settings(settings.model.name, settings.model_dump_json(exclude=_SECRETS))
    return App(
        settings=settings,
        store=store,
        ledger=Ledger(engine),
        pseudonyms=names.many,
        known_pseudonym=names.known,
        forgotten=lambda: {one.pseudonym for one in erasures(engine)},
        connectors=Connectors(
            predictions=lambda: _predictions(settings),
            annotators=lambda: _annotators(settings),
            registry=lambda: _registry(settings),
        ),
        detectors=_detectors(settings),
        strategies={name: build("selection", name, {}, section="selection") for name in settings.selection.shares},
        scrubber=_scrubber(settings),
        hazards=hazards(settings),
        consensus=build(
            "consensus",
            settings.annotation.consensus,
            {"min_votes": min(2, settings.annotation.answers_per_item)},
            section="annotation",
        ),
        gate=_gate(settings),
        learners=lambda name: build("models", name, {}, section="model"),
    )


_SECRETS: dict[str, Any] = {"servers": True, "prediction_log": {"url"}, "books": {"url"}}
"""What of the settings is never written down: tokens, and addresses that may hold passwords."""


def remembered(store: Store, model: str) -> Settings | None:
    """The settings by which a model was last run, without its secrets; None if it never was."""
    document = store.settings(model)
    return Settings.model_validate_json(document) if document else None


def books(state: Path) -> tuple[Store, Ledger]:
    """Store and ledger of a state folder, for those who only read."""
    engine = open_engine(kept_in(state) or state / DATABASE)
    return Store(engine), Ledger(engine)


def pseudonyms(settings: Settings, engine: Engine) -> Pseudonyms:
    """The names under which people are in the books; the key file is made on first use."""
    return Pseudonyms(engine, settings.state / "pseudonyms.key")


def human_answers(settings: Settings, clock: Clock | None = None, engine: Engine | None = None) -> HumanAnswers:
    """Build what a serving process needs to have people answer, on the database if it is open already."""
    engine = engine or opened(settings)
    return HumanAnswers(
        settings=settings,
        queue=FallbackQueue(engine),
        ledger=Ledger(engine),
        scrubber=_scrubber(settings),
        pseudonym=pseudonyms(settings, engine).of,
        version=partial(in_service, Store(engine), settings.model.name),
        clock=clock or WallClock(),
    )


def feedback(settings: Settings, clock: Clock | None = None, engine: Engine | None = None) -> Feedback:
    """Build what takes users' corrections, on the database if it is open already."""
    engine = engine or opened(settings)
    return Feedback(
        settings=settings,
        corrections=Corrections(engine),
        ledger=Ledger(engine),
        version=partial(in_service, Store(engine), settings.model.name),
        clock=clock or WallClock(),
    )


def pay_office(settings: Settings) -> PayOffice:
    """Build what pay is computed with."""
    engine = opened(settings)
    return PayOffice(settings=settings, engine=engine, ledger=Ledger(engine))


def _scrubber(settings: Settings) -> Scrubber:
    return build("connectors/scrubbing", settings.selection.scrubber, {}, section="selection")  # type: ignore[no-any-return]  # a plug-in's type is its stage's


def _detectors(settings: Settings) -> Mapping[str, DriftDetector]:
    """Each detector with its share of the year's false-alarm budget; the shares sum to 1."""
    drift = settings.drift
    return {
        name: build(
            "drift",
            name,
            {"alpha": drift.alpha_per_year * share, **drift.params.get(name, {})},
            section=f"drift.params.{name}",
        )
        for name, share in drift.detectors.items()
    }


def _gate(settings: Settings) -> Gate:
    """The gate, with its part of alpha: every challenger, and every round after which it is asked, may pass by luck."""
    asked = settings.selection.rounds if settings.selection.stop_when_settled else 1
    return build(  # type: ignore[no-any-return]  # a plug-in's type is its stage's
        "gates",
        settings.gate.name,
        {
            "alpha": settings.gate.alpha / len(settings.model.types) / asked,
            "tolerance": settings.gate.tolerance,
            "min_before": settings.gate.min_before,
        },
        section="gate",
    )


def _predictions(settings: Settings) -> PredictionReader:
    log, min_users = settings.prediction_log, settings.selection.min_users
    if log.url is not None:
        from connectors.prediction_log import ibis_table

        return ibis_table.build(
            log.url.get_secret_value(), log.table, min_users=min_users, ids_are_unique=log.ids_are_unique
        )
    from connectors.prediction_log import parquet

    return parquet.build(log.folder, min_users=min_users, labels=settings.model.labels, memory_mb=log.memory_mb)


def _annotators(settings: Settings) -> AnnotationConnector:
    annotation = settings.annotation
    if annotation.connector == "files":
        from connectors.annotation import files

        return files.build(annotation.folder, experts=annotation.experts)
    if annotation.connector != "label_studio":
        raise ConfigError(
            f"[annotation] connector is {annotation.connector!r}.", hint="Write `label_studio` or `files`."
        )
    from connectors.annotation import label_studio

    url, token = settings.servers.label_studio_url, settings.servers.label_studio_token
    if url is None or token is None:
        raise _no_server("label_studio_url and label_studio_token")
    return label_studio.build(
        url=url, token=token.get_secret_value(), experts=annotation.experts, lock_folder=settings.state
    )


def _registry(settings: Settings) -> ModelRegistry:
    from connectors.registry import mlflow

    if settings.servers.mlflow_uri is None:
        raise _no_server("mlflow_uri")
    return mlflow.build(uri=settings.servers.mlflow_uri, model=settings.model.name)


def _no_server(key: str) -> ConfigError:
    return ConfigError(f"[servers] {key} is not set.", hint="Run `kempelen up` for a local server, or name your own.")
