"""The loop over fakes of the outside systems: a store and books on disk, everything else in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cycle.app import App, Connectors
from cycle.care import hazards
from cycle.store import Store
from kempelen.errors import ConnectorUnavailable, NotEnoughData, Problem
from kempelen.plugins import build
from kempelen.profile import CONFIDENCE_BINS, Profile
from kempelen.records import (
    Annotation,
    Briefing,
    Candidate,
    Collection,
    DriftReport,
    Evidence,
    LabelRequest,
    ModelVersion,
    Queue,
    SavedModel,
    Showable,
    TrainingSet,
    Window,
)
from kempelen.settings import Hazard, Settings
from kempelen.text import item_id
from ledger.database import open_engine
from ledger.store import Ledger

LABELS = ("food", "health")


def moment(day: int) -> datetime:
    return datetime(2020, 1, day, 23, tzinfo=UTC)


@dataclass
class FakeAnnotators:
    """An annotation system that can be down, and people who answer what they are told to."""

    asked: dict[str, dict[str, LabelRequest]] = field(default_factory=dict)
    experts_asked: dict[str, dict[str, LabelRequest]] = field(default_factory=dict)
    answers: dict[str, list[Annotation]] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    down: bool = False

    def open(self, briefing: Briefing) -> str:
        return f"http://labelling/{briefing.cycle_id}"

    def submit(self, briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        if self.down:
            raise ConnectorUnavailable("no answer.", system="fake", hint="Start it.")
        queue = self.experts_asked if briefing.queue is Queue.EXPERTS else self.asked
        held = queue.setdefault(briefing.cycle_id, {})
        new = [request for request in requests if request.item_id not in held]
        held.update({request.item_id: request for request in new})
        return len(new)

    def ask_again(self, briefing: Briefing, wanted: Mapping[str, int]) -> int:  # noqa: ARG002
        new = {item: count for item, count in wanted.items() if self.wanted.get(item) != count}
        self.wanted |= new
        return len(new)

    def collect(self, cycle_id: str, since: str | None = None) -> Collection:  # noqa: ARG002 - reads all
        read = {*self.asked.get(cycle_id, {}), *(answer.item_id for answer in self.answers.get(cycle_id, []))}
        return Collection(annotations=tuple(self.answers.get(cycle_id, [])), read=frozenset(read), cursor="all")

    def items(self, cycle_id: str) -> list[str]:
        return list(self.asked.get(cycle_id, {}))

    def close(self, cycle_id: str) -> None:
        self.closed.add(cycle_id)

    def archive(self, cycle_id: str, folder: Path) -> list[Path]:
        raise NotImplementedError

    def say(
        self,
        cycle_id: str,
        item: str,
        who: str,
        label: str | None,
        *,
        seconds: float = 10.0,
        expert: bool = False,
        on: datetime = datetime(2020, 1, 21, tzinfo=UTC),
    ) -> None:
        """One person's answer to one item; None is a skip."""
        self.answers.setdefault(cycle_id, []).append(
            Annotation(
                source_id=f"{cycle_id}/{item}/{who}",
                item_id=item,
                annotator=who,
                label=label,
                lead_time_s=seconds,
                started_at=None,
                submitted_at=on,
                simulated=False,
                expert=expert,
            )
        )

    def all_say(self, cycle_id: str, label: Callable[[LabelRequest], str]) -> None:
        """Two people agree on every item."""
        for request in self.asked[cycle_id].values():
            for who in ("ann", "ben"):
                self.say(cycle_id, request.item_id, who, label(request))


@dataclass
class FakeModel:
    """Knows queries by heart, and takes the rest for food."""

    known: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = LABELS

    def predict(self, queries: Sequence[str]) -> np.ndarray:
        said = [self.known.get(query, "food") for query in queries]
        return np.array([[0.9 if label == one else 0.1 for label in self.labels] for one in said])

    def save(self, folder: Path) -> SavedModel:  # noqa: ARG002 - nothing needs to be written
        return SavedModel(serving_file="", artifacts={}, requirements=())


@dataclass
class FakeLearner:
    """Learns that a word of a health query means health, unless it is told to learn nothing."""

    stubborn: bool = False

    def fit(self, training_set: TrainingSet, seed: int) -> "WordModel":  # noqa: ARG002
        words = {w for e in training_set.examples if e.label == "health" for w in e.query.split()}
        food = {w for e in training_set.examples if e.label == "food" and e.weight >= 1 for w in e.query.split()}
        return WordModel(health=set() if self.stubborn else words - food)


@dataclass
class WordModel(FakeModel):
    """Takes a query for health if it has a health word."""

    health: set[str] = field(default_factory=set)

    def predict(self, queries: Sequence[str]) -> np.ndarray:
        return np.array([[0.1, 0.9] if self.health & set(q.split()) else [0.9, 0.1] for q in queries])


@dataclass
class FakeRegistry:
    """Versions in memory; runs and versions are found by their key."""

    model: str
    runs: dict[str, str] = field(default_factory=dict)
    by_key: dict[str, ModelVersion] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    alias: str | None = None
    cards: dict[str, dict[str, str]] = field(default_factory=dict)
    metrics: list[tuple[str, str, float, datetime]] = field(default_factory=list)

    def log_run(self, *, key: str, **_: Any) -> str:
        return self.runs.setdefault(key, f"run-{len(self.runs) + 1}")

    def register(self, run_id: str, *, key: str, model_type: str, tags: Mapping[str, str]) -> ModelVersion:
        version = ModelVersion(
            model=self.model, version=str(len(self.by_key) + 1), model_type=model_type, mlflow_run_id=run_id, tags=tags
        )
        return self.by_key.setdefault(key, version)

    def versions(self) -> list[ModelVersion]:
        return list(self.by_key.values())

    def load(self, version: str) -> Any:
        return self.models.get(version, FakeModel())

    def champion(self) -> str | None:
        return self.alias

    def set_champion(self, version: str) -> None:
        self.alias = version

    def attach(
        self, version: str, *, documents: Mapping[str, str], tags: Mapping[str, str] | None = None, **_: Any
    ) -> None:
        self.cards.setdefault(version, {}).update(documents)
        self.by_key = {
            key: replace(known, tags={**known.tags, **(tags or {})}) if known.version == version else known
            for key, known in self.by_key.items()
        }

    def document(self, version: str, name: str) -> str | None:
        return self.cards.get(version, {}).get(name)

    def documents(self, version: str) -> list[str]:
        return sorted(self.cards.get(version, {}))

    def log_metrics(self, version: str, metrics: Mapping[str, float], at: datetime) -> None:
        self.metrics += [(version, name, value, at) for name, value in metrics.items()]


@dataclass
class FakeLog:
    """Every day has the same traffic, unless a day is empty."""

    queries: list[str] = field(
        default_factory=lambda: [f"corona {n}" for n in range(40)] + [f"beer {n}" for n in range(60)]
    )
    empty: set[date] = field(default_factory=set)
    version_seen: str | None = None
    first_day: date = date(2019, 12, 20)
    problems: list[Problem] = field(default_factory=list)

    def days(self) -> list[date]:
        return [self.first_day + timedelta(days=n) for n in range(120)]

    def profile(self, first: date, last: date, model_version: str | None = None) -> Profile:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        days = [day for day in days if day not in self.empty]
        if not days or (self.version_seen and model_version != self.version_seen):
            raise NotEnoughData("The log has no prediction.", hint="Wait.")
        return Profile.of_tables(
            days=days,
            confidence={(day, "food", CONFIDENCE_BINS - 1): len(self.queries) for day in days},
            fold={},
            folded={},
            rows=(),
        )

    def candidates(self, first: date, last: date, **_: Any) -> Showable:
        self.profile(first, last)
        pool = [
            Candidate(
                item_id=item_id(query),
                query=query,
                predictions=2,
                users=2,
                model_version="1",
                probabilities={"food": 0.9, "health": 0.1},
            )
            for query in self.queries
        ]
        shown = sorted(pool, key=lambda candidate: candidate.item_id)
        return Showable(candidates=tuple(shown), held_back=7, held_back_predictions=9)


@dataclass
class FakeDetector:
    """Alarms from a day on."""

    alarm: bool = False
    words: tuple[str, ...] = ("corona",)
    hint: bool = False
    since: date | None = None
    saw: list[Window] = field(default_factory=list)

    def detect(self, window: Window) -> DriftReport:
        self.saw.append(window)
        if not window.reference.days or not window.current.days:
            raise NotEnoughData("One window is empty.", hint="Wait.")
        evidence = tuple(
            Evidence(
                subject=word,
                reference_count=1,
                current_count=80,
                reference_share=0.01,
                current_share=0.4,
                p_value=1e-9,
                budget=1e-6,
                label="food",
                confidence=0.9,
                since=self.since,
            )
            for word in self.words
        )
        return DriftReport(
            detector="term_surge",
            statistic=9.0 if self.alarm else 0.0,
            threshold=5.0,
            alpha=0.01,
            n_reference=window.reference.predictions,
            n_current=window.current.predictions,
            summary="corona surges" if self.alarm else "all as it was",
            evidence=evidence if self.alarm else (),
            hint=self.hint,
        )


@dataclass
class Loop:
    """An app with handles to its fakes."""

    app: App
    annotators: FakeAnnotators
    registry: FakeRegistry
    log: FakeLog
    detector: FakeDetector
    learner: FakeLearner

    @property
    def store(self) -> Store:
        return self.app.store

    def cycle_ids(self) -> list[str]:
        return [cycle.cycle_id for cycle in self.store.cycles()]

    def states(self) -> list[str]:
        return [self.store.state(cycle_id).value for cycle_id in self.cycle_ids()]

    def with_settings(self, section: str, **changes: Any) -> None:
        """Change settings of a section."""
        changed = getattr(self.app.settings, section).model_copy(update=changes)
        self.app = replace(self.app, settings=self.app.settings.model_copy(update={section: changed}))

    def with_hazard(self, *, terms: tuple[str, ...], a_day: int) -> None:
        """Have queries with a word be hazardous."""
        self.with_settings("care", hazards=(Hazard(name="illness", terms=terms),), hazards_per_day=a_day)
        self.app = replace(self.app, hazards=hazards(self.app.settings))


@pytest.fixture
def books_address(tmp_path: Path) -> str:
    """Where the loop keeps its state and the books."""
    return str(tmp_path / "kempelen.db")


@pytest.fixture
def loop(tmp_path: Path, books_address: str) -> Iterator[Loop]:
    base = tmp_path / "base.csv"
    lines = [f"beer number {n},food" for n in range(300)] + [f"flu shot {n},health" for n in range(300)]
    base.write_text("text,label\n" + "\n".join(lines) + "\n")
    settings = Settings.model_validate(
        {
            "model": {"name": "queries", "labels": LABELS, "types": ["linear"]},
            "training": {"base": base, "base_source": "a list", "validation_share": 0.3},
            "state": tmp_path,
            "selection": {"rounds": 1, "round_items": 60, "audit_fraction": 0.5, "audit_every_days": 30},
            "drift": {"reference_days": 5},
        }
    )
    engine = open_engine(books_address)
    annotators, registry = FakeAnnotators(), FakeRegistry(model="queries")
    log, detector, learner = FakeLog(), FakeDetector(), FakeLearner()
    app = App(
        settings=settings,
        store=Store(engine),
        ledger=Ledger(engine),
        pseudonyms=lambda people: {who: f"p-{who}" for who in people},
        known_pseudonym=lambda who: f"p-{who}",
        forgotten=frozenset,
        connectors=Connectors(predictions=lambda: log, annotators=lambda: annotators, registry=lambda: registry),
        detectors={"term_surge": detector},
        strategies={name: build("selection", name, {}) for name in settings.selection.shares},
        scrubber=build("connectors/scrubbing", "none", {}),
        hazards=hazards(settings),
        consensus=build("consensus", "majority", {"min_votes": 2}),
        gate=build("gates", "paired", {"min_before": 50}),
        learners=lambda _: learner,
    )
    yield Loop(app=app, annotators=annotators, registry=registry, log=log, detector=detector, learner=learner)
    engine.dispose()
