"""Fetch the answers of a cycle and book the effort behind each, exactly once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cycle.app import App
from cycle.records import Cycle
from kempelen.errors import Problem
from kempelen.records import Annotation, Kind, LabelRequest
from ledger import posting_rules
from ledger.effort import bounds
from ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How many answers were new, and what could not be used."""

    new: int
    problems: tuple[Problem, ...]


def fetch(app: App, cycle: Cycle, now: datetime) -> Fetched:
    """Collect what the annotation system has, book what is new, and remember it under pseudonyms.

    Answers to items that somebody added by hand are booked like any other, for they took time, and settle nothing.
    """
    requests = {request.item_id: request for request in app.store.requests(cycle.cycle_id)}
    past = app.store.answers(cycle.cycle_id)
    known = {answer.source_id for answer in past}
    found, problems = app.annotators.collect(cycle.cycle_id)
    # Who was simulated once is never a person later, even if the system has forgotten the account.
    simulated = {answer.annotator for answer in past if answer.simulated}
    new = [_known_as(app, answer, simulated) for answer in found if answer.source_id not in known]
    foreign = [_foreign(answer) for answer in new if answer.item_id not in requests]
    refused = _record(app, cycle, requests, new, now)
    return Fetched(new=len(new), problems=(*problems, *foreign, *refused))


def _known_as(app: App, answer: Annotation, simulated: set[str]) -> Annotation:
    pseudonym = app.pseudonym(answer.annotator)
    return replace(answer, annotator=pseudonym, simulated=answer.simulated or pseudonym in simulated)


def _record(
    app: App, cycle: Cycle, requests: Mapping[str, LabelRequest], answers: Sequence[Annotation], now: datetime
) -> list[Problem]:
    """Book first, then remember the answer: a kill between the two books the same entries again, once."""
    entries, problems = app.ledger.unbooked(
        [_given(app, cycle, requests.get(answer.item_id), answer, now) for answer in answers]
    )
    app.ledger.book(entries)
    app.store.record_answers(cycle.cycle_id, answers)
    return problems


def _given(app: App, cycle: Cycle, request: LabelRequest | None, answer: Annotation, now: datetime) -> Entry:
    return posting_rules.annotation_given(
        answer,
        pseudonym=answer.annotator,
        effort=bounds(answer, idle_cap_s=app.settings.annotation.idle_cap_s),
        kind=posting_rules.kind_of(request.purpose) if request else Kind.PREPARATION,
        model=app.model,
        cycle=cycle.cycle_id,
        at=now,
    )


def _foreign(answer: Annotation) -> Problem:
    return Problem(
        stage="collect",
        subject=answer.source_id,
        message=f"Item {answer.item_id} was never asked for in this cycle.",
        hint="Somebody added an item by hand: its effort is booked, and its label is not used.",
    )
