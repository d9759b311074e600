"""Alarms of years that were played already, in a folder, so that a long run that was killed goes on."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from benchmarks._fixed_n import Alarms

Years = Sequence[Mapping[str, Alarms]]
"""What each method alarmed about in each of some years."""


def kept(file: Path, play: Callable[[], Years]) -> Years:
    """What the file holds; if there is none, what `play` finds, once the file holds it.

    The file does not know which code found it: keep one folder for one state of the code.
    """
    if file.exists():
        return _years(file.read_text(encoding="utf-8"))
    played = play()
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(_document(played), encoding="utf-8")
    part.rename(file)
    return played


def _document(years: Years) -> str:
    return json.dumps(
        [{method: {str(day): names for day, names in alarms.items()} for method, alarms in y.items()} for y in years]
    )


def _years(document: str) -> Years:
    return [
        {
            method: {date.fromisoformat(day): tuple(names) for day, names in alarms.items()}
            for method, alarms in year.items()
        }
        for year in json.loads(document)
    ]
