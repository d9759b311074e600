"""Everything a step of the loop needs, built once; heavy parts only when they are first used."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from cycle.care import Hazards
from cycle.records import Cycle, CycleEvent
from cycle.store import Store
from kempelen.errors import NotEnoughData
from kempelen.protocols import (
    AnnotationConnector,
    ConsensusRule,
    DriftDetector,
    Gate,
    Learner,
    ModelRegistry,
    PredictionReader,
    QueryStrategy,
    Scrubber,
)
from kempelen.records import Briefing, Queue
from kempelen.settings import Settings
from kempelen.states import State
from ledger.effort import Clock
from ledger.store import Ledger


@dataclass(frozen=True, kw_only=True)
class Connectors:
    """How to reach the outside systems; each is called when it is first needed."""

    predictions: Callable[[], PredictionReader]
    annotators: Callable[[], AnnotationConnector]
    registry: Callable[[], ModelRegistry]


@dataclass(frozen=True, kw_only=True)
class App:
    """The loop's parts for one model."""

    settings: Settings
    store: Store
    ledger: Ledger
    pseudonyms: Callable[[Iterable[str]], Mapping[str, str]]
    known_pseudonym: Callable[[str], str | None]
    forgotten: Callable[[], Collection[str]]
    connectors: Connectors
    detectors: Mapping[str, DriftDetector]
    strategies: Mapping[str, QueryStrategy]
    scrubber: Scrubber
    hazards: Hazards
    consensus: ConsensusRule
    gate: Gate
    learners: Callable[[str], Learner] = field(repr=False)

    @property
    def model(self) -> str:
        """The name of the model that is watched."""
        return self.settings.model.name

    @cached_property
    def predictions(self) -> PredictionReader:
        """The prediction log."""
        return self.connectors.predictions()

    @cached_property
    def annotators(self) -> AnnotationConnector:
        """The system in which people label."""
        return self.connectors.annotators()

    @cached_property
    def registry(self) -> ModelRegistry:
        """The model registry."""
        return self.connectors.registry()

    @property
    def champion(self) -> str:
        """The version in service. NotEnoughData before there is one."""
        return in_service(self.store, self.model)

    def window_start(self, now: datetime) -> date:
        """The first day of the traffic that people are asked about at a moment."""
        return now.date() - timedelta(days=self.settings.selection.window_days - 1)

    def move(self, cycle: Cycle, state: State, now: datetime, note: str) -> None:
        """Record what happened to a cycle; a repeated event is harmless, an illegal one is an IllegalMove."""
        self.store.record_event(CycleEvent(cycle_id=cycle.cycle_id, state=state, at=now, note=note))

    def rng(self, purpose: str, key: str) -> np.random.Generator:
        """A generator that depends on the seed, the purpose and the key alone: a step run twice draws the same."""
        seed = hashlib.sha256(f"{self.settings.training.seed}/{purpose}/{key}".encode()).digest()
        return np.random.default_rng(int.from_bytes(seed[:8]))

    def briefing(self, cycle_id: str, queue: Queue = Queue.ANNOTATORS) -> Briefing:
        """What annotators of a cycle, or the experts it turns to, are told."""
        annotation, care = self.settings.annotation, self.settings.care
        to_experts = queue is Queue.EXPERTS
        return Briefing(
            cycle_id=cycle_id,
            title=f"{cycle_id}: for experts" if to_experts else f"{cycle_id}: what is meant?",
            asker=annotation.asker,
            model=self.model,
            use=self.settings.model.use,
            contact=annotation.contact,
            labels=self.settings.model.labels,
            answers_per_item=1 if to_experts else annotation.answers_per_item,
            queue=queue,
            pay=self._pay,
            data_handling=annotation.data_handling,
            hazards=tuple(hazard.name for hazard in care.hazards),
            known_answers=annotation.gold is not None and not to_experts,
            break_after_minutes=care.break_after_minutes,
        )

    @property
    def timed_by(self) -> Clock:
        """What the times of answers mean: a page measured them, or a file states them."""
        return Clock.STATED if self.settings.annotation.connector == "files" else Clock.LABEL_STUDIO

    @property
    def _pay(self) -> str:
        annotation = self.settings.annotation
        if annotation.pay_per_hour is None:
            return "Nothing is agreed here about pay: ask the contact before you begin."
        return f"An hour of this work is paid {annotation.pay_per_hour} {annotation.currency}."


def in_service(store: Store, model: str) -> str:
    """The version of a model that is in service. NotEnoughData before there is one."""
    version = store.champion(model)
    if version is None:
        raise NotEnoughData(
            f"No version of {model} is in service yet.",
            hint="Run `kempelen retrain`: without a champion it trains the first version from [training] base.",
        )
    return version
