"""What Label Studio holds of an answer, checked: it stores whatever it is sent, valid or not.

The effort of a person outlives a faulty answer: whatever cannot be used as a label comes back as
an annotation without one, beside the problem that says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.annotation._checks import LONGEST_ANSWER_S, STAGE, short
from connectors.annotation._held import item_name
from connectors.annotation._page import CONTROL
from connectors.annotation._people import Person
from kempelen.errors import Problem
from kempelen.records import Annotation, Queue

NOBODY = "label-studio:unknown"
"""Whoever answered with an account that was deleted: perhaps several people."""

_AT_ONCE = timedelta(milliseconds=50)
"""Label Studio writes an answer's two moments microseconds apart when it is made; an edit is a request of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where answers come from: the project, the labels it offers, whom it asks, and all users by number."""

    project: int
    labels: frozenset[str]
    people: Mapping[int, Person]
    queue: Queue = Queue.ANNOTATORS


def read(
    task_id: int, data: Mapping[str, Any], answer: Mapping[str, Any], source: Source
) -> tuple[Annotation | None, list[Problem]]:
    """One answer, and what is wrong with it.

    None only when Label Studio does not say when the answer was given. A skip has no label, even
    if its result still holds the choice that the model had made. A lead time that cannot be one
    is None, never a guess.
    """
    submitted = _moment(answer.get("created_at"))
    if submitted is None:
        where = f"label-studio:{source.project}:task {task_id}"
        return None, [
            _problem(where, f"created_at is {answer.get('created_at')!r}", "Report this: it is a fault there.")
        ]
    name = _source_id(source.project, answer.get("id"), submitted)
    item_id, problems = _item(task_id, data, source, name)
    user, fault = _user(answer.get("completed_by"), source.people)
    problems += [_problem(name, fault, "It is counted as a person's work.")] if fault else []
    person = source.people.get(user, Person()) if user is not None else Person()
    problems += _uninvited(name, person, source)
    label, faults = _usable_label(name, answer, user, source)
    lead_time, fault = _lead_time(answer.get("lead_time"))
    faults += [_problem(name, fault, "Its time is booked as unknown; the annotator can state it.")] if fault else []
    annotation = Annotation(
        source_id=name,
        item_id=item_id,
        annotator=NOBODY if user is None else f"label-studio:{user}",
        label=label if data.get("item_id") == item_id else None,
        lead_time_s=lead_time,
        started_at=_moment(answer.get("draft_created_at")),
        submitted_at=submitted,
        simulated=person.simulated,
        changed_at=_changed_at(answer.get("updated_at"), submitted),
        expert=person.expert,
    )
    return annotation, problems + faults


def _source_id(project: int, annotation_id: Any, submitted: datetime) -> str:
    """The same at every reading, and never another annotation's.

    The moment is part of it because ids begin at 1 again when a server's data folder is renewed.
    (`unique_id` would do, but only the export has it, and each export leaves two files on the server.)
    """
    since_epoch = submitted - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds
    return f"label-studio:{project}:{annotation_id}:{microseconds}"


def _item(task_id: int, data: Mapping[str, Any], source: Source, name: str) -> tuple[str, list[Problem]]:
    item_id = item_name(source.project, task_id, data.get("item_id"))
    if item_id == data.get("item_id"):
        return item_id, []
    hint = "Somebody put it into the project by hand. Its effort is counted, its label is not."
    return item_id, [_problem(name, "its item is none that we asked about", hint)]


def _uninvited(name: str, person: Person, source: Source) -> list[Problem]:
    """Label Studio's Community edition lets everybody into the experts' queue."""
    if source.queue is Queue.ANNOTATORS or person.expert:
        return []
    fault = "it was given in the experts' queue by an account that annotation.experts does not name"
    return [_problem(name, fault, "It decides nothing: it is one opinion more. Name the account there if it should.")]


def _usable_label(
    name: str, answer: Mapping[str, Any], user: int | None, source: Source
) -> tuple[str | None, list[Problem]]:
    """The label, if this very person chose one; Label Studio lets everybody write over everybody's answers."""
    if answer.get("was_cancelled"):
        return None, []
    label, fault = _label(answer.get("result"), source.labels)
    writer = answer.get("updated_by")
    if isinstance(writer, int) and writer != user:
        label, fault = None, f"account {writer} wrote it, not the annotator it stands for"
    return label, [_problem(name, fault, "It counts as effort, not as an answer.")] if fault else []


def _label(result: Any, labels: frozenset[str]) -> tuple[str | None, str | None]:
    """The one label that was chosen, or what is wrong with the result."""
    if not isinstance(result, list):
        return None, f"its result is {short(result)}, not a list"
    ours = [region for region in result if isinstance(region, Mapping) and region.get("from_name") == CONTROL]
    if not ours:
        return None, "it answers nothing" if not result else "it does not answer our question"
    chosen = [choice for region in ours for choice in _choices(region)]
    if len(chosen) != 1:
        return None, f"it holds {len(chosen)} choices where one is asked for"
    if not isinstance(chosen[0], str) or chosen[0] not in labels:
        return None, f"its choice {short(chosen[0])} is none of {', '.join(sorted(labels))}"
    return chosen[0], None


def _choices(region: Mapping[str, Any]) -> list[Any]:
    value = region.get("value")
    choices = value.get("choices") if isinstance(value, Mapping) else None
    return choices if isinstance(choices, list) else []


def _lead_time(value: Any) -> tuple[float | None, str | None]:
    """Seconds, or what is wrong with them."""
    if value is None:
        return None, "it has no lead time"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, f"its lead time is {short(value)}"
    if not 0 <= value <= LONGEST_ANSWER_S:
        return None, f"its lead time is {short(value)} s, outside 0 to {LONGEST_ANSWER_S:g} s"
    return float(value), None


def _user(completed_by: Any, people: Mapping[int, Person]) -> tuple[int | None, str | None]:
    """The person by number, and what is wrong."""
    user = completed_by.get("id") if isinstance(completed_by, Mapping) else completed_by
    if isinstance(user, bool) or not isinstance(user, int):
        return None, "it does not say who answered; was the account deleted?"
    if user not in people:
        return user, f"its annotator {user} is no user of Label Studio any more"
    return user, None


def _changed_at(updated: Any, submitted: datetime) -> datetime | None:
    """When the answer was last edited; None when it never was."""
    moment = _moment(updated)
    return moment if moment is not None and moment - submitted > _AT_ONCE else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _problem(subject: str, fault: str, hint: str) -> Problem:
    return Problem(stage=STAGE, subject=subject, message=f"Annotation {subject}: {fault}.", hint=hint)
