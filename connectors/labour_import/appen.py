"""The full report of a job on Appen, before that Figure Eight and CrowdFlower: one row a judgment (CSV)."""

import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from connectors.labour_import._cells import (
    Unusable,
    amount_setting,
    answer,
    currency_setting,
    identifier,
    iso,
    moment,
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

SOURCE = "appen"
POLICY = "page-start-to-submit/1"
"""From opening a page of rows to submitting it, the low bound 0: nothing in the file says for how much of that time
the person was at it."""

_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_TAINTED = {"true": False, "false": True, "": None}


def when(text: str) -> datetime | None:
    """A moment as the report writes it: the month comes first, and the zone is UTC.

    >>> when("1/4/2018 04:16:43").isoformat()
    '2018-01-04T04:16:43+00:00'
    """
    found = _AMERICAN.fullmatch(text)
    if not found:
        return iso(text)
    month, day, year, hour, minute, second = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def build(
    question: str | None = None,
    item: str | None = None,
    reward_per_page: str | float | None = None,
    fee: str | float | None = None,
    currency: str = "USD",
) -> LabourImporter:
    """Read a full report.

    `question` is the column of the label. Without it, those columns are that have one for test questions beside them
    (`intent` and `intent_gold`); a job without test questions must name it. `item` is the column that tells what was
    labelled; without it, the row's id at Appen does. The file tells no money: `reward_per_page` is the price of a page,
    in `currency`, shared by its rows that are in the file; `fee` is Appen's share of it (0.2 for 20 %). Without them
    they are unknown.

    Raises ConfigError for an amount, a share or a currency that is none.
    """
    reward, share = amount_setting(reward_per_page, "reward_per_page"), share_setting(fee, "fee")
    return FullReport(question, item, reward, share, currency_setting(currency, "currency"))


class FullReport:
    """`LabourImporter` for a full report. Addresses and places of people are never read."""

    def __init__(
        self,
        question: str | None,
        item: str | None,
        reward_per_page: Decimal | None,
        fee_share: Decimal | None,
        currency: str,
    ) -> None:
        self._question, self._item = question, item
        self._page = Handed(
            annotator="", policy=POLICY, reward=reward_per_page, fee=of(fee_share, reward_per_page), currency=currency
        )

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """See the protocol."""
        required = ["_unit_id", "_id", "_worker_id", "_created_at", *filter(None, (self._question, self._item))]
        with opened(file, kind="a full report of Appen", required=required) as table:
            return gathered(table, _Judgments(table, self._question, self._item, self._page).read)


class _Judgments:
    def __init__(self, table: Table, question: str | None, item: str | None, page: Handed) -> None:
        self._judgment, self._annotator = table.column("_id"), table.column("_worker_id")
        self._created, self._started = table.column("_created_at"), table.column("_started_at")
        self._tainted, self._item = table.column("_tainted"), table.column(item or "_unit_id")
        self._answers: dict[str, Cell] = {name: table.column(name) for name in _questions(table, question)}
        self._page = page
        self._pages: dict[str, Handed] = {}

    def read(self, row: Row, note: Note) -> Answer:
        created = moment(self._created(row), "_created_at", when)
        source_id = identifier(self._judgment(row), "_id")
        accepted = attempt(note, lambda: _trusted(self._tainted(row)))
        label = answer({name: cell(row) for name, cell in self._answers.items()})
        what = item_of(self._item(row), "The item")
        return Answer(
            handed=self._handed(row, created, note),
            source=SOURCE,
            source_id=source_id,
            item=sys.intern(what),
            label=None if label is None else sys.intern(label),
            submitted_at=created,
            accepted=accepted,
            # Whether judgments of people who failed the test questions were paid, the report does not tell.
            priced=accepted is not False,
        )

    def _handed(self, row: Row, created: datetime, note: Note) -> Handed:
        """The page that a judgment belongs to: nobody opens two pages in the same second."""
        annotator, started = identifier(self._annotator(row), "_worker_id"), self._started(row)
        if not started:
            return self._new(annotator, None)
        span = attempt(note, lambda: between(moment(started, "_started_at", when), created, "_created_at"))
        page = self._pages.setdefault(f"{annotator} {started}", self._new(annotator, span))
        page.high_ms = max((ms for ms in (page.high_ms, span) if ms is not None), default=None)
        return page

    def _new(self, annotator: str, span: int | None) -> Handed:
        page = self._page
        return Handed(
            annotator=sys.intern(annotator),
            policy=page.policy,
            high_ms=span,
            reward=page.reward,
            fee=page.fee,
            currency=page.currency,
        )


def _questions(table: Table, question: str | None) -> list[str]:
    if question is not None:
        return [question]
    found = [name for name in table.columns if not name.startswith("_") and table.has(f"{name}_gold")]
    return found or table.refuse("has no column beside one of test questions (NAME_gold), so give its question")


def _trusted(tainted: str) -> bool | None:
    if tainted.lower() not in _TAINTED:
        raise Unusable(f"_tainted reads {shown(tainted)}", "Known are true and false.")
    return _TAINTED[tainted.lower()]
