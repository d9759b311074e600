"""One SQLite file as the books need it: durable, patient with other writers, clear about what is wrong."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from kempelen.errors import BadData, ConfigError, ConnectorUnavailable, KempelenError, LedgerError

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one."""

_BUSY_PAUSE_S = 0.02
_BEGIN = "kempelen_begin"


def open_engine(where: str | Path) -> Engine:
    """An engine on a file, given by path or `sqlite:///` address; the file is made when it is missing.

    Transactions begin with the right to write, so that what was read in them still holds when they
    write; `reading()` gives one that does not. Commits survive a power cut (WAL, synchronous FULL).
    ConfigError, BadData or ConnectorUnavailable when the file cannot be opened as a database.
    """
    try:
        is_address = isinstance(where, str) and "://" in where
        url = make_url(str(where)) if is_address else URL.create("sqlite", database=str(where))
    except ArgumentError as error:
        raise ConfigError(f"{where!r} is no database address.", hint="Give the path of a file.") from error
    if url.get_backend_name() != "sqlite":
        raise ConfigError(
            f"The books cannot be kept in {url.get_backend_name()}.", hint="Give the path of a file: it is SQLite."
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    with reading(engine):
        return engine


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that may write: committed at the end, undone by an exception."""
    return _transaction(engine, "BEGIN IMMEDIATE")


def reading(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that only reads: it sees one state of the books and keeps no writer waiting."""
    return _transaction(engine, "BEGIN DEFERRED")


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Say what is wrong with the database in words that a person can act on."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise _explained(error, engine.url.database or "in memory") from error


@contextmanager
def _transaction(engine: Engine, begin: str) -> Iterator[Connection]:
    with database_errors(engine), engine.execution_options(**{_BEGIN: begin}).begin() as connection:
        yield connection


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, at the first write; `_begin` does it instead
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have the file keep a write-ahead log, however many processes make or open it at this moment.

    SQLite does not wait for others here, whatever its timeout: the change would have to raise a read
    lock to a write lock, and two that wait for one another would do so for ever. So it is tried again.
    """
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    written_ahead = False
    while not written_ahead:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            written_ahead = True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(_BUSY_PAUSE_S)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN IMMEDIATE"))


def _explained(error: DBAPIError | sqlite3.Error, file: str) -> KempelenError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:  # the low byte is the kind of error, the rest its variant
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return BadData(
                f"{file} is no database, or a damaged one: {cause}.",
                hint="Name another file, or restore this one from a backup. Nothing was changed.",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return ConfigError(f"{file} cannot be written: {cause}.", hint="Give this account write access to it.")
        case sqlite3.SQLITE_CANTOPEN:
            return ConfigError(
                f"{file} cannot be opened: {cause}.", hint="Make its folder, and give this account access to both."
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return ConnectorUnavailable(
                f"{file} could not be written: {cause}.",
                system="database",
                hint="Make room on that disk and run this again. What was begun is undone.",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ConnectorUnavailable(
                f"{file} was kept locked by another process for over {BUSY_TIMEOUT_S} s.",
                system="database",
                hint="Run this again once the other process has finished.",
            )
    return LedgerError(f"{file} refused: {cause}.", hint="This is a defect, or the file was changed by other means.")
