"""Fetch the answers of a cycle and book the effort behind each, exactly once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, TypedDict

from cycle.app import App
from cycle.records import Change, Cycle
from kempelen.errors import Problem
from kempelen.records import Annotation, Effort, Kind, LabelRequest
from ledger import posting_rules
from ledger.effort import added, bounds, taken_up
from ledger.entries import Entry
from ledger.people.answers import names_on_record, under_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How many answers were new, how many were edited or deleted since, and what could not be used."""

    new: int
    changed: int
    problems: tuple[Problem, ...]


def fetch(app: App, cycle: Cycle, now: datetime) -> Fetched:
    """Collect what changed in the annotation system, book what is new, and remember it under pseudonyms.

    Answers to items that somebody added by hand are booked like any other, for they took time, and settle nothing.
    An answer that was edited or deleted later counts as it is now; the effort that was booked for it stays, and what
    the edit took is booked beside it.
    """
    requests = {request.item_id: request for request in app.store.requests(cycle.cycle_id)}
    past = _Past.of(app, cycle)
    collection = app.annotators.collect(cycle.cycle_id, app.store.cursor(cycle.cycle_id))
    found = _under_pseudonyms(app, cycle, collection.annotations, past)
    new = [answer for answer in found if answer.source_id not in past.first]
    changes = _changes(past, found, collection.read, now)
    gone = [past.last[change.source_id] for change in changes if change.now is None]
    foreign = [_foreign(answer) for answer in new if answer.item_id not in requests]
    booking = _Booking(app=app, cycle=cycle, requests=requests, now=now)
    entries, refused = app.ledger.unbooked(
        [
            *(booking.given(answer, [*gone, *past.deleted]) for answer in new),
            *(booking.edit(past.last[c.source_id], c.now) for c in changes if c.now and past.edited(c.now)),
        ]
    )
    # Book first, then remember: a kill between the two books the same entries again, once.
    app.ledger.book(entries)
    app.store.record_answers(cycle.cycle_id, new, changes=changes, cursor=collection.cursor)
    return Fetched(new=len(new), changed=len(changes), problems=(*collection.problems, *foreign, *refused))


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What is known of a cycle's answers: their first forms, their latest ones, and those that stand."""

    first: Mapping[str, Annotation]
    last: Mapping[str, Annotation]
    standing: Mapping[str, Annotation]

    @classmethod
    def of(cls, app: App, cycle: Cycle) -> Self:
        first = {answer.source_id: answer for answer in app.store.given(cycle.cycle_id)}
        forms = {c.source_id: c.now for c in app.store.changes(cycle.cycle_id) if c.now is not None}
        standing = {answer.source_id: answer for answer in app.store.answers(cycle.cycle_id)}
        return cls(first=first, last={**first, **forms}, standing=standing)

    @property
    def deleted(self) -> list[Annotation]:
        """The answers that somebody took back before, in their last forms."""
        return [answer for source_id, answer in self.last.items() if source_id not in self.standing]

    def edited(self, answer: Annotation) -> bool:
        """Whether somebody worked on it again: it is not merely back, as it was."""
        return answer.changed_at is not None and _said(answer) != _said(self.last[answer.source_id])


def _under_pseudonyms(app: App, cycle: Cycle, answers: Iterable[Annotation], past: _Past) -> list[Annotation]:
    """Under the name by which an answer is on record, or its person's pseudonym.

    Who was simulated once is never a person later, even if the system has forgotten the account.
    """
    on_record = names_on_record(app.ledger.entries(cycle=cycle.cycle_id), past.first.values())
    simulated = {answer.annotator for answer in past.first.values() if answer.simulated}
    named = under_names(answers, on_record, app.pseudonyms)
    return [replace(answer, simulated=answer.simulated or answer.annotator in simulated) for answer in named]


def _changes(past: _Past, found: Iterable[Annotation], read: frozenset[str], now: datetime) -> tuple[Change, ...]:
    """Answers known from before that are another now, are gone from an item that was read whole, or are back."""
    current = {answer.source_id: answer for answer in found}
    edited = [
        Change(source_id=source_id, at=now, now=current[source_id])
        for source_id in past.first
        if source_id in current and _said(past.standing.get(source_id)) != _said(current[source_id])
    ]
    deleted = [
        Change(source_id=source_id, at=now, now=None)
        for source_id, answer in past.standing.items()
        if answer.item_id in read and source_id not in current
    ]
    return (*edited, *deleted)


def _said(answer: Annotation | None) -> tuple[str, str | None, datetime | None, bool] | None:
    return (answer.item_id, answer.label, answer.changed_at, answer.expert) if answer else None


class _Facts(TypedDict):
    """What every entry about an answer says."""

    pseudonym: str
    kind: Kind
    model: str
    cycle: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class _Booking:
    """How the answers of a cycle become entries."""

    app: App
    cycle: Cycle
    requests: Mapping[str, LabelRequest]
    now: datetime

    def given(self, answer: Annotation, gone: Iterable[Annotation]) -> Entry:
        """A new answer; one that takes up a skip or an answer that is gone reports the time of both."""
        before = next((one for one in gone if taken_up(one, answer)), None)
        effort = self._added(before, answer) if before else bounds(answer, self._cap, clock=self.app.timed_by)
        return posting_rules.annotation_given(answer, effort=effort, **self._facts(answer))

    def edit(self, before: Annotation, after: Annotation) -> Entry:
        """What an edit took."""
        return posting_rules.edit_given(after, effort=self._added(before, after), **self._facts(after))

    def _added(self, before: Annotation, after: Annotation) -> Effort | None:
        return added(before, after, self._cap, clock=self.app.timed_by)

    def _facts(self, answer: Annotation) -> _Facts:
        request = self.requests.get(answer.item_id)
        return {
            "pseudonym": answer.annotator,
            "kind": posting_rules.kind_of(request.purpose) if request else Kind.PREPARATION,
            "model": self.app.model,
            "cycle": self.cycle.cycle_id,
            "at": self.now,
        }

    @property
    def _cap(self) -> float:
        return self.app.settings.annotation.idle_cap_s


def _foreign(answer: Annotation) -> Problem:
    return Problem(
        stage="collect",
        subject=answer.source_id,
        message=f"Item {answer.item_id} was never asked for in this cycle.",
        hint="Somebody added an item by hand: its effort is booked, and its label is not used.",
    )
