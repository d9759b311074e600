"""The labelled stream of the demo: who may read what of it.

Training reads the `train` fold alone, as the base data that was there before. Every other label is
for the simulated annotators, and for measuring at the end; selection, training and gate never see it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pyarrow.parquet

from kempelen import text

FILE = Path(__file__).parent.parent / "data" / "corona" / "stream.parquet"

SOURCE = "public query data sets, mapped to nine classes"
"""What the books call the base data. Its parts are named in console/data/corona/NOTICE.md."""

IN_SERVICE_FROM = date(2019, 12, 11)
FIRST_LOOK = date(2020, 1, 1)
LAST_DAY = date(2020, 1, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One query of the stream."""

    id: str
    at: datetime
    text: str
    label: str
    fold: str

    @property
    def day(self) -> date:
        """The day of the query."""
        return self.at.date()


@cache
def rows() -> tuple[Row, ...]:
    """The whole stream, in order of time."""
    table = pyarrow.parquet.read_table(FILE, columns=["id", "timestamp", "text", "label", "fold"])
    return tuple(
        Row(
            id=row["id"],
            at=datetime.fromisoformat(row["timestamp"]).astimezone(UTC),
            text=row["text"],
            label=row["label"],
            fold=row["fold"],
        )
        for row in sorted(table.to_pylist(), key=lambda row: (row["timestamp"], row["id"]))
    )


def days(first: date, last: date) -> list[date]:
    """Every day of a window, both ends included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def of_day(day: date) -> list[Row]:
    """The queries of one day."""
    return [row for row in rows() if row.day == day]


def train_fold() -> list[Row]:
    """The base data: queries to 10 December 2019."""
    return [row for row in rows() if row.fold == "train"]


def held_out() -> list[Row]:
    """Queries of 11 to 31 December, from before the shift. For measuring alone."""
    return [row for row in rows() if row.fold == "heldout"]


def labels() -> tuple[str, ...]:
    """The classes."""
    return tuple(sorted({row.label for row in train_fold()}))


class Truth:
    """What a knowledgeable person would answer at a moment: the meaning that most had in the days before."""

    def __init__(self, until: datetime, days_back: int = 7) -> None:
        self._recent = _votes([row for row in rows() if until - timedelta(days=days_back) <= row.at <= until])

    def __call__(self, item_id: str) -> str:
        """The label of an item seen in those days. KeyError for any other."""
        return self._recent[item_id].most_common(1)[0][0]


def _votes(some: Sequence[Row]) -> dict[str, Counter[str]]:
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in some:
        votes[text.item_id(text.normalise(row.text))][row.label] += 1
    return dict(votes)
