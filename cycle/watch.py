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
    """What one run of `watch` saw and did; `addresses` are where people answer what was asked now."""

    look: Look
    opened: Cycle | None
    asked: int
    addresses: tuple[str, ...]


def watch(app: App, now: datetime, *, open_cycle: bool = False) -> Watched:
    """Compare the traffic with the champion's reference and act on it.

    With `open_cycle` a person asks for a cycle whether or not there is an alarm. Raises NotEnoughData
    before the first version is in service; detectors that cannot answer are in `look.undecided`.
    """
    look = _look(app, now)
    app.store.record_look(look)
    reason = _reason_to_open(app, look, now, wanted=open_cycle)
    opened = _open(app, look, reason, now) if reason else None
    asked = {cycle.cycle_id: ask(app, cycle, look, now) for cycle in _still_asking(app)}
    _end_the_empty(app, now)
    addresses = tuple(app.annotators.open(app.briefing(cycle_id)) for cycle_id, new in asked.items() if new)
    return Watched(look=look, opened=opened, asked=sum(asked.values()), addresses=addresses)


def audited_answers(app: App, version: str) -> tuple[AuditedAnswer, ...]:
    """What people said of randomly drawn predictions of a version, in order of time."""
    answers = []
    for cycle in app.store.cycles(app.model):
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
            if request.strategy == AUDIT
            and request.purpose is Purpose.AUDIT
            and request.model_version == version
            and request.item_id in consensus
        ]
    return tuple(answers)


def _look(app: App, now: datetime) -> Look:
    version = app.champion
    reports: list[DriftReport] = []
    undecided: list[Problem] = []
    reference = _reference(app, version, now, undecided)
    current = _current(app, version, now, reference, undecided)
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
    promotions = app.store.promotions(app.model)
    promoted = promotions[-1].at.date()
    # A first version may have served long before it was registered here; a later one is loaded some time
    # after its promotion. Its reference begins with its traffic.
    served = [day for day in app.predictions.days() if day >= promoted or len(promotions) == 1]
    first = min(served, default=promoted)
    last = first + timedelta(days=app.settings.drift.reference_days - 1)
    if now.date() <= last:
        undecided.append(
            Problem(
                stage="drift",
                subject="reference",
                message=f"The reference of version {version}, its first traffic, is gathered from {first} to {last}.",
                hint="Until then only the human audit watches it.",
            )
        )
        return Profile(days=())
    try:
        reference = app.predictions.profile(first, last, version)
    except NotEnoughData as empty:
        undecided.append(_problem("reference", empty))
        return Profile(days=())
    app.store.record_reference(app.model, version, reference)
    return reference


def _current(app: App, version: str, now: datetime, reference: Profile, undecided: list[Problem]) -> Profile:
    """The last days' traffic after the reference; an empty window is said to be so, and never taken for quiet."""
    first = app.window_start(now)
    if reference.days:
        first = max(first, reference.days[-1].day + timedelta(days=1))
    try:
        return app.predictions.profile(first, now.date(), version)
    except NotEnoughData as empty:
        undecided.append(_problem("current window", empty))
        return Profile(days=())


def _reason_to_open(app: App, look: Look, now: datetime, *, wanted: bool) -> Reason | None:
    """An alarm, or a person's wish, opens a cycle unless one that trains is under way; else an audit may be due.

    After an alarm people are left in peace for some days; a person's wish does not wait for that.
    """
    under_way = app.store.under_way(app.model)
    training = any(cycle.trains for cycle in under_way)
    if wanted and not training:
        return Reason.MANUAL
    if look.alarms and _rested(app, now) and not training:
        return Reason.ALARM
    return Reason.AUDIT if not under_way and _audit_is_due(app, now) else None


def _rested(app: App, now: datetime) -> bool:
    """After a cycle that ended well people are left in peace for some days; after another they are asked on."""
    trained = [cycle for cycle in app.store.cycles(app.model) if cycle.trains]
    if not trained:
        return True
    events = app.store.events(trained[-1].cycle_id)
    if State.PROMOTED in {event.state for event in events}:
        return now - trained[-1].opened_at >= timedelta(days=app.settings.selection.rest_days)
    return now.date() > events[-1].at.date()


def _audit_is_due(app: App, now: datetime) -> bool:
    asked_at = [cycle.opened_at for cycle in app.store.cycles(app.model)]
    since = max([*asked_at, app.store.promotions(app.model)[-1].at])
    return now - since >= timedelta(days=app.settings.selection.audit_every_days)


def _open(app: App, look: Look, reason: Reason, now: datetime) -> Cycle:
    cycle = Cycle(
        cycle_id=_name(app, reason, now),
        model=app.model,
        reason=reason,
        champion=look.version,
        opened_at=now,
        rounds=1 if reason is Reason.AUDIT else app.settings.selection.rounds,
    )
    app.store.open_cycle(cycle)
    return cycle


def _name(app: App, reason: Reason, now: datetime) -> str:
    """Model, day and reason, with a number where that was taken: a second cycle of a day is another one."""
    name = f"{app.model}-{now:%Y%m%d}-{reason.value}"
    earlier = sum(cycle.cycle_id.startswith(name) for cycle in app.store.cycles(app.model))
    return f"{name}-{earlier + 1}" if earlier else name


def _end_the_empty(app: App, now: datetime) -> None:
    """A cycle whose rounds are over without a single question has nothing to wait for."""
    for cycle in _still_asking(app):
        if len(app.store.rounds(cycle.cycle_id)) >= cycle.rounds and not app.store.requests(cycle.cycle_id):
            for state, note in (
                (State.ABANDONED, "there was nothing to ask about"),
                (State.CLOSED, "nobody was asked"),
            ):
                app.move(cycle, state, now, note)


def _still_asking(app: App) -> list[Cycle]:
    """The cycles that are open or labelling, oldest first."""
    asking = {State.OPEN, State.LABELLING}
    return [cycle for cycle in app.store.under_way(app.model) if app.store.state(cycle.cycle_id) in asking]


def _problem(subject: str, error: NotEnoughData) -> Problem:
    return Problem(stage="drift", subject=subject, message=str(error), hint=error.hint)
