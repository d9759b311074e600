"""Read what people answered since the last reading, and notice what somebody deleted by hand.

A reading asks each project which items changed since the cursor, and then for all answers to those items,
wherever they lie: an item may be in the experts' queue too, or twice in one project. Its cost grows
with what is new. It looks back further than the cursor says, for a change carries the moment at which it began
and appears only when it is committed; what was read of that already is told by its mark, and left.

Label Studio's Community edition has no roles: anybody may delete a project or an item, and its owner an account.
What was read before stays on record; an answer that is missing because its item or project is gone must not pass
for one that its annotator took back, so such items are left out of what was read whole.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from connectors.annotation import _reading
from connectors.annotation._checks import STAGE
from connectors.annotation._cursor import Cursor, Place, digest_of
from connectors.annotation._held import Filter, Project, Seen, item_name
from connectors.annotation._people import Person
from connectors.annotation._server import Server
from kempelen.errors import ConnectorRefused, Problem
from kempelen.records import Annotation, Collection, Queue

LOOK_BACK = timedelta(minutes=2)
"""How much later a change may appear than one that began after it. SQLite's retries of a write take less."""

_AT_ONCE = timedelta(milliseconds=1)
"""An item that was put there, and no more, carries two moments, microseconds apart."""

_FEW = 4
"""Answers are looked up by item when fewer than one in so many items changed; else all are read."""


def collect(server: Server, cycle_id: str, since: str | None, experts: frozenset[str]) -> Collection:
    """Every answer to the items that changed since the cursor, oldest first, and what is wrong with some."""
    scope = "\0".join([server.url, cycle_id, *sorted(experts)])
    before = Cursor.read(since, scope) or Cursor()
    people = server.people(experts)
    looks = _looks(server, cycle_id, before)
    names = {item.name for look in looks for item in look.seen}
    parts = [part for look in looks if names and (part := _answers(server, cycle_id, look, names, people))]
    reached = [look for look in looks if not names or any(part.project is look.project for part in parts)]
    after = _after(before, reached, parts, people)
    found = {answer.source_id: answer for part in parts for answer in part.annotations}
    return Collection(
        annotations=tuple(sorted(found.values(), key=lambda answer: (answer.submitted_at, answer.source_id))),
        read=frozenset() if after.lost else _read_whole(reached, after),
        problems=(*_gone(cycle_id, before, reached, people), *(fault for part in parts for fault in part.problems)),
        drafts=sum(look.drafts for look in reached),
        cursor=after.written(scope),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What changed in a project since the last reading of it, with the marks by which the next one knows it.

    Of the `items` that there should be by then, so many are `gone`.
    """

    project: Project
    place: Place | None
    seen: list[Seen]
    recent: frozenset[str]
    items: int
    gone: int
    drafts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The answers of a project, and what is wrong with some of them."""

    project: Project
    annotations: list[Annotation]
    problems: list[Problem]


def _looks(server: Server, cycle_id: str, before: Cursor) -> list[_Look]:
    looks = []
    for project in server.projects(cycle_id):
        try:
            looks.append(_look(server, project, before.places.get(project.id)))
        except ConnectorRefused as refused:
            _must_be_gone(server, cycle_id, project, refused)
    return looks


def _look(server: Server, project: Project, place: Place | None) -> _Look:
    # With other choices, an answer may be another label, or none: all are read again.
    partly = place is not None and place.labels == digest_of(project.labels)
    before = server.count(project) if partly else 0
    seen = server.seen(project, _since(place) if place and partly else None)
    expected = place.items + sum(item.made > place.at for item in seen) if place else 0
    there = before if partly else len(seen)
    if partly and before < expected:
        # Gone, unless they arrived after the count. What arrives after what was seen is the next reading's.
        there = min(server.count(project), expected)
    gone = max(expected - there, 0)
    return _Look(
        project=project,
        place=place,
        seen=[item for item in seen if not (place and partly and item.mark in place.recent)],
        recent=_recent(seen),
        items=there,
        gone=gone,
        drafts=server.count(project, Filter.begun()),
    )


def _recent(seen: list[Seen]) -> frozenset[str]:
    """The marks of what the next reading will look at again: not of items that were only put there."""
    last = max((item.at for item in seen), default=None)
    return frozenset(
        item.mark for item in seen if last and item.at > last - LOOK_BACK and item.at - item.made > _AT_ONCE
    )


def _since(place: Place) -> list[Filter]:
    """What is new, and what somebody did shortly before; an import that was read already is not read again."""
    return [Filter.changed_after(place.at), Filter.touched_after(place.at - LOOK_BACK)]


def _answers(server: Server, cycle_id: str, look: _Look, names: set[str], people: dict[int, Person]) -> _Part | None:
    """All answers that a project has to the items of these names; None when it was deleted meanwhile."""
    project = look.project
    source = _reading.Source(project=project.id, queue=project.queue, labels=project.labels, people=people)
    try:
        tasks = server.answers(project, _filters(look, names))
    except ConnectorRefused as refused:
        _must_be_gone(server, cycle_id, project, refused)
        return None
    annotations, problems = [], []
    for task_id, (data, answers) in tasks.items():
        if item_name(project.id, task_id, data.get("item_id")) in names:
            for answer in answers:
                annotation, faults = _reading.read(task_id, data, answer, source)
                annotations += [annotation] if annotation else []
                problems += faults
    return _Part(project=project, annotations=annotations, problems=[*problems, *repeated(annotations)])


def _filters(look: _Look, names: set[str]) -> Iterator[Filter]:
    if len(names) * _FEW >= look.items:
        yield Filter.answered()
        return
    yield from Filter.item_ids(sorted(names))
    yield from Filter.task_ids([item.task_id for item in look.seen if item.foreign])


def _must_be_gone(server: Server, cycle_id: str, project: Project, refused: ConnectorRefused) -> None:
    """Pass over a project that somebody deleted while it was read; `refused` again for any other reason."""
    if any(each.id == project.id for each in server.projects(cycle_id)):
        raise refused


def _after(before: Cursor, looks: list[_Look], parts: list[_Part], people: dict[int, Person]) -> Cursor:
    places = {look.project.id: _place(look) for look in looks if look.seen or look.place}
    given = {answer.annotator.rpartition(":")[2] for part in parts for answer in part.annotations}
    lost = before.annotators and set(before.places) - {look.project.id for look in looks}
    return Cursor(
        places=places,
        annotators=frozenset(user for user in people if str(user) in given or user in before.annotators),
        lost=before.lost or bool(lost),
    )


def _place(look: _Look) -> Place:
    ends = [item.at for item in look.seen] + ([look.place.at] if look.place else [])
    doubtful = look.place.doubtful if look.place else None
    if look.place and look.gone and doubtful is None:
        doubtful = look.place.at
    labels = digest_of(look.project.labels)
    return Place(at=max(ends), items=look.items, labels=labels, recent=look.recent, doubtful=doubtful)


def _read_whole(looks: list[_Look], after: Cursor) -> frozenset[str]:
    """The items of which every answer was read, without those that may be back after somebody deleted them."""
    doubts = {project: place.doubtful for project, place in after.places.items()}
    back = {
        item.name
        for look in looks
        if (doubtful := doubts.get(look.project.id)) is not None
        for item in look.seen
        if item.made > doubtful
    }
    return frozenset(item.name for look in looks for item in look.seen) - back


def repeated(annotations: list[Annotation]) -> list[Problem]:
    """Who answered an item several times; nothing is said of people whose accounts are gone."""
    known = (answer for answer in annotations if answer.annotator != _reading.NOBODY)
    times = Counter((answer.item_id, answer.annotator) for answer in known if not answer.skipped)
    return [
        Problem(
            stage=STAGE,
            subject=item_id,
            message=f"{annotator} answered item {item_id} {count} times.",
            hint="All of it is effort; the last answer counts.",
        )
        for (item_id, annotator), count in times.items()
        if count > 1
    ]


def _gone(cycle_id: str, before: Cursor, looks: list[_Look], people: dict[int, Person]) -> Iterator[Problem]:
    """What somebody deleted in Label Studio since the last reading."""
    stay = "What was read before stays on record, and its effort too."
    for project in sorted(set(before.places) - {look.project.id for look in looks}):
        found = f"Somebody deleted project {project} of cycle {cycle_id} in Label Studio."
        yield _problem(
            cycle_id, found, f"{stay} The next submission makes it again, with the items that are still open."
        )
    for look in looks:
        if look.gone:
            found = f"{look.gone} items are gone from project {look.project.id} of cycle {cycle_id} in Label Studio."
            yield _problem(cycle_id, found, f"{stay} Those that are still open come back with the next submission.")
    for user in sorted(before.annotators - set(people)):
        found = f"The account of annotator label-studio:{user} was deleted in Label Studio."
        yield _problem(
            cycle_id, found, f"{stay} What it answered and nobody has read yet is counted as a person's work."
        )
    if not any(look.project.queue is Queue.ANNOTATORS for look in looks):
        found = f"Label Studio has no project for cycle {cycle_id}."
        yield _problem(
            cycle_id, found, "If nobody was asked yet, all is well; else the next submission makes it again."
        )


def _problem(cycle_id: str, found: str, hint: str) -> Problem:
    return Problem(stage=STAGE, subject=cycle_id, message=found, hint=hint)
