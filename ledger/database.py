"""The database of the books, SQLite or PostgreSQL: durable, patient with other writers, clear about what is wrong."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, Table, event, inspect, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError

from kempelen.errors import ConfigError
from ledger import _postgresql, _sqlite
from ledger._sqlite import BUSY_TIMEOUT_S

__all__ = [
    "BUSY_TIMEOUT_S",
    "database_errors",
    "driver_rows",
    "insert_many",
    "insert_new",
    "open_engine",
    "prepare_to_read_all",
    "reading",
    "with_tables",
    "writing",
]

_WRITES = "kempelen_writes"

_POSTGRESQL = ("postgresql", "postgres")

_made: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()
"""The tables that are known to be there."""


def open_engine(where: str | Path) -> Engine:
    """An engine on a file, or on the database of an address: `sqlite:///...` or `postgresql://user@host/name`.

    A file is made when it is missing, a PostgreSQL database is not. Transactions begin with the right to write, so
    that what was read in them still holds when they write; `reading()` gives one that does not. Commits survive a
    power cut. ConfigError, BadData or ConnectorUnavailable when the database cannot be opened.
    """
    url = _url(where)
    engine = _postgresql.engine(url) if url.get_backend_name() == "postgresql" else _sqlite.engine(url)
    event.listen(engine, "begin", _begin)
    with reading(engine):
        return engine


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that may write, one at a time: committed at the end, undone by an exception."""
    return _transaction(engine, writes=True)


def reading(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that only reads: it sees one state of the books and keeps no writer waiting."""
    return _transaction(engine, writes=False)


def with_tables(engine: Engine, tables: Sequence[Table]) -> Engine:
    """The engine, with these tables made where they are missing. Another process may have been first.

    They are looked for once.
    """
    wanted, made = {table.name for table in tables}, _made.setdefault(engine, set())
    if not wanted <= made:
        with reading(engine) as connection:
            present = set(inspect(connection).get_table_names())
        if not wanted <= present:
            with writing(engine) as connection:
                tables[0].metadata.create_all(connection, tables=tables)
        made |= wanted
    return engine


def insert_new(engine: Engine, table: Table) -> Any:
    """An insert into a table of this engine that leaves rows alone whose key is there already."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Say what is wrong with the database in words that a person can act on."""
    kinds: tuple[type[Exception], ...] = (DBAPIError, sqlite3.Error, *_postgresql.errors(engine))
    try:
        yield
    except kinds as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        of = _postgresql if engine.dialect.name == "postgresql" else _sqlite
        raise of.explained(cause, engine.url) from error


def prepare_to_read_all(connection: Connection) -> None:
    """Ready the transaction for queries over all that there is."""
    if connection.dialect.name == "postgresql":
        _postgresql.prepare_to_read_all(connection)


def insert_many(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows by the quickest way that the database has; `table` and `columns` are names of our own."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _postgresql.copy(connection, table, columns, rows)
    else:
        places = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", list(rows))  # noqa: S608


def driver_rows(connection: Connection, query: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows straight from the driver, in its own style of parameters: SQLAlchemy would take as long again."""
    cursor: Any = connection.connection.cursor()
    with database_errors(connection.engine):
        cursor.execute(query, values)
        yield from cursor


def _url(where: str | Path) -> URL:
    try:
        url = make_url(where) if isinstance(where, str) and "://" in where else _file(where)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise ConfigError("The database address cannot be read.", hint=_FORMS) from error
    if url.drivername.partition("+")[0] in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ConfigError(f"The books cannot be kept in {url.get_backend_name()}.", hint=_FORMS)
    return url


_FORMS = "Give the path of a file, which will be SQLite, or an address as postgresql://user@host/name."


def _file(where: str | Path) -> URL:
    return URL.create("sqlite", database=str(where))


@contextmanager
def _transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    with database_errors(engine), engine.execution_options(**{_WRITES: writes}).begin() as connection:
        yield connection


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, True)
    of = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    of.begin(connection, writes=writes)
