"""What each stage asks of its plug-ins and connectors. Read this file first.

A plug-in is a file in its stage's folder with a `build(**params)` that returns one of these.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kempelen.errors import Problem
from kempelen.profile import Profile
from kempelen.records import (
    Annotation,
    Briefing,
    Collection,
    ConsensusLabel,
    DeclaredWork,
    DriftReport,
    GateReport,
    LabelRequest,
    ModelVersion,
    PairedAnswer,
    Pool,
    SavedModel,
    Scrubbed,
    Showable,
    TrainingSet,
    Window,
)

Floats = NDArray[np.float64]


class DriftDetector(Protocol):
    """drift/: has the traffic, or the model's risk, changed?"""

    def detect(self, window: Window) -> DriftReport:
        """Compare. NotEnoughData when the window cannot answer."""
        ...


class QueryStrategy(Protocol):
    """selection/: how much is each candidate worth a person's time?"""

    def sizes(self, pool: Pool) -> Floats:
        """Non-negative size measures, shape (candidates,); chances are proportional to them. All 0: nothing to say."""
        ...

    def reason(self, pool: Pool, place: int) -> str:
        """Why the candidate at this place of the pool, in words for the annotator and the auditor."""
        ...


class Scrubber(Protocol):
    """connectors/scrubbing/: takes personal data out of what people are shown."""

    def scrub(self, texts: Sequence[str]) -> list[Scrubbed]:
        """One for each text, in order; a text in which nothing was found comes back as it is."""
        ...


class HazardTagger(Protocol):
    """A user's own classifier of what may distress people."""

    def tag(self, queries: Sequence[str]) -> list[tuple[str, ...]]:
        """The names of the hazards in each query, in order."""
        ...


class ConsensusRule(Protocol):
    """consensus/: which label do the answers support?"""

    def settle(
        self, annotations: Sequence[Annotation], gold: Mapping[str, str] | None = None
    ) -> tuple[list[ConsensusLabel], list[Problem]]:
        """One label an item; items without a clear winner come back as problems, each with its reason.

        `gold` has the known labels of some of the items: how people answer those tells how far their other
        answers can be trusted. Gold items are settled like any other.
        """
        ...


class Classifier(Protocol):
    """A fitted text classifier."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns of `predict`."""
        ...

    def predict(self, queries: Sequence[str]) -> Floats:
        """Probabilities, shape (n, len(labels)); rows sum to 1."""
        ...

    def save(self, folder: Path) -> SavedModel:
        """Write files that can be served without this project."""
        ...


class Learner(Protocol):
    """models/: fits a classifier of one type."""

    def fit(self, training_set: TrainingSet, seed: int) -> Classifier:
        """The same set and seed give the same classifier."""
        ...


class Gate(Protocol):
    """gates/: may the challenger replace the champion?"""

    def judge(self, answers: Sequence[PairedAnswer]) -> GateReport:
        """Compare both on items that neither was trained on."""
        ...


class AnnotationConnector(Protocol):
    """connectors/annotation/: the system in which people label."""

    def open(self, briefing: Briefing) -> str:
        """The address where people label this cycle; made on the first call, found on later ones."""
        ...

    def submit(self, briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        """Put items before people, each exactly once however often this is called; how many were new."""
        ...

    def ask_again(self, briefing: Briefing, wanted: Mapping[str, int]) -> int:
        """Want this many answers in all to these items, which are there; how many items that changed."""
        ...

    def collect(self, cycle_id: str, since: str | None = None) -> Collection:
        """Every answer, skips included, to the items that changed since a cursor; to all items without one."""
        ...

    def items(self, cycle_id: str) -> list[str]:
        """The item ids that the system holds for the cycle, doubles included; empty if somebody deleted them."""
        ...

    def close(self, cycle_id: str) -> None:
        """Ask nobody any more; what was answered stays readable."""
        ...

    def archive(self, cycle_id: str, folder: Path) -> list[Path]:
        """Write everything that the system holds of a closed cycle to files, whole or not at all."""
        ...


class PredictionReader(Protocol):
    """connectors/prediction_log/: what the deployed model said.

    `problems` are those met so far: what was left out, or counted although it looks wrong.
    """

    problems: list[Problem]

    def days(self) -> list[date]:
        """The days that have predictions, oldest first."""
        ...

    def profile(self, first: date, last: date, model_version: str | None = None) -> Profile:
        """Counts of the window, both ends included. NotEnoughData when it holds no prediction."""
        ...

    def candidates(self, first: date, last: date, *, min_users: int, model_version: str | None = None) -> Showable:
        """Distinct queries of at least `min_users` users, and how many were held back."""
        ...


class Predictor(Protocol):
    """A registered version that was loaded; answers without this project's code."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns of `predict`."""
        ...

    def predict(self, queries: Sequence[str]) -> Floats:
        """Probabilities, shape (n, len(labels))."""
        ...


class ModelRegistry(Protocol):
    """connectors/registry/: versions, their files, and who is champion."""

    def log_run(  # noqa: PLR0913 - a run is exactly these things
        self,
        *,
        key: str,
        model_type: str,
        saved: SavedModel,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        documents: Mapping[str, str],
    ) -> str:
        """The run id of the run with this key; logged on the first call, found on later ones."""
        ...

    def register(self, run_id: str, *, key: str, model_type: str, tags: Mapping[str, str]) -> ModelVersion:
        """The version with this key; made on the first call, found on later ones."""
        ...

    def versions(self) -> list[ModelVersion]:
        """All versions of the model, oldest first."""
        ...

    def load(self, version: str) -> Predictor:
        """The version, ready to predict."""
        ...

    def champion(self) -> str | None:
        """The version the alias `champion` points to."""
        ...

    def set_champion(self, version: str) -> None:
        """Point the alias there."""
        ...

    def attach(
        self,
        version: str,
        *,
        documents: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        """Write documents to the version's run and tags and a description to the version; repeatable."""
        ...

    def documents(self, version: str) -> list[str]:
        """The names of the documents of the version's run."""
        ...

    def document(self, version: str, name: str) -> str | None:
        """The text of one of them, None where there is none of that name."""
        ...

    def log_metrics(self, version: str, metrics: Mapping[str, float], at: datetime) -> None:
        """Figures of a moment in the version's life, one series for each name."""
        ...


class LabourImporter(Protocol):
    """connectors/labour_import/: what an export of another place tells of the work that people did there."""

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """Every piece of work in the file, in its order, and the rows that cannot be used, each with its line.

        Raises BadData when the file is none of this format at all, or was cut short: then nothing of it counts.
        """
        ...


Progress = Callable[[str], AbstractContextManager[None]]
"""`with progress("Training the linear challenger"):` shows what is being waited for."""
