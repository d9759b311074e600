"""Our detectors on a scene, as `watch` runs them: once a day, when the day is over, with the settings' defaults."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from benchmarks._days import Answers, Day, Ints, Scene, profile
from benchmarks._fixed_n import Alarms
from kempelen import plugins, text
from kempelen.errors import NotEnoughData
from kempelen.profile import Profile
from kempelen.protocols import DriftDetector
from kempelen.records import AuditedAnswer, DriftReport, Window
from kempelen.settings import DriftSettings, SelectionSettings

AUDIT = "audit_risk"
SAMPLED = "domain_classifier"
"""Reads samples of queries, where the others count; it takes most of the time."""

HINT = " (hint)"
"""Marks a detector whose findings are no alarms."""

_SETTINGS = DriftSettings()


def detectors() -> dict[str, DriftDetector]:
    """The default detectors, each with its part of the year's budget."""
    return {
        name: plugins.build("drift", name, {"alpha": _SETTINGS.alpha_per_year * share})
        for name, share in _SETTINGS.detectors.items()
    }


COUNTING = frozenset(_SETTINGS.detectors) - {AUDIT, SAMPLED}


def verdicts(scene: Scene, names: Collection[str] = COUNTING | {SAMPLED}) -> dict[str, Alarms]:
    """The days with an alarm by detector, each with the words it names."""
    built = {name: detector for name, detector in detectors().items() if name in names}
    found: dict[str, dict[date, tuple[str, ...]]] = {name: {} for name in built}
    hints: set[str] = set()
    reference = profile(scene.reference)
    for day, current in _looks(scene):
        for name, report in _reports(built, Window(reference=reference, current=current)):
            hints |= {name} if report.hint else set()
            if report.drifted:
                found[name][day] = _names(report)
    return {f"Kempelen, {name}{HINT if name in hints else ''}": alarms for name, alarms in found.items()}


def together(alarms: Iterable[Alarms]) -> Alarms:
    """The alarms of several detectors as those of one."""
    merged: dict[date, tuple[str, ...]] = {}
    for one in alarms:
        for day, names in one.items():
            merged[day] = merged.get(day, ()) + names
    return merged


def _looks(scene: Scene) -> Iterator[tuple[date, Profile]]:
    """Each live day with the profile that a look just after it compares: the days of the horizon."""
    for n, day in enumerate(scene.live):
        yield day.day, profile(scene.live[max(0, n + 1 - _SETTINGS.horizon_days) : n + 1])


def _reports(built: Mapping[str, DriftDetector], window: Window) -> Iterator[tuple[str, DriftReport]]:
    """What each detector reports; one that cannot answer does not alarm."""
    for name, detector in built.items():
        try:
            yield name, detector.detect(window)
        except NotEnoughData:
            continue


def _names(report: DriftReport) -> tuple[str, ...]:
    """The subjects of an alarm, and those that changed with them."""
    return tuple(name for evidence in report.evidence for name in (evidence.subject, *evidence.together))


# ---------------------------------------------------------------- the audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often people audit, and how many items they are given each time, on average."""

    every_days: int
    items: int

    @classmethod
    def default(cls) -> "Plan":
        """What the settings say for a model that is quiet."""
        selection = SelectionSettings()
        return cls(every_days=selection.audit_every_days, items=selection.audit_items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """The day of the first alarm, if there was one, and the labels that had been given by then.

    `labels_since` counts those since the day of the change.
    """

    alarm: date | None
    labels: int
    labels_since: int


def audit(scene: Scene, truth_after: Ints, changed: date, plan: Plan, rng: np.random.Generator) -> Audited:
    """Audit the live days; people answer what is right, which is `truth_after` from the day `changed` on."""
    detector = detectors()[AUDIT]
    answers: list[AuditedAnswer] = []
    since = 0
    for n in range(plan.every_days - 1, len(scene.live), plan.every_days):
        today = scene.live[n].day
        truth = truth_after if today >= changed else scene.answers.truth
        drawn = _draw(scene.live[n], scene.answers, truth, plan.items, rng)
        answers += drawn
        since += len(drawn) if today >= changed else 0
        window = Window(reference=Profile.empty(), current=Profile.empty(), audited=tuple(answers))
        if any(report.drifted for _, report in _reports({AUDIT: detector}, window)):
            return Audited(alarm=today, labels=len(answers), labels_since=since)
    return Audited(alarm=None, labels=len(answers), labels_since=since)


def _draw(day: Day, answers: Answers, truth: Ints, items: int, rng: np.random.Generator) -> list[AuditedAnswer]:
    """Queries of a day, each drawn by itself, with a chance proportional to how often it was asked."""
    asked, counts = np.unique(day.asked, return_counts=True)
    chances = np.minimum(1.0, items * counts / len(day.asked))
    return [
        AuditedAnswer(
            item_id=text.item_id(answers.queries[place]),
            query=answers.queries[place],
            label=answers.labels[truth[place]],
            prediction=answers.labels[answers.label[place]],
            probability=float(chance),
            predictions=int(count),
            traffic=len(day.asked),
            draw=str(day.day),
            at=datetime.combine(day.day, time(), tzinfo=UTC) + timedelta(days=1),
        )
        for place, count, chance, taken in zip(asked, counts, chances, rng.random(len(asked)) < chances, strict=True)
        if taken
    ]
