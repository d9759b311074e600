"""Read large books again in several processes at once, each a range of the entries."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Connection

from kempelen.errors import LedgerError
from ledger.database import open_engine, prepare_to_read_all, reading
from ledger.rereading import AT_ONCE, Found, reread
from ledger.rows import last_number

WORTH_A_PROCESS = 10 * AT_ONCE
"""Entries below which starting a process would take longer than reading them."""

MOST_PROCESSES = 4

_CHILD = "from ledger import rereading_apart; rereading_apart.main()"

Span = tuple[int, int]


def read_all(connection: Connection) -> Found:
    """Read all entries that the connection's transaction sees.

    Entries are only added, so that another process sees the same ones up to the last number, whenever it looks.
    """
    last = last_number(connection)
    own, *others = _spans(last, _processes(connection, last))
    with _started(connection, others) as processes:
        found = reread(connection, *own)
        for process in processes:
            found.take(_result(process))
    return found


def main() -> None:
    """Read the range that standard input names, and write what was found to standard output."""
    address, (first, last) = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    engine = open_engine(address)
    with reading(engine) as connection:
        prepare_to_read_all(connection)
        pickle.dump(reread(connection, first, last), sys.stdout.buffer)
    engine.dispose()


def _processes(connection: Connection, entries: int) -> int:
    in_memory = connection.dialect.name == "sqlite" and connection.engine.url.database in {None, "", ":memory:"}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if in_memory else max(1, min(cores, MOST_PROCESSES, entries // WORTH_A_PROCESS))


def _spans(last: int, parts: int) -> list[Span]:
    """The entries in so many ranges of about the same length.

    >>> _spans(10, 3)
    [(1, 3), (4, 6), (7, 10)]
    """
    ends = [last * part // parts for part in range(parts + 1)]
    return [(first + 1, end) for first, end in pairwise(ends)]


@contextmanager
def _started(connection: Connection, spans: Sequence[Span]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """A process a range. Not a pool of them: that would run the caller's main module again."""
    address = connection.engine.url.render_as_string(hide_password=False)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    processes = []
    try:
        for span in spans:
            process = subprocess.Popen(
                [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            processes.append(process)
            if process.stdin is not None:  # the address may hold a password: nobody else may read it
                process.stdin.write(pickle.dumps((address, span)))
                process.stdin.close()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _result(process: "subprocess.Popen[bytes]") -> Found:
    written = process.stdout.read() if process.stdout is not None else b""
    if process.wait() != 0:
        raise LedgerError("A process that read a part of the books failed.", hint="See what it wrote above.")
    found = pickle.loads(written)  # noqa: S301 - our own process wrote it
    if not isinstance(found, Found):
        raise LedgerError("A process that read a part of the books answered something else.", hint="Run it again.")
    return found
