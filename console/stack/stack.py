"""The local stack as a whole: up, down, status, addresses.

Everything that is known between two commands stands in the state folder and on the processes themselves,
so any command may be killed anywhere and the next one mends what it left.
"""

import signal
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.stack import look, ports, processes, servers
from console.stack.look import ServerStatus
from console.stack.place import Place
from console.stack.servers import Server, Site
from console.stack.start import Running, Start
from kempelen.errors import KempelenError
from kempelen.protocols import Progress


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Addresses:
    """Where the servers answer. No `repr`: it holds a secret."""

    prefect_api: str
    mlflow_uri: str
    label_studio_url: str
    label_studio_token: str
    dashboard_url: str


class Stack:
    """The servers of one state folder.

    Parameters
    ----------
    state
        The state folder, `.kempelen/` by default. All commands of one stack name the same folder.
    table
        The servers in the order of starting; the four real ones by default.
    """

    def __init__(self, state: Path, table: Sequence[Server] | None = None) -> None:
        self._place = Place(state, servers.the_four() if table is None else table)

    @property
    def credentials_file(self) -> Path:
        """Where the passwords stand; readable by the owner alone."""
        return self._place.credentials_file

    def up(self, progress: Progress) -> Running:
        """Start what does not run, all at once; return when every server is healthy and proven ours.

        Servers that run and answer are kept. When it fails or is interrupted, what this call started is
        ended again and the rest is left alone.

        Raises KempelenError that names the server, with the last lines of its log.
        """
        self._place.make()
        with self._place.alone(progress):
            start = Start(self._place, progress)
            try:
                return start.run()
            except BaseException:
                with _undisturbed(), progress("Ending what was started"):
                    self._place.end(start.touched)
                raise

    def down(self, progress: Progress) -> tuple[str, ...]:
        """End every process of this stack, known or not; the names of the servers that ran."""
        if not self._place.state.is_dir():
            return ()
        with self._place.alone(progress), progress("Ending the local stack"):
            families = self._place.families()
            self._place.end(list(families))
        return tuple(name for name, members in families.items() if members)

    def status(self) -> list[ServerStatus]:
        """Each server of the table, looked at now."""
        memory, families = self._place.memory.read(), self._place.families()
        return [
            look.status(self._place, server, memory.get(server.name), families[server.name])
            for server in self._place.table
        ]

    def addresses(self, needed: Collection[str] | None = None) -> Addresses:
        """Where to reach the servers; proves that the `needed` ones (all, by default) run and are ours.

        A server that listens and is slow to answer counts as running: it may be at work.

        Raises KempelenError that names the first server that does not run.
        """
        memory, families = self._place.memory.read(), self._place.families()
        for server in self._place.table:
            known, family = memory.get(server.name), families[server.name]
            wanted = needed is None or server.name in needed
            if wanted and (known is None or (ports.HOST, known.port) not in processes.listening(family)):
                raise _not_running(look.status(self._place, server, known, family))
        return _addresses(self._place.site())

    def client_environment(self) -> dict[str, str]:
        """The variables that flows and clients need before Prefect or MLflow is imported. Asks no server."""
        self._place.make()
        return servers.client_environment(self._place.site())

    def strays(self) -> list[processes.Marked]:
        """Processes of this stack that its memory does not know, and those of stacks whose folder is gone."""
        return self._place.strays()


def _addresses(site: Site) -> Addresses:
    def url(server: str, path: str = "") -> str:
        return f"{site.url(server)}{path}" if server in site.ports else ""

    return Addresses(
        prefect_api=url("prefect", "/api"),
        mlflow_uri=url("mlflow"),
        label_studio_url=url("label-studio"),
        label_studio_token=site.credentials.label_studio_token,
        dashboard_url=url("dashboard"),
    )


def _not_running(status: ServerStatus) -> KempelenError:
    quoted = "".join(f"\n  {line}" for line in status.last_lines)
    shown = f" The last lines of {status.log}:{quoted}" if quoted else ""
    return KempelenError(
        f"{status.title[:1].upper()}{status.title[1:]} is not running: {status.state.value}, {status.detail}.{shown}",
        hint="Run `kempelen up`; it starts what is missing and keeps the rest.",
    )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not cut the clean-up short: it takes seconds and ends by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
