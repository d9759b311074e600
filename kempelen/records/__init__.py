"""The values that cross from one stage to the next: frozen, keyword-only, nothing contradictory.

Windows of days include both ends. Moments are timezone-aware and in UTC.
"""

from kempelen.records.asking import (
    Annotation,
    Answered,
    Briefing,
    Collection,
    ConsensusLabel,
    Estimate,
    LabelRequest,
    Pool,
    Purpose,
    Queue,
    Scrubbed,
)
from kempelen.records.drift import AuditedAnswer, DayCount, DriftReport, Evidence, Window
from kempelen.records.effort import DeclaredWork, Effort, Kind, Provenance
from kempelen.records.models import (
    Example,
    GateCheck,
    GateReport,
    ModelVersion,
    PairedAnswer,
    SavedModel,
    Slice,
    TrainingSet,
)
from kempelen.records.traffic import Candidate, Prediction, Showable

__all__ = [
    "Annotation",
    "Answered",
    "AuditedAnswer",
    "Briefing",
    "Candidate",
    "Collection",
    "ConsensusLabel",
    "DayCount",
    "DeclaredWork",
    "DriftReport",
    "Effort",
    "Estimate",
    "Evidence",
    "Example",
    "GateCheck",
    "GateReport",
    "Kind",
    "LabelRequest",
    "ModelVersion",
    "PairedAnswer",
    "Pool",
    "Prediction",
    "Provenance",
    "Purpose",
    "Queue",
    "SavedModel",
    "Scrubbed",
    "Showable",
    "Slice",
    "TrainingSet",
    "Window",
]
