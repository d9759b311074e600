"""From drift reports to alarms that a person can live with: set aside what is known, count what goes on as one.

A detector says what changed. Whether that is an alarm also depends on what people know: a season they
expect, a subject somebody muted, words that the version in service was just trained on. Nothing is
hidden by that: what was set aside stays in the look, with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Any

from pydantic_core import to_jsonable_python

from cycle.records import Acknowledgement, Look, Mute, SetAside
from kempelen.records import DriftReport
from kempelen.settings import ExpectedChange
from kempelen.text import normalise


class Severity(StrEnum):
    """How much of the traffic an alarm is about."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One detector's alarms about one version that follow each other: one thing to know, however often it was seen.

    `set_aside` is the reason why the latest look, which still saw the change, took it for none.
    """

    model: str
    version: str
    detector: str
    first_at: datetime
    last_at: datetime
    looks: int
    severity: Severity
    report: DriftReport
    subjects: tuple[str, ...]
    quiet_days: int
    acknowledged: Acknowledgement | None = None
    set_aside: str | None = None

    @property
    def alarm_id(self) -> str:
        """A name to speak of it by: model, version, day and detector."""
        return name_of(self.model, self.version, self.detector, self.first_at)

    def is_on(self, now: datetime) -> bool:
        """Whether it was seen in the last `quiet_days` days, and was not set aside since."""
        return self.set_aside is None and _follows(self.last_at, now, self.quiet_days)


def as_document(alarm: Alarm) -> dict[str, Any]:
    """The alarm as plain data, ready for JSON; a rise from nothing has the ratio None."""
    document = to_jsonable_python(alarm, inf_nan_mode="constants")
    for evidence, one in zip(document["report"]["evidence"], alarm.report.evidence, strict=True):
        evidence["ratio"] = one.ratio if isfinite(one.ratio) else None
    return {"alarm_id": alarm.alarm_id, **document}


def name_of(model: str, version: str, detector: str, first_at: datetime) -> str:
    """What an alarm that was first seen at a moment is called."""
    return f"{model}-{version}-{first_at:%Y%m%d}-{detector}"


def alarms(looks: Sequence[Look], acknowledgements: Iterable[Acknowledgement] = ()) -> list[Alarm]:
    """The alarms among looks (oldest first), in the order in which they were first seen.

    Looks at which a detector alarms about the same version are one alarm as long as no gap between
    them is longer than `quiet_days`. Its `report` is the latest; its severity the highest it had.
    """
    seen_by = {one.alarm_id: one for one in acknowledgements}
    runs: dict[tuple[str, str], list[list[tuple[Look, DriftReport]]]] = {}
    for look in looks:
        for report in look.alarms:
            of_detector = runs.setdefault((look.version, report.detector), [])
            if of_detector and _follows(of_detector[-1][-1][0].at, look.at, look.quiet_days):
                of_detector[-1].append((look, report))
            else:
                of_detector.append([(look, report)])
    found = [_alarm(run, seen_by, looks[-1]) for of_detector in runs.values() for run in of_detector]
    return sorted(found, key=lambda alarm: (alarm.first_at, alarm.detector))


def _follows(before: datetime, after: datetime, quiet_days: int) -> bool:
    return after.date() - before.date() <= timedelta(days=quiet_days)


def _alarm(run: Sequence[tuple[Look, DriftReport]], seen_by: Mapping[str, Acknowledgement], latest: Look) -> Alarm:
    (first, _), (last, report) = run[0], run[-1]
    name = name_of(first.model, first.version, report.detector, first.at)
    return Alarm(
        model=first.model,
        version=first.version,
        detector=report.detector,
        first_at=first.at,
        last_at=last.at,
        looks=len(run),
        severity=max((severity(one, look.critical_share) for look, one in run), key=list(Severity).index),
        report=report,
        subjects=tuple(dict.fromkeys(e.subject for _, one in run for e in one.evidence)),
        quiet_days=last.quiet_days,
        acknowledged=seen_by.get(name),
        set_aside=_reason(report, latest) if latest is not last and latest.version == last.version else None,
    )


def _reason(report: DriftReport, latest: Look) -> str | None:
    """Why a look set aside all that an alarm was about; None if it did not."""
    why = {one.subject: one.why for one in latest.set_aside if one.detector == report.detector}
    if "" in why:
        return why[""]
    subjects = [evidence.subject for evidence in report.evidence]
    return why[subjects[0]] if subjects and why.keys() >= set(subjects) else None


def severity(report: DriftReport, critical_share: float) -> Severity:
    """Critical when one subject's share moved by `critical_share` or more: of the traffic, or of wrong answers."""
    largest = max((abs(e.current_share - e.reference_share) for e in report.evidence), default=0.0)
    return Severity.CRITICAL if largest >= critical_share else Severity.WARNING


def in_force(mutes: Iterable[Mute], today: date) -> dict[tuple[str, str], Mute]:
    """The mutes (all there were, oldest first) that a day heeds, by detector and normalised subject."""
    latest = {(mute.detector, normalise(mute.subject)): mute for mute in mutes}
    return {about: mute for about, mute in latest.items() if today < mute.until}


def set_aside(
    reports: Iterable[DriftReport],
    today: date,
    *,
    expected: Iterable[ExpectedChange] = (),
    mutes: Iterable[Mute] = (),
    handled: Mapping[str, str] | None = None,
) -> tuple[SetAside, ...]:
    """What is no alarm although it changed, each with the reason. Words are compared as the log normalises them.

    `mutes` are all there were, oldest first; `handled` maps a subject to the reason why it is dealt with.
    """
    seasons = [one for one in expected if one.covers(today)]
    muted = in_force(mutes, today)
    aside = []
    for report in (report for report in reports if report.drifted):
        for subject in ["", *(evidence.subject for evidence in report.evidence)]:
            why = _why(report.detector, subject, seasons, muted, handled or {})
            if why:
                aside.append(SetAside(detector=report.detector, subject=subject, why=why))
    return tuple(aside)


def _why(
    detector: str,
    subject: str,
    seasons: Iterable[ExpectedChange],
    muted: Mapping[tuple[str, str], Mute],
    handled: Mapping[str, str],
) -> str | None:
    """The reason why a subject of a detector is no alarm today, if there is one."""
    mute = muted.get((detector, normalise(subject)))
    if mute:
        return f"muted by {mute.by} until {mute.until}: {mute.reason}"
    season = next((one for one in seasons if normalise(subject) in map(normalise, one.subjects)), None)
    if season:
        return f"expected from {season.first} to {season.last}: {season.name}"
    return handled.get(subject)
