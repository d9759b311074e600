"""What is wrong in `kempelen.toml`: each mistake by its key, with what may stand there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from kempelen.errors import ConfigError

MOST = 5
"""Mistakes that are told at once."""

Place = tuple[int | str, ...]


def explained(file: Path, settings: type[BaseModel], wrong: ValidationError) -> ConfigError:
    """The first few mistakes that `settings` found in a file."""
    told = [_told(settings, error) for error in wrong.errors()[:MOST]]
    lines, hints = [line for line, _ in told], [hint for _, hint in told]
    return ConfigError(f"{file}: {'; '.join(lines)}.", hint=" ".join(dict.fromkeys(hints)))


def _told(settings: type[BaseModel], error: Mapping[str, Any]) -> tuple[str, str]:
    """What was found, and what to do."""
    place: Place = error["loc"]
    key = ".".join(map(str, place)) or "the file"
    if error["type"] == "missing":
        return f"{key} is missing", f"Add {place[-1]!r} under {_header(place[:-1])}." if place[1:] else f"Add [{key}]."
    if error["type"] == "extra_forbidden":
        return f"{key} is not a setting", f"Known here: {', '.join(_known(settings, place[:-1]))}."
    if error["type"] == "value_error" and isinstance(error["input"], Mapping):
        # A section's own check: it begins with the key, and the section's whole content would say nothing.
        at, _, said = str(error["ctx"]["error"]).partition(": ")
        at = ".".join([*map(str, place), at])
        return f"{at}: {said}", f"Correct {at}."
    if error["type"] == "tuple_type" and isinstance(error["input"], Mapping):
        return f"{key} is a single section, not a list of them", f"Write [[{key}]] above each entry."
    found = "(not shown)" if "token" in key or key.endswith("url") else repr(error["input"])
    return f"{key} = {found}: {_said(error)}", f"Correct {key}."


def _said(error: Mapping[str, Any]) -> str:
    if error["type"] == "tuple_type":
        return 'it must be a list, as ["a", "b"]'
    return str(error["ctx"]["error"] if error["type"] == "value_error" else error["msg"])


def _header(section: Sequence[int | str]) -> str:
    """How the section at a place begins in the file.

    >>> _header(("drift", "params")), _header(("drift", "expected", 0))
    ('[drift.params]', '[[drift.expected]]')
    """
    name = ".".join(part for part in section if isinstance(part, str))
    return f"[[{name}]]" if isinstance(section[-1], int) else f"[{name}]"


def _known(settings: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand in the section at `place`."""
    section: Any = settings
    for part in place:
        section = get_args(section)[0] if isinstance(part, int) else section.model_fields[part].annotation
    return sorted(section.model_fields)
