"""PostgreSQL as the books need it: one writer at a time, in the order of their coming, and readers that never wait."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine

from kempelen.errors import BadData, ConfigError, ConnectorUnavailable, KempelenError, LedgerError

LOCK_TIMEOUT_S = 30
"""How long a writer waits for another one."""

_CONNECT_TIMEOUT_S = 10

WRITERS = 0x6B656D70656C656E
"""The advisory lock of all that write in one database: "kempelen" in ASCII."""

_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# A writer must not see the state from before it waited, as it would above READ COMMITTED, whatever the default is.
WRITE = (
    f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; "
    f"SELECT pg_advisory_xact_lock({WRITERS})"
)

_UNREACHABLE = "It will be tried again; see whether the server runs and the address is right."


def engine(url: URL) -> Engine:
    """An engine on a database. A connection that the server has closed is noticed and made anew."""
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
    return create_engine(url, connect_args=patience, pool_pre_ping=True)


def begin(connection: Connection, *, writes: bool) -> None:
    """Set up the transaction; one that writes waits here, so that what it reads still holds when it writes.

    A lock, and not serializable transactions: every writer takes the next number, so that of several at once all but
    one would fail and try again, and starve. The lock serves them in turn.
    """
    connection.exec_driver_sql(WRITE if writes else _READ)


def prepare_to_read_all(connection: Connection) -> None:
    """Let this transaction join millions of rows in memory: the server's default is made for small queries.

    Compiling the queries takes longer than it saves: 22.3 s to verify two million entries with it, 20.2 s without.
    """
    connection.exec_driver_sql("SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows by COPY."""
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def errors(engine: Engine) -> tuple[type[Exception], ...]:
    """What the driver itself raises, where this engine uses it."""
    if engine.dialect.name != "postgresql":
        return ()
    import psycopg

    return (psycopg.Error,)


def explained(cause: BaseException | None, url: URL) -> KempelenError:
    """What PostgreSQL raised, in words that a person can act on; never with the password."""
    name = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    what = " ".join(str(cause).split())
    code = getattr(cause, "sqlstate", None) or ""
    if code[:2] in {"08", "57"} or (not code and _is_of_connection(cause)):  # a server that goes down, or none at all
        return _unreachable(name, what)
    if code[:2] in {"28", "3D"} or code in {"42501", "25006"}:
        return ConfigError(
            f"{name} refused: {what}.",
            hint="Make the database, and give this account the right to write and to create.",
        )
    if code == "55P03":
        return ConnectorUnavailable(
            f"{name} was kept locked by another process for over {LOCK_TIMEOUT_S} s.",
            system="database",
            hint="Run this again once the other process has finished.",
        )
    if code[:2] == "53":
        return ConnectorUnavailable(
            f"{name} could not be written: {what}.",
            system="database",
            hint="Make room on the server and run this again. What was begun is undone.",
        )
    if code[:2] == "XX":
        return BadData(f"{name} is damaged: {what}.", hint="Restore it from a backup. Nothing was changed.")
    return LedgerError(f"{name} refused: {what}.", hint="This is a defect, or it was changed by other means.")


def _is_of_connection(cause: BaseException | None) -> bool:
    import psycopg

    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)


def _unreachable(name: str, what: str) -> KempelenError:
    """Before there is a connection the driver gives no code, only the server's words."""
    if any(words in what for words in ("does not exist", "authentication failed", "no password supplied", "pg_hba")):
        return ConfigError(f"{name} cannot be opened: {what}.", hint="Make the database, and check user and password.")
    return ConnectorUnavailable(f"{name} cannot be reached: {what}.", system="database", hint=_UNREACHABLE)
