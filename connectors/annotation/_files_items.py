"""The items files: what is asked of whom, in a table that people may open, sort and save again.

They are at the same time the only record of what is there. A row that somebody deletes is missing, and comes
back with the next `submit`; columns that somebody adds are kept.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.annotation import _files_tables as tables
from connectors.annotation._files_cells import bare, shielded
from connectors.annotation._requests import BLIND_NOTE, hides_suggestion
from kempelen.records import Briefing, LabelRequest

COLUMNS = ("item_id", "query", "suggestion", "note", "hazards", "answers_wanted", "asked_again", "asked_by")
OF_ASKING_AGAIN = frozenset({"answers_wanted", "asked_again"})
"""Columns that change after the item was put there."""

_ITEM_ID = tables.Columns(required=("item_id",), every=True)

Item = dict[str, Any]


def item(request: LabelRequest, briefing: Briefing) -> Item:
    """What people see of a request, and nothing of what it is for: a known answer looks like any other item."""
    blind = hides_suggestion(request, briefing)
    use = f": {briefing.use}" if briefing.use else ""
    return {
        "item_id": request.item_id,
        "query": request.query,
        "suggestion": "" if blind else request.suggestion,
        "note": BLIND_NOTE if blind else request.reason,
        "hazards": list(request.hazards),
        "answers_wanted": briefing.answers_per_item,
        "asked_again": False,
        "asked_by": f"{briefing.asker}, for the model {briefing.model}{use}. Contact: {briefing.contact}",
    }


def read(path: Path) -> list[Item]:
    """The items of a file in its order, doubles included; none if there is no such file, or it is no items file."""
    if not path.exists():
        return []
    items = _read_jsonl(path) if path.suffix == ".jsonl" else _read_csv(path)
    return [{**found, "item_id": item_id} for found in items if (item_id := bare(str(found.get("item_id") or "")))]


def _read_csv(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        size = path.stat().st_size
        for row in tables.rows(file, size, _ITEM_ID, jsonl=False, last_line_may_be_open=True):
            if isinstance(row, tables.Row):
                yield dict(row.cells)


def _read_jsonl(path: Path) -> Iterator[Item]:
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def content(items: Sequence[Mapping[str, Any]], suffix: str) -> bytes:
    """The items as a file: CSV with a byte order mark, by which spreadsheets know UTF-8, or JSON Lines."""
    if suffix == ".jsonl":
        return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode("utf-8", "replace")
    added = dict.fromkeys(name for item in items for name in item if name not in COLUMNS)
    return csv_content([*COLUMNS, *added], items)


def csv_content(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV (RFC 4180) that a spreadsheet shows as it is."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([shielded(column, row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig", "replace")


def wanted(found: Mapping[str, Any]) -> int:
    """How many answers an item wants; 0 if somebody wrote something else there."""
    said = str(found.get("answers_wanted") or "")
    return int(said) if said.isdecimal() and len(said) <= 3 else 0  # noqa: PLR2004 - an answer of everybody
