"""Look at the traffic; open a cycle when something changed, or when an audit is due; ask people."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from cycle.alarms import Alarm, alarms, as_document
from cycle.app import App
from cycle.ask import ask, asked_all
from cycle.look import look
from cycle.records import Cycle, Look, Reason
from cycle.route import contested
from kempelen.records import Queue
from kempelen.states import State
from ledger.people.terms import ToldTerms

REFERENCE = "drift/reference.json"
"""Where a version's reference lies in the registry: words and counts, no query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one run of `watch` saw and did.

    `addresses` are where people answer what is asked, now or earlier; `for_experts` where what they left open waits.
    """

    look: Look
    opened: Cycle | None
    asked: int
    addresses: tuple[str, ...]
    for_experts: tuple[str, ...] = ()


def watch(app: App, now: datetime, *, open_cycle: bool = False) -> Watched:
    """Compare the traffic with the champion's reference and act on it.

    With `open_cycle` a person asks for a cycle whether or not there is an alarm. Raises NotEnoughData
    before the first version is in service; detectors that cannot answer are in `look.undecided`.
    """
    seen = look(app, now)
    app.store.record_look(seen)
    reason = _reason_to_open(app, seen, now, wanted=open_cycle)
    opened = _open(app, seen, reason, now) if reason else None
    asked = {cycle.cycle_id: ask(app, cycle, seen, now) for cycle in _still_asking(app)}
    _end_the_empty(app, now)
    waiting = [cycle_id for cycle_id in asked if app.store.requests(cycle_id)]
    for cycle_id in waiting:
        # What people are told is kept: they can hold us to it.
        ToldTerms(app.ledger.engine).record(app.briefing(cycle_id), at=now)
    addresses = tuple(app.annotators.open(app.briefing(cycle_id)) for cycle_id in waiting)
    for_experts = tuple(app.annotators.open(app.briefing(c.cycle_id, Queue.EXPERTS)) for c in contested(app))
    return Watched(look=seen, opened=opened, asked=sum(asked.values()), addresses=addresses, for_experts=for_experts)


def publish(app: App, seen: Look) -> list[Alarm]:
    """Write a look to the registry, beside the version it watched; the alarms that are on at its moment.

    Metrics `drift.<detector>` are statistic over threshold: above 1 is a change beyond chance, also one that is then
    set aside. Every alarm that is on is written as a document, so a look that could not be published is made up
    for by the next.
    """
    on = alarms_on(app, seen)
    app.registry.log_metrics(
        seen.version,
        {f"drift.{report.detector}": report.statistic / report.threshold for report in seen.reports},
        seen.at,
    )
    documents = {
        f"drift/{alarm.alarm_id}.json": json.dumps(as_document(alarm), indent=1)
        for alarm in on
        if alarm.version == seen.version
    }
    reference = app.store.reference(app.model, seen.version)
    if reference and REFERENCE not in app.registry.documents(seen.version):
        documents[REFERENCE] = reference.to_json(with_sample=False)
    if documents:
        app.registry.attach(seen.version, documents=documents)
    return on


def alarms_on(app: App, seen: Look) -> list[Alarm]:
    """The alarms that were seen lately, each once."""
    looks = [look for look in app.store.looks(app.model) if look.at <= seen.at]
    return [alarm for alarm in alarms(looks, app.store.acknowledgements(app.model)) if alarm.is_on(seen.at)]


def _reason_to_open(app: App, seen: Look, now: datetime, *, wanted: bool) -> Reason | None:
    """An alarm, or a person's wish, opens a cycle unless one that trains is under way; else an audit may be due.

    After an alarm people are left in peace for some days; a person's wish does not wait for that.
    """
    under_way = app.store.under_way(app.model)
    training = any(cycle.trains for cycle in under_way)
    if wanted and not training:
        return Reason.MANUAL
    if seen.alarms and _rested(app, now) and not training:
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


def _open(app: App, seen: Look, reason: Reason, now: datetime) -> Cycle:
    cycle = Cycle(
        cycle_id=_name(app, reason, now),
        model=app.model,
        reason=reason,
        champion=seen.version,
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
        if asked_all(cycle, app.store.rounds(cycle.cycle_id)) and not app.store.requests(cycle.cycle_id):
            for state, note in (
                (State.ABANDONED, "there was nothing to ask about"),
                (State.CLOSED, "nobody was asked"),
            ):
                app.move(cycle, state, now, note)


def _still_asking(app: App) -> list[Cycle]:
    """The cycles that are open or labelling, oldest first."""
    asking = {State.OPEN, State.LABELLING}
    return [cycle for cycle in app.store.under_way(app.model) if app.store.state(cycle.cycle_id) in asking]
