"""The submissions to a study on Prolific, as its researchers download them (CSV)."""

import re
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from connectors.labour_import._cells import (
    Unusable,
    amount_setting,
    currency_setting,
    identifier,
    iso,
    milliseconds,
    moment,
    of,
    share_setting,
    shown,
)
from connectors.labour_import._reading import UNTOLD, Answer, Handed, Note, attempt, between, gathered
from connectors.labour_import._table import Row, Table, opened
from kempelen.errors import ConfigError, Problem
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork

SOURCE = "prolific"
POLICY = "start-to-completion/1"
"""From starting the study to completing it, the low bound 0: the study runs elsewhere, and nobody watched it."""

_APPROVED, _SCREENED_OUT = "APPROVED", "SCREENED OUT"
_UNDER_WAY = {"ACTIVE", "RESERVED"}
_UNPAID = {"REJECTED", "RETURNED", "TIMED OUT"}
_NOT_FINISHED = {"RETURNED", "TIMED OUT", _SCREENED_OUT}
_ACCEPTED = {_APPROVED: True, "PARTIALLY APPROVED": True, _SCREENED_OUT: True, "AWAITING REVIEW": None}
_STUDY = re.compile(r"prolific_(?:\w*_)?export_([0-9a-f]{24})", re.ASCII)


def build(
    study: str | None = None,
    reward: str | float | None = None,
    currency: str | None = None,
    fee: str | float | None = None,
    screened_out_reward: str | float | None = None,
) -> LabourImporter:
    """Read submissions.

    The file tells no money and no answers. `reward` is what the study pays for a submission and `screened_out_reward`
    what it pays those who are screened out, both in `currency`; `fee` is Prolific's share of the reward (0.428 for
    42.8 %). Without them they are unknown. `study` names the item; without it the study's id does, which stands in
    the name of the exported file, or else that name.

    Raises ConfigError for an amount, a share or a currency that is none, and for money without a currency.
    """
    terms = Terms(
        reward=amount_setting(reward, "reward"),
        screened_out=amount_setting(screened_out_reward, "screened_out_reward"),
        fee_share=share_setting(fee, "fee"),
        currency=None if currency is None else currency_setting(currency, "currency"),
    )
    if terms.currency is None and not (terms.reward is None and terms.screened_out is None):
        raise ConfigError("A reward is given without its currency.", hint="Add currency, as GBP.")
    return Submissions(study, terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a study pays for a submission."""

    reward: Decimal | None
    screened_out: Decimal | None
    fee_share: Decimal | None
    currency: str | None

    def paid(self, status: str) -> Decimal | None:
        """To whom has this status: nothing to those who gave back, timed out or were rejected."""
        if status in _UNPAID:
            return None if self.currency is None else Decimal(0)
        return {_APPROVED: self.reward, "AWAITING REVIEW": self.reward, _SCREENED_OUT: self.screened_out}.get(status)


class Submissions:
    """`LabourImporter` for a study's submissions. Age, sex and everything else about people is never read."""

    def __init__(self, study: str | None, terms: Terms) -> None:
        self._study, self._terms = study, terms

    def read(self, file: Path) -> tuple[list[DeclaredWork], list[Problem]]:
        """See the protocol."""
        named = _STUDY.match(file.name)
        study = self._study or (named.group(1) if named else file.stem)
        with opened(file, kind="a submissions file of Prolific", required=["Status"]) as table:
            for name, older in (("Submission id", "session_id"), ("Participant id", "participant_id")):
                if not table.has(name) and not table.has(older):
                    table.refuse(f"has no column {name}")
            return gathered(table, _Rows(table, study, self._terms).read)


class _Rows:
    def __init__(self, table: Table, study: str, terms: Terms) -> None:
        self._submission = table.column("Submission id", "session_id")
        self._participant = table.column("Participant id", "participant_id")
        self._status, self._seconds = table.column("Status"), table.column("Time taken", "time_taken")
        self._started = table.column("Started at", "started_datetime")
        self._completed = table.column("Completed at", "completed_date_time")
        self._study, self._terms = study, terms

    def read(self, row: Row, note: Note) -> Answer:
        status = self._status(row).upper().replace("-", " ").replace("_", " ")
        if status in _UNDER_WAY:
            raise Unusable("the person is still at it", "Import the study again when it is done: nothing counts twice.")
        ended = "Completed at" if self._completed(row) else "Started at"
        submitted_at = moment(self._completed(row) or self._started(row), ended, iso)
        paid = self._terms.paid(status)
        handed = Handed(
            annotator=sys.intern(identifier(self._participant(row), "Participant id")),
            policy=POLICY,
            high_ms=self._time(row, note),
            reward=paid,
            fee=of(self._terms.fee_share, paid),
            currency=self._terms.currency,
        )
        return Answer(
            handed=handed,
            source=SOURCE,
            source_id=identifier(self._submission(row), "Submission id"),
            item=self._study,
            label=None if status in _NOT_FINISHED else UNTOLD,
            submitted_at=submitted_at,
            accepted=False if status in _UNPAID else attempt(note, lambda: _decided(status)),
        )

    def _time(self, row: Row, note: Note) -> int | None:
        """The longer of what the place counted and what its two moments say: it counts whole seconds."""
        found = []
        if text := self._seconds(row):
            found.append(attempt(note, lambda: milliseconds(text, "Time taken")))
        if (start := self._started(row)) and (end := self._completed(row)):
            found.append(attempt(note, lambda: _span(start, end)))
        return max((ms for ms in found if ms is not None), default=None)


def _span(start: str, end: str) -> int:
    return between(moment(start, "Started at", iso), moment(end, "Completed at", iso), "Completed at")


def _decided(status: str) -> bool | None:
    if status not in _ACCEPTED:
        raise Unusable(f"Status reads {shown(status)}", f"Known are {', '.join([*_ACCEPTED, *sorted(_UNPAID)])}.")
    return _ACCEPTED[status]
