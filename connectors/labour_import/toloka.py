"""The assignments of a Toloka pool, as its requesters download them (TSV)."""

import hashlib
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from connectors.labour_import._cells import (
    Unusable,
    amount_setting,
    answer,
    identifier,
    iso,
    moment,
    money,
    of,
    share_setting,
    shown,
)
from connectors.labour_import._cells import item as item_of
from connectors.labour_import._reading import Answer, Handed, Note, attempt, between, gathered
from connectors.labour_import._table import Cell, Row, Table, opened
from kempelen.errors import Problem
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork

SOURCE = "toloka"
POLICY = "assigned-to-{end}/1"
"""From taking a page of items to handing it in (or skipping it, or its expiry), the low bound 0: nothing in the file
says for how much of that time the person was at it."""

_ENDS = {"SKIPPED": "skipped", "EXPIRED": "expired"}
_ACCEPTED = {"APPROVED": True, "ACCEPTED": True, "SUBMITTED": None, "": None}
_UNPAID = {"REJECTED", *_ENDS}
_PAGE = ("worker_id", "status", "started", "submitted", "skipped", "expired", "reward")


def build(
    question: str | None = None,
    item: str | None = None,
    reward_per_page: str | float | None = None,
    fee: str | float | None = None,
) -> LabourImporter:
    """Read assignments.

    `question` is the column of the label (`OUTPUT:result`, or `result`); without it, all `OUTPUT:` columns are. `item`
    is the column that tells what was labelled (`INPUT:text`); without it, the id of the item in Toloka or, where the
    file has none, the input. `reward_per_page` is what the pool pays for a page, in dollars, where the file has no
    `ASSIGNMENT:reward`. `fee` is Toloka's share of the reward (0.3 for 30 %); it is not published, so without it the
    fee is unknown.

    Raises ConfigError for an amount or a share that is none.
    """
    return Assignments(question, item, amount_setting(reward_per_page, "reward_per_page"), share_setting(fee, "fee"))


class Assignments:
    """`LabourImporter` for assignments: one row an item, whose page's time and money it shares with the others."""

    def __init__(
        self, question: str | None, item: str | None, reward_per_page: Decimal | None, fee_share: Decimal | None
    ) -> None:
        self._question, self._item = question, item
        self._reward, self._fee_share = reward_per_page, fee_share

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """See the protocol."""
        required = ["ASSIGNMENT:assignment_id", "ASSIGNMENT:worker_id", *([self._item] if self._item else [])]
        with opened(file, kind="an assignments file of Toloka", required=required) as table:
            if not any(table.has(f"ASSIGNMENT:{moment}") for moment in ("started", "submitted")):
                table.refuse("has neither ASSIGNMENT:started nor ASSIGNMENT:submitted, so no work in it has a date")
            if not table.has("ASSIGNMENT:task_id") and not any(name.startswith("INPUT:") for name in table.columns):
                table.refuse("has neither ASSIGNMENT:task_id nor a column INPUT:..., so its items have no names")
            return gathered(table, _Rows(table, self._question, self._item, self._reward, self._fee_share).read)


class _Rows:
    def __init__(
        self,
        table: Table,
        question: str | None,
        item: str | None,
        reward_per_page: Decimal | None,
        fee_share: Decimal | None,
    ) -> None:
        self._assignment, self._page = table.column("ASSIGNMENT:assignment_id"), _columns(table, _PAGE)
        self._inputs = [table.column(name) for name in table.columns if name.startswith("INPUT:")]
        self._item = _item(table, item, self._inputs)
        self._item_id = table.column("ASSIGNMENT:task_id")
        self._answers = {name.removeprefix("OUTPUT:"): table.column(name) for name in _questions(table, question)}
        self._reward, self._fee_share = reward_per_page, fee_share
        self._pages: dict[str, tuple[tuple[str, ...], Handed]] = {}

    def read(self, row: Row, note: Note) -> Answer:
        page = tuple(sys.intern(cell(row)) for cell in self._page)
        _, status, started, submitted, skipped, expired, _ = page
        if status == "ACTIVE":
            raise Unusable("the person is still at it", "Import the pool again when it is done: nothing counts twice.")
        end = {"SKIPPED": skipped, "EXPIRED": expired}.get(status, submitted)
        submitted_at = moment(end or started, "The moment of the assignment", iso)
        assignment = identifier(self._assignment(row), "ASSIGNMENT:assignment_id")
        source_id, item = f"{assignment}/{self._name(row)}", item_of(self._item(row), "The item")
        label = None if status in _ENDS else answer({name: cell(row) for name, cell in self._answers.items()})
        return Answer(
            handed=self._handed(assignment, page, end, note),
            source=SOURCE,
            source_id=source_id,
            item=sys.intern(item),
            label=None if label is None else sys.intern(label),
            submitted_at=submitted_at,
            accepted=False if status in _UNPAID else attempt(note, lambda: _decided(status)),
        )

    def _handed(self, assignment: str, page: tuple[str, ...], end: str, note: Note) -> Handed:
        """The page that a row belongs to; its rows must agree on whose it is, when it was done and what it is worth."""
        if assignment in self._pages:
            first, handed = self._pages[assignment]
            if page != first:
                raise Unusable(
                    f"{assignment} differs here from its first row in {_difference(first, page)}",
                    "All rows of an assignment have the same; import the file as it was exported.",
                )
            return handed
        annotator, (_, status, started, *_, reward) = identifier(page[0], "ASSIGNMENT:worker_id"), page
        paid = self._paid(status, reward, note)
        handed = Handed(
            annotator=annotator,
            policy=POLICY.format(end=_ENDS.get(status, "submitted")),
            high_ms=attempt(note, lambda: _span(started, end)) if started and end else None,
            reward=paid,
            fee=of(self._fee_share, paid),
            currency="USD",
        )
        self._pages[assignment] = page, handed
        return handed

    def _paid(self, status: str, reward: str, note: Note) -> Decimal | None:
        if status in _UNPAID:
            return Decimal(0)
        return attempt(note, lambda: money(reward, "ASSIGNMENT:reward")) if reward else self._reward

    def _name(self, row: Row) -> str:
        """The item's name within its page: as Toloka calls it, or a digest of what was shown."""
        if given := self._item_id(row):
            return identifier(given, "ASSIGNMENT:task_id")
        return hashlib.sha256("\x1f".join(cell(row) for cell in self._inputs).encode()).hexdigest()[:16]


def _columns(table: Table, names: Sequence[str]) -> list[Cell]:
    return [table.column(f"ASSIGNMENT:{name}") for name in names]


def _item(table: Table, item: str | None, inputs: Sequence[Cell]) -> Cell:
    if item or table.has("ASSIGNMENT:task_id"):
        return table.column(item or "ASSIGNMENT:task_id")
    names = [name.removeprefix("INPUT:") for name in table.columns if name.startswith("INPUT:")]
    return lambda row: answer({name: cell(row) for name, cell in zip(names, inputs, strict=True)}) or ""


def _questions(table: Table, question: str | None) -> list[str]:
    if question is None:
        return [name for name in table.columns if name.startswith("OUTPUT:")]
    found = next((name for name in (question, f"OUTPUT:{question}") if table.has(name)), None)
    return [found] if found else table.refuse(f"has no column {question} and no OUTPUT:{question}")


def _decided(status: str) -> bool | None:
    if status not in _ACCEPTED:
        raise Unusable(f"ASSIGNMENT:status reads {shown(status)}", "Known are SUBMITTED, APPROVED and REJECTED.")
    return _ACCEPTED[status]


def _span(started: str, end: str) -> int:
    began, ended = moment(started, "ASSIGNMENT:started", iso), moment(end, "ASSIGNMENT:submitted", iso)
    return between(began, ended, "The end of the assignment")


def _difference(first: Sequence[str], page: Sequence[str]) -> str:
    return ", ".join(name for name, a, b in zip(_PAGE, first, page, strict=True) if a != b)
