"""A cycle's folder: what lies where in it, and how it is brought up to date."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.annotation import _files_briefing, _files_disk, _files_items
from connectors.annotation._files_disk import SYSTEM, write
from connectors.annotation._files_rows import COLUMNS
from kempelen.errors import ConnectorRefused
from kempelen.records import Briefing, Queue

SUFFIXES = {"csv": ".csv", "jsonl": ".jsonl"}
CLOSED = "CLOSED.txt"

_STATE = "cycle.json"
_TEMPLATE = "answers-template.csv"
_CLOSED_TEXT = (
    "This cycle is closed: nobody is asked any more, and there is nothing left to do. Thank you.\r\n"
    "Answers that are in the folder `answers` stay readable. Deleting this file opens the cycle again.\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What we keep of a cycle: the labels it offers, how its items are written, and which key its source ids have."""

    labels: tuple[str, ...]
    suffix: str
    key: str


@dataclass(frozen=True, slots=True)
class CycleFolder:
    """The folder of one cycle below the shared `root`."""

    root: Path
    cycle_id: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return _files_disk.place(self.root, self.cycle_id)

    @property
    def answers(self) -> Path:
        """Where people drop their files."""
        return self.path / "answers"

    @property
    def closed(self) -> bool:
        """Whether the note is there that nobody is asked any more."""
        return (self.path / CLOSED).exists()

    def queue(self, queue: Queue) -> Path:
        """Where the items file and the briefing of these people are."""
        return self.path / "experts" if queue is Queue.EXPERTS else self.path

    def state(self) -> State | None:
        """None if it is not there, or cannot be read: then it is made again.

        ConnectorRefused when the folder belongs to another cycle, or was begun with another key.
        """
        try:
            found = json.loads((self.path / _STATE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not _is_state(found):
            return None
        if found["cycle_id"] != self.cycle_id:
            raise ConnectorRefused(
                f"{self.path} belongs to the cycle {found['cycle_id']}.",
                system=SYSTEM,
                hint="Name another folder under annotation.folder, on a disk that tells A from a.",
            )
        return State(labels=tuple(found["labels"]), suffix=found["suffix"], key=found["key"])

    def checked(self, key: bytes) -> State | None:
        """The state. ConnectorRefused when the cycle was begun with another key."""
        state = self.state()
        if state and state.key != digest([key.hex()]):
            raise _files_disk.no_key(self.root, f"is not the one that cycle {self.cycle_id} was begun with")
        return state

    def prepare(self, briefing: Briefing, suffix: str) -> Path:
        """Make the folder, or bring it up to date; the items file, which is made last. Only under the lock."""
        key = _files_disk.make_key(self.root)
        state = self.checked(key)
        suffix = state.suffix if state else self._begun_with() or suffix
        self.answers.mkdir(parents=True, exist_ok=True)
        self._write_state(State(labels=briefing.labels, suffix=suffix, key=digest([key.hex()])))
        write(self.path / "labels.txt", "".join(f"{label}\r\n" for label in briefing.labels).encode())
        write(self.path / _TEMPLATE, _files_items.csv_content(COLUMNS.required + COLUMNS.optional, []))
        folder = self.queue(briefing.queue)
        write(folder / "briefing.md", _files_briefing.briefing(briefing, suffix).encode())
        path = folder / f"items{suffix}"
        if not path.exists():
            write(path, _files_items.content([], suffix))
        return path

    def _begun_with(self) -> str | None:
        return next((suffix for suffix in SUFFIXES.values() if (self.path / f"items{suffix}").exists()), None)

    def _write_state(self, state: State) -> None:
        document = {"cycle_id": self.cycle_id, "labels": state.labels, "suffix": state.suffix, "key": state.key}
        write(self.path / _STATE, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())

    def items(self, queue: Queue) -> list[str]:
        """The item ids of a queue, in the order of its file, doubles included."""
        state = self.state()
        suffix = state.suffix if state else self._begun_with()
        found = _files_items.read(self.queue(queue) / f"items{suffix}") if suffix else []
        return [each["item_id"] for each in found]

    def close(self) -> None:
        """Leave the note. Only under the lock."""
        write(self.path / CLOSED, _CLOSED_TEXT.encode())

    def refuse_closed(self, why: str) -> None:
        """ConnectorRefused when the note is there."""
        if self.closed:
            raise ConnectorRefused(
                f"cycle {self.cycle_id} is closed, and {why}.", system=SYSTEM, hint="Ask for them in a new cycle."
            )

    def pack(self, target: Path) -> None:
        """Write an archive of it without who owns the files, and without the moment of packing. Only under the lock."""
        members = sorted(path for path in self.path.rglob("*") if not path.name.startswith("."))
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            _files_disk.replacing(target) as draft,
            draft.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for path in members:
                name = path.relative_to(self.path.parent)
                tar.add(path, arcname=str(name), recursive=False, filter=_of_nobody)


def digest(parts: Iterable[str]) -> str:
    """A short name for these texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _is_state(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.keys() == {"cycle_id", "labels", "suffix", "key"}
        and found["suffix"] in SUFFIXES.values()
        and isinstance(found["labels"], list)
        and all(isinstance(label, str) for label in found["labels"])
    )


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member if member.isfile() or member.isdir() or member.issym() else None
