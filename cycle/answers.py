"""Fetch the answers of a cycle and book the effort behind each, exactly once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cycle.app import App
from cycle.records import Cycle
from kempelen.errors import Problem
from kempelen.records import Annotation, LabelRequest
from ledger import posting_rules
from ledger.effort import bounds
from ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How many answers were new, and what could not be used."""

    new: int
    problems: tuple[Problem, ...]


def fetch(app: App, cycle: Cycle, now: datetime) -> Fetched:
    """Collect what the annotation system has, book what is new, and remember it under pseudonyms."""
    requests = {request.item_id: request for request in app.store.requests(cycle.cycle_id)}
    known = {answer.source_id for answer in app.store.answers(cycle.cycle_id)}
    found, problems = app.annotators.collect(cycle.cycle_id)
    new = [answer for answer in found if answer.source_id not in known and answer.item_id in requests]
    foreign = [_foreign(answer) for answer in found if answer.item_id not in requests]
    refused = _record(app, cycle, requests, new, now)
    return Fetched(new=len(new), problems=(*problems, *foreign, *refused))


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


def _foreign(answer: Annotation) -> Problem:
    return Problem(
        stage="collect",
        subject=answer.source_id,
        message=f"Item {answer.item_id} was never asked for in this cycle.",
        hint="Somebody added an item by hand: nothing of it was used or booked.",
    )
