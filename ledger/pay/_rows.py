"""Rows of a small CSV file that a person wrote: strict about its form, and clear about the line."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from kempelen.errors import BadData, ConfigError, Problem

T = TypeVar("T")

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?")
_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one line by column; a cell that is empty, or whose column is missing, is ''."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def text(self, column: str) -> str:
        """What stands there. BadData when nothing does."""
        if not self[column]:
            raise BadData(f"{column} is empty.", hint=f"Fill in {column}.")
        return self[column]

    def number(self, column: str) -> Decimal:
        """An amount of at least 0, with a decimal point."""
        if not _NUMBER.fullmatch(self[column]):
            raise BadData(
                f"{column} = {self[column]!r} is no amount.",
                hint="Write digits and a decimal point: 12.50.",
            )
        return Decimal(self[column])

    def day(self, column: str) -> date:
        """A day as 2024-02-29."""
        try:
            return datetime.strptime(self[column], "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError as error:
            raise BadData(f"{column} = {self[column]!r} is no day.", hint="Write it as 2024-02-29.") from error

    def day_or_open(self, column: str) -> date | None:
        """A day, or None where the cell is empty."""
        return self.day(column) if self[column] else None


def read_rows(file: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """The rows below the header, blank lines left out.

    BadData when it is not UTF-8, was cut short, or its columns are not exactly these, in any order; ConfigError when
    it cannot be read at all.
    """
    lines = csv.reader(io.StringIO(_text(file), newline=""), strict=True)
    try:
        columns = _columns(file, next(lines, []), required, optional)
        return [_row(file, lines.line_num, columns, cells) for cells in lines if any(cells)]
    except csv.Error as error:
        raise BadData(
            f"{file}, line {lines.line_num}: {error}.", hint="Save it as CSV in UTF-8, with commas between cells."
        ) from error


def each_row(file: Path, rows: Iterable[Row], make: Callable[[Row], T]) -> tuple[list[tuple[int, T]], list[Problem]]:
    """What the rows say, each with its line, and the rows that cannot be what they claim to be."""
    made: list[tuple[int, T]] = []
    problems: list[Problem] = []
    for row in rows:
        try:
            made.append((row.line, make(row)))
        except BadData as error:
            problems.append(problem(file, row.line, error))
    return made, problems


def every_row(file: Path, rows: Iterable[Row], make: Callable[[Row], T]) -> list[T]:
    """What the rows say. BadData when any is wrong: without it, an older figure would hold in its place."""
    made, problems = each_row(file, rows, make)
    if problems:
        told = " ".join(f"{each.subject}: {each.message}" for each in problems[:_TOLD])
        more = f" {len(problems) - _TOLD} more lines are wrong." if len(problems) > _TOLD else ""
        raise BadData(told + more, hint=" ".join(dict.fromkeys(each.hint for each in problems[:_TOLD])))
    return [each for _, each in made]


def problem(file: Path, line: int, error: BadData) -> Problem:
    """What is wrong with a line."""
    return Problem(stage="pay", subject=f"{file.name}, line {line}", message=str(error), hint=error.hint)


def _text(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.", hint="Name a file that is there.") from error
    except UnicodeDecodeError as error:
        raise BadData(
            f"{file} is not UTF-8: {error.reason} at byte {error.start}.", hint="Save it as UTF-8."
        ) from error
    if text and not text.endswith(("\n", "\r")):
        raise BadData(
            f"{file} ends within a line: it may have been cut short.", hint="End the last line with a line break."
        )
    return text


def _columns(file: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in header]
    missing = [column for column in required if column not in columns]
    strange = [column for column in columns if column not in {*required, *optional}]
    doubled = sorted({column for column in columns if columns.count(column) > 1})
    for found, what in ((missing, "lacks"), (strange, "has unknown"), (doubled, "repeats")):
        if found:
            more = f"; {', '.join(optional)} may follow" if optional else ""
            raise BadData(
                f"{file} {what} columns: {', '.join(map(repr, found))}.",
                hint=f"Its first line must be {','.join(required)}{more}. Put commas between cells.",
            )
    return columns


def _row(file: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(columns):
        raise BadData(
            f"{file}, line {line} has {len(cells)} cells, not {len(columns)}.",
            hint="Put a cell that holds a comma into quotes, and leave no cell out.",
        )
    return Row(line=line, cells={column: cell.strip() for column, cell in zip(columns, cells, strict=True)})
