"""What models learn from, how they are saved and judged, and their versions."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled query of a training set."""

    query: str
    label: str
    weight: float
    source: str


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Immutable and named by its content: the same examples in any order have the same digest."""

    examples: tuple[Example, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the sorted examples."""
        lines = sorted(f"{e.source}\t{e.label}\t{e.weight!r}\t{e.query}" for e in self.examples)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(sorted({e.label for e in self.examples}))


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """A trained model as files that name no module of this project.

    `serving_file` is MLflow models-from-code; `artifacts` maps the names it asks for to files.
    """

    serving_file: str
    artifacts: Mapping[str, str]
    requirements: tuple[str, ...]


class Slice(StrEnum):
    """Which traffic a gate compares on."""

    TODAY = "today"
    BEFORE = "before the shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAnswer:
    """One labelled query, not trained on, as champion and challenger see it."""

    query: str
    slice: Slice
    label: str
    champion: str
    challenger: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One question the gate asks of the challenger, with its figures."""

    name: str
    passed: bool
    n: int
    champion_accuracy: float
    challenger_accuracy: float
    statistic: float
    threshold: float
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The gate's verdict: passed when every check passed."""

    gate: str
    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether the challenger may replace the champion."""
        return bool(self.checks) and all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version in the registry. `version` is the registry's number as text."""

    model: str
    version: str
    model_type: str
    mlflow_run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
