"""The files the stack remembers itself by: written whole or not at all, readable by their owner alone."""

import fcntl
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from console.stack.processes import Identity
from kempelen.errors import KempelenError
from kempelen.protocols import Progress

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def write_private(file: Path, text: str) -> None:
    """Put `text` there in one step, with mode 0600; a kill leaves either the old file or the new one."""
    with _writable(file):
        _write_private(file, text)


@contextmanager
def _writable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KempelenError(
            f"{file} cannot be written: {error.strerror}.",
            hint="Make room on that disk, or make the folder writable; `kempelen doctor` looks at both.",
        ) from error


def _write_private(file: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def private_folder(folder: Path) -> Path:
    """The folder, made for its owner alone if it is not there yet."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KempelenError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            hint="Give another `state` folder in kempelen.toml, or make that one writable.",
        ) from error
    return folder


@contextmanager
def only_one(lock: Path, progress: Progress, waiting: str) -> Iterator[int]:
    """Hold the lock; while another process holds it, show `waiting`. The kernel frees it on any death.

    Yields the lock's file descriptor: a child that inherits it holds the lock, too, until it ends.
    """
    with _writable(lock):
        lock.touch(mode=0o600)
    with lock.open("a", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress(waiting):
                fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream.fileno()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of one server.

    Without `identity` it was stopped on purpose, or never started. `was_healthy` tells a server that is
    still starting from one that no longer answers.
    """

    port: int
    identity: Identity | None = None
    was_healthy: bool = False


class MemoryFile:
    """`stack.json`: the port and the process of each server."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> dict[str, Memory]:
        """By server name; nothing when the stack was never up.

        A file that cannot be read is taken for absent: the marks on our processes find them without it.
        """
        try:
            document = json.loads(self.file.read_text(encoding="utf-8"))
            return {name: _memory(entry) for name, entry in document["servers"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def remember(self, server: str, memory: Memory) -> None:
        """Replace what is remembered of one server."""
        servers = {**self.read(), server: memory}
        document = {"servers": {name: asdict(entry) for name, entry in sorted(servers.items())}}
        write_private(self.file, json.dumps(document, indent=2) + "\n")

    def forget_process(self, server: str) -> None:
        """The server was ended on purpose. Its port is kept, so that links stay the same."""
        known = self.read().get(server)
        if known is not None and known.identity is not None:
            self.remember(server, Memory(port=known.port))


def _memory(entry: Mapping[str, Any]) -> Memory:
    who = entry["identity"]
    return Memory(
        port=int(entry["port"]),
        identity=None if who is None else Identity(pid=int(who["pid"]), created=float(who["created"])),
        was_healthy=bool(entry.get("was_healthy")),
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Random secrets of one stack. No `repr`: they must not reach a log."""

    prefect_auth: str
    label_studio_username: str
    label_studio_password: str
    label_studio_token: str


def credentials(file: Path) -> Credentials:
    """Read them, or make them on first use.

    The name of Label Studio's first account is random, too: when this file is lost, the next start adds a
    fresh account to the data that are there, instead of knocking with a password that nobody has.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return Credentials(**document)
    except FileNotFoundError:
        made = Credentials(
            prefect_auth=f"kempelen:{secrets.token_urlsafe(24)}",
            label_studio_username=f"kempelen-{secrets.token_hex(3)}@kempelen.local",
            label_studio_password=secrets.token_urlsafe(24),
            label_studio_token=secrets.token_hex(20),
        )
        write_private(file, json.dumps(asdict(made), indent=2) + "\n")
        return made
    except (OSError, ValueError, TypeError) as broken:
        raise KempelenError(
            f"{file} does not hold the credentials of a stack: {broken}.",
            hint="Run `kempelen down`, delete that file, and run `kempelen up`: new ones are made.",
        ) from broken


def log_tail(log: Path, lines: int = 12) -> tuple[str, ...]:
    """The last non-empty lines of a log, without colours."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 32_768))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    kept = [line.rstrip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    return tuple(kept[-lines:])
