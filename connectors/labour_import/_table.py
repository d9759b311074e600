"""A delimited file as places export it, row by row: read whole or not at all where its rows cannot be told apart."""

import codecs
import csv
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

from connectors.labour_import._cells import Unusable, shown
from kempelen.errors import BadData

LONGEST_LINE = 1 << 23
"""Characters. A longer line is no row of an export, and is not held."""

_DELIMITERS = ",\t;"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PACKED = {b"PK": "a ZIP archive or a spreadsheet (.xlsx)", b"\x1f\x8b": "a compressed file (.gz)"}
_AGAIN = "Export the file again, and import it as it is."


class Row:
    """The cells of a row, and the number of its first line in the file, from 1."""

    __slots__ = ("cells", "line")

    def __init__(self, line: int, cells: Sequence[str]) -> None:
        self.line = line
        self.cells = cells


Cell = Callable[[Row], str]
"""A column: its cell in a row, without blanks around it."""


@contextmanager
def opened(file: Path, *, kind: str, required: Sequence[str]) -> Iterator["Table"]:
    """The table in a file, of which only the rows that are asked for are held.

    CSV in the ways of platforms and spreadsheets: commas, semicolons or tabs; any line breaks, also within quotation
    marks; UTF-8 with or without a byte order mark, and UTF-16 with one. Columns are known by their names, in any case
    and order. `kind` says in errors what the file was expected to be.

    Raises BadData if it cannot be read, lacks a `required` column, or cannot be split into rows with certainty; that
    can also show later, while its rows are read.
    """
    try:
        with file.open("rb") as content:
            yield Table(file, _text(file, content), kind, required)
    except OSError as error:
        raise BadData(f"{file} cannot be read: {error.strerror}.", hint="Check path and permissions.") from error
    except UnicodeError as error:
        raise BadData(f"{file.name} was cut short, or is no text: {error}.", hint=_AGAIN) from error


class Table:
    """The header of an open file, and its rows."""

    def __init__(self, file: Path, text: io.TextIOWrapper, kind: str, required: Sequence[str]) -> None:
        self.file = file
        self._kind = kind
        self._used: set[int] = set()
        self._lines = _Lines(file, text)
        first = self._first_line()
        delimiter = max(_DELIMITERS, key=lambda mark: _found(first, mark, required))
        self._reader = csv.reader(itertools.chain([first], self._lines), delimiter=delimiter, strict=True)
        self.columns = tuple(cell.strip() for cell in self._next() or ())
        """The names of the columns, as they are written."""
        missing = [name for name in required if self._place(name) is None]
        if missing:
            self.refuse(f"has no column {' and no '.join(missing)}")

    def column(self, *names: str) -> Cell:
        """The column of one of these names; one that is not there is empty in every row."""
        places = (self._place(name) for name in names)
        place = next((place for place in places if place is not None), None)
        if place is None:
            return lambda _: ""
        self._used.add(place)
        return lambda row: _clean(row.cells[place], self.columns[place])

    def has(self, name: str) -> bool:
        """Whether a column has this name."""
        return self._place(name) is not None

    def rows(self) -> Iterator[Row | tuple[int, Unusable]]:
        """The rows, and of lines that are none their number and what is wrong; empty rows count for nothing."""
        if self._lines.open_end:
            self._cut("it ends within its first line")
        before = self._reader.line_num
        while (cells := self._next()) is not None:
            line, lines = before + 1 + self._lines.skipped, self._reader.line_num - before
            before = self._reader.line_num
            if any(map(str.strip, cells)):
                yield self._row(line, lines, cells)

    def refuse(self, what: str) -> NoReturn:
        """Raise BadData: the file is no export of this kind."""
        names = ", ".join(self.columns)
        raise BadData(
            f"{self.file.name} is not {self._kind}: it {what}; its first line reads {names[:300]!r}.",
            hint="Check --format, and that the file is as it was exported.",
        )

    def _row(self, line: int, lines: int, cells: list[str]) -> Row | tuple[int, Unusable]:
        width = len(self.columns)
        if self._lines.open_end and (len(cells) < width or width - 1 in self._used):
            self._cut("it ends within a line")
        if len(cells) == width or (len(cells) > width and not any(map(str.strip, cells[width:]))):
            return Row(line, cells)
        if lines > 1:
            self._broken(f"lines {line} to {line + lines - 1} are one row of {len(cells)} cells instead of {width}")
        return line, Unusable(
            f"it has {len(cells)} cells, where the first line has {width}",
            "Put a cell that holds the separator into quotation marks.",
        )

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            line = self._reader.line_num + self._lines.skipped
            if str(error) == "unexpected end of data":
                self._cut(f"a quotation mark is still open in its last line, {line}")
            self._broken(f"line {line}: {error}")

    def _cut(self, how: str) -> NoReturn:
        raise BadData(
            f"{self.file.name} was cut short: {how}. Nothing of it counts.",
            hint="Export or copy it again. If it is whole, end its last line with a line break.",
        )

    def _broken(self, how: str) -> NoReturn:
        raise BadData(
            f"{self.file.name} cannot be split into rows: {how}. Is a quotation mark missing? Nothing of it counts.",
            hint=_AGAIN,
        )

    def _first_line(self) -> str:
        """The header's first line, after empty ones and Excel's `sep=;`."""
        for line in self._lines:
            if "\0" in line:
                raise BadData(f"{self.file.name} is no text, or is marked wrongly.", hint='Save it as "CSV UTF-8".')
            if line.strip() and not line.lower().startswith("sep="):
                return line
            self._lines.skipped += 1
        raise BadData(f"{self.file.name} is empty.", hint=_AGAIN)

    def _place(self, name: str) -> int | None:
        places = [place for place, column in enumerate(self.columns) if column.casefold() == name.casefold()]
        if len(places) > 1:
            self.refuse(f"has {len(places)} columns {name}")
        return places[0] if places else None


class _Lines:
    """The lines of a text, with what is known of its end."""

    def __init__(self, file: Path, text: io.TextIOWrapper) -> None:
        self._file, self._text = file, text
        self.skipped = 0
        self.open_end = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.open_end = not line.endswith(("\n", "\r"))
        if len(line) == LONGEST_LINE and self.open_end:
            raise BadData(f"{self._file.name} has a line of over {LONGEST_LINE:,} characters.", hint=_AGAIN)
        return line


def _text(file: Path, content: BinaryIO) -> io.TextIOWrapper:
    """Bytes that are not UTF-8 come through as lone surrogates: they only matter in columns that are read."""
    start = content.read(2)
    content.seek(0)
    if start in _PACKED:
        raise BadData(f"{file.name} is {_PACKED[start]}, not the text in it.", hint="Unpack it, or save it as CSV.")
    if start in _UTF16:
        return io.TextIOWrapper(content, encoding="utf-16", newline="")
    return io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _found(line: str, delimiter: str, names: Sequence[str]) -> int:
    """How many of the columns are found if the header is split by `delimiter`."""
    cells = {cell.strip(' "\r\n').casefold() for cell in line.split(delimiter)}
    return sum(name.casefold() in cells for name in names)


def _clean(cell: str, column: str) -> str:
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            raise Unusable(
                f"{column} holds letters that are not UTF-8: {shown(cell.encode(errors='replace').decode())}",
                'Save the file as "CSV UTF-8".',
            ) from error
    return cell.strip()
