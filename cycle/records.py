"""What the store remembers of a cycle, a look, a version and a promotion."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from kempelen.errors import Problem
from kempelen.records import Annotation, DriftReport, Evidence, GateReport
from kempelen.states import State


class Reason(StrEnum):
    """Why a cycle was opened."""

    ALARM = "alarm"
    AUDIT = "audit"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One pass of the loop: asked about `champion`, over `rounds` days."""

    cycle_id: str
    model: str
    reason: Reason
    champion: str
    opened_at: datetime
    rounds: int

    @property
    def trains(self) -> bool:
        """Whether its answers may end in a new version; an audit only measures."""
        return self.reason is not Reason.AUDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleEvent:
    """Something that moved a cycle."""

    cycle_id: str
    state: State
    at: datetime
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """How right the champion thinks it is on a part of a round's traffic.

    `share` of the traffic has this predicted label; `right` is the sum of share times confidence over it.
    """

    share: float
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An audited item of an earlier round in the traffic of this one, and what the champion says of it now."""

    predictions: int
    suggestion: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One day's asking within a cycle.

    It was drawn from `candidates` with `traffic` predictions, those of the `known` audit items, by item id,
    among them: their answers are still valid, and nobody is asked twice. `since` are the days on which the surging
    words began: earlier answers on them hold no more, `expired` of the candidates had one. `beliefs` are the
    champion's own, by predicted label. `heaviest` is the largest weight (share of traffic over chance to be
    audited) of a candidate that was not certain, drawn or not: the audit's bets are bounded by it. `held_back`
    queries with `held_back_predictions` had too few users to be shown to anybody; of the surging words in `hidden`
    none could be shown. `challenger_accuracy` is what a model trained on the answers so far reached on today's
    traffic. A round that is not asked says why in `stopped`.
    """

    cycle_id: str
    number: int
    at: datetime
    surging: tuple[str, ...]
    candidates: int
    held_back: int
    traffic: int = 0
    held_back_predictions: int = 0
    hidden: tuple[str, ...] = ()
    since: Mapping[str, date] = field(default_factory=dict)
    expired: int = 0
    known: Mapping[str, Known] = field(default_factory=dict)
    beliefs: Mapping[str, Belief] = field(default_factory=dict)
    heaviest: float | None = None
    challenger_accuracy: float | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of an answer after it was collected: it was edited, or deleted (`now` is None)."""

    source_id: str
    at: datetime
    now: Annotation | None


CURRENT = "current window"
"""What a look calls the traffic of the last days, where it says that there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A change that was seen and is no alarm: `subject` of a detector's report (empty: all of it), and why."""

    detector: str
    subject: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of `watch`: every detector either reported or said why it could not.

    `problems` are rows of the log that were left out, or look wrong. `quiet_days` and `critical_share` are the
    settings by which its alarms are counted and weighed.
    """

    model: str
    version: str
    at: datetime
    reports: tuple[DriftReport, ...]
    undecided: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()
    problems: tuple[Problem, ...] = ()
    quiet_days: int = 3
    critical_share: float = 0.05

    @property
    def alarms(self) -> tuple[DriftReport, ...]:
        """The reports that are alarms, with what was set aside left out of their evidence."""
        pressing = ((report, self._pressing(report)) for report in self.reports if report.drifted and not report.hint)
        return tuple(
            _only(report, evidence)
            for report, evidence in pressing
            if evidence or not (report.evidence or self._aside(report.detector))
        )

    @property
    def verdict(self) -> str:
        """The look in a few words. A detector that could not answer is never taken for a quiet one."""
        if self.alarms:
            return "alarm"
        if not self.reports:
            return "cannot tell yet"
        return "no alarm, as far as can be told yet" if self.undecided else "no alarm at the last look"

    @property
    def blind(self) -> bool:
        """Whether there was no traffic to look at: the service was not asked, or logs something or somewhere else."""
        return any(problem.subject == CURRENT for problem in self.undecided)

    def _aside(self, detector: str) -> set[str]:
        return {one.subject for one in self.set_aside if one.detector == detector}

    def _pressing(self, report: DriftReport) -> tuple[Evidence, ...]:
        aside = self._aside(report.detector)
        return () if "" in aside else tuple(e for e in report.evidence if e.subject not in aside)


def _only(report: DriftReport, evidence: tuple[Evidence, ...]) -> DriftReport:
    """The report with some of its evidence, and a summary of just that."""
    if evidence == report.evidence:
        return report
    said = " ".join(one.says for one in evidence if one.says)
    return replace(report, evidence=evidence, summary=said or report.summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A person's wish that a detector, or one subject of it, raises no alarm before a day. The latest one counts."""

    model: str
    detector: str
    subject: str
    until: date
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A person has seen an alarm, and says what it is or who deals with it."""

    model: str
    alarm_id: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A trained and registered version, champion or not."""

    model: str
    version: str
    model_type: str
    mlflow_run_id: str
    trained_at: datetime
    training_digest: str
    examples: int
    cycle_id: str | None
    trained_on_cycles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the gate said of one challenger of a cycle."""

    cycle_id: str
    model_type: str
    report: GateReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The moment at which a version entered service. `sequence` counts up by one, without gaps."""

    model: str
    sequence: int
    version: str
    at: datetime
    cycle_id: str | None
    note: str
