"""SQLite as the books need it: a write-ahead log that survives a power cut, and writers that wait for each other."""

import os
import sqlite3
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from kempelen.errors import BadData, ConfigError, ConnectorUnavailable, KempelenError, LedgerError

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one."""

_BUSY_PAUSE_S = 0.02


def engine(url: URL) -> Engine:
    """An engine on a file, which is made when it is missing, for its owner alone: people's own words stand in it."""
    file = url.database or ":memory:"
    if not file.startswith((":memory:", "file:")):
        with suppress(OSError):  # it is there, or cannot be made, and then SQLite says why
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    made = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(made, "connect", _prepare)
    return made


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction; one that writes waits here, so that what it reads still holds when it writes."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, at the first write; `begin` does it instead
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


def explained(cause: BaseException | None, url: URL) -> KempelenError:
    """What SQLite raised, in words that a person can act on."""
    file = url.database or "in memory"
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
