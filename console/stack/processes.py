"""The processes of the stack: started detached, known again for certain, ended as whole trees.

A process id says little: it is used again after its process has ended. Two marks make a process
ours beyond doubt. Its record holds the moment it began, and its environment, which all of its
descendants inherit, names the state folder and the server it belongs to. So a child that outlived
its parent, or a server that was started a moment before `up` itself was killed, is found again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from kempelen.errors import KempelenError

STATE_MARK = "KEMPELEN_STACK"
SERVER_MARK = "KEMPELEN_STACK_SERVER"

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)
_UNREADABLE = (psutil.Error, OSError)
_SAME_MOMENT_S = 0.5
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    created: float

    def process(self) -> psutil.Process | None:
        """The process, or None when it has ended (a zombie has)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _SAME_MOMENT_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A living process that carries the marks of a stack."""

    process: psutil.Process
    state: str
    server: str


def launch(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Identity:
    """Start `command` in `folder` as the leader of a new session, with exactly this environment."""
    script = Path(__file__).with_name("launch.py")
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(script), str(log), *command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode or not answer.stdout.strip().isdigit():
        raise KempelenError(
            f"{command[0]} could not be started: {answer.stderr.strip() or 'no process id was told'}.",
            hint="Run `kempelen doctor`; memory or the number of processes may be exhausted.",
        )
    pid = int(answer.stdout)
    try:
        return Identity(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.Error:
        # It ended before it could be looked at. An identity that matches nothing says just that.
        return Identity(pid=pid, created=0.0)


def marked() -> list[Marked]:
    """Every living process, of every stack of this person, that carries our marks."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if STATE_MARK in environment and process.status() != psutil.STATUS_ZOMBIE:
                found.append(
                    Marked(
                        process=process, state=environment[STATE_MARK], server=environment.get(SERVER_MARK, "unknown")
                    )
                )
        except _UNREADABLE:
            continue  # somebody else's, or already gone
    return found


def family(leader: Identity | None, others: Iterable[psutil.Process] = ()) -> list[psutil.Process]:
    """The leader, if it lives, with all its descendants, and the `others`; each once."""
    members = {process.pid: process for process in others}
    if leader is not None and (process := leader.process()) is not None:
        members[process.pid] = process
        with suppress(*_GONE):
            members.update({child.pid: child for child in process.children(recursive=True)})
    return list(members.values())


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """The (address, port) pairs on which these processes accept TCP connections."""
    ears = set()
    for process in processes:
        try:
            connections = process.net_connections(kind="inet")
        except _UNREADABLE:
            continue
        ears.update({(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN})
    return ears


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory that the processes take together; pages shared among them count once (PSS; USS where there is none)."""
    total = 0
    for process in processes:
        try:
            info = process.memory_full_info()
        except _UNREADABLE:
            continue
        total += getattr(info, "pss", 0) or info.uss
    return total


def end(processes: Sequence[psutil.Process], *, patience_s: float = 10.0) -> list[psutil.Process]:
    """Ask all to end, then make them; the ones that live on even so (none, if the kernel is well)."""
    _each(processes, "terminate")
    _each(processes, "resume")  # a stopped process hears nothing before it goes on
    alive = _still_alive(processes, patience_s)
    _each(alive, "kill")
    return _still_alive(alive, patience_s)


def _still_alive(processes: Sequence[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Those that have not ended in time. A zombie has ended, even where nobody collects it: psutil would wait on."""
    deadline = time.monotonic() + patience_s
    alive = [process for process in processes if _lives(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        alive = [process for process in alive if _lives(process)]
    return alive


def _each(processes: Iterable[psutil.Process], action: str) -> None:
    for process in processes:
        try:
            getattr(process, action)()
        except _GONE:
            continue


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_KEPT_PREFIXES = ("LC_", "KEMPELEN_")


def clean_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a server may inherit: a short list of what is allowed, as too much is read by somebody.

    Label Studio takes plain HOST, PORT, DEBUG, USERNAME, PASSWORD and CI for its settings, Prefect every
    PREFECT_*, MLflow every MLFLOW_*; a proxy would swallow what is meant for the loopback.
    """
    inherited = os.environ if inherited is None else inherited
    kept = {key: value for key, value in inherited.items() if key in _KEPT or key.startswith(_KEPT_PREFIXES)}
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])}
