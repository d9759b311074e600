"""How results are shown: readable on a terminal, or one JSON document on standard output.

Everything that is not the result (progress, hints, errors) goes to standard error.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

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


def say(line: str = "") -> None:
    """A line of the result."""
    _result.print(line)


def remark(line: str) -> None:
    """A line beside the result."""
    _aside.print(line)


def show_table(rows: Sequence[Mapping[str, Any]], *, title: str | None = None, right: Sequence[str] = ()) -> None:
    """Rows as a table; the columns named in `right` hold figures."""
    if not rows:
        return
    if title:
        _result.print(f"[bold]{title}[/]")
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in rows[0]:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    _result.print(table)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show what is being waited for: a spinner on a terminal, a line elsewhere."""
    if _aside.is_terminal:
        with _aside.status(what + " ..."):
            yield
    else:
        _aside.print(what + " ...")
        yield


def show_error(error: KempelenError) -> None:
    """What was found, and what to do."""
    _aside.print(f"[bold red]Error:[/] {_plain(str(error))}")
    _aside.print(f"[bold]What to do:[/] {_plain(error.hint)}")


def _plain(text: str) -> str:
    """Square brackets are markup to Rich; in an error they are section names."""
    return text.replace("[", r"\[")
