"""Starting what does not run: all at once, each on a port of its own, each proven healthy and ours."""

import time
from dataclasses import dataclass, replace

import psutil

from console.stack import look, ports, processes, servers
from console.stack.files import Memory, log_tail
from console.stack.place import Place
from console.stack.servers import Server
from kempelen.errors import KempelenError
from kempelen.protocols import Progress

_PAUSE_S = 0.1
_MOVES = 3
_QUICK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What `up` did: servers started and kept, by name, and what the caller should hear."""

    started: tuple[str, ...]
    kept: tuple[str, ...]
    notices: tuple[str, ...]


class Start:
    """One run of `up`. `touched` names the servers it began to start, so that it can be undone."""

    def __init__(self, place: Place, progress: Progress) -> None:
        self.place = place
        self.progress = progress
        self.touched: list[str] = []
        self._notices: list[str] = []
        self._moves = 0

    def run(self) -> Running:
        """Return when every server of the table is healthy."""
        missing = [server for server in self.place.table if not self._is_well(server)]
        moved = self._settle_ports(missing)
        missing = [server for server in self.place.table if server in missing or moved.intersection(server.told)]
        self.place.end([server.name for server in missing])
        for server in missing:
            server.prepare(self.place.site(), self.progress)
            self._launch(server)
        for server in missing:
            self._await(server)
        self._all_still_there()
        kept = tuple(server.name for server in self.place.table if server.name not in self.touched)
        return Running(started=tuple(self.touched), kept=kept, notices=tuple(self._notices))

    # ------------------------------------------------------------ what is there already

    def _is_well(self, server: Server) -> bool:
        """Whether to keep it. Otherwise nothing of it is left afterwards, so that its port is free."""
        memory = self._memory(server)
        if memory is not None and memory.identity is not None:
            if memory.identity.process() is not None and self._answers_at_last(server, memory):
                return True
            self._notices.append(self._obituary(server, memory))
        if self._family(server):
            with self.progress(f"Ending what is left of {server.title}"):
                self.place.end([server.name])
        return False

    def _answers_at_last(self, server: Server, memory: Memory) -> bool:
        """A server that another `up` began to start gets the rest of its time; a busy one a little patience."""
        rest = 0.0 if memory.was_healthy else server.start_limit_s - (look.age_s(memory) or 0.0)
        deadline = time.monotonic() + max(look.PATIENT_S, rest)
        if self._trouble(server) is None:
            return self._proven(server)
        with self.progress(f"Waiting for {server.title} to answer"):
            while time.monotonic() < deadline and memory.identity is not None and memory.identity.process() is not None:
                if self._trouble(server) is None:
                    return self._proven(server)
                time.sleep(_PAUSE_S)
        return False

    def _obituary(self, server: Server, memory: Memory) -> str:
        if memory.identity is not None and memory.identity.process() is not None:
            return f"{_capital(server.title)} ran without answering and was started again."
        last = log_tail(self.place.log(server.name), lines=1)
        said = f" Its log ends with: {last[0]}" if last else ""
        return f"{_capital(server.title)} had ended by itself and was started again.{said}"

    # ------------------------------------------------------------ ports

    def _settle_ports(self, missing: list[Server]) -> set[str]:
        """Every port is known before the first start, as servers are told each other's addresses; who moved."""
        moved = set()
        for server in missing:
            memory = self._memory(server)
            if memory is None:
                self._take_port(server)
            elif not ports.is_free(memory.port):
                self._move_port(server, memory.port)
                moved.add(server.name)
        return moved

    def _take_port(self, server: Server) -> int:
        port = ports.choose({memory.port for memory in self.place.memory.read().values()})
        self.place.memory.remember(server.name, Memory(port=port))
        return port

    def _move_port(self, server: Server, old: int) -> None:
        new = self._take_port(server)
        self._notices.append(
            f"Port {old} is held by another program: {server.title} moved to {new}. Links to the old one are dead."
        )

    # ------------------------------------------------------------ starting

    def _launch(self, server: Server) -> None:
        if server.name not in self.touched:
            self.touched.append(server.name)
        log = self.place.log(server.name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        site = self.place.site()
        identity = processes.launch(
            server.command(site),
            environment=servers.marked_environment(server, site),
            folder=site.folder(server.name),
            log=log,
        )
        self.place.memory.remember(server.name, Memory(port=site.ports[server.name], identity=identity))

    def _await(self, server: Server) -> None:
        began = time.monotonic()
        with self.progress(f"Waiting for {server.title}"):
            while (trouble := self._trouble(server)) is not None:
                if self._lost_the_port(server):
                    self._start_elsewhere(server)
                    began = time.monotonic()
                memory = self._memory(server)
                alive = memory is not None and memory.identity is not None and memory.identity.process() is not None
                if not alive:
                    raise self._failure(server, f"it ended after {time.monotonic() - began:.0f} s")
                if time.monotonic() - began > server.start_limit_s:
                    raise self._failure(server, f"after {server.start_limit_s:.0f} s {trouble}")
                time.sleep(_PAUSE_S)
        self._proven(server)

    def _proven(self, server: Server) -> bool:
        memory = self._memory(server)
        if memory is not None and not memory.was_healthy:
            self.place.memory.remember(server.name, replace(memory, was_healthy=True))
        return True

    def _lost_the_port(self, server: Server) -> bool:
        """Whether another program listens there: it was quicker, between our choice and the server's start."""
        memory = self._memory(server)
        if memory is None or not ports.answers(memory.port):
            return False
        return memory.port not in {port for _, port in processes.listening(self._family(server))}

    def _start_elsewhere(self, server: Server) -> None:
        memory = self._memory(server)
        self._moves += 1
        if memory is None or self._moves > _MOVES:
            raise self._failure(server, "other programs took its port again and again")
        self.place.end([server.name])
        self._move_port(server, memory.port)
        for one in self.place.table:
            # Whoever was told the old address has to be told the new one.
            if one.name == server.name or (server.name in one.told and one.name in self.touched):
                self.place.end([one.name])
                self._launch(one)

    def _all_still_there(self) -> None:
        for server in self.place.table:
            memory = self._memory(server)
            if memory is None or (ports.HOST, memory.port) not in processes.listening(self._family(server)):
                raise self._failure(server, "it was healthy and ended while the others were started")

    def _failure(self, server: Server, reason: str) -> KempelenError:
        log = self.place.log(server.name)
        quoted = "".join(f"\n  {line}" for line in log_tail(log)) or "\n  (nothing)"
        return KempelenError(
            f"{_capital(server.title)} did not start: {reason}. The last lines of {log}:{quoted}",
            hint="Mend what they say and run `kempelen up` again; `kempelen doctor` checks the usual causes.",
        )

    # ------------------------------------------------------------ looking

    def _memory(self, server: Server) -> Memory | None:
        return self.place.memory.read().get(server.name)

    def _family(self, server: Server) -> list[psutil.Process]:
        return self.place.families().get(server.name, [])

    def _trouble(self, server: Server) -> str | None:
        memory = self._memory(server)
        if memory is None:
            return "it was never started"
        return look.trouble(self.place, server, memory.port, self._family(server), _QUICK_S)


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]
