"""From rows to declared work: what was handed in together shares its time and its money, to the last part."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from connectors.labour_import._cells import SMALLEST, Unusable
from connectors.labour_import._table import Row, Table
from kempelen.errors import Problem
from kempelen.records import DeclaredWork, Effort

LONGEST_MS = 86_400_000
"""A day. A longer time is a forgotten page or a broken clock, and would drown every other figure."""

T = TypeVar("T")

UNTOLD = ""
"""The label of an answer that was given, but that the file does not tell. None is a skip."""


@dataclass(slots=True, kw_only=True)
class Handed:
    """What a person handed in at once: its time and money belong to all of its answers together.

    `high_ms` is None where no time is told. `policy` says from when to when the place measures.
    """

    annotator: str
    policy: str
    low_ms: int = 0
    high_ms: int | None = None
    reward: Decimal | None = None
    fee: Decimal | None = None
    currency: str | None = None
    answers: int = 0
    told: int = 0


@dataclass(slots=True, kw_only=True)
class Answer:
    """A row: one answer of what was handed in. Of one that is not `priced`, the file does not tell the money."""

    handed: Handed
    source: str
    source_id: str
    item: str
    label: str | None
    submitted_at: datetime
    accepted: bool | None
    priced: bool = True


Note = Callable[[Unusable], None]
"""Says what is wrong with a row that counts all the same."""

Read = Callable[[Row, Note], Answer | None]
"""An answer out of a row; None for a row that holds no work. Raises Unusable for a row that cannot be used."""


def gathered(table: Table, read: Read) -> tuple[list[DeclaredWork], list[Problem]]:
    """All the work in a table, in its order, and what is wrong with rows, each with its line.

    A piece of work that stands there twice counts once. Rows that were handed in together share their time to the
    millisecond and their money to the millionth: the sums of the shares are the whole.
    """
    problems: list[Problem] = []
    answers: deque[Answer] = deque()
    seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in table.rows():
        if not isinstance(row, Row):
            problems.append(_problem(table.file, *row))
            continue
        notes: list[Unusable] = []
        try:
            answer = read(row, notes.append)
            if answer is not None:
                _first_time(answer, row.line, seen[answer.source])
                answer.handed.answers += 1
                answers.append(answer)
        except Unusable as wrong:
            notes = [wrong]
        problems.extend(_problem(table.file, row.line, note) for note in notes)
    seen.clear()
    # Taken from the queue one by one: the rows are gone when the records are there.
    return [_work(answers.popleft()) for _ in range(len(answers))], problems


def attempt(note: Note, read: Callable[[], T]) -> T | None:
    """What `read` reads; None, and a note, if that is unusable. The row counts without it."""
    try:
        return read()
    except Unusable as wrong:
        note(Unusable(f"{wrong.found}; the row counts without it", wrong.hint))
        return None


def between(start: datetime, end: datetime, what: str) -> int:
    """Milliseconds from `start` to `end`, rounded up. Unusable if the end comes first."""
    if end < start:
        raise Unusable(f"{what} lies {start - end} before its start", "Its time is not known. Was the file edited?")
    return -((start - end) // timedelta(milliseconds=1))


def share(whole: int, parts: int, place: int) -> int:
    """The part of `whole` at `place`, from 0, of `parts` that are as equal as whole numbers can be.

    >>> [share(10_000, 3, place) for place in range(3)]
    [3334, 3333, 3333]
    """
    part, rest = divmod(whole, parts)
    return part + (place < rest)


def _first_time(answer: Answer, line: int, seen: dict[str, int]) -> None:
    first = seen.setdefault(answer.source_id, line)
    if first != line:
        raise Unusable(f"{answer.source_id} stands in line {first} already; it counts once", "Remove one of the two.")


def _work(answer: Answer) -> DeclaredWork:
    handed = answer.handed
    parts, place = handed.answers, handed.told
    handed.told += 1
    reward = _money(handed.reward, parts, place) if answer.priced else None
    fee = _money(handed.fee, parts, place) if answer.priced else None
    return DeclaredWork(
        source=answer.source,
        source_id=answer.source_id,
        annotator=handed.annotator,
        item=answer.item,
        label=answer.label,
        submitted_at=answer.submitted_at,
        effort=_effort(handed, parts, place),
        accepted=answer.accepted,
        reward=reward,
        fee=fee,
        currency=None if reward is None and fee is None else handed.currency,
    )


def _effort(handed: Handed, parts: int, place: int) -> Effort | None:
    if handed.high_ms is None:
        return None
    low, high = (share(min(whole, LONGEST_MS), parts, place) for whole in (handed.low_ms, handed.high_ms))
    policy = handed.policy if handed.high_ms <= LONGEST_MS else f"{handed.policy} cut_to_s={LONGEST_MS // 1000}"
    return _bounds(low, high, policy if parts == 1 else f"{policy} split_over={parts}")


def _money(whole: Decimal | None, parts: int, place: int) -> Decimal | None:
    return None if whole is None else _amount(share(int(whole / SMALLEST), parts, place))


# Times and prices repeat: a million records share some thousand of these.
@lru_cache(maxsize=16_384)
def _bounds(low_ms: int, high_ms: int, policy: str) -> Effort:
    return Effort(low_s=Decimal(low_ms).scaleb(-3), high_s=Decimal(high_ms).scaleb(-3), policy=policy)


@lru_cache(maxsize=16_384)
def _amount(millionths: int) -> Decimal:
    return Decimal(millionths).scaleb(-6)


def _problem(file: Path, line: int, wrong: Unusable) -> Problem:
    return Problem(
        stage="labour_import", subject=f"{file.name} line {line}", message=f"{wrong.found}.", hint=wrong.hint
    )
