"""Fetch what people answered, book their effort, and settle the labels of a cycle that is complete."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cycle.account import account
from cycle.app import App
from cycle.records import Cycle, CycleEvent
from kempelen.errors import Problem
from kempelen.records import Annotation, LabelRequest
from kempelen.states import State
from ledger import posting_rules
from ledger.effort import bounds
from ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one run of `collect` found for one cycle."""

    cycle: Cycle
    state: State
    items: int
    answered: int
    annotations: int
    new: int
    problems: tuple[Problem, ...]


def collect(app: App, now: datetime, *, settle: bool = False) -> list[Collected]:
    """Collect for every cycle that is labelling.

    With `settle` a cycle is settled with the answers it has, however few.
    """
    return [
        _collect(app, cycle, now, settle=settle)
        for cycle in app.store.under_way(app.model)
        if app.store.state(cycle.cycle_id) in {State.LABELLING, State.READY}
    ]


def _collect(app: App, cycle: Cycle, now: datetime, *, settle: bool) -> Collected:
    requests = {request.item_id: request for request in app.store.requests(cycle.cycle_id)}
    known = {answer.source_id for answer in app.store.answers(cycle.cycle_id)}
    problems: list[Problem] = []
    new: list[Annotation] = []
    if app.store.state(cycle.cycle_id) is State.LABELLING:
        found, problems = app.annotators.collect(cycle.cycle_id)
        new = [answer for answer in found if answer.source_id not in known and answer.item_id in requests]
        problems += [_foreign(answer) for answer in found if answer.item_id not in requests]
        problems += _record(app, cycle, requests, new, now)
    answers = app.store.answers(cycle.cycle_id)
    answered = _answered(requests, answers, app.settings.annotation.answers_per_item)
    complete = answered == len(requests) and len(app.store.rounds(cycle.cycle_id)) >= cycle.rounds
    if complete or settle:
        problems += _settle(app, cycle, answers, now)
    return Collected(
        cycle=cycle,
        state=app.store.state(cycle.cycle_id),
        items=len(requests),
        answered=answered,
        annotations=len(answers),
        new=len(new),
        problems=tuple(problems),
    )


def _record(
    app: App, cycle: Cycle, requests: Mapping[str, LabelRequest], answers: Sequence[Annotation], now: datetime
) -> list[Problem]:
    """Book first, then remember the answer: a kill between the two books the same entries again, once."""
    known = [replace(answer, annotator=app.pseudonym(answer.annotator)) for answer in answers]
    entries, problems = app.ledger.unbooked(
        [_given(app, cycle, requests[answer.item_id], answer, now) for answer in known]
    )
    app.ledger.book(entries)
    app.store.record_answers(cycle.cycle_id, known)
    return problems


def _given(app: App, cycle: Cycle, request: LabelRequest, answer: Annotation, now: datetime) -> Entry:
    return posting_rules.annotation_given(
        answer,
        pseudonym=answer.annotator,
        effort=bounds(answer, idle_cap_s=app.settings.annotation.idle_cap_s),
        kind=posting_rules.kind_of(request.purpose),
        model=app.model,
        cycle=cycle.cycle_id,
        at=now,
    )


def _answered(requests: Mapping[str, LabelRequest], answers: Sequence[Annotation], wanted: int) -> int:
    """Items that enough people have looked at; a skip is a look."""
    looks = Counter(answer.item_id for answer in answers)
    return sum(looks[item_id] >= wanted for item_id in requests)


def _settle(app: App, cycle: Cycle, answers: Sequence[Annotation], now: datetime) -> list[Problem]:
    labels, problems = app.consensus.settle(answers)
    app.store.record_consensus(cycle.cycle_id, labels)
    note = f"{len(labels)} items settled, {len(problems)} without a clear answer"
    app.store.record_event(CycleEvent(cycle_id=cycle.cycle_id, state=State.READY, at=now, note=note))
    if not cycle.trains:
        account(app, cycle, now)
    return problems


def _foreign(answer: Annotation) -> Problem:
    return Problem(
        stage="collect",
        subject=answer.source_id,
        message=f"Item {answer.item_id} was never asked for in this cycle.",
        hint="Somebody added an item by hand: nothing of it was used or booked.",
    )
