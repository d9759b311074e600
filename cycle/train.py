"""Train challengers on what people said, judge them against the champion, register the best."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cycle.app import App
from cycle.judging import best_labels, paired, questions_for
from cycle.records import Cycle, Judgement, Version
from cycle.training_data import base_examples, split, training_set
from kempelen.errors import NotEnoughData
from kempelen.protocols import Classifier
from kempelen.records import GateReport, TrainingSet
from kempelen.states import State


@dataclass(frozen=True, kw_only=True)
class _Challenger:
    """A trained model of one type, its run in the registry, and how it did."""

    model_type: str
    mlflow_run_id: str
    passed: bool
    accuracy: float


def train_first(app: App, now: datetime) -> Version:
    """Train every type on the base data; register the one that is best on the part kept from training."""
    base, validation = split(base_examples(app.settings), app.settings.training)
    if len(validation) < app.settings.gate.min_before:
        raise NotEnoughData(
            f"{app.settings.training.base} leaves {len(validation)} queries for the gate, which needs "
            f"{app.settings.gate.min_before}.",
            hint="Give more base data (some 1,200 queries are enough), a larger [training] validation_share, "
            "or a smaller [gate] min_before. Nobody was asked anything yet.",
        )
    examples = TrainingSet(examples=tuple(base))
    challengers = []
    for model_type in app.settings.model.types:
        classifier = app.learners(model_type).fit(examples, app.settings.training.seed)
        said = best_labels(classifier, [e.query for e in validation])
        accuracy = sum(s == e.label for s, e in zip(said, validation, strict=True)) / max(1, len(validation))
        metrics = {"validation.accuracy": accuracy}
        run_id = _log(app, classifier, examples, key=_first(examples), model_type=model_type, metrics=metrics)
        challengers.append(_Challenger(model_type=model_type, mlflow_run_id=run_id, passed=True, accuracy=accuracy))
    return _register(app, _best(challengers), examples, key=_first(examples), cycle=None, cycles=(), now=now)


def train(app: App, cycle: Cycle, now: datetime) -> Version:
    """Train, judge and register for a cycle that is READY, or was killed on the way to PASSED or REJECTED.

    Training is deterministic and every record has a key: running it again gives the same version.
    """
    base, validation = split(base_examples(app.settings), app.settings.training)
    examples, cycles = training_set(app, base)
    champion = app.registry.load(cycle.champion)
    questions = questions_for(app, cycle, app.store.consensus(cycle.cycle_id), examples, validation)
    challengers = []
    for model_type in app.settings.model.types:
        classifier = app.learners(model_type).fit(examples, app.settings.training.seed)
        report = app.gate.judge(paired(champion, classifier, questions))
        run_id = _log(app, classifier, examples, key=cycle.cycle_id, model_type=model_type, metrics=_metrics(report))
        app.store.record_judgement(Judgement(cycle_id=cycle.cycle_id, model_type=model_type, report=report))
        accuracy = report.checks[0].challenger_accuracy
        challengers.append(
            _Challenger(model_type=model_type, mlflow_run_id=run_id, passed=report.passed, accuracy=accuracy)
        )
    app.move(cycle, State.TRAINED, now, f"trained {' and '.join(c.model_type for c in challengers)}")
    best = _best(challengers)
    version = _register(app, best, examples, key=cycle.cycle_id, cycle=cycle, cycles=cycles, now=now)
    verdict = State.PASSED if best.passed else State.REJECTED
    app.move(cycle, verdict, now, f"version {version.version} ({best.model_type})")
    return version


def _first(examples: TrainingSet) -> str:
    """The key of a first version. Other base data make another first version, also in a registry that has one."""
    return f"first/{examples.digest[:12]}"


def _best(challengers: Sequence[_Challenger]) -> _Challenger:
    """One that passed before one that did not, then the most accurate; the first named wins a tie."""
    return max(challengers, key=lambda challenger: (challenger.passed, challenger.accuracy))


def _metrics(report: GateReport) -> Mapping[str, float]:
    """The gate's figures under names that MLflow accepts."""
    return {
        f"gate.{check.name.replace(' ', '_')}.{name}": value
        for check in report.checks
        for name, value in (
            ("champion_accuracy", check.champion_accuracy),
            ("challenger_accuracy", check.challenger_accuracy),
            ("items", float(check.n)),
            ("statistic", check.statistic),
        )
    }


def _log(  # noqa: PLR0913 - a run is exactly these things
    app: App,
    classifier: Classifier,
    examples: TrainingSet,
    *,
    key: str,
    model_type: str,
    metrics: Mapping[str, float],
) -> str:
    sources = Counter(example.source for example in examples.examples)
    with TemporaryDirectory(prefix="kempelen-") as folder:
        return app.registry.log_run(
            key=f"{key}/{model_type}/{examples.digest[:12]}",
            model_type=model_type,
            saved=classifier.save(Path(folder)),
            params={
                "model_type": model_type,
                "seed": str(app.settings.training.seed),
                "training_set": examples.digest,
                "examples": str(len(examples.examples)),
            },
            metrics=metrics,
            documents={"training_set.json": json.dumps({"digest": examples.digest, "examples": sources}, indent=1)},
        )


def _register(  # noqa: PLR0913 - a version is exactly these things
    app: App,
    best: _Challenger,
    examples: TrainingSet,
    *,
    key: str,
    cycle: Cycle | None,
    cycles: tuple[str, ...],
    now: datetime,
) -> Version:
    registered = app.registry.register(
        best.mlflow_run_id,
        key=key,
        model_type=best.model_type,
        tags={"kempelen.training_set": examples.digest, "kempelen.trained_at": now.isoformat()},
    )
    version = Version(
        model=app.model,
        version=registered.version,
        model_type=best.model_type,
        mlflow_run_id=best.mlflow_run_id,
        trained_at=now,
        training_digest=examples.digest,
        examples=len(examples.examples),
        cycle_id=cycle.cycle_id if cycle else None,
        trained_on_cycles=cycles,
    )
    app.store.record_version(version)
    # Registered before a kill: the version keeps the moment it was first recorded with.
    return app.store.version(app.model, version.version)
