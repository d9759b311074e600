"""People label in Label Studio: a project for each queue of a cycle, each item in it once.

How items are put there exactly once is told in `_importing`, and how answers are read in `_collecting`.
"""

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urljoin

import httpx

from connectors.annotation import _briefing
from connectors.annotation._archiving import archive
from connectors.annotation._collecting import collect
from connectors.annotation._errors import SYSTEM, speaking
from connectors.annotation._held import Filter, Held, Project
from connectors.annotation._importing import Importer
from connectors.annotation._lock import default_folder, one_importer
from connectors.annotation._people import SIMULATED_DOMAIN, Person
from connectors.annotation._requests import by_item
from connectors.annotation._server import Server
from kempelen.errors import ConfigError, ConnectorRefused, ConnectorUnavailable
from kempelen.records import Briefing, Collection, LabelRequest, Queue

__all__ = ["SIMULATED_DOMAIN", "LabelStudio", "build", "key_line", "speaking"]

key_line = _briefing.key_line


class LabelStudio:
    """An `AnnotationConnector` for a Label Studio, Community edition, 1.23 or later."""

    def __init__(
        self, server: Server, *, experts: frozenset[str], import_timeout_s: float, late_commit_s: float, locks: Path
    ) -> None:
        self._server = server
        self._experts = experts
        self._import_timeout_s = import_timeout_s
        self._importer = Importer(server=server, import_timeout_s=import_timeout_s, late_commit_s=late_commit_s)
        self._locks = locks

    def open(self, briefing: Briefing) -> str:
        """The address where people label this queue of the cycle, with the button "Label All Tasks".

        The project is made on the first call and found on later ones, which also bring its labels and what people
        are told up to date. The address does not begin the labelling by itself: that way Label Studio (1.23.2) reserves
        nothing, and gives as many people as ask at once the same item, of which all but the first ones ask in vain.
        """
        with self._only_importer():
            project = self._projects(briefing)[0]
        return f"{self._server.url}/projects/{project.id}/data"

    def submit(self, briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        """Put items before people in the order given; those that are there already are left as they are.

        The number of items that were new. People are asked in the order of the first submission;
        the items of a later round come after those of an earlier one. A project or an item that somebody
        deleted is made again. An item that Label Studio takes for complete comes up again if it has fewer answers than
        are wanted by now, or in the experts' queue none of an expert.

        Raises ConnectorUnavailable when Label Studio does not answer, or loses an answer and does
        not show the items within `late_commit_s`; calling again is safe. ConnectorRefused when the
        cycle is closed and some items are missing.
        """
        wanted = by_item(briefing, requests)
        with self._only_importer():
            projects = self._projects(briefing)
            new = self._importer.put(projects, briefing, wanted)
        if new < len(wanted):
            self._ask_on(briefing, projects, list(wanted))
        return new

    def ask_again(self, briefing: Briefing, wanted: Mapping[str, int]) -> int:
        """Let these items want so many answers in all; how many items that changed.

        An item that wants one more comes up before all others, for people who have not answered it. Items that
        are not there are passed over. Calling again changes nothing.

        Raises ConnectorUnavailable when Label Studio does not answer; ConnectorRefused when the cycle is closed.
        """
        projects = self._server.projects(briefing.cycle_id, briefing.queue)
        changed = self._want(briefing, projects, wanted)
        if changed:
            # An answer that arrived in between has completed its item.
            self._want(briefing, projects, wanted)
        return changed

    def collect(self, cycle_id: str, since: str | None = None) -> Collection:
        """Every answer, skips included, to the items that changed since the cursor, oldest first.

        An answer that cannot be used (no choice, two, an unknown one, an item that we did not ask about, written over
        by somebody else) comes back as a problem AND as an annotation without a label, so that the effort behind it
        is not lost. The `source_id` of an answer never changes, and is never reused. A project, item or account
        that somebody deleted is a problem, too; what is missing because of that is not in `read`.

        A cursor that is damaged, or of another cycle, server or list of experts, reads everything.
        """
        return collect(self._server, cycle_id, since, self._experts)

    def items(self, cycle_id: str) -> list[str]:
        """The item ids that annotators are shown, in the order of asking, doubles included.

        The experts' queue holds some of them a second time: it is not counted here.
        """
        projects = self._server.projects(cycle_id, Queue.ANNOTATORS)
        return [key for project in projects for key, _ in self._server.keys(project)]

    def close(self, cycle_id: str) -> None:
        """Ask nobody any more: everybody's queue is empty. Answers stay readable; sending one stays possible."""
        for project in self._server.projects(cycle_id):
            if not project.closed:
                told = _briefing.closed(project.title, project.instruction)
                self._server.change_project(project, maximum_annotations=0, **told)

    def archive(self, cycle_id: str, folder: Path) -> list[Path]:
        """Write Label Studio's JSON export of each project of a closed cycle to a compressed file in the folder.

        Each file is there whole or not at all; the project's description then names it. Calling again writes
        the same. ConnectorRefused while the cycle is open.
        """
        return archive(self._server, cycle_id, folder, self._import_timeout_s)

    def invitation(self) -> str:
        """The address on which people make their own account; whoever has it can, until it is revoked."""
        return urljoin(f"{self._server.url}/", self._server.invitation())

    def _only_importer(self) -> AbstractContextManager[None]:
        return one_importer(self._server.url, self._locks, self._import_timeout_s)

    def _projects(self, briefing: Briefing) -> list[Project]:
        """The projects of the cycle's queue, oldest first and up to date; the first is the one that is filled."""
        found = self._server.projects(briefing.cycle_id, briefing.queue)
        if not found:
            self._server.create_project(briefing)
            found = self._server.projects(briefing.cycle_id, briefing.queue)
        if not found:
            raise ConnectorUnavailable(
                "a project was made, but cannot be found.",
                system=SYSTEM,
                hint="It will be tried again. Does the token belong to somebody in the right organisation?",
            )
        told = _briefing.told(briefing)
        for project in found:
            says = (project.description, project.label_config, project.instruction)
            if not project.closed and says != tuple(told.values()):
                self._server.change_project(project, **told)
        return found

    def _ask_on(self, briefing: Briefing, projects: Sequence[Project], item_ids: Sequence[str]) -> None:
        """Let items come up again that are complete for Label Studio, and not for us.

        It takes an item for complete that has as many answers as were wanted when it was put there, whoever gave them:
        Community lets everybody into the experts' queue.
        """
        complete: dict[str, set[int]] = defaultdict(set)
        for project in projects:
            if not project.closed:
                for held in self._server.held(project, Filter.complete(item_ids)):
                    complete[held.item_id] |= held.answered_by
        if briefing.queue is Queue.EXPERTS and complete:
            people = self._server.people(self._experts)
            complete = {
                item_id: answered
                for item_id, answered in complete.items()
                if not any(people.get(user, Person()).expert for user in answered)
            }
            self._want(briefing, projects, {item_id: len(answered) + 1 for item_id, answered in complete.items()})
            return
        least = briefing.answers_per_item
        self._want(briefing, projects, {item: least for item, answered in complete.items() if len(answered) < least})

    def _want(self, briefing: Briefing, projects: Sequence[Project], wanted: Mapping[str, int]) -> int:
        copies: dict[str, list[Held]] = defaultdict(list)
        for project in projects:
            for held in self._server.held(project, Filter.item_ids(list(wanted))):
                copies[held.item_id].append(held)
        changes = {item_id: _change(found, wanted[item_id]) for item_id, found in copies.items()}
        due = {item_id: change for item_id, change in changes.items() if change is not None}
        if due and projects[0].closed:
            raise ConnectorRefused(
                f"cycle {briefing.cycle_id} is closed, and {len(due)} of its items were to be asked again.",
                system=SYSTEM,
                hint="Ask for them in a new cycle.",
            )
        for task_id, answers, complete in due.values():
            self._server.want(task_id, answers, complete=complete)
        return len(due)


def build(  # noqa: PLR0913 - each is a setting, and all but two have defaults
    url: str,
    token: str,
    *,
    experts: Sequence[str] = (),
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
    experts
        E-mail addresses of the accounts whose answers are an expert's; upper or lower case is the same.
    timeout_s, import_timeout_s
        Seconds to wait for an answer, and for the answer to an import or an export. An import also waits as
        long for another one to finish.
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
        experts=frozenset(expert.strip().lower() for expert in experts),
        import_timeout_s=import_timeout_s,
        late_commit_s=late_commit_s,
        locks=Path(lock_folder) if lock_folder else default_folder(),
    )


def _change(copies: Sequence[Held], answers: int) -> tuple[int, int, bool] | None:
    """What to set so that an item gets so many answers: task id, answers wanted, complete; None if all is well.

    Of an item that is there twice one is asked on, for what the other has not.
    """
    first, *others = sorted(copies, key=lambda held: (-len(held.answered_by), held.task_id))
    elsewhere = frozenset[int]().union(*(other.answered_by for other in others)) - first.answered_by
    target = max(answers - len(elsewhere), 1)
    complete = len(first.answered_by) >= target
    if (first.answers_wanted, first.complete) == (target, complete):
        return None
    return first.task_id, target, complete
