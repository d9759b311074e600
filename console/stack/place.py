"""One stack's state folder: what is remembered in it, and which living processes belong to it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psutil

from console.stack import processes
from console.stack.files import Credentials, MemoryFile, credentials, only_one, private_folder
from console.stack.servers import Server, Site
from kempelen.errors import KempelenError
from kempelen.protocols import Progress

ASK_TO_END_S = 10.0

Families = dict[str, list[psutil.Process]]


class Place:
    """The folder of one stack and the table of its servers."""

    def __init__(self, state: Path, table: Sequence[Server]) -> None:
        self.state = state.expanduser().resolve()
        self.table = tuple(table)
        self.memory = MemoryFile(self.state / "stack.json")

    def make(self) -> None:
        """Make the folders, for their owner alone."""
        private_folder(self.state)
        for folder in ("log", "servers", *(f"servers/{server.name}" for server in self.table)):
            private_folder(self.state / folder)

    @contextmanager
    def alone(self, progress: Progress) -> Iterator[None]:
        """Nobody else changes this stack meanwhile."""
        waiting = "Waiting for another `kempelen up` or `kempelen down` of this stack"
        with only_one(self.state / "stack.lock", progress, waiting):
            yield

    @property
    def credentials_file(self) -> Path:
        """Where the secrets stand."""
        return self.state / "credentials.json"

    @cached_property
    def credentials(self) -> Credentials:
        """The secrets, made on first use."""
        return credentials(self.credentials_file)

    def site(self) -> Site:
        """What the servers' commands and environments are made from."""
        known = {name: memory.port for name, memory in self.memory.read().items()}
        return Site(state=self.state, ports=known, credentials=self.credentials)

    def log(self, server: str) -> Path:
        """Where the server writes what it has to say."""
        return self.state / "log" / f"{server}.log"

    def families(self) -> Families:
        """The living processes of each server: all with its mark, and the descendants of its recorded leader."""
        found: Families = {server.name: [] for server in self.table}
        for one in processes.marked():
            if one.state == str(self.state):
                found.setdefault(one.server, []).append(one.process)
        memory = self.memory.read()
        return {
            name: processes.family(memory[name].identity if name in memory else None, members)
            for name, members in found.items()
        }

    def strays(self) -> list[processes.Marked]:
        """Processes of this stack that its memory does not know, and those of stacks whose folder is gone."""
        identities = [memory.identity for memory in self.memory.read().values()]
        known = {process.pid for identity in identities for process in processes.family(identity)}
        return [
            one
            for one in processes.marked()
            if (one.state == str(self.state) and one.process.pid not in known) or not Path(one.state).is_dir()
        ]

    def end(self, names: Collection[str]) -> None:
        """End these servers with all their processes, and remember that it was on purpose."""
        survivors: list[psutil.Process] = []
        for _ in range(2):  # the second time for what a dying server started in the meantime
            families = self.families()
            members = [process for name in names for process in families.get(name, [])]
            survivors = processes.end(members, patience_s=ASK_TO_END_S)
        for name in names:
            self.memory.forget_process(name)
        if survivors:
            raise KempelenError(
                f"Processes {', '.join(str(process.pid) for process in survivors)} do not end.",
                hint="They wait for a disk or a network that does not answer; mend that, then `kempelen down`.",
            )
