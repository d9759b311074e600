"""What people are asked, what they answer, and what their answers support."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kempelen.errors import Problem
from kempelen.records.traffic import Candidate


class Purpose(StrEnum):
    """What an answer is for. Drawn at random before anybody has answered.

    A `gold` item has a known label: it is asked to learn how far answers can be trusted, never to rank people.
    """

    TRAINING = "training"
    AUDIT = "audit"
    GOLD = "gold"


class Queue(StrEnum):
    """Who is asked: everybody, or those named as experts."""

    ANNOTATORS = "annotators"
    EXPERTS = "experts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is known of an item by now: its consensus label, and what the champion had suggested."""

    query: str
    label: str
    suggestion: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """What a query strategy may look at: the items that could be asked about, and what is known so far.

    `surging` are words, `segments` predicted labels that alarms have named. `challenger` holds the probabilities that
    a model trained on the answers so far gives the candidates, shape (candidates, labels), columns as `labels`;
    None before there are answers. `answered` are the items of this cycle that are settled.
    """

    candidates: tuple[Candidate, ...]
    labels: tuple[str, ...]
    surging: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    challenger: NDArray[np.float64] | None = None
    answered: tuple[Answered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """One item to be put before people: why, and with what probability it was chosen.

    `inclusion_probability` is the chance that this item was asked for in this round at all, by any
    strategy; `audit_probability` the chance that it was asked for *and* kept for the audit. A gold item was not
    drawn from traffic: it has 1 and 0. `query` is what people see, without the personal data of the kinds in
    `scrubbed`. A `blind` item is shown without the suggestion. `hazards` name what may distress people.
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
    days: int = 1
    blind: bool = False
    scrubbed: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    expected_seconds: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.inclusion_probability <= 1:
            raise ValueError(f"Item {self.item_id} has inclusion probability {self.inclusion_probability}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One answer of one person, as the annotation system has it.

    `annotator` is the system's own identifier of the person (never a name or an address);
    `label` is None for a skip. `lead_time_s` is what the system reports, None if it reports nothing.
    `changed_at` is when it was last edited, None if it never was. An `expert` is one whom the settings name.
    """

    source_id: str
    item_id: str
    annotator: str
    label: str | None
    lead_time_s: float | None
    started_at: datetime | None
    submitted_at: datetime
    simulated: bool
    changed_at: datetime | None = None
    expert: bool = False

    @property
    def skipped(self) -> bool:
        """Whether the person chose not to answer."""
        return self.label is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What one reading of the annotation system found.

    `annotations` are all answers, as they are now, to the items in `read`: those that changed since the cursor
    that was given. An answer known from before to one of them that is not among these was deleted there.
    `drafts` counts answers that were begun and not sent. `cursor` is what the next reading is given.
    """

    annotations: tuple[Annotation, ...]
    read: frozenset[str]
    problems: tuple[Problem, ...] = ()
    drafts: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusLabel:
    """The label that the answers to one item support; `confidence` is the rule's own, in [0, 1]."""

    item_id: str
    label: str
    confidence: float
    votes: int
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What an annotator is told before the first item and beside each: who asks, what for, and on what terms.

    `pay` and `data_handling` are sentences. `hazards` name what some items may hold. `known_answers` says whether items
    with a known label are among the others: people are told.
    """

    cycle_id: str
    title: str
    asker: str
    model: str
    use: str
    contact: str
    labels: tuple[str, ...]
    answers_per_item: int
    queue: Queue = Queue.ANNOTATORS
    pay: str = ""
    data_handling: str = ""
    hazards: tuple[str, ...] = ()
    known_answers: bool = False
    break_after_minutes: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share of the traffic, estimated from answers whose inclusion probabilities are known, with its interval.

    `low` to `high` covers the truth with probability `confidence`. `effective` is how many answers, drawn
    uniformly from the traffic, would say as much as the `answers` it rests on.
    """

    value: float
    low: float
    high: float
    confidence: float
    answers: int
    effective: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbed:
    """A text without the personal data that was found in it, and the kinds of what was taken out."""

    text: str
    kinds: tuple[str, ...]
