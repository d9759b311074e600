"""Fetch what people answered, book their effort, ask on where they disagree, and settle a cycle that is complete."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cycle.account import account, charge_late_answers
from cycle.answers import fetch
from cycle.app import App
from cycle.ask import asked_all
from cycle.records import Cycle
from cycle.route import progress, route
from cycle.settle import supported
from kempelen.errors import Problem
from kempelen.states import State

LATE_ANSWERS = timedelta(days=30)
"""How long after its end a cycle is still looked at for answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one run of `collect` found for one cycle; `contested` items wait for an expert."""

    cycle: Cycle
    state: State
    items: int
    answered: int
    contested: int
    annotations: int
    new: int
    problems: tuple[Problem, ...]


def collect(app: App, now: datetime, *, settle: bool = False) -> list[Collected]:
    """Collect for every cycle that is labelling.

    With `settle` a cycle is settled with the answers it has, however few, but not with none. An audit
    cycle is accounted for at once; one that a kill left settled is taken up again. Answers to a cycle that
    closed lately change nothing any more, and are booked all the same.
    """
    for cycle in app.store.cycles(app.model):
        if _closed_lately(app, cycle, now):
            charge_late_answers(app, cycle, now)
    return [
        _collect(app, cycle, now, settle=settle)
        for cycle in app.store.under_way(app.model)
        if app.store.state(cycle.cycle_id) is State.LABELLING or _left_behind(app, cycle)
    ]


def _closed_lately(app: App, cycle: Cycle, now: datetime) -> bool:
    last = app.store.events(cycle.cycle_id)[-1]
    return last.state is State.CLOSED and now - last.at <= LATE_ANSWERS


def _left_behind(app: App, cycle: Cycle) -> bool:
    return not cycle.trains and app.store.state(cycle.cycle_id) is State.READY


def _collect(app: App, cycle: Cycle, now: datetime, *, settle: bool) -> Collected:
    fetched = fetch(app, cycle, now)
    problems = [*fetched.problems]
    needs = progress(app, cycle)
    answered = sum(need.done for need in needs.values())
    complete = answered == len(needs) and asked_all(cycle, app.store.rounds(cycle.cycle_id))
    if complete or (settle and app.store.answers(cycle.cycle_id)) or _left_behind(app, cycle):
        problems += _settle(app, cycle, now)
        if not cycle.trains:
            account(app, cycle, now)
    else:
        route(app, cycle, now)
    return Collected(
        cycle=cycle,
        state=app.store.state(cycle.cycle_id),
        items=len(needs),
        answered=answered,
        contested=sum(need.expert for need in needs.values()),
        annotations=len(app.store.answers(cycle.cycle_id)),
        new=fetched.new,
        problems=tuple(problems),
    )


def _settle(app: App, cycle: Cycle, now: datetime) -> list[Problem]:
    labels, problems = supported(app, cycle.cycle_id)
    app.store.record_consensus(cycle.cycle_id, labels)
    note = f"{len(labels)} items settled, {len(problems)} without a clear answer"
    app.move(cycle, State.READY, now, note)
    return problems
