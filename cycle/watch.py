"""Look at the traffic; open a cycle when something changed, or when an audit is due; ask people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cycle.app import App
from cycle.ask import ask
from cycle.records import Cycle, Look, Reason
from kempelen.errors import NotEnoughData, Problem
from kempelen.records import AuditedAnswer, DriftReport, Profile, Purpose, Window
from kempelen.states import State
from selection import AUDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one run of `watch` saw and did."""

    look: Look
    opened: Cycle | None
    asked: int


def watch(app: App, now: datetime, *, open_cycle: bool = False) -> Watched:
    """Compare the traffic with the champion's reference and act on it.

    With `open_cycle` a person asks for a cycle whether or not there is an alarm. Raises NotEnoughData
    before the first version is in service; detectors that cannot answer are in `look.undecided`.
    """
    look = _look(app, now)
    app.store.record_look(look)
    reason = Reason.MANUAL if open_cycle else _reason_to_open(app, look, now)
    opened = _open(app, look, reason, now) if reason else None
    asked = sum(ask(app, cycle, look, now) for cycle in _still_asking(app))
    return Watched(look=look, opened=opened, asked=asked)


def audited_answers(app: App, version: str) -> tuple[AuditedAnswer, ...]:
    """What people said of randomly drawn predictions of a version, in order of time."""
    answers = []
    for cycle in app.store.cycles(app.model):
        if cycle.champion != version:
            continue
        consensus = app.store.consensus(cycle.cycle_id)
        answers += [
            AuditedAnswer(
                item_id=request.item_id,
                label=consensus[request.item_id].label,
                prediction=request.suggestion,
                probability=request.audit_probability,
                predictions=request.predictions,
                at=cycle.opened_at,
            )
            for request in app.store.requests(cycle.cycle_id)
            if request.strategy == AUDIT and request.purpose is Purpose.AUDIT and request.item_id in consensus
        ]
    return tuple(answers)


def _look(app: App, now: datetime) -> Look:
    version = app.champion
    reports: list[DriftReport] = []
    undecided: list[Problem] = []
    reference = _reference(app, version, now, undecided)
    current = _current(app, version, now, undecided)
    window = Window(reference=reference, current=current, audited=audited_answers(app, version))
    for name, detector in app.detectors.items():
        try:
            reports.append(detector.detect(window))
        except NotEnoughData as too_little:
            undecided.append(_problem(name, too_little))
    return Look(model=app.model, version=version, at=now, reports=tuple(reports), undecided=tuple(undecided))


def _reference(app: App, version: str, now: datetime, undecided: list[Problem]) -> Profile:
    """The version's first days in service, kept once they are over. Until then it is empty, and that is said."""
    known = app.store.reference(app.model, version)
    if known:
        return known
    first = app.store.promotions(app.model)[-1].at.date()
    last = first + timedelta(days=app.settings.drift.reference_days - 1)
    if now.date() <= last:
        undecided.append(
            Problem(
                stage="drift",
                subject="reference",
                message=f"Version {version} is in service since {first}; its reference is gathered until {last}.",
                hint="Until then only the human audit watches it.",
            )
        )
        return Profile(days=())
    reference = app.predictions.profile(first, last, version)
    app.store.record_reference(app.model, version, reference)
    return reference


def _current(app: App, version: str, now: datetime, undecided: list[Problem]) -> Profile:
    """The last days' traffic; a window without any is said to be so, and no detector takes it for quiet."""
    first = now.date() - timedelta(days=app.settings.drift.window_days - 1)
    try:
        return app.predictions.profile(first, now.date(), version)
    except NotEnoughData as empty:
        undecided.append(_problem("current window", empty))
        return Profile(days=())


def _reason_to_open(app: App, look: Look, now: datetime) -> Reason | None:
    """An alarm opens a cycle unless one is under way or people were asked only just now; else an audit may be due."""
    under_way = app.store.under_way(app.model)
    if look.alarms and _rested(app, now) and not any(cycle.trains for cycle in under_way):
        return Reason.ALARM
    return Reason.AUDIT if not under_way and _audit_is_due(app, now) else None


def _rested(app: App, now: datetime) -> bool:
    """People are left in peace for some days after a cycle that ended well; one that did not may ask on."""
    trained = [cycle for cycle in app.store.cycles(app.model) if cycle.trains]
    if not trained or State.PROMOTED not in {event.state for event in app.store.events(trained[-1].cycle_id)}:
        return True
    return now - trained[-1].opened_at >= timedelta(days=app.settings.selection.rest_days)


def _audit_is_due(app: App, now: datetime) -> bool:
    asked_at = [cycle.opened_at for cycle in app.store.cycles(app.model)]
    since = max([*asked_at, app.store.promotions(app.model)[-1].at])
    return now - since >= timedelta(days=app.settings.selection.audit_every_days)


def _open(app: App, look: Look, reason: Reason, now: datetime) -> Cycle:
    cycle = Cycle(
        # One cycle a day and reason: a flow that was killed here finds its own cycle again.
        cycle_id=f"{app.model}-{now:%Y%m%d}-{reason.value}",
        model=app.model,
        reason=reason,
        champion=look.version,
        opened_at=now,
        rounds=1 if reason is Reason.AUDIT else app.settings.selection.rounds,
    )
    app.store.open_cycle(cycle)
    return cycle


def _still_asking(app: App) -> list[Cycle]:
    """The cycles that are open or labelling, oldest first."""
    asking = {State.OPEN, State.LABELLING}
    return [cycle for cycle in app.store.under_way(app.model) if app.store.state(cycle.cycle_id) in asking]


def _problem(subject: str, error: NotEnoughData) -> Problem:
    return Problem(stage="drift", subject=subject, message=str(error), hint=error.hint)
