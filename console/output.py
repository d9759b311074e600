"""How results are shown: readable on a terminal, or one JSON document on standard output.

Everything that is not the result (progress, hints, errors) goes to standard error.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kempelen.errors import KempelenError

WIDTH_IN_A_FILE = 130
"""Columns where there is no terminal that could say how many it has."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH_IN_A_FILE)


_result = _console(stderr=False)
_aside = _console(stderr=True)


def show_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def flush() -> None:
    """Hand over what was said so far, before something that goes on for long."""
    sys.stdout.flush()


def document(text: str) -> None:
    """A document as it is, however long its lines are."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def say(line: str = "", *, strong: bool = False) -> None:
    """A line of the result. Square brackets in it are what they are: it may quote strangers."""
    _result.print(line, markup=False, style="bold" if strong else None)


def remark(line: str, *, strong: bool = False) -> None:
    """A line beside the result."""
    _aside.print(line, markup=False, style="bold" if strong else None)


def ask(prompt: str) -> None:
    """Show beside the result that an answer is waited for, on the line where it is typed."""
    _aside.print(prompt, markup=False, end="")


def show_table(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Rows as a table; the columns named in `right` hold figures, those in `whole` names that are never broken."""
    if not rows:
        return
    if title:
        say(title, strong=True)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in rows[0]:
        justify: Literal["right", "left"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    _result.print(table)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show what is being waited for: a spinner on a terminal, a line elsewhere."""
    if _aside.is_terminal:
        with _aside.status(Text(what + " ...")):
            yield
    else:
        remark(what + " ...")
        yield


def show_error(error: KempelenError) -> None:
    """What was found, and what to do."""
    _aside.print(Text.assemble(("Error: ", "bold red"), str(error)))
    _aside.print(Text.assemble(("What to do: ", "bold"), error.hint))
