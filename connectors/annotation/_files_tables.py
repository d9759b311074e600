"""Tables that people save, read line by line: CSV in the ways that spreadsheets write it, and JSON Lines."""

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from connectors.annotation._files_cells import folded, trimmed

LONGEST_LINE = 65_536
"""Characters. A longer line is no row of ours, and is passed over without being held."""

_LINES_OF_A_CELL = 20
_DELIMITERS = ",;\t|"
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Line = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row: the number of its line in the file, from 1, and its cells by the folded name of their column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a line; faults of one `kind` have one cause."""

    line: int
    kind: str
    found: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What is looked for: columns without which a table is none, and others. `every` keeps unknown ones, too."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    every: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Both kinds."""
        return frozenset(self.required + self.optional)


def rows(
    file: BinaryIO, size: int, columns: Columns, *, jsonl: bool, last_line_may_be_open: bool = False
) -> Iterator[Row | Fault]:
    """The rows of the first `size` bytes, oldest first, and what is wrong with others; empty lines count for nothing.

    A last line without a line break may be half of one: unless `last_line_may_be_open`, it is a fault in
    a CSV file, and in a JSON Lines file if it is no whole object. Memory is that of a line.
    """
    text = _text(file, size)
    lines = _lines(text, open_end=last_line_may_be_open or jsonl)
    yield from _jsonl_rows(lines, columns) if jsonl else _csv_rows(lines, columns)


class _Upto(io.RawIOBase):
    """The first bytes of a file that may be growing."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(min(len(buffer), self._left))
        buffer[: len(content)] = content
        self._left -= len(content)
        return len(content)


def _text(file: BinaryIO, size: int) -> io.TextIOWrapper:
    """Bytes that are not UTF-8 come through as lone surrogates, so that only the rows they are in suffer."""
    start = file.read(2)
    file.seek(0)
    limited = io.BufferedReader(_Upto(file, size), 1 << 18)
    if start in _UTF16:
        return io.TextIOWrapper(limited, encoding="utf-16", errors="replace", newline="")
    return io.TextIOWrapper(limited, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _lines(text: io.TextIOWrapper, *, open_end: bool) -> Iterator[Line | Fault]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if line.endswith(("\n", "\r")):
            yield number, line
        elif len(line) == LONGEST_LINE:
            while (rest := text.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            yield Fault(
                line=number,
                kind="length",
                found=f"it is longer than {LONGEST_LINE:,} characters",
                hint="Is a quotation mark missing, or is this another kind of file?",
            )
        elif open_end:
            yield number, line
        else:
            yield Fault(
                line=number,
                kind="half",
                found="the last line has no line break at its end, so it may be half of one; it is not read yet",
                hint="If nobody is writing the file any more, end it with a line break.",
            )


def _csv_rows(lines: Iterator[Line | Fault], columns: Columns) -> Iterator[Row | Fault]:
    first = yield from _first_line(lines)
    if first is None:
        return
    delimiter, names = _header(first[1], columns)
    fault = _header_fault(first[0], names, columns)
    if fault:
        yield fault
        return
    wanted = [(place, name) for place, name in enumerate(names) if name and (columns.every or name in columns.known)]
    for record in _records(lines, delimiter, len(names)):
        yield record if isinstance(record, Fault) else _row(record[0], record[1], wanted, len(names))


def _first_line(lines: Iterator[Line | Fault]) -> Generator[Fault, None, Line | None]:
    """The header: the first line that is neither empty nor Excel's `sep=;`."""
    for line in lines:
        if isinstance(line, Fault):
            yield line
        elif trimmed(line[1]) and not _SEP_LINE.fullmatch(trimmed(line[1])):
            return line
    return None


def _header(text: str, columns: Columns) -> tuple[str, list[str]]:
    """The delimiter by which most of the columns that are looked for are found, and the names of all."""
    readings = [(delimiter, [folded(cell) for cell in _cells(text, delimiter) or ()]) for delimiter in _DELIMITERS]
    return max(readings, key=lambda reading: len(columns.known & set(reading[1])))


def _header_fault(line: int, names: Sequence[str], columns: Columns) -> Fault | None:
    missing = [name for name in columns.required if name not in names]
    twice = sorted({name for name in names if name in columns.known and names.count(name) > 1})
    if not missing and not twice:
        return None
    what = f"no column {' and no '.join(missing)}" if missing else f"{' and '.join(twice)} twice"
    found = ", ".join(name for name in names if name)[:200]
    return Fault(
        line=line,
        kind="header",
        found=f"the first line names {what}; it reads {found!r}, and nothing of this file is read",
        hint=f"Name each of {', '.join(columns.required)} once in the first line; answers-template.csv shows how.",
    )


def _records(lines: Iterator[Line | Fault], delimiter: str, width: int) -> Iterator[tuple[int, list[str]] | Fault]:
    """The cells of each row. A cell may hold line breaks; an open quotation mark spoils no more than its line."""
    waiting: deque[Line | Fault] = deque()
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        if isinstance(line, Fault):
            yield line
            continue
        cells = _cells(line[1], delimiter)
        if cells is None:
            cells, looked_at = _longer(line, waiting, lines, delimiter, width)
            if cells is None:
                waiting.extendleft(reversed(looked_at))
                yield Fault(
                    line=line[0],
                    kind="quotes",
                    found="a quotation mark in it is not closed, or does not stand around a whole cell",
                    hint="Double each quotation mark within a cell, and put the cell into quotation marks.",
                )
                continue
        yield line[0], cells


def _longer(
    line: Line, waiting: deque[Line | Fault], lines: Iterator[Line | Fault], delimiter: str, width: int
) -> tuple[list[str] | None, list[Line | Fault]]:
    """The cells if the row goes on over the next lines, and the lines that were looked at."""
    text, looked_at = line[1], list[Line | Fault]()
    for _ in range(_LINES_OF_A_CELL):
        following = waiting.popleft() if waiting else next(lines, None)
        if following is None:
            break
        looked_at.append(following)
        if isinstance(following, Fault):
            break
        text += following[1]
        cells = _cells(text, delimiter)
        if cells is not None and len(cells) == width:
            return cells, looked_at
    return None, looked_at


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def _row(line: int, cells: Sequence[str], wanted: Sequence[tuple[int, str]], width: int) -> Row | Fault:
    if len(cells) > width and any(map(trimmed, cells[width:])):
        return Fault(
            line=line,
            kind="cells",
            found=f"it has {len(cells)} cells where the first line has {width}",
            hint="Put a cell that holds the separator into quotation marks.",
        )
    return Row(line=line, cells={name: trimmed(cells[place]) for place, name in wanted if place < len(cells)})


def _jsonl_rows(lines: Iterator[Line | Fault], columns: Columns) -> Iterator[Row | Fault]:
    for line in lines:
        if isinstance(line, Fault):
            yield line
        elif trimmed(line[1]):
            yield _object(line, columns)


def _object(line: Line, columns: Columns) -> Row | Fault:
    number, text = line
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        half = not text.endswith(("\n", "\r"))
        return Fault(
            line=number,
            kind="half" if half else "json",
            found="the last line is no whole JSON object" if half else "it is no JSON object",
            hint='Write one object a line: {"item_id": "...", "annotator": "...", "label": "..."}.',
        )
    named = ((folded(name), value) for name, value in found.items())
    cells = {name: _as_text(value) for name, value in named if columns.every or name in columns.known}
    return Row(line=number, cells=cells)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return trimmed(value) if isinstance(value, str) else json.dumps(value)
