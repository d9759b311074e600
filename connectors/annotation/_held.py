"""What Label Studio holds, as far as it concerns us: projects, items, and how its lists are read to the end."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Self, TypeVar

from connectors.annotation import _briefing
from connectors.annotation._errors import SYSTEM, answered
from kempelen.errors import ConnectorUnavailable
from kempelen.records import Queue

KEYS_A_LOOKUP = 300
"""Keys that fit into the address of one request (500 do not)."""

_LONGEST_ITEM_ID = 32
"""A longer one is not ours: hundreds of them would not fit into an address, and nothing could be read any more."""

_PAGE = 1_000
_ATTEMPTS = 5

_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of a cycle. No answers wanted means that the cycle is closed."""

    id: int
    queue: Queue
    title: str
    description: str
    label_config: str
    instruction: str
    labels: frozenset[str]
    answers_wanted: int

    @classmethod
    def read(cls, found: Any, queue: Queue) -> Self:
        """From what the list of projects says."""
        control = (getattr(found, "parsed_label_config", None) or {}).get(_briefing.CONTROL) or {}
        return cls(
            id=found.id,
            queue=queue,
            title=found.title or "",
            description=found.description or "",
            label_config=found.label_config or "",
            instruction=found.expert_instruction or "",
            labels=frozenset(control.get("labels") or ()),
            answers_wanted=max(found.maximum_annotations or 0, 0),
        )

    @property
    def closed(self) -> bool:
        """Whether nobody is asked any more."""
        return self.answers_wanted == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An item, when it was made, and when it was last changed or answered.

    `name` is its item id, or one made of its numbers when somebody else put it there (`foreign`).
    """

    task_id: int
    name: str
    foreign: bool
    made: datetime
    at: datetime

    @property
    def mark(self) -> str:
        """The item as it is now: another change makes another mark."""
        return f"{self.task_id}:{self.at:%H%M%S%f}"

    @classmethod
    def read(cls, task: Any, project: int) -> Self:
        """From what the list of items says."""
        key = (task.data or {}).get("item_id")
        name = item_name(project, task.id, key)
        return cls(task_id=task.id, name=name, foreign=name != key, made=task.created_at, at=task.updated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An item, how many answers it wants, whether Label Studio takes it for complete, and who chose a label."""

    task_id: int
    item_id: str
    answers_wanted: int
    complete: bool
    answered_by: frozenset[int]

    @classmethod
    def read(cls, task: Any) -> Self:
        """From what the list of items says."""
        answers = [answer for answer in task.annotations or [] if not answer.get("was_cancelled")]
        return cls(
            task_id=task.id,
            item_id=task.data["item_id"],
            answers_wanted=task.overlap or 0,
            complete=bool(task.is_labeled),
            answered_by=frozenset(answer["completed_by"] for answer in answers if answer.get("completed_by")),
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of Label Studio's list of items."""

    query: str

    @classmethod
    def _on(cls, *conditions: tuple[str, str, str, Any]) -> Self:
        items = [
            {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}
            for field, operator, kind, value in conditions
        ]
        return cls(json.dumps({"filters": {"conjunction": "and", "items": items}}))

    @classmethod
    def item_ids(cls, item_ids: Sequence[str]) -> Iterator[Self]:
        """Items by their item ids, as many filters as it takes."""
        return (cls._on(("data.item_id", "in_list", "List", part)) for part in _parts(item_ids))

    @classmethod
    def complete(cls, item_ids: Sequence[str]) -> Iterator[Self]:
        """Of these items the ones that Label Studio takes for complete: it asks nobody about them."""
        done = ("completed_at", "empty", "Datetime", False)
        return (cls._on(("data.item_id", "in_list", "List", part), done) for part in _parts(item_ids))

    @classmethod
    def task_ids(cls, task_ids: Sequence[int]) -> Iterator[Self]:
        """Items by Label Studio's own numbers."""
        return (cls._on(("id", "in_list", "List", part)) for part in _parts(task_ids))

    @classmethod
    def changed_after(cls, moment: datetime) -> Self:
        """Items that were put there, changed or answered, or lost an answer, after a moment."""
        return cls._on(_after(moment))

    @classmethod
    def touched_after(cls, moment: datetime) -> Self:
        """Of these, the ones to which somebody did something: not those that were only put there."""
        return cls._on(_after(moment), ("updated_by", "empty", "List", False))

    @classmethod
    def answered(cls) -> Self:
        """Items that have any answer."""
        return cls._on(("annotations_ids", "empty", "String", False))

    @classmethod
    def begun(cls) -> Self:
        """Items on which somebody has work that is not sent."""
        return cls._on(("draft_exists", "equal", "Boolean", True))


def _after(moment: datetime) -> tuple[str, str, str, Any]:
    return "updated_at", "greater", "Datetime", moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def item_name(project: int, task_id: int, item_id: Any) -> str:
    """The item id, or a name for an item that somebody put into the project by hand, whatever stands in its place."""
    ours = isinstance(item_id, str) and 0 < len(item_id) <= _LONGEST_ITEM_ID
    return item_id if ours else f"label-studio:{project}:task:{task_id}"


def _parts(values: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    return (values[i : i + KEYS_A_LOOKUP] for i in range(0, len(values), KEYS_A_LOOKUP))


def everything(ask: Callable[[dict[str, int]], Any], total_field: str) -> list[Any]:
    """All of a list that comes in pages, each entry once, by Label Studio's own numbers.

    By the total that the server names, because a page too far is an error in its log. A list that became shorter
    meanwhile is read again: what follows has moved up, perhaps onto a page that was read already.
    """
    for _ in range(_ATTEMPTS):
        found = _in_one_go(ask, total_field)
        if found is not None:
            return found
    raise ConnectorUnavailable(
        "what it holds changes faster than it can be read.", system=SYSTEM, hint="It will be tried again."
    )


def _in_one_go(ask: Callable[[dict[str, int]], Any], total_field: str) -> list[Any] | None:
    """The list, or None when it became shorter while it was read."""
    found: dict[int, Any] = {}
    seen, total, number = 0, 1, 1
    while seen < total:
        page = ask({"page": number, "page_size": _PAGE})
        named = getattr(page.response, total_field, None)
        if not isinstance(named, int):
            raise answered(HTTPStatus.OK, None)
        if number > 1 and named < total:
            return None
        total = named
        if not page.items:
            break
        found.update((entry.id, entry) for entry in page.items)
        seen, number = seen + len(page.items), number + 1
    return list(found.values())
