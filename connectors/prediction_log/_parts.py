"""A part: one Parquet file of the log, which says in its footer what it is and what it stands for.

A file that was copied, or was merged into a larger one and then not removed because somebody pulled the plug,
is recognised by that and counted once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from connectors.prediction_log._rows import COLUMNS
from kempelen.errors import BadData, Problem

SYSTEM = "prediction log"

_PART, _PARTS, _IDS = b"kempelen.part", b"kempelen.parts", b"kempelen.ids"
_DRAWN, _GIVEN = "drawn", "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A readable file of the log.

    Attributes
    ----------
    name
        What the file was called when it was written, `<day>/<stem>`: the same for every copy of it.
    merged
        Names of the parts whose predictions it holds, if it was made by merging.
    given
        Whether some prediction's id came from the service, and may therefore occur again.
    """

    path: Path
    day: date
    name: str
    rows: int
    given: bool
    merged: frozenset[str] = frozenset()


def metadata(path: Path, *, given: bool, merged: Iterable[str] = ()) -> dict[str, str]:
    """What the footer of a part at `path` says; `path.parent` is the folder of its day."""
    written = {_PART: _name(path), _IDS: _GIVEN if given else _DRAWN, _PARTS: json.dumps(sorted(merged))}
    return {key.decode(): value for key, value in written.items()}


def inspect(path: Path) -> Part:
    """Read the footer of a file. BadData, naming it, if it is no part of the log."""
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            footer, columns = file.metadata, file.schema_arrow.names
    except (ArrowException, OSError) as broken:
        raise bad_file(path, str(broken)) from broken
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise bad_file(path, f"it has no column {', '.join(missing)}")
    said: Mapping[bytes, bytes] = footer.metadata or {}
    return Part(
        path=path,
        day=day_of(path.parent),
        name=said[_PART].decode() if _PART in said else _name(path),
        rows=footer.num_rows,
        given=said.get(_IDS, b"").decode() != _DRAWN,
        merged=frozenset(json.loads(said.get(_PARTS, b"[]"))),
    )


def each_once(parts: Iterable[Part]) -> tuple[list[Part], list[Problem]]:
    """The parts without copies, and without those whose predictions are in a merged part, too."""
    kept: dict[str, Part] = {}
    problems = []
    for part in sorted(parts, key=lambda part: (part.day, part.path)):
        if not part.name.startswith(f"{part.day.isoformat()}/"):
            problems.append(_stray(part, f"it belongs to the day {part.name.partition('/')[0]}"))
        elif part.name in kept:
            problems.append(_stray(part, f"it is a copy of {kept[part.name].path.name}"))
        else:
            kept[part.name] = part
    merged = {name for part in kept.values() for name in part.merged}
    return [part for part in kept.values() if part.name not in merged], problems


def day_of(folder: Path) -> date:
    """The day of a folder `date=YYYY-MM-DD`. BadData for another name."""
    name = folder.name.removeprefix("date=")
    try:
        day = date.fromisoformat(name)
    except ValueError:
        day = None
    # Python also reads 20200120, which engines do not.
    if day is None or day.isoformat() != name:
        raise BadData(
            f"{folder} is not named after a date.",
            hint="Move it out of the prediction log, or name it date=YYYY-MM-DD.",
        )
    return day


def bad_file(path: Path, why: str) -> BadData:
    """The error of a file that cannot be counted: leaving it out silently would look like drift."""
    return BadData(
        f"{path} is not a readable part of the prediction log: {(why or 'unknown').splitlines()[0].rstrip('.')}.",
        hint="Restore that file, or move it away and count that day as incomplete.",
    )


def _name(path: Path) -> str:
    return f"{day_of(path.parent).isoformat()}/{path.stem}"


def _stray(part: Part, why: str) -> Problem:
    return Problem(
        stage=SYSTEM,
        subject=f"{part.path.parent.name}/{part.path.name}",
        message=f"This file was not counted: {why}.",
        hint="Remove it, or move it out of the prediction log.",
    )
