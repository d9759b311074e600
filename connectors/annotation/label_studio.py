"""People label in Label Studio: one project a cycle, each item in it once.

How an item is kept from appearing twice
----------------------------------------
Label Studio has no key for items and answers an import only when it is done, so an answer that is
lost says nothing. Therefore an import looks up which items are there and sends only the others, in
portions that succeed or fail as a whole. When an answer is lost it waits for the *items* to appear
and never sends a portion again: if they do not appear in time, it raises, and the next `submit`
looks again. A portion that arrives even later, or from another machine, makes doubles; every
`submit` removes those that nobody has begun, and keeps the oldest. Doubles that several people
have answered stay, and all of their answers are read: they are answers to the same item.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from connectors.annotation import _briefing, _reading
from connectors.annotation._errors import SYSTEM, NeverSent, speaking
from connectors.annotation._importer import default_folder, one_importer
from connectors.annotation._reading import SIMULATED_DOMAIN
from connectors.annotation._server import Project, Server
from kempelen.errors import BadData, ConfigError, ConnectorRefused, ConnectorUnavailable, Problem
from kempelen.records import Annotation, Briefing, LabelRequest, Purpose

__all__ = ["SIMULATED_DOMAIN", "LabelStudio", "build", "key_line", "speaking"]

key_line = _briefing.key_line

PORTION = 500
"""Items an import: larger ones come near the time-out of a busy server."""

_SMALL_PROJECT = 2_000
_FIRST_POLL_S, _LAST_POLL_S = 0.1, 2.0


class LabelStudio:
    """An `AnnotationConnector` for a Label Studio, Community edition, 1.23 or later."""

    def __init__(
        self,
        server: Server,
        *,
        blind_audit: bool,
        import_timeout_s: float,
        late_commit_s: float,
        lock_folder: Path,
    ) -> None:
        self._server = server
        self._blind_audit = blind_audit
        self._import_timeout_s = import_timeout_s
        self._late_commit_s = late_commit_s
        self._lock_folder = lock_folder

    def open(self, briefing: Briefing) -> str:
        """The address where people label this cycle; made on the first call, found on later ones."""
        with self._only_importer():
            project = self._projects(briefing)[0]
        return f"{self._server.url}/projects/{project.id}/data?labeling=1"

    def submit(self, briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        """Put items before people in the order given; those that are there already are left as they are.

        The number of items that were new. People are asked in the order of the first submission;
        the items of a later round come after those of an earlier one.

        Raises ConnectorUnavailable when Label Studio does not answer, or loses an answer and does
        not show the items within `late_commit_s`; calling again is safe. ConnectorRefused when the
        cycle is closed and some items are missing.
        """
        wanted = _by_item(briefing, requests)
        with self._only_importer():
            projects = self._projects(briefing)
            before = sum(map(self._server.count, projects))
            held = self._held(projects, list(wanted), before)
            missing = [item for item_id, item in wanted.items() if item_id not in held]
            if missing:
                self._import(projects[0], briefing, missing)
                self._check(projects, list(wanted), before + len(missing))
        return len(missing)

    def collect(self, cycle_id: str) -> tuple[list[Annotation], list[Problem]]:
        """Every answer that the cycle has by now, oldest first, skips included, and what is wrong with some.

        An answer that cannot be used (no choice, two, an unknown one, an item that we did not ask
        about) comes back as a problem AND as an annotation without a label, so that the effort
        behind it is not lost. The `source_id` of an answer never changes, and is never reused; an
        answer that was changed later keeps it.
        """
        projects = self._server.projects(cycle_id)
        if not projects:
            return [], [_no_project(cycle_id)]
        simulated = self._server.simulated_users()
        annotations: dict[str, Annotation] = {}
        problems: dict[str, list[Problem]] = {}
        for project in projects:
            source = _reading.Source(project=project.id, labels=project.labels, simulated=simulated)
            for task_id, data, answers in self._server.answered(project):
                for answer in answers:
                    annotation, faults = _reading.read(task_id, data, answer, source)
                    problems[f"{task_id}:{answer.get('id')}"] = faults
                    if annotation:
                        annotations[annotation.source_id] = annotation
        in_order = sorted(annotations.values(), key=lambda each: (each.submitted_at, each.source_id))
        return in_order, [fault for faults in problems.values() for fault in faults]

    def items(self, cycle_id: str) -> list[str]:
        """The item ids that Label Studio holds for the cycle in the order of asking, doubles included."""
        return [key for project in self._server.projects(cycle_id) for key, _ in self._server.keys(project)]

    def close(self, cycle_id: str) -> None:
        """Ask nobody any more: everybody's queue is empty. Answers stay readable; sending one stays possible."""
        for project in self._server.projects(cycle_id):
            if not project.closed:
                self._server.ask_nobody(project)

    def _only_importer(self) -> Any:
        return one_importer(self._server.url, self._lock_folder, self._import_timeout_s)

    def _projects(self, briefing: Briefing) -> list[Project]:
        """The cycle's projects, oldest first; the first is the one that is filled."""
        found = self._server.projects(briefing.cycle_id)
        if not found:
            self._server.create_project(briefing)
            found = self._server.projects(briefing.cycle_id)
        if not found:
            raise ConnectorUnavailable(
                "a project was made, but cannot be found.",
                system=SYSTEM,
                hint="It will be tried again. Does the token belong to somebody in the right organisation?",
            )
        return found

    def _import(self, project: Project, briefing: Briefing, missing: Sequence[LabelRequest]) -> None:
        if project.closed:
            raise ConnectorRefused(
                f"cycle {briefing.cycle_id} is closed, and {len(missing)} of its items were never submitted.",
                system=SYSTEM,
                hint="Ask for them in a new cycle.",
            )
        remaining = iter(missing)
        while portion := list(islice(remaining, PORTION)):
            payload = [self._item(request, briefing.labels) for request in portion]
            try:
                self._server.import_items(project, payload, self._import_timeout_s)
            except NeverSent:
                raise
            except ConnectorUnavailable as lost:
                self._await(project, [request.item_id for request in portion], lost)

    def _await(self, project: Project, item_ids: list[str], lost: ConnectorUnavailable) -> None:
        """Wait for items whose import was not answered; `lost` again when they do not appear in time."""
        deadline, pause = time.monotonic() + self._late_commit_s, _FIRST_POLL_S
        while True:
            with suppress(ConnectorUnavailable):
                if set(item_ids) <= {key for key, _ in self._server.keys(project, item_ids)}:
                    return
            if time.monotonic() >= deadline:
                raise lost
            time.sleep(pause)
            pause = min(2 * pause, _LAST_POLL_S)

    def _check(self, projects: Sequence[Project], item_ids: list[str], expected: int) -> None:
        """That all items are there, and each once; the cheap answer first."""
        total = sum(map(self._server.count, projects))
        if total == expected:
            return
        lacking = set(item_ids) - set(self._held(projects, item_ids, total))
        if lacking:
            raise ConnectorUnavailable(
                f"{len(lacking)} items are not there after their import, {min(lacking)} among them.",
                system=SYSTEM,
                hint="It will be tried again. Is somebody deleting items?",
            )

    def _held(self, projects: Sequence[Project], item_ids: list[str], total: int) -> dict[str, list[int]]:
        """Task ids of the items that are there, after unbegun doubles were removed."""
        if not total:
            return {}
        few = total > _SMALL_PROJECT and len(item_ids) < total / 4
        held: dict[str, list[int]] = defaultdict(list)
        for project in projects:
            for item_id, task_id in self._server.keys(project, item_ids if few else None):
                held[item_id].append(task_id)
        for task_ids in held.values():
            if len(task_ids) > 1:
                self._mend(task_ids)
        return held

    def _mend(self, task_ids: list[int]) -> None:
        """Of the doubles of one item, leave those that somebody has begun, or else the oldest."""
        unbegun = [task_id for task_id in sorted(set(task_ids)) if self._server.untouched(task_id)]
        keeps_one = len(unbegun) == len(set(task_ids))
        for task_id in unbegun[1:] if keeps_one else unbegun:
            self._server.delete_item(task_id)

    def _item(self, request: LabelRequest, labels: tuple[str, ...]) -> dict[str, Any]:
        """What Label Studio stores of an item. It shows the query and `note`, and the suggestion as chosen."""
        blind = (self._blind_audit and request.purpose is Purpose.AUDIT) or request.suggestion not in labels
        data = {
            "query": request.query,
            "note": "The model's guess is not shown here." if blind else request.reason,
            "item_id": request.item_id,
            "reason": request.reason,
            "round": request.round,
            "predictions": request.predictions,
            "users": request.users,
        }
        return {"data": data} if blind else {"data": data, "predictions": [_suggestion(request)]}


def build(  # noqa: PLR0913 - each is a setting, and all but two have defaults
    url: str,
    token: str,
    *,
    blind_audit: bool = False,
    timeout_s: float = 60.0,
    import_timeout_s: float = 300.0,
    late_commit_s: float = 60.0,
    lock_folder: str | os.PathLike[str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> LabelStudio:
    """Connect to the Label Studio at `url`; nothing is sent yet.

    Parameters
    ----------
    url, token
        Its address, and a legacy or personal access token.
    blind_audit
        Show items that are drawn for the audit without the model's suggestion. A suggestion pulls
        answers towards the model, and audit answers are what the model is judged by.
    timeout_s, import_timeout_s
        Seconds to wait for an answer, and for the answer to an import. An import also waits as long
        for another one to finish.
    late_commit_s
        Seconds to wait for the items of an import whose answer was lost.
    lock_folder
        Where the processes of this machine agree who imports.
    transport
        The network; tests replace it.
    """
    address = url.rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ConfigError(
            f"The address of Label Studio is {url!r}.",
            hint="Write it as http://host:port under servers.label_studio_url.",
        )
    if not re.fullmatch(r"[!-~]+", token):
        raise ConfigError(
            "The token for Label Studio is empty, or holds blanks or characters that no token has.",
            hint="Copy it again from Label Studio (Account & Settings) into servers.label_studio_token.",
        )
    return LabelStudio(
        Server(address, token, timeout_s=timeout_s, transport=transport),
        blind_audit=blind_audit,
        import_timeout_s=import_timeout_s,
        late_commit_s=late_commit_s,
        lock_folder=Path(lock_folder) if lock_folder else default_folder(),
    )


def _by_item(briefing: Briefing, requests: Sequence[LabelRequest]) -> dict[str, LabelRequest]:
    """The first request for each item, in order."""
    wanted: dict[str, LabelRequest] = {}
    for request in requests:
        if request.cycle_id != briefing.cycle_id:
            raise BadData(
                f"Item {request.item_id} belongs to cycle {request.cycle_id}, not to {briefing.cycle_id}.",
                hint="Submit each cycle's requests with its own briefing.",
            )
        wanted.setdefault(request.item_id, request)
    return wanted


def _suggestion(request: LabelRequest) -> Mapping[str, Any]:
    region = {
        "id": request.item_id,
        "from_name": _briefing.CONTROL,
        "to_name": _briefing.TEXT,
        "type": "choices",
        "value": {"choices": [request.suggestion]},
    }
    return {"model_version": request.model_version, "score": request.confidence, "result": [region]}


def _no_project(cycle_id: str) -> Problem:
    return Problem(
        stage=_reading.STAGE,
        subject=cycle_id,
        message=f"Label Studio has no project for cycle {cycle_id}.",
        hint="If nobody was asked yet, all is well; else somebody deleted it: restore it from Label Studio's backup.",
    )
