"""The values that cross from one stage to the next: frozen, keyword-only, nothing contradictory.

Windows of days include both ends. Moments are timezone-aware and in UTC.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from kempelen import text
from kempelen.profile import Profile

# ---------------------------------------------------------------- what the model said


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer of a deployed model to one query of one user."""

    prediction_id: str
    at: datetime
    text: str
    model_version: str
    probabilities: Mapping[str, float]
    user: str

    @property
    def query(self) -> str:
        """The normalised text."""
        return text.normalise(self.text)

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of that label."""
        return max(self.probabilities.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One distinct query that could be shown to a person, with the traffic behind it."""

    item_id: str
    query: str
    predictions: int
    users: int
    model_version: str
    probabilities: Mapping[str, float]

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of that label."""
        return max(self.probabilities.values())

    @property
    def margin(self) -> float:
        """How far the best label is ahead of the second, in [0, 1]."""
        best = sorted(self.probabilities.values(), reverse=True)
        return best[0] - best[1] if len(best) > 1 else best[0]


# ---------------------------------------------------------------- drift


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedAnswer:
    """A prediction that people checked, with the known chance with which it was sent to them.

    `probability` is the chance that this item was drawn for the audit in its draw (a cycle and round);
    `predictions` of `traffic` predictions that the draw was made from are its own.
    """

    item_id: str
    query: str
    label: str
    prediction: str
    probability: float
    predictions: int
    traffic: int
    draw: str
    at: datetime

    @property
    def wrong(self) -> bool:
        """Whether people disagree with the model."""
        return self.label != self.prediction

    @property
    def weight(self) -> float:
        """The share of the traffic that it stands for (Horvitz-Thompson); those of a draw sum to 1 on average."""
        return self.predictions / self.traffic / self.probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """All that a detector may compare: two profiles, and the audited answers of this model version.

    `today` is the last current day if it is not over yet: then its counts can only grow. `seconds_per_label`
    is the human time that one settled label takes. `predecessors` counts the versions that were
    in service before this one within the year of the false-alarm budget. `surging` are the words that
    alarms about this version have named, in the order in which they were first named. A `borrowed`
    reference is that of an earlier version: its words can be compared, the answers of two versions cannot.
    """

    reference: Profile
    current: Profile
    audited: tuple[AuditedAnswer, ...] = ()
    today: date | None = None
    seconds_per_label: float | None = None
    predecessors: int = 0
    surging: tuple[str, ...] = ()
    borrowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How often a subject occurred on a day, among how many predictions."""

    day: date
    count: float
    predictions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that changed, in figures a person can check: a term, a label, a confidence, a risk.

    Counts and shares are of the reference and of the current days from `first` on. `p_value` was to be below
    `budget`, the part of the year's false-alarm budget that this question had. `since` is the most
    likely day of the change. `together` are subjects that changed with it, mostly in the same queries. `examples`
    are current queries that enough people asked. `says` is all of it in a sentence.
    """

    subject: str
    reference_count: float
    current_count: float
    reference_share: float
    current_share: float
    p_value: float
    budget: float = 0.0
    first: date | None = None
    since: date | None = None
    label: str | None = None
    confidence: float | None = None
    users: int | None = None
    daily: tuple[DayCount, ...] = ()
    together: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    says: str = ""

    @property
    def ratio(self) -> float:
        """How many times its former share it now has; infinity for what was never seen."""
        return self.current_share / self.reference_share if self.reference_share else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """One comparison. `drifted` is derived, so report and verdict cannot disagree.

    `statistic` and `threshold` are on the detector's own scale, larger meaning more change; `alpha` is the
    detector's part of the year's false-alarm budget, all looks of the year together. `evidence` is what
    the alarm rests on; `suspects` are, beside it, subjects that changed by a weaker standard (a false
    discovery rate instead of no false alarm): where to ask people, not what to believe. A `hint` says where
    to look and is never an alarm by itself. `labels_to_decide` is how many more human labels an open
    question would need, where that can be told.
    """

    detector: str
    statistic: float
    threshold: float
    alpha: float
    n_reference: int
    n_current: int
    summary: str
    evidence: tuple[Evidence, ...] = ()
    suspects: tuple[str, ...] = ()
    hint: bool = False
    labels_to_decide: int | None = None

    @property
    def drifted(self) -> bool:
        """Whether the change is beyond what chance allows."""
        return self.statistic > self.threshold


# ---------------------------------------------------------------- asking people


class Purpose(StrEnum):
    """What an answer is for. Drawn at random before anybody has answered."""

    TRAINING = "training"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """One item to be put before people: why, and with what probability it was chosen.

    `inclusion_probability` is the chance that this item was asked for in this round at all, by any
    strategy; `audit_probability` the chance that it was asked for *and* kept for the audit.
    """

    cycle_id: str
    round: int
    item_id: str
    query: str
    predictions: int
    users: int
    model_version: str
    suggestion: str
    confidence: float
    strategy: str
    reason: str
    purpose: Purpose
    inclusion_probability: float
    audit_probability: float

    def __post_init__(self) -> None:
        if not 0 < self.inclusion_probability <= 1:
            raise ValueError(f"Item {self.item_id} has inclusion probability {self.inclusion_probability}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One answer of one person, as the annotation system has it.

    `annotator` is the system's own identifier of the person (never a name or an address);
    `label` is None for a skip. `lead_time_s` is what the system reports, None if it reports nothing.
    """

    source_id: str
    item_id: str
    annotator: str
    label: str | None
    lead_time_s: float | None
    started_at: datetime | None
    submitted_at: datetime
    simulated: bool

    @property
    def skipped(self) -> bool:
        """Whether the person chose not to answer."""
        return self.label is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusLabel:
    """The label that the answers to one item support."""

    item_id: str
    label: str
    confidence: float
    votes: int
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What an annotator is told before the first item: who asks, and what for."""

    cycle_id: str
    title: str
    asker: str
    model: str
    use: str
    contact: str
    labels: tuple[str, ...]
    answers_per_item: int


# ---------------------------------------------------------------- models


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


# ---------------------------------------------------------------- human effort


class Kind(StrEnum):
    """What human effort was for (after Tubaro, Casilli & Coville 2020, Big Data & Society 7(1))."""

    PREPARATION = "preparation"
    VERIFICATION = "verification"
    IMPERSONATION = "impersonation"
    FEEDBACK = "feedback"


class Provenance(StrEnum):
    """Where a figure of effort comes from. Only `measured` and `declared` effort is human effort."""

    MEASURED = "measured"
    DECLARED = "declared"
    SIMULATED = "simulated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Seconds that a person gave, between a low and a high bound, by a named policy."""

    low_s: Decimal
    high_s: Decimal
    policy: str

    def __post_init__(self) -> None:
        if not Decimal(0) <= self.low_s <= self.high_s:
            raise ValueError(f"Effort from {self.low_s} s to {self.high_s} s is no interval.")
