"""What the last look saw, for a page: the alarms that are on, and apart from them all that is no alarm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isclose
from statistics import median
from typing import Any

from pydantic_core import to_jsonable_python

from cycle.alarms import Alarm, as_document
from cycle.alarms import alarms as alarms_of
from cycle.records import Look, Mute, SetAside
from cycle.store import Store
from dashboard.columns import Column, columns, spans_of
from kempelen.errors import Problem
from kempelen.records import DriftReport, Evidence

WORDS = "term_surge"
"""The detector whose subjects are words."""

NAMES_WORDS = (WORDS, "vocabulary")
"""The detectors that name words beside a subject."""

MOST_SUSPECTS = 12
"""Suspects that are named."""

LONGEST_CLAIM = 1_000
"""Years beyond which nothing is claimed: no test's approximations hold so far out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing that an alarm names, with its share of the traffic by day; `before` and `now` are dates to read."""

    evidence: Evidence
    columns: tuple[Column, ...]
    before: str
    now: str
    n_reference: int | None
    n_current: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Subjects that changed together: the clearest, those with figures of their own, and the names of the rest."""

    lead: Subject
    members: tuple[Subject, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An alarm as the page shows it; `earlier` are subjects that it named at former looks only.

    Chance alone raises an alarm of this detector at most once in `years`, one so clear at most once in `clear_years`.
    """

    alarm: Alarm
    on: bool
    groups: tuple[Group, ...]
    earlier: tuple[str, ...]
    years: int | None
    clear_years: int | None

    @property
    def words(self) -> bool:
        """Whether its subjects are words, and not labels or figures."""
        return self.alarm.detector == WORDS

    @property
    def names_words(self) -> bool:
        """Whether what it names beside a subject are words."""
        return self.alarm.detector in NAMES_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the last look saw: silence is told apart from "could not answer".

    `minutes_per_label` is the human time of one settled label, None while no person has answered.
    """

    last: Look | None
    looks: int
    on: tuple[Shown, ...]
    over: tuple[Shown, ...]
    mutes: tuple[Mute, ...]
    minutes_per_label: float | None

    @property
    def quiet(self) -> bool:
        """Whether no alarm is on."""
        return not self.on

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the alarms that are on name, the leading one of each group."""
        leads = (group.lead.evidence.subject for shown in self.on if shown.words for group in shown.groups)
        return tuple(dict.fromkeys(leads))

    @property
    def undecided(self) -> tuple[Problem, ...]:
        """Detectors that could not answer at the last look, and why."""
        return self.last.undecided if self.last else ()

    @property
    def aside(self) -> tuple[SetAside, ...]:
        """What the last look saw and set aside."""
        return self.last.set_aside if self.last else ()

    @property
    def other_mutes(self) -> tuple[Mute, ...]:
        """The mutes that are in force, and set nothing aside at the last look."""
        told = {(one.detector, one.subject) for one in self.aside}
        return tuple(mute for mute in self.mutes if (mute.detector, mute.subject) not in told)

    @property
    def hints(self) -> tuple[DriftReport, ...]:
        """What the last look suggests to look at: never an alarm."""
        return tuple(report for report in self.last.reports if report.hint and report.drifted) if self.last else ()

    @property
    def suspects(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """By detector, what may have changed beside its evidence: where to ask people."""
        beside = [
            (report.detector, tuple(s for s in report.suspects if s not in {e.subject for e in report.evidence}))
            for report in (self.last.reports if self.last else ())
        ]
        return tuple((detector, found[:MOST_SUSPECTS]) for detector, found in beside if found)

    @property
    def open_questions(self) -> tuple[DriftReport, ...]:
        """Reports that more human labels would decide."""
        return tuple(report for report in self.last.reports if report.labels_to_decide) if self.last else ()

    def minutes(self, labels: int) -> int | None:
        """The human minutes of so many labels."""
        return None if self.minutes_per_label is None else max(1, round(labels * self.minutes_per_label))

    def said(self, report: DriftReport) -> str:
        """The verdict of a report of the last look, in a few words."""
        if report.hint:
            return "look there" if report.drifted else "no hint"
        if not report.drifted:
            return "no alarm"
        raised = self.last is not None and any(one.detector == report.detector for one in self.last.alarms)
        return "alarm" if raised else "changed, set aside"


def watching(store: Store, model: str) -> Watching:
    """Everything about the alarms of a model, those that are on first seen first, those that are over newest first."""
    looks = store.looks(model)
    last = looks[-1] if looks else None
    shown = [_shown(alarm, last.at) for alarm in alarms_of(looks, store.acknowledgements(model))] if last else []
    return Watching(
        last=last,
        looks=len(looks),
        on=tuple(one for one in shown if one.on),
        over=tuple(one for one in reversed(shown) if not one.on),
        mutes=_in_force(store.mutes(model), last.at.date()) if last else (),
        minutes_per_label=_minutes_per_label(store, model),
    )


def as_json(store: Store, model: str) -> dict[str, Any]:
    """The alarms of a model, and what the last look saw beside them, as plain data."""
    seen = watching(store, model)
    document = {
        "set_aside": seen.aside,
        "hints": seen.hints,
        "undecided": seen.undecided,
        "muted": seen.mutes,
        "open_questions": [
            {"detector": report.detector, "labels": labels, "minutes": seen.minutes(labels)}
            for report in seen.open_questions
            if (labels := report.labels_to_decide)
        ],
    }
    alarms = [*seen.on, *seen.over]
    return {
        "model": model,
        "looked_at": seen.last.at.isoformat() if seen.last else None,
        "alarms": [{**as_document(one.alarm), "on": one.on} for one in alarms],
        **to_jsonable_python(document, inf_nan_mode="constants"),
    }


def _shown(alarm: Alarm, now: datetime) -> Shown:
    named = {evidence.subject for evidence in alarm.report.evidence}
    years, clear_years = by_chance(alarm.report)
    return Shown(
        alarm=alarm,
        on=alarm.is_on(now),
        groups=tuple(grouped(alarm.report)),
        earlier=tuple(subject for subject in alarm.subjects if subject not in named),
        years=years,
        clear_years=clear_years,
    )


def by_chance(report: DriftReport) -> tuple[int | None, int | None]:
    """Chance alone: an alarm at most once in so many years, one as clear as this at most once in so many.

    The first is the detector's part of the year's budget. Were that part smaller, down to `10 ** -statistic`, this
    would still be an alarm: hence the second. None where a report does not say it on that scale.
    """
    if not report.evidence or not isclose(10.0**-report.threshold, report.alpha, rel_tol=1e-6):
        return None, None
    clearest = min((e.p_value / e.budget for e in report.evidence if e.budget), default=1.0) * report.alpha
    return int(1 / report.alpha), int(min(1 / max(clearest, 1e-9), LONGEST_CLAIM))


def grouped(report: DriftReport) -> list[Group]:
    """The evidence of a report, each subject once: under the clearest one that it changed together with."""
    found = {evidence.subject: evidence for evidence in report.evidence}
    groups, placed = [], set[str]()
    for evidence in report.evidence:
        if evidence.subject not in placed:
            beside = [name for name in evidence.together if name not in placed and name != evidence.subject]
            placed.update([evidence.subject, *beside])
            members = tuple(_subject(found[name], report) for name in beside if name in found)
            names = tuple(name for name in beside if name not in found)
            groups.append(Group(lead=_subject(evidence, report), members=members, names=names))
    return groups


def _subject(evidence: Evidence, report: DriftReport) -> Subject:
    before = [day.day for day in evidence.daily if day.predictions and not _current(day.day, evidence)]
    now = [day.day for day in evidence.daily if day.predictions and _current(day.day, evidence)]
    return Subject(
        evidence=evidence,
        columns=columns(evidence),
        before=spans_of(before),
        now=spans_of(now),
        n_reference=_out_of(evidence.reference_count, evidence.reference_share, report.n_reference),
        n_current=_out_of(evidence.current_count, evidence.current_share, report.n_current),
    )


def _current(day: date, evidence: Evidence) -> bool:
    return evidence.first is not None and day >= evidence.first


def _out_of(count: float, share: float, window: int) -> int | None:
    """What a count is a share of: seldom the whole window. None where a share is no simple fraction."""
    whole = count / share if share else float(window)
    return round(whole) if whole and isclose(whole, round(whole), rel_tol=1e-6) else None


def _in_force(mutes: Iterable[Mute], today: date) -> tuple[Mute, ...]:
    latest = {(mute.detector, mute.subject): mute for mute in mutes}
    return tuple(mute for mute in latest.values() if today < mute.until)


def _minutes_per_label(store: Store, model: str) -> float | None:
    """Median time of a person's answer, times the answers that settle an item. Simulated answers count for nothing."""
    cycles = store.cycles(model)
    answers = [answer for cycle in cycles for answer in store.answers(cycle.cycle_id) if not answer.simulated]
    times: Sequence[float] = [answer.lead_time_s for answer in answers if answer.lead_time_s is not None]
    votes = [label.votes for cycle in cycles for label in store.consensus(cycle.cycle_id).values()]
    return median(times) * median(votes) / 60 if times and votes else None
