"""Open a table of predictions in the engine that a URL names, and say in our words what the engine refuses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connectors.prediction_log._parts import SYSTEM
from kempelen.errors import BadData, ConfigError, ConnectorError, ConnectorUnavailable, KempelenError, NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SPARK = "pyspark"

# Every DB-API driver (PEP 249) has the first two; Spark has the third; Google's clients have the others.
_NO_ANSWER = {"OperationalError", "InterfaceError", "Py4JNetworkError", "ServiceUnavailable", "TransportError"}
_DAMAGED = ("FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER", "CANNOT_MERGE_SCHEMAS")


@contextmanager
def opened(url: str, table: str) -> "Iterator[ir.Table]":
    """The table, for as long as the `with` block lasts; what the engine raises in it is translated.

    `table` is `name`, `schema.name` or `catalog.schema.name`; for Spark also a folder of Parquet files in
    `date=YYYY-MM-DD/`, told by its `/`.

    Raises ConfigError if there is no such engine or table, or the engine cannot do what we ask, NotEnoughData for a
    folder without days, ConnectorUnavailable if the engine does not answer, BadData for a file it cannot read,
    ConnectorError for whatever else it refuses.
    """
    with _translated(url, table):
        engine = _connected(url)
        try:
            yield _found(engine, url, table)
        finally:
            # The process has one Spark session: others may be using it, and another takes seconds to start.
            if engine.name != _SPARK:
                engine.disconnect()


def shown(url: str) -> str:
    """The URL without what may be secret in it.

    >>> shown("postgres://ada:secret@host:5432/log?sslpassword=secret")
    'postgres://host:5432/log'
    """
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


# ---------------------------------------------------------------- connecting


def _connected(url: str) -> Any:
    scheme, separator, _ = url.partition("://")
    known = sorted({found.name for found in entry_points(group="ibis.backends")} | {"postgresql"})
    if not separator or scheme not in known:
        raise ConfigError(
            "[prediction_log] url names no engine that Ibis knows.",
            hint=f"Let it begin with one of {', '.join(f'{name}://' for name in known)}.",
        )
    try:
        if scheme == _SPARK:
            from connectors.prediction_log._spark import connect

            return connect(url)
        return _other(url)
    except ImportError as missing:
        extra = "postgres" if scheme == "postgresql" else scheme
        package = "kempelen[spark]" if scheme == _SPARK else f"ibis-framework[{extra}]"
        raise ConfigError(
            f"[prediction_log] url is {shown(url)}, and a package that this needs is not installed: {missing}.",
            hint=f"pip install '{package}'",
        ) from missing
    except ValueError as wrong:
        raise ConfigError(
            f"[prediction_log] url, {shown(url)}, cannot be: {wrong}.",
            hint="Write it as for ibis.connect; what it holds between its signs must be percent-encoded.",
        ) from wrong


def _other(url: str) -> Any:
    import ibis

    if not url.startswith("duckdb://"):
        return ibis.connect(url)
    _require_database(url)
    # Never fetch anything from the network; never make a new, empty database out of a typing error.
    return ibis.connect(url, autoinstall_known_extensions=False, read_only=True)


def _require_database(url: str) -> None:
    """ConfigError unless the file is there: DuckDB has the same error for it as for one that is busy."""
    address = urlsplit(url)
    path = f"{address.netloc}{address.path}"
    if path.startswith(("md:", "motherduck:")) or (path and Path(path).is_file()):
        return
    raise ConfigError(
        f"[prediction_log] url names the DuckDB database {Path(path).absolute()}, and there is no such file."
        if path
        else "[prediction_log] url names no file of DuckDB.",
        hint="Write its absolute path after three slashes: duckdb:///absolute/path.duckdb",
    )


def _found(engine: Any, url: str, table: str) -> "ir.Table":
    from ibis.common.exceptions import TableNotFound

    if "/" in table:
        return _folder(engine, url, table)
    *schema, name = table.split(".")
    try:
        return engine.table(name, database=tuple(schema) or None)
    except TableNotFound as missing:
        raise ConfigError(
            f"There is no table {table!r} at {shown(url)}.",
            hint="Set [prediction_log] table as the engine names it: name, schema.name or catalog.schema.name.",
        ) from missing


def _folder(engine: Any, url: str, folder: str) -> "ir.Table":
    if engine.name != _SPARK:
        raise ConfigError(
            f"[prediction_log] table is the folder {folder}, and {shown(url)} has tables.",
            hint="Name a table; or leave url and table out, and set folder: DuckDB then reads it.",
        )
    return engine.days(folder)


# ---------------------------------------------------------------- errors


@contextmanager
def _translated(url: str, table: str) -> Iterator[None]:
    try:
        yield
    except KempelenError:
        raise
    except Exception as error:
        # A TypeError or KeyError is a mistake of this program, and must look like one.
        if type(error).__module__ == "builtins" and not isinstance(error, OSError):
            raise
        raise _ours(error, f"{SYSTEM} ({table} at {shown(url)})") from error


def _ours(error: Exception, system: str) -> KempelenError:
    names, said = {kind.__name__ for kind in type(error).__mro__}, _said(error)
    if "JAVA_GATEWAY_EXITED" in said:
        return ConfigError(
            "Spark could not start Java.",
            hint="Install Java 17 or 21, and set JAVA_HOME to its folder. What Java or Spark said stands above.",
        )
    if "PATH_NOT_FOUND" in said:
        return NotEnoughData(f"{system}: it has no folder date=YYYY-MM-DD.", hint="Does the service write there?")
    if any(sign in said for sign in _DAMAGED):
        hint = "Restore that file, or move it away and count that day as incomplete."
        return BadData(f"{system}: {said}", hint=hint)
    if type(error).__module__.startswith("ibis."):
        return ConfigError(
            f"{system}: this engine, as Ibis speaks to it, cannot count predictions: {said}",
            hint="It must have arrays. Spark and DuckDB do; or load the log into files and let DuckDB read them.",
        )
    if isinstance(error, OSError) or names & _NO_ANSWER:
        hint = "Is that engine running, and [prediction_log] url right? It will be tried again."
        return ConnectorUnavailable(said, system=system, hint=hint)
    return ConnectorError(said, system=system, hint="Check [prediction_log] url and table, and what it may read.")


def _said(error: Exception) -> str:
    """The line that says what is wrong: what Spark begins with its [CONDITION], otherwise the first."""
    condition = re.search(r"\[[A-Z][A-Z_.]+\] .*", str(error))
    if condition:
        return condition.group().strip()
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
