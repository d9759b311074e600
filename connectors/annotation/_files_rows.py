"""One row of an answer file, checked: whoever wrote it may have meant anything.

The effort of a person outlives a faulty answer: a label or a time that cannot be used comes back as
an annotation without it, beside the problem that says why. A row that does not say who answered, or
about which of our items, waits in its file until somebody mends it.
"""

import difflib
import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.annotation._checks import LONGEST_ANSWER_S, short
from connectors.annotation._files_cells import bare, folded
from connectors.annotation._files_tables import Columns, Fault, Row
from connectors.annotation._people import SIMULATED_DOMAIN
from kempelen.records import Annotation

COLUMNS = Columns(
    required=("item_id", "annotator", "label"),
    optional=("skip", "seconds", "started_at", "submitted_at", "simulated"),
)

_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)
_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"", "no", "n", "false", "0"})
_NUMBER = re.compile(r"[+-]?\d*([.,]\d+)?")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_CODE_DIGITS = 25
"""100 bits: two of a billion answers share a code with probability below 10**-12."""

_LONGEST_NAME = 320
_MOST_COMPARED, _MOST_NAMES = 50, 1_000

_LABEL_HINT = "Mend the label in the file. Until then the row counts as effort, not as an answer."
_SKIP_HINT = "Write yes, or leave it empty. Until then the row counts as effort, not as an answer."
_TIME_HINT = "Its time is booked as unknown. Give seconds as a plain number, as 12.5."
_MOMENT_HINT = "Write moments as 2020-01-21T10:15:00Z. The moment at which the file was saved stands in for it."
_STARTED_HINT = "Write moments as 2020-01-21T10:15:00Z. Until then the start is unknown."
_ENCODING_HINT = 'Save the file as "CSV UTF-8"; plain "CSV" of a spreadsheet is Latin-1 or Windows-1252.'


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What rows are checked against. `items` are the ids of the cycle, `key` that of the source ids."""

    cycle_id: str
    items: frozenset[str]
    labels: tuple[str, ...]
    experts: frozenset[str]
    key: bytes
    _people: dict[str, str] = field(default_factory=dict)
    _close: dict[str, str] = field(default_factory=dict)

    def item(self, cell: str) -> str | None:
        """The item that a cell names, with or without the apostrophe that shields it."""
        return cell if cell in self.items else bare(cell) if bare(cell) in self.items else None

    def label(self, cell: str) -> str | None:
        """The label that a cell names; never a guess."""
        return cell if cell in self.labels else bare(cell) if bare(cell) in self.labels else None

    def person(self, cell: str) -> str:
        """The annotator that a cell names."""
        if cell not in self._people:
            self._people[cell] = person(cell)
        return self._people[cell]

    def source_id(self, item_id: str, annotator: str) -> str:
        """The same for the same answer, however often and from whichever file it is read.

        It goes into the books, which must not tell who answered: hence the key.
        """
        said = f"{self.cycle_id}\0{item_id}\0{annotator}"
        code = hmac.digest(self.key, b"kempelen source\0" + said.encode(), hashlib.sha256)
        return f"files:{item_id}:{code.hex()[:_CODE_DIGITS]}"

    def closest(self, cell: str, names: Collection[str]) -> str:
        """The name that differs least, as a question; empty if none is close, or too many were looked for."""
        if cell not in self._close and len(self._close) < _MOST_COMPARED and len(names) <= _MOST_NAMES:
            plain = {folded(name): name for name in names}
            found = difflib.get_close_matches(folded(bare(cell))[:_LONGEST_NAME], plain, n=1, cutoff=0.75)
            self._close[cell] = f" (did you mean {plain[found[0]]!r}?)" if found else ""
        return self._close.get(cell, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a row says: an answer, or that one was begun (the source id of a draft), or neither."""

    annotation: Annotation | None = None
    draft: str | None = None


_NOTHING = Read()


def person(name: str) -> str:
    """The identifier of an annotator as answers have it: case and the number of blanks make no difference.

    >>> person(" Ada  LOVELACE ")
    'ada lovelace'
    """
    return " ".join(unicodedata.normalize("NFC", bare(name)).casefold().split())


def item_of(row: Row, asked: Asked) -> str | None:
    """The item that the row is about; None if it names none of ours."""
    return asked.item(row.cells.get("item_id", ""))


def read(row: Row, asked: Asked, saved: datetime, report: Callable[[Fault], None]) -> Read:
    """What a row of a file that was saved at that moment says; what is wrong with it is reported."""
    cell = row.cells.get
    item_id, name = cell("item_id", ""), cell("annotator", "")
    answer, skip = cell("label", ""), cell("skip", "")
    if not (item_id or answer or skip) or (item_id[:1] in "iI" and folded(item_id) == "item_id"):
        return _NOTHING  # an empty row; or a second header, where files were put together
    fault = _unusable(row, asked)
    if fault:
        report(fault)
        return _NOTHING
    item = asked.item(item_id)
    unanswered = not answer and _skipped(skip) is False
    if item is None or (unanswered and not (name and (cell("seconds") or cell("started_at")))):
        return _NOTHING
    if not name or len(name) > _LONGEST_NAME:
        found = f"its annotator has {len(name)} characters" if name else "it does not say who answered"
        report(_fault(row, "annotator", found, "Fill in the column annotator; until then the row is not read."))
        return _NOTHING
    annotator = asked.person(name)
    source_id = asked.source_id(item, annotator)
    if unanswered:
        return Read(draft=source_id)
    submitted = _submitted(row, saved, report)
    return Read(
        annotation=Annotation(
            source_id=source_id,
            item_id=item,
            annotator=annotator,
            label=_label(row, asked, report),
            lead_time_s=_seconds(row, report),
            started_at=_started(row, submitted, report),
            submitted_at=submitted,
            simulated=_simulated(row, annotator, report),
            expert=annotator in asked.experts,
        )
    )


def _unusable(row: Row, asked: Asked) -> Fault | None:
    """Why nothing of the row can be used."""
    used = "".join(row.cells.values())
    if not used.isascii() and _NOT_UTF8.search(used):
        return _fault(row, "encoding", "it holds characters that are not UTF-8, so it is not read", _ENCODING_HINT)
    cell = row.cells.get("item_id", "")
    if not cell:
        return _fault(row, "item", "it does not say which item it is about", "Copy the item_id from the items file.")
    if asked.item(cell) is None:
        hint = f"Copy the item_id from the items file{asked.closest(cell, asked.items)}. Until then it is not read."
        return _fault(row, "item", f"its item {short(cell)} is none of this cycle", hint)
    return None


def _label(row: Row, asked: Asked, report: Callable[[Fault], None]) -> str | None:
    """The label; None for a skip, for both and for what is no label."""
    answer, skip = row.cells.get("label", ""), row.cells.get("skip", "")
    skipped = _skipped(skip)
    if skipped is None:
        report(_fault(row, "skip", f"its skip is {short(skip)}, neither yes nor no", _SKIP_HINT))
    if skipped is not False:
        return None
    label = asked.label(answer)
    if label is None:
        among = ", ".join(asked.labels) if len(asked.labels) <= 20 else "those in labels.txt"  # noqa: PLR2004 - readable
        found = f"its label {short(answer)} is none of {among}{asked.closest(answer, asked.labels)}"
        report(_fault(row, "label", found, _LABEL_HINT))
    return label


def _skipped(cell: str) -> bool | None:
    """None for neither yes nor no."""
    said = cell.casefold()
    return True if said in _YES else False if said in _NO else None


def _seconds(row: Row, report: Callable[[Fault], None]) -> float | None:
    """Seconds, None for unknown ones; never a guess. A decimal comma is what German spreadsheets write."""
    cell = row.cells.get("seconds", "")
    if not cell:
        return None
    seconds = float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell) and cell not in "+-" else math.nan
    if 0 <= seconds <= LONGEST_ANSWER_S:
        return seconds
    found = f"its seconds are {short(cell)}, not a number from 0 to {LONGEST_ANSWER_S:g}"
    report(_fault(row, "seconds", found, _TIME_HINT))
    return None


def _submitted(row: Row, saved: datetime, report: Callable[[Fault], None]) -> datetime:
    """When the answer was given; when the file was saved, if that is not known.

    An answer cannot be younger than its file, give or take a time zone that was left out.
    """
    cell = row.cells.get("submitted_at", "")
    if not cell:
        return saved
    moment = _moment(cell)
    if moment is None:
        report(_fault(row, "submitted_at", f"its submitted_at {short(cell)} is no moment", _MOMENT_HINT))
        return saved
    if moment > saved + _CLOCKS_DIFFER:
        found = f"its submitted_at {short(cell)} lies in the future of the file, saved at {saved:%Y-%m-%dT%H:%M:%SZ}"
        report(_fault(row, "future", found, _MOMENT_HINT))
        return saved
    return moment


def _started(row: Row, submitted: datetime, report: Callable[[Fault], None]) -> datetime | None:
    cell = row.cells.get("started_at", "")
    if not cell:
        return None
    moment = _moment(cell)
    if moment is None:
        report(_fault(row, "started_at", f"its started_at {short(cell)} is no moment", _STARTED_HINT))
    elif moment > submitted:
        report(_fault(row, "started_at", f"its started_at {short(cell)} is after its end", _STARTED_HINT))
        return None
    return moment


def _simulated(row: Row, annotator: str, report: Callable[[Fault], None]) -> bool:
    """Whether no person gave the answer. Whoever says anything but no is believed: effort is never made up."""
    cell = row.cells.get("simulated", "")
    said = _skipped(cell)
    if said is None:
        found = f"its simulated is {short(cell)}, neither yes nor no"
        report(_fault(row, "simulated", found, "Write yes or leave it empty. Until then it counts as simulated."))
    return said is not False or annotator.endswith(SIMULATED_DOMAIN)


def _moment(cell: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(bare(cell))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= _OLDEST else None


def _fault(row: Row, kind: str, found: str, hint: str) -> Fault:
    return Fault(line=row.line, kind=kind, found=found, hint=hint)
