"""A spool: the lines one living process has recorded and not yet turned into Parquet.

The process holds a lock on its spool; a spool without a lock is an orphan, and anybody may convert it.
Converting writes `date=YYYY-MM-DD/part-<spool id>.parquet`, then removes the spool. The names depend on
the spool alone, so being killed in between and converted again overwrites, and never doubles.
"""

import errno
import fcntl
import os
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from connectors.prediction_log import _parts, _rows
from connectors.prediction_log._parts import SYSTEM
from kempelen.errors import BadData, ConnectorError, ConnectorUnavailable, Problem
from kempelen.records import Prediction

_FOLDER = "spool"


class Spool:
    """An append-only file, locked for as long as it is open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        name = uuid.uuid4().hex
        self.path = folder / _FOLDER / f"{name}.jsonl"
        # Locked before it has its name, so that nobody ever sees it without its lock.
        newborn = self.path.with_suffix(".new")
        with writing(folder):
            newborn.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(newborn, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            newborn.rename(self.path)
        self.rows = 0
        self.size = 0

    def append(self, lines: Sequence[str]) -> None:
        """Hand the lines to the operating system: all of them, or none."""
        payload = "".join(lines).encode("ascii")
        with writing(self._folder):
            try:
                _write(self._fd, payload)
            except OSError:
                os.ftruncate(self._fd, self.size)
                raise
        self.rows += len(lines)
        self.size += len(payload)

    def convert(self) -> list[Problem]:
        """Turn the spool into Parquet and end it. After an error it is as it was, and can be tried again."""
        problems = _convert(self.path, self._folder)
        self.abandon()
        return problems

    def abandon(self) -> None:
        """Close the file without touching it; its lock stays with any other process that inherited it."""
        os.close(self._fd)


def _write(fd: int, payload: bytes) -> None:
    """All of `payload`, or OSError; a full disk shows first as a short write."""
    written = os.write(fd, payload)
    while written < len(payload):
        written += os.write(fd, payload[written:])


def recover(folder: Path) -> list[Problem]:
    """Convert the spools that dead processes left behind. Safe at any time, from any process."""
    problems: list[Problem] = []
    for path in sorted((folder / _FOLDER).glob("*.jsonl")):
        fd = _locked(path)
        if fd is not None:
            try:
                problems += _convert(path, folder)
            finally:
                os.close(fd)
    return problems


def to_be_rewritten(part: Path) -> bool:
    """Whether the spool of a part is still there: then its writer will write the part again, with more rows."""
    return (part.parent.parent / _FOLDER / f"{part.stem.removeprefix('part-')}.jsonl").exists()


def _locked(path: Path) -> int | None:
    """A descriptor with the lock of a spool, or None if a living process holds it or it is gone."""
    with writing(path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
    # Its former holder may have converted and removed it before the lock became ours.
    if os.fstat(fd).st_nlink == 0:
        os.close(fd)
        return None
    return fd


def _convert(path: Path, folder: Path) -> list[Problem]:
    logged, problems = read(path)
    by_day: dict[date, list[Prediction]] = defaultdict(list)
    given: set[date] = set()
    for prediction, drawn in logged:
        by_day[prediction.at.date()].append(prediction)
        if not drawn:
            given.add(prediction.at.date())
    with writing(folder):
        for day, rows in sorted(by_day.items()):
            part = folder / f"date={day.isoformat()}" / f"part-{path.stem}.parquet"
            _write_part(rows, part, _parts.metadata(part, given=day in given))
        sync_folder(folder)
        path.unlink()
    return problems


def read(path: Path) -> tuple[list[tuple[Prediction, bool]], list[Problem]]:
    """The predictions of a spool, each with whether its id was drawn here.

    Lines that are none, and a last line cut short, are problems.
    """
    predictions: list[tuple[Prediction, bool]] = []
    problems: list[Problem] = []
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            predictions.append(_rows.from_line(line))
        except BadData as bad:
            problems.append(_problem(path, number, f"{bad} The line is left out.", bad.hint))
    if rest:
        message = "the last line was cut short when its process was killed; that prediction was never confirmed."
        problems.append(_problem(path, len(lines) + 1, message, "Nothing to do; the other lines are kept."))
    return predictions, problems


def _problem(path: Path, number: int, message: str, hint: str) -> Problem:
    return Problem(stage=SYSTEM, subject=f"{path.name}, line {number}", message=message, hint=hint)


def _write_part(rows: Sequence[Prediction], part: Path, metadata: Mapping[str, str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    # Through memory, so that a full disk is met by our own write and not in the middle of a library's.
    buffer = pa.BufferOutputStream()
    parquet.write_table(_rows.to_table(rows).replace_schema_metadata(metadata), buffer, compression="zstd")
    part.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(part, buffer.getvalue().to_pybytes())


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`: afterwards the whole of it is there, or what was there before."""
    temporary = path.with_name(f".{path.name}.tmp")
    fd = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o640)
    try:
        _write(fd, content)
        os.fsync(fd)
    except OSError:
        temporary.unlink()
        raise
    finally:
        os.close(fd)
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Translate what the file system raises into our errors."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ConnectorUnavailable(
                "the disk is full.",
                system=SYSTEM,
                hint=f"Free some space under {folder}, then flush again; everything confirmed so far is kept.",
            ) from error
        raise ConnectorError(
            f"{error.strerror or error} ({error.filename or folder}).",
            system=SYSTEM,
            hint=f"Let this process write to {folder} (prediction_log.folder).",
        ) from error
