"""The calls to Label Studio, each one request, none of them repeated behind our back.

The SDK repeats a POST whose answer was lost, and so imports items twice; `max_retries=0` forbids it.
"""

import json
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from connectors.annotation import _briefing
from connectors.annotation._errors import answered, speaking
from connectors.annotation._reading import SIMULATED_DOMAIN
from kempelen.records import Briefing

KEYS_A_LOOKUP = 300
"""Keys that fit into the address of one request (500 do not)."""

_PAGE = 1_000
_ANSWER_FIELDS = (
    "id,data,annotations,result,lead_time,completed_by,created_at,updated_at,was_cancelled,draft_created_at"
)
_PROJECT_FIELDS = "id,description,maximum_annotations,parsed_label_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of a cycle. No answers wanted means that the cycle is closed."""

    id: int
    labels: frozenset[str]
    answers_wanted: int

    @property
    def closed(self) -> bool:
        """Whether nobody is asked any more."""
        return self.answers_wanted == 0


class Server:
    """One Label Studio, spoken to with one token. Safe to use from several threads."""

    def __init__(self, url: str, token: str, *, timeout_s: float, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._token = token
        self._timeout_s = timeout_s
        self._transport = transport
        self._made: Any = None
        self._making = threading.Lock()

    @property
    def _sdk(self) -> Any:
        """The SDK's client; made late, because importing the SDK takes seconds."""
        with self._making:
            if self._made is None:
                from label_studio_sdk import LabelStudio

                http = httpx.Client(timeout=self._timeout_s, follow_redirects=True, transport=self._transport)
                # The Protocol has no moment at which a connector ends, so its connections end with it.
                weakref.finalize(self, http.close)
                self._made = LabelStudio(
                    base_url=self.url, api_key=self._token, timeout=self._timeout_s, max_retries=0, httpx_client=http
                )
            return self._made

    def projects(self, cycle_id: str) -> list[Project]:
        """The projects of the cycle, oldest first. There is one, unless an answer was lost while it was made.

        All projects are listed: the Community edition ignores `search`. 156 of them take 0.04 s.
        """
        key = _briefing.key_line(cycle_id)
        found = self._pages(
            lambda page: self._sdk.projects.list(include=_PROJECT_FIELDS, ordering="id", **page),
            "count",
        )
        ours = [each for each in found if (each.description or "").split("\n", 1)[0].strip() == key]
        return sorted((_project(each) for each in ours), key=lambda project: project.id)

    def create_project(self, briefing: Briefing) -> None:
        """Make the cycle's project, complete in one request."""
        with speaking(self.url):
            self._sdk.projects.create(
                title=_briefing.title(briefing),
                description=_briefing.description(briefing),
                label_config=_briefing.label_config(briefing),
                expert_instruction=_briefing.instruction(briefing),
                show_instruction=True,
                show_skip_button=True,
                show_collab_predictions=True,
                enable_empty_annotation=False,
                maximum_annotations=briefing.answers_per_item,
                sampling="Sequential sampling",
            )

    def ask_nobody(self, project: Project) -> None:
        """Nought answers wanted: the queue is empty for everybody, and all answers stay."""
        with speaking(self.url):
            self._sdk.projects.update(project.id, maximum_annotations=0)

    def import_items(self, project: Project, items: Sequence[Mapping[str, Any]], timeout_s: float) -> None:
        """Import all or, on an error, none - but perhaps later than the error: look them up, don't repeat."""
        with speaking(self.url):
            self._sdk.projects.import_tasks(
                id=project.id, request=list(items), request_options={"timeout": timeout_s, "max_retries": 0}
            )

    def count(self, project: Project) -> int:
        """How many items the project holds, by whomever they were put there."""
        with speaking(self.url):
            page = self._sdk.tasks.list(project=project.id, fields="task_only", include="id", page_size=1)
        return int(page.response.total)

    def keys(self, project: Project, item_ids: Sequence[str] | None = None) -> Iterator[tuple[str, int]]:
        """Item id and task id of all items in the project, or of those named; doubles come twice."""
        queries: list[str | None] = [None]
        if item_ids is not None:
            parts = range(0, len(item_ids), KEYS_A_LOOKUP)
            queries = [_filter("data.item_id", "in_list", "List", item_ids[i : i + KEYS_A_LOOKUP]) for i in parts]
        for query in queries:
            for task in self._tasks(project, fields="task_only", include="id,data", query=query):
                key = task.data.get("item_id")
                if isinstance(key, str):
                    yield key, task.id

    def answered(self, project: Project) -> Iterator[tuple[int, Mapping[str, Any], list[Mapping[str, Any]]]]:
        """Task id, data and answers of each item that has any; only those cross the wire."""
        query = _filter("annotations_ids", "empty", "String", value=False)
        for task in self._tasks(project, fields="all", include=_ANSWER_FIELDS, query=query):
            yield task.id, task.data, task.annotations or []

    def untouched(self, task_id: int) -> bool:
        """Whether nobody has answered, skipped or begun the item."""
        with speaking(self.url):
            task = self._sdk.tasks.get(str(task_id))
        return not (task.annotations or task.drafts)

    def delete_item(self, task_id: int) -> None:
        """Delete it; one that is already gone is as good."""
        from label_studio_sdk.core.api_error import ApiError

        with speaking(self.url):
            try:
                self._sdk.tasks.delete(str(task_id))
            except ApiError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise

    def simulated_users(self) -> dict[int, bool]:
        """Every user by number, and whether it is a simulated annotator."""
        with speaking(self.url):
            users = self._sdk.users.list()
        return {user.id: (user.email or "").lower().endswith(SIMULATED_DOMAIN) for user in users}

    def _tasks(self, project: Project, **wanted: Any) -> Iterator[Any]:
        return self._pages(lambda page: self._sdk.tasks.list(project=project.id, **wanted, **page), "total")

    def _pages(self, ask: Callable[[dict[str, int]], Any], total_field: str) -> Iterator[Any]:
        """Page by page, by the total that the server names: a page too far is an error in its log."""
        seen, total, number = 0, 1, 1
        while seen < total:
            with speaking(self.url):
                page = ask({"page": number, "page_size": _PAGE})
            named = getattr(page.response, total_field, None)
            if not isinstance(named, int):
                raise answered(HTTPStatus.OK, None)
            total = named
            if not page.items:
                return
            yield from page.items
            seen, number = seen + len(page.items), number + 1


def _project(found: Any) -> Project:
    control = (getattr(found, "parsed_label_config", None) or {}).get(_briefing.CONTROL) or {}
    return Project(
        id=found.id,
        labels=frozenset(control.get("labels") or ()),
        answers_wanted=max(found.maximum_annotations or 0, 0),
    )


def _filter(field: str, operator: str, kind: str, value: Any) -> str:
    item = {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}
    return json.dumps({"filters": {"conjunction": "and", "items": [item]}})
