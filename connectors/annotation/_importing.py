"""Put items into a project, each exactly once, whatever happens to the answers of the network.

How an item is kept from appearing twice
----------------------------------------
Label Studio has no key for items and answers an import only when it is done, so an answer that is
lost says nothing. Therefore an import looks up which items are there and sends only the others, in
portions that succeed or fail as a whole. When an answer is lost it waits for the *items* to appear
and never sends a portion again: if they do not appear in time, it raises, and the next call
looks again. A portion that arrives even later, twice, or from another machine, makes doubles; every
call removes those that nobody has begun, and keeps the oldest. Doubles that several people
have answered stay, and all of their answers are read: they are answers to the same item.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connectors.annotation._errors import SYSTEM, NeverSent
from connectors.annotation._held import Project
from connectors.annotation._page import CONTROL, TEXT, sentence
from connectors.annotation._requests import BLIND_NOTE, hides_suggestion
from connectors.annotation._server import Server
from kempelen.errors import ConnectorRefused, ConnectorUnavailable
from kempelen.records import Briefing, LabelRequest

PORTION = 500
"""Items an import: larger ones come near the time-out of a busy server."""

_SMALL_PROJECT = 2_000
_FIRST_POLL_S, _LAST_POLL_S = 0.1, 2.0
_GUESS_NOTE = "The label that is chosen already is the model's guess."


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Imports into one server; hold its lock (`_lock.one_importer`) meanwhile."""

    server: Server
    import_timeout_s: float
    late_commit_s: float

    def put(self, projects: Sequence[Project], briefing: Briefing, wanted: Mapping[str, LabelRequest]) -> int:
        """Put what is not there yet into the first project, in the order given; how many items that were.

        ConnectorUnavailable when an answer was lost and the items do not appear; ConnectorRefused when the
        project is closed and some are missing.
        """
        before = sum(map(self.server.count, projects))
        held = self._held(projects, list(wanted), before)
        missing = [item for item_id, item in wanted.items() if item_id not in held]
        if missing:
            self._import(projects[0], briefing, missing)
            self._check(projects, list(wanted), before + len(missing))
        return len(missing)

    def _import(self, project: Project, briefing: Briefing, missing: Sequence[LabelRequest]) -> None:
        if project.closed:
            raise ConnectorRefused(
                f"cycle {briefing.cycle_id} is closed, and {len(missing)} of its items were never submitted.",
                system=SYSTEM,
                hint="Ask for them in a new cycle.",
            )
        for portion in _portions(missing):
            items = [payload(request, briefing) for request in portion]
            try:
                self.server.import_items(project, items, self.import_timeout_s)
            except NeverSent:
                raise
            except ConnectorUnavailable as lost:
                self._await(project, [request.item_id for request in portion], lost)

    def _await(self, project: Project, item_ids: list[str], lost: ConnectorUnavailable) -> None:
        """Wait for items whose import was not answered; `lost` again when they do not appear in time."""
        deadline, pause = time.monotonic() + self.late_commit_s, _FIRST_POLL_S
        while True:
            with suppress(ConnectorUnavailable):
                if set(item_ids) <= {key for key, _ in self.server.keys(project, item_ids)}:
                    return
            if time.monotonic() >= deadline:
                raise lost
            time.sleep(pause)
            pause = min(2 * pause, _LAST_POLL_S)

    def _check(self, projects: Sequence[Project], item_ids: list[str], expected: int) -> None:
        """That all items are there, and each once; the cheap answer first."""
        total = sum(map(self.server.count, projects))
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
            for item_id, task_id in self.server.keys(project, item_ids if few else None):
                held[item_id].append(task_id)
        for task_ids in held.values():
            if len(task_ids) > 1:
                self._mend(task_ids)
        return held

    def _mend(self, task_ids: list[int]) -> None:
        """Of the doubles of one item, leave those that somebody has begun, or else the oldest."""
        unbegun = [task_id for task_id in sorted(set(task_ids)) if self.server.untouched(task_id)]
        keeps_one = len(unbegun) == len(set(task_ids))
        for task_id in unbegun[1:] if keeps_one else unbegun:
            self.server.delete_item(task_id)


def _portions(missing: Sequence[LabelRequest]) -> Iterator[list[LabelRequest]]:
    remaining = iter(missing)
    while portion := list(islice(remaining, PORTION)):
        yield portion


def payload(request: LabelRequest, briefing: Briefing) -> dict[str, Any]:
    """What Label Studio stores of an item, all of which everybody there can see.

    People are shown the query, the note, and the suggestion as chosen. Nothing else of the request is told: why an
    item was drawn would sway them, and a known answer would not be hidden.
    """
    blind = hides_suggestion(request, briefing)
    note = BLIND_NOTE if blind else f"{sentence(request.reason)} {_GUESS_NOTE}"
    data = {TEXT: request.query, "note": note, "item_id": request.item_id}
    return {"data": data} if blind else {"data": data, "predictions": [_suggestion(request)]}


def _suggestion(request: LabelRequest) -> Mapping[str, Any]:
    region = {
        "id": request.item_id,
        "from_name": CONTROL,
        "to_name": TEXT,
        "type": "choices",
        "value": {"choices": [request.suggestion]},
    }
    return {"model_version": request.model_version, "score": request.confidence, "result": [region]}
