"""Fetch the answers of a cycle and book the effort behind each, exactly once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cycle.app import App
from cycle.records import Change, Cycle
from kempelen.errors import Problem
from kempelen.records import Annotation, Kind, LabelRequest
from ledger import posting_rules
from ledger.effort import bounds
from ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How many answers were new, how many were edited or deleted since, and what could not be used."""

    new: int
    changed: int
    problems: tuple[Problem, ...]


def fetch(app: App, cycle: Cycle, now: datetime) -> Fetched:
    """Collect what changed in the annotation system, book what is new, and remember it under pseudonyms.

    Answers to items that somebody added by hand are booked like any other, for they took time, and settle nothing.
    An answer that was edited or deleted later counts as it is now; the effort that was booked for it stays.
    """
    requests = {request.item_id: request for request in app.store.requests(cycle.cycle_id)}
    past = app.store.given(cycle.cycle_id)
    known = {answer.source_id for answer in past}
    collection = app.annotators.collect(cycle.cycle_id, app.store.cursor(cycle.cycle_id))
    # Who was simulated once is never a person later, even if the system has forgotten the account.
    simulated = {answer.annotator for answer in past if answer.simulated}
    found = [_known_as(app, answer, simulated) for answer in collection.annotations]
    new = [answer for answer in found if answer.source_id not in known]
    changes = _changes(app, cycle, found, collection.read, now)
    foreign = [_foreign(answer) for answer in new if answer.item_id not in requests]
    entries, refused = app.ledger.unbooked(
        [_given(app, cycle, requests.get(answer.item_id), answer, now) for answer in new]
    )
    # Book first, then remember: a kill between the two books the same entries again, once.
    app.ledger.book(entries)
    app.store.record_answers(cycle.cycle_id, new, changes=changes, cursor=collection.cursor)
    return Fetched(new=len(new), changed=len(changes), problems=(*collection.problems, *foreign, *refused))


def _known_as(app: App, answer: Annotation, simulated: set[str]) -> Annotation:
    pseudonym = app.pseudonym(answer.annotator)
    return replace(answer, annotator=pseudonym, simulated=answer.simulated or pseudonym in simulated)


def _changes(
    app: App, cycle: Cycle, found: Iterable[Annotation], read: frozenset[str], now: datetime
) -> tuple[Change, ...]:
    """Answers known from before that are another now, are gone from an item that was read whole, or are back."""
    standing = {answer.source_id: answer for answer in app.store.answers(cycle.cycle_id)}
    current = {answer.source_id: answer for answer in found}
    known = [answer.source_id for answer in app.store.given(cycle.cycle_id)]
    edited = [
        Change(source_id=source_id, at=now, now=current[source_id])
        for source_id in known
        if source_id in current and _said(standing.get(source_id)) != _said(current[source_id])
    ]
    deleted = [
        Change(source_id=source_id, at=now, now=None)
        for source_id, answer in standing.items()
        if answer.item_id in read and source_id not in current
    ]
    return (*edited, *deleted)


def _said(answer: Annotation | None) -> tuple[str, str | None, datetime | None, bool] | None:
    return (answer.item_id, answer.label, answer.changed_at, answer.expert) if answer else None


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
