"""The page docs/settings.md, made from the settings themselves: `make docs` writes it, a test compares it."""

import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kempelen.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

_HEAD = """# Settings

`kempelen.toml`, or another file named with `--config`. Paths are relative to the file. Every key can be given in the
environment instead, and wins there: `KEMPELEN_SELECTION__MIN_USERS=3`.

This page is made from `kempelen/settings.py` by `make docs`.
"""


def page() -> str:
    """The whole page as Markdown."""
    top: list[str] = []
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            sections.append(_section(name, field.annotation))
        else:
            top.append(_row(name, field))
    return "\n".join([_HEAD, _table(top), *sections])


def _section(name: str, section: type[BaseModel]) -> str:
    rows = [_row(key, field) for key, field in section.model_fields.items()]
    parts = [f"## `[{name}]`\n\n{section.__doc__}\n\n{_table(rows)}"]
    for key, field in section.model_fields.items():
        if listed := _listed(field):
            entries = _table([_row(entry, of_entry) for entry, of_entry in listed.model_fields.items()])
            parts.append(f"### `[[{name}.{key}]]`\n\n{listed.__doc__}\n\n{entries}")
    return "\n".join(parts)


def _listed(field: FieldInfo) -> type[BaseModel] | None:
    """The kind of entry that a key lists, if its entries are tables of their own."""
    kinds = [kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return kinds[0] if kinds else None


def _table(rows: list[str]) -> str:
    return "\n".join(["| key | default | |", "|---|---|---|", *rows, ""])


def _row(key: str, field: FieldInfo) -> str:
    default = "**required**" if field.is_required() else _default(field.get_default(call_default_factory=True))
    return f"| `{key}` | {default} | {field.description} |"


def _default(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, dict):
        return ", ".join(f"`{key} = {item:g}`" for key, item in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return f"`{value:.3g}`" if isinstance(value, float) else f"`{value}`" if value != "" else "empty"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE}.\n")
