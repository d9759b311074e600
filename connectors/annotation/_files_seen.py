"""Which answer files there are, and what has become of them since they were last read."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

_VERSION = 1
_CHUNK = 1 << 20
_CSV, _JSONL = frozenset({".csv", ".tsv"}), frozenset({".jsonl", ".ndjson"})
_TEMPORARY = frozenset({".tmp", ".part", ".partial", ".crdownload", ".swp", ".lock"})
_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file as it was when it was read: its size in bytes, when it was saved, and a digest of its content."""

    size: int
    saved_ns: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """A file of the answers folder. One of another kind than ours has no content that is read.

    `grown` says that what was seen of it before is its beginning still.
    """

    path: Path
    seen: Seen
    ours: bool
    grown: bool = False

    @property
    def name(self) -> str:
        """The name, fit to be printed."""
        return self.path.name.encode("utf-8", "replace").decode()

    @property
    def jsonl(self) -> bool:
        """Whether it holds JSON Lines."""
        return self.path.suffix.casefold() in _JSONL

    @property
    def saved(self) -> datetime:
        """When it was saved, in UTC."""
        return _EPOCH + timedelta(microseconds=self.seen.saved_ns // 1_000)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """What was seen in one reading. `of` stands for everything else that the meaning of a row depends on."""

    of: str
    files: Mapping[str, Seen]

    def __str__(self) -> str:
        files = {name: [seen.size, seen.saved_ns, seen.digest] for name, seen in sorted(self.files.items())}
        return json.dumps([_VERSION, self.of, files], separators=(",", ":"))


def cursor(text: str | None) -> Cursor | None:
    """The cursor that was written so; None for anything else."""
    try:
        version, of, files = json.loads(text or "null")
        if version != _VERSION:
            return None
        seen = {name: Seen(size=int(size), saved_ns=int(ns), digest=str(d)) for name, (size, ns, d) in files.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return Cursor(of=str(of), files=seen)


def look(folder: Path, before: Mapping[str, Seen]) -> list[AnswerFile]:
    """The files as they are now, by name, without those that programs leave lying about.

    Each is read once, to know its content: a date and a size alone do not tell.
    """
    return [_look(path, before.get(path.name)) for path in sorted(folder.iterdir()) if not _passing(path)]


def _passing(path: Path) -> bool:
    name = path.name.casefold()
    return (
        name.startswith((".", "~")) or name.endswith("~") or path.suffix.casefold() in _TEMPORARY or name in _BY_SYSTEMS
    )


def _look(path: Path, before: Seen | None) -> AnswerFile:
    if not (path.is_file() and path.suffix.casefold() in _CSV | _JSONL):
        return AnswerFile(path=path, seen=Seen(size=0, saved_ns=0, digest=""), ours=False)
    with path.open("rb") as file:
        saved_ns = os.fstat(file.fileno()).st_mtime_ns
        digest = hashlib.sha256()
        size = _fed(file, digest, before.size if before else 0)
        grown = before is not None and (size, digest.hexdigest()) == (before.size, before.digest)
        size += _fed(file, digest, None)
    return AnswerFile(
        path=path, seen=Seen(size=size, saved_ns=saved_ns, digest=digest.hexdigest()), ours=True, grown=grown
    )


def _fed(file: BinaryIO, digest: "hashlib._Hash", most: int | None) -> int:
    """How many bytes went into the digest: all that follow, or at most so many."""
    fed = 0
    while chunk := file.read(_CHUNK if most is None else min(_CHUNK, most - fed)):
        digest.update(chunk)
        fed += len(chunk)
    return fed
