"""How a server is: judged by its process, by who listens on its port, and by what it answers."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from console.stack import ports, processes, servers
from console.stack.files import Memory, log_tail
from console.stack.place import Place
from console.stack.servers import Server

PATIENT_S = 10.0


class ServerState(StrEnum):
    """How a server is."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    CRASHED = "crashed"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """One server as it was found. `memory_bytes` is that of all its processes together."""

    name: str
    title: str
    state: ServerState
    detail: str
    url: str | None
    pid: int | None
    memory_bytes: int
    uptime_s: float | None
    log: Path
    last_lines: tuple[str, ...]


def status(place: Place, server: Server, memory: Memory | None, family: list[psutil.Process]) -> ServerStatus:
    """Look at one server, given what is remembered of it and its living processes."""
    leader = memory.identity.process() if memory is not None and memory.identity is not None else None
    state, detail = _verdict(place, server, memory, family, alive=leader is not None)
    in_trouble = state in {ServerState.CRASHED, ServerState.UNHEALTHY}
    return ServerStatus(
        name=server.name,
        title=server.title,
        state=state,
        detail=detail,
        url=f"http://{ports.HOST}:{memory.port}" if memory is not None else None,
        pid=leader.pid if leader is not None else None,
        memory_bytes=processes.memory_bytes(family),
        uptime_s=age_s(memory) if leader is not None else None,
        log=place.log(server.name),
        last_lines=log_tail(place.log(server.name)) if in_trouble else (),
    )


def age_s(memory: Memory | None) -> float | None:
    """Seconds since the server's process began."""
    return None if memory is None or memory.identity is None else max(0.0, time.time() - memory.identity.created)


def trouble(place: Place, server: Server, port: int, family: list[psutil.Process], patience_s: float) -> str | None:
    """None when one of our processes listens on the port, on the loopback alone, and every probe passes."""
    ears = processes.listening(family)
    if open_to_others := sorted(ip for ip, _ in ears if not (ip.startswith("127.") or ip == "::1")):
        return f"it listens on {open_to_others[0]}, which other machines may reach"
    if (ports.HOST, port) not in ears:
        elsewhere = "".join(f"; it listens on {ip}:{other}" for ip, other in sorted(ears))
        foreign = "; a program that is not ours does" if ports.answers(port) else ""
        return f"it does not listen on port {port}{foreign}{elsewhere}"
    answers = (servers.ask(port, probe, patience_s) for probe in server.probes(place.site()))
    return next((answer for answer in answers if answer is not None), None)


def _verdict(
    place: Place, server: Server, memory: Memory | None, family: list[psutil.Process], *, alive: bool
) -> tuple[ServerState, str]:
    if memory is None or memory.identity is None:
        left = f", but {len(family)} of its processes live; `kempelen down` ends them" if family else ""
        return ServerState.STOPPED, f"not started{left}"
    if not alive:
        left = f"; {len(family)} of its processes live on" if family else ""
        return ServerState.CRASHED, f"its process {memory.identity.pid} ended by itself{left}"
    found = trouble(place, server, memory.port, family, PATIENT_S)
    if found is None:
        return ServerState.RUNNING, "healthy"
    young = (age_s(memory) or 0.0) < server.start_limit_s and not memory.was_healthy
    return (ServerState.STARTING if young else ServerState.UNHEALTHY), found
