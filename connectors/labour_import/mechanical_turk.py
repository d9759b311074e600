"""The results of a batch on Amazon Mechanical Turk, as its requesters download them."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from connectors.labour_import._cells import (
    Unusable,
    answer,
    identifier,
    iso,
    milliseconds,
    moment,
    money,
    share_setting,
    shown,
)
from connectors.labour_import._cells import item as item_of
from connectors.labour_import._reading import Answer, Handed, Note, attempt, between, gathered
from connectors.labour_import._table import Row, Table, opened
from kempelen.errors import ConfigError, Problem
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork

SOURCE = "mechanical-turk"
POLICY = "accept-to-submit/1"
"""From accepting to submitting, the low bound 0. People accept many at once and do one after the other, so that any
part of it may be waiting; the file does not say when somebody began."""

FEE, FEE_OF_MANY, FEE_OF_MASTERS = Decimal("0.20"), Decimal("0.20"), Decimal("0.05")
"""Shares of the reward: always, with `MANY` assignments or more, and for Masters (mturk.com/pricing, 2026-10-07)."""

MANY = 10
LEAST_FEE = Decimal("0.01")
CENT = Decimal("0.01")
FEES_SINCE = datetime(2015, 7, 21, tzinfo=UTC)
"""Before this day other shares were taken (turkrequesters.blogspot.com, July 2015)."""

_ACCEPTED = {"approved": True, "rejected": False, "submitted": None, "": None}
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_ZONES = {"UTC": 0, "GMT": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4}
_WRITTEN = re.compile(
    r"(?:[a-z]{3} )?([a-z]{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) ([a-z]{3}) (\d{4})", re.IGNORECASE | re.ASCII
)
_ISO_ZONE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([A-Z]{3})", re.ASCII)


def when(text: str) -> datetime | None:
    """A moment as the requester's site writes it; English names and American zones, on any machine.

    >>> when("Mon Jan 20 10:12:13 PST 2020").isoformat(), when("2017-10-02 16:39:18 UTC").isoformat()
    ('2020-01-20T10:12:13-08:00', '2017-10-02T16:39:18+00:00')
    """
    if found := _WRITTEN.fullmatch(text):
        name, day, clock, zone, year = found.groups()
        month = _MONTHS.get(name.lower())
        return None if month is None else _in_zone(f"{year}-{month:02}-{int(day):02} {clock}", zone)
    if found := _ISO_ZONE.fullmatch(text):
        return _in_zone(*found.groups())
    return iso(text)


def published_fee(reward: Decimal, assignments: int, *, masters: bool) -> Decimal:
    """What the place takes for one assignment by its published rule, in dollars.

    20 % of the reward, 20 % more for a HIT of ten assignments or more, 5 % more for Masters; to the cent, half up, and
    never less than a cent. Not published is whether the parts are rounded one by one; here their sum is.

    >>> published_fee(Decimal("0.05"), 9, masters=False), published_fee(Decimal("0.13"), 10, masters=False)
    (Decimal('0.01'), Decimal('0.05'))
    """
    share = FEE + (FEE_OF_MANY if assignments >= MANY else 0) + (FEE_OF_MASTERS if masters else 0)
    return _to_the_cent(share * reward)


def build(
    question: str | None = None, item: str | None = None, fee: str | float = "published", *, masters: bool = False
) -> LabourImporter:
    """Read batch results.

    `question` is the column of the label (`Answer.intent`, or `intent`); without it, all `Answer.` columns are. `item`
    is the column that tells what was labelled (`Input.query`); without it, the HIT's id does. `fee` is `published` (by
    the rule above), `unknown`, or a share of the reward (0.2). `masters`: the batch asked for Masters.

    Raises ConfigError for a fee that is none of these.
    """
    share = None if fee in {"published", "unknown"} else share_setting(fee, "fee")
    if not isinstance(masters, bool):
        raise ConfigError(f"masters is {masters!r}.", hint="Give true or false.")

    def fee_of(reward: Decimal, assignments: int | None, submitted_at: datetime) -> Decimal | None:
        if share is not None:
            return _to_the_cent(share * reward)
        if fee == "unknown" or assignments is None or submitted_at < FEES_SINCE:
            return None
        return published_fee(reward, assignments, masters=masters)

    return BatchResults(question, item, fee_of)


class BatchResults:
    """`LabourImporter` for a batch results file (CSV)."""

    def __init__(
        self,
        question: str | None,
        item: str | None,
        fee_of: Callable[[Decimal, int | None, datetime], Decimal | None],
    ) -> None:
        self._question, self._item, self._fee_of = question, item, fee_of

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """See the protocol."""
        required = ["HITId", "AssignmentId", "WorkerId", "SubmitTime", *([self._item] if self._item else [])]
        with opened(file, kind="a batch results file of Mechanical Turk", required=required) as table:
            return gathered(table, _Assignments(table, self._question, self._item, self._fee_of).read)


class _Assignments:
    def __init__(
        self,
        table: Table,
        question: str | None,
        item: str | None,
        fee_of: Callable[[Decimal, int | None, datetime], Decimal | None],
    ) -> None:
        self._assignment, self._annotator = table.column("AssignmentId"), table.column("WorkerId")
        self._accepted, self._submitted = table.column("AcceptTime"), table.column("SubmitTime")
        self._seconds, self._status = table.column("WorkTimeInSeconds"), table.column("AssignmentStatus")
        self._reward, self._assignments = table.column("Reward"), table.column("MaxAssignments")
        self._item = table.column(item or "HITId")
        self._answers = {name.removeprefix("Answer."): table.column(name) for name in _questions(table, question)}
        self._fee_of = fee_of

    def read(self, row: Row, note: Note) -> Answer | None:
        if not self._assignment(row) and not self._annotator(row):
            return None  # A HIT that nobody took: some downloads list them, too.
        submitted_at = moment(self._submitted(row), "SubmitTime", when)
        accepted = attempt(note, lambda: _decided(self._status(row)))
        reward, fee = self._money(row, submitted_at, note, accepted=accepted)
        handed = Handed(
            annotator=sys.intern(identifier(self._annotator(row), "WorkerId")),
            policy=POLICY,
            high_ms=self._time(row, submitted_at, note),
            reward=reward,
            fee=fee,
            currency="USD",
        )
        label = answer({name: cell(row) for name, cell in self._answers.items()})
        return Answer(
            handed=handed,
            source=SOURCE,
            source_id=identifier(self._assignment(row), "AssignmentId"),
            item=sys.intern(item_of(self._item(row), "The item")),
            label=None if label is None else sys.intern(label),
            submitted_at=submitted_at,
            accepted=accepted,
        )

    def _time(self, row: Row, submitted_at: datetime, note: Note) -> int | None:
        """The longer of what the place counted and what its two moments say: normally they are the same."""
        found = []
        if text := self._seconds(row):
            found.append(attempt(note, lambda: milliseconds(text, "WorkTimeInSeconds")))
        if began := self._accepted(row):
            found.append(attempt(note, lambda: between(moment(began, "AcceptTime", when), submitted_at, "SubmitTime")))
        return max((ms for ms in found if ms is not None), default=None)

    def _money(
        self, row: Row, submitted_at: datetime, note: Note, *, accepted: bool | None
    ) -> tuple[Decimal | None, Decimal | None]:
        if accepted is False:
            # "If you reject the work, the Worker is not paid and you are not charged the MTurk fees."
            return Decimal(0), Decimal(0)
        text = self._reward(row)
        reward = attempt(note, lambda: _dollars(text)) if text else None
        if reward is None:
            return None, None
        most = self._assignments(row)
        return reward, self._fee_of(reward, int(most) if re.fullmatch(r"[0-9]{1,9}", most) else None, submitted_at)


def _questions(table: Table, question: str | None) -> list[str]:
    if question is None:
        return [name for name in table.columns if name.startswith("Answer.")]
    found = next((name for name in (question, f"Answer.{question}") if table.has(name)), None)
    return [found] if found else table.refuse(f"has no column {question} and no Answer.{question}")


def _decided(status: str) -> bool | None:
    if status.lower() not in _ACCEPTED:
        raise Unusable(f"AssignmentStatus reads {shown(status)}", "Known are Submitted, Approved and Rejected.")
    return _ACCEPTED[status.lower()]


def _dollars(text: str) -> Decimal:
    return money(text.removeprefix("$"), "Reward")


def _in_zone(text: str, zone: str) -> datetime | None:
    hours = _ZONES.get(zone.upper())
    return None if hours is None else datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=hours)))


def _to_the_cent(amount: Decimal) -> Decimal:
    return max(amount.quantize(CENT, ROUND_HALF_UP), LEAST_FEE)
