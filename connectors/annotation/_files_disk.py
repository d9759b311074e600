"""Writing for people who look on: each file whole or not at all, one writer at a time."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from connectors.annotation._lock import held
from kempelen.errors import ConnectorRefused, ConnectorUnavailable

SYSTEM = "annotation files"
KEY_FILE = "source-ids.key"

_LOCK = ".lock"
_KEY_BYTES = 32
_WAIT_S = 60.0
_OURS = frozenset({"answers", "experts"})
_FINAL = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)
"""What only a person can mend."""


@contextmanager
def speaking(folder: Path) -> Iterator[None]:
    """Translate what the disk says about something in `folder`.

    ConnectorRefused where a person must act (rights, names), ConnectorUnavailable where trying again can help.
    """
    try:
        yield
    except OSError as error:
        found = f"{error.filename or folder} cannot be used: {error.strerror or error}."
        if error.errno in _FINAL:
            hint = "Give the account that runs Kempelen the right to read and write there, or name another folder."
            raise ConnectorRefused(found, system=SYSTEM, hint=hint) from error
        hint = "It will be tried again. Is the disk full, or a network drive away?"
        raise ConnectorUnavailable(found, system=SYSTEM, hint=hint) from error


def place(folder: Path, cycle_id: str) -> Path:
    """Where a cycle lies: a folder for each part of its id, whatever the id holds.

    >>> place(Path("annotation"), "queries/2020-01-21").as_posix()
    'annotation/queries/2020-01-21'
    >>> place(Path("annotation"), "../answers").as_posix()
    'annotation/%2E./%61nswers'
    """
    return folder.joinpath(*(_part(part) for part in cycle_id.split("/")))


def _part(part: str) -> str:
    """A name that leads nowhere else, is not hidden, and is none of the names within a cycle's folder."""
    if not part:
        return "%"
    if part.startswith(".") or part.casefold() in _OURS:
        return f"%{ord(part[0]):02X}{quote(part[1:], safe='')}"
    return quote(part, safe="")


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back from a process that is killed.

    ConnectorUnavailable when another process holds it for longer than a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / _LOCK, _WAIT_S, system=SYSTEM, other="another process is writing items."):
        yield


def write(path: Path, content: bytes) -> None:
    """Put the content there, whole or not at all; nothing happens if it is there. Only under the lock."""
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write_bytes(content)


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A draft to be written, which takes the place of `path` when it is complete. Only under the lock.

    The draft's name is always the same, so that what a kill leaves behind is overwritten and not heaped up.
    """
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    if mode is not None:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_key(folder: Path) -> bytes:
    """The key of the source ids, made on first use. Only under the lock.

    ConnectorRefused when there are cycles and their key is gone.
    """
    path = folder / KEY_FILE
    if not path.exists():
        if any(folder.rglob("cycle.json")):
            raise no_key(folder, "is gone")
        with replacing(path, mode=0o600) as draft:
            draft.write_text(secrets.token_bytes(_KEY_BYTES).hex() + "\n", encoding="ascii")
    return read_key(folder)


def read_key(folder: Path) -> bytes:
    """The key of the source ids. ConnectorRefused when it is not there, or is none."""
    path = folder / KEY_FILE
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise no_key(folder, "is gone") from None
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise no_key(folder, "holds no key")
    return key


def no_key(folder: Path, what: str) -> ConnectorRefused:
    """What is raised when source ids would not be the same as before."""
    return ConnectorRefused(
        f"{folder / KEY_FILE} {what}.",
        system=SYSTEM,
        hint="Restore it from a backup. With another key every answer would be booked a second time.",
    )
