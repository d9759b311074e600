"""Work done anywhere, as people write it down themselves: a plain table (CSV)."""

import sys
from decimal import Decimal
from pathlib import Path

from connectors.labour_import._cells import (
    Unusable,
    currency,
    identifier,
    iso,
    item,
    milliseconds,
    moment,
    money,
    shown,
    told,
)
from connectors.labour_import._reading import UNTOLD, Answer, Handed, Note, attempt, gathered
from connectors.labour_import._table import Row, Table, opened
from kempelen.errors import Problem
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork

REQUIRED = ("source", "id", "annotator", "item", "submitted_at")
POLICY = "as-declared/1"

_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": None}
_LONGEST_DEFINITION = 100


def build() -> LabourImporter:
    """Read a plain table; everything is in its columns."""
    return PlainTable()


class PlainTable:
    """`LabourImporter` for the columns that the documentation lists."""

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """See the protocol."""
        with opened(file, kind="a table of declared work", required=REQUIRED) as table:
            return gathered(table, _Rows(table).read)


class _Rows:
    def __init__(self, table: Table) -> None:
        self._source, self._id, self._annotator = table.column("source"), table.column("id"), table.column("annotator")
        self._item, self._label, self._labels = table.column("item"), table.column("label"), table.has("label")
        self._submitted, self._seconds = table.column("submitted_at"), table.column("seconds")
        self._low, self._high = table.column("seconds_low"), table.column("seconds_high")
        self._definition, self._accepted = table.column("time_definition"), table.column("accepted")
        self._reward, self._fee, self._currency = table.column("reward"), table.column("fee"), table.column("currency")

    def read(self, row: Row, note: Note) -> Answer:
        submitted_at = moment(self._submitted(row), "submitted_at", iso)
        low, high = attempt(note, lambda: self._bounds(row)) or (0, None)
        reward, fee, unit = attempt(note, lambda: self._money(row)) or (None, None, None)
        handed = Handed(
            annotator=sys.intern(identifier(self._annotator(row), "annotator")),
            policy=attempt(note, lambda: self._policy(row)) or POLICY,
            low_ms=low,
            high_ms=high,
            reward=reward,
            fee=fee,
            currency=unit,
        )
        return Answer(
            handed=handed,
            source=sys.intern(identifier(self._source(row), "source")),
            source_id=identifier(self._id(row), "id"),
            item=sys.intern(item(self._item(row), "item")),
            label=(sys.intern(told(self._label(row), "label")) or None) if self._labels else UNTOLD,
            submitted_at=submitted_at,
            accepted=attempt(note, lambda: _yes_or_no(self._accepted(row))),
        )

    def _bounds(self, row: Row) -> tuple[int, int] | None:
        """Both bounds are given, or one figure for both, or neither; a high one alone begins at 0."""
        exact, low, high = self._seconds(row), self._low(row), self._high(row)
        if exact and (low or high):
            raise Unusable("there are seconds and bounds", "Give seconds, or seconds_low and seconds_high.")
        if low and not high:
            raise Unusable("there is a seconds_low without a seconds_high", "Give both.")
        if not exact and not high:
            return None
        least = milliseconds(exact or low or "0", "seconds" if exact else "seconds_low")
        most = milliseconds(exact or high, "seconds" if exact else "seconds_high")
        if least > most:
            raise Unusable(f"seconds_low {low} is more than seconds_high {high}", "Exchange them.")
        return least, most

    def _money(self, row: Row) -> tuple[Decimal | None, Decimal | None, str] | None:
        reward, fee = self._reward(row), self._fee(row)
        if not reward and not fee:
            return None
        unit = currency(self._currency(row), "currency")
        return money(reward, "reward") if reward else None, money(fee, "fee") if fee else None, unit

    def _policy(self, row: Row) -> str:
        definition = self._definition(row)
        if len(definition) > _LONGEST_DEFINITION or not definition.isprintable():
            raise Unusable(f"time_definition reads {shown(definition)}", f"At most {_LONGEST_DEFINITION} characters.")
        return f"{POLICY} {definition}" if definition else POLICY


def _yes_or_no(text: str) -> bool | None:
    if text.lower() not in _YES_NO:
        raise Unusable(f"accepted reads {shown(text)}", "Write yes, no, or nothing while it is undecided.")
    return _YES_NO[text.lower()]
