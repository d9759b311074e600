"""The calls to Label Studio, each one request, none of them repeated behind our back.

The SDK repeats a POST whose answer was lost, and so imports items twice; `max_retries=0` forbids it.
"""

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx

from connectors.annotation import _briefing
from connectors.annotation._errors import answered, speaking
from connectors.annotation._held import Filter, Held, Project, Seen, everything
from connectors.annotation._people import Person, people
from kempelen.records import Briefing, Queue

_PROJECT_FIELDS = "id,title,description,maximum_annotations,parsed_label_config,label_config,expert_instruction"
_ANSWER_FIELDS = (
    "id,data,annotations,result,lead_time,completed_by,updated_by,created_at,updated_at,was_cancelled,draft_created_at"
)
_OVERLAP_FIELDS = "id,data,overlap,is_labeled,annotations,completed_by,was_cancelled"


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

    def projects(self, cycle_id: str, queue: Queue | None = None) -> list[Project]:
        """The projects of the cycle, or of one of its queues, oldest first.

        A queue has one, unless an answer was lost while it was made. All projects are listed: the Community
        edition ignores `search`. 156 of them take 0.04 s.
        """
        with speaking(self.url):
            found = everything(
                lambda page: self._sdk.projects.list(include=_PROJECT_FIELDS, ordering="id", **page), "count"
            )
        ours = [
            Project.read(each, its)
            for each in found
            if (its := _briefing.queue_of(each.description, cycle_id)) and queue in {None, its}
        ]
        return sorted(ours, key=lambda project: project.id)

    def create_project(self, briefing: Briefing) -> None:
        """Make the project of a cycle's queue, complete in one request."""
        with speaking(self.url):
            self._sdk.projects.create(
                **_briefing.told(briefing),
                title=_briefing.title(briefing.title, briefing.cycle_id),
                show_instruction=True,
                show_skip_button=True,
                show_collab_predictions=True,
                enable_empty_annotation=False,
                maximum_annotations=briefing.answers_per_item,
                sampling="Sequential sampling",
            )

    def change_project(self, project: Project, **fields: Any) -> None:
        """Set fields of the project. Nought `maximum_annotations` empties everybody's queue, and all answers stay."""
        with speaking(self.url):
            self._sdk.projects.update(project.id, **fields)

    def import_items(self, project: Project, items: Sequence[Mapping[str, Any]], timeout_s: float) -> None:
        """Import all or, on an error, none - but perhaps later than the error: look them up, don't repeat."""
        with speaking(self.url):
            self._sdk.projects.import_tasks(
                id=project.id, request=list(items), request_options={"timeout": timeout_s, "max_retries": 0}
            )

    def count(self, project: Project, only: Filter | None = None) -> int:
        """How many items the project holds, by whomever they were put there; or how many that pass a filter."""
        with speaking(self.url):
            page = self._sdk.tasks.list(
                project=project.id, fields="task_only", include="id", page_size=1, query=only and only.query
            )
            return int(page.response.total)

    def keys(self, project: Project, item_ids: Sequence[str] | None = None) -> list[tuple[str, int]]:
        """Item id and task id of all items in the project, or of those named; doubles come twice."""
        wanted: Iterable[Filter | None] = [None] if item_ids is None else Filter.item_ids(item_ids)
        rows = [
            ((task.data or {}).get("item_id"), task.id)
            for only in wanted
            for task in self._tasks(project, only, fields="task_only", include="id,data")
        ]
        return [(key, task_id) for key, task_id in rows if isinstance(key, str)]

    def seen(self, project: Project, filters: Iterable[Filter] | None = None) -> list[Seen]:
        """What items the project holds, or those that pass one of the filters, each once."""
        tasks = {
            task.id: task
            for only in ([None] if filters is None else filters)
            for task in self._tasks(project, only, fields="task_only", include="id,data,created_at,updated_at")
        }
        return [Seen.read(task, project.id) for task in tasks.values()]

    def answers(self, project: Project, filters: Iterable[Filter]) -> dict[int, tuple[Mapping[str, Any], list[Any]]]:
        """Data and answers by task id, of the items that pass one of the filters."""
        return {
            task.id: (task.data or {}, task.annotations or [])
            for only in filters
            for task in self._tasks(project, only, fields="all", include=_ANSWER_FIELDS)
        }

    def held(self, project: Project, filters: Iterable[Filter]) -> list[Held]:
        """The items that pass one of the filters, with how many answers each wants and who gave one."""
        return [
            Held.read(task)
            for only in filters
            for task in self._tasks(project, only, fields="all", include=_OVERLAP_FIELDS)
        ]

    def want(self, task_id: int, answers: int, *, complete: bool) -> None:
        """Let an item want so many answers. Label Studio does not see by itself that it has them: `complete` says it.

        Measured on Community 1.23.2: with `overlap` alone an item that was complete comes up in nobody's queue.
        """
        with speaking(self.url):
            self._sdk.tasks.update(str(task_id), overlap=answers, is_labeled=complete)

    def untouched(self, task_id: int) -> bool:
        """Whether nobody has answered, skipped or begun the item."""
        with speaking(self.url):
            task = self._sdk.tasks.get(str(task_id))
        # Its `drafts` would be our own ones only.
        return not (task.annotations or task.draft_exists)

    def delete_item(self, task_id: int) -> None:
        """Delete it; one that is already gone is as good."""
        from label_studio_sdk.core.api_error import ApiError

        with speaking(self.url):
            try:
                self._sdk.tasks.delete(str(task_id))
            except ApiError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise

    def people(self, experts: frozenset[str]) -> dict[int, Person]:
        """Every user by number; `experts` are addresses in lower case."""
        with speaking(self.url):
            return people(self._sdk.users.list(), experts)

    def invitation(self) -> str:
        """The path of the page on which somebody who has the link makes an account."""
        with speaking(self.url):
            found = self._sdk.organizations.invites.get_invite_link().invite_url
        if not found:
            raise answered(HTTPStatus.OK, None)
        return str(found)

    def export(self, project: Project, timeout_s: float) -> bytes:
        """The whole project as Label Studio's own JSON export."""
        with speaking(self.url):
            parts = self._sdk.projects.exports.download_sync(
                project.id,
                export_type="JSON",
                download_all_tasks=True,
                request_options={"timeout": timeout_s, "max_retries": 0},
            )
            return b"".join(parts)

    def _tasks(self, project: Project, only: Filter | None, **wanted: Any) -> list[Any]:
        query = only.query if only else None
        with speaking(self.url):
            return everything(
                lambda page: self._sdk.tasks.list(project=project.id, query=query, **wanted, **page), "total"
            )
