"""Merge the many small parts of past days into one a day; killed at any moment, nothing is lost or counted twice.

A merged part names the parts it holds, and readers leave those out. So the old files may still be there when
the new one appears, and whoever compacts next removes what a kill left behind.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.prediction_log import _rows
from connectors.prediction_log._duckdb import engine, table
from connectors.prediction_log._parts import Part, day_of, each_once, inspect, metadata
from connectors.prediction_log._repeats import each_once as each_prediction_once
from connectors.prediction_log._spool import sync_folder, to_be_rewritten, writing

if TYPE_CHECKING:
    import pyarrow as pa

_LOCK = ".compacting"
_UNFINISHED = ".merging"
_ROWS_A_GROUP = 100_000


def compact(folder: Path, before: date, memory_mb: int, spill: Path | None) -> int:
    """One file for each day earlier than `before`; the number of files that were merged away.

    Repetitions of a day are taken out. Rows that come later make a new file, which the next call merges.

    Raises BadData naming a file that cannot be read: its day is left as it is. ConnectorError if the disk refuses.
    """
    removed = 0
    with _alone(folder):
        for of_day in sorted(folder.glob("date=*")):
            if day_of(of_day) < before:
                removed += _merge_day(of_day, memory_mb, spill)
    return removed


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else compacts: two merged parts with the same predictions would count them twice."""
    with writing(folder):
        fd = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _merge_day(folder: Path, memory_mb: int, spill: Path | None) -> int:
    for unfinished in folder.glob(f".*{_UNFINISHED}"):
        unfinished.unlink()
    found = [inspect(path) for path in sorted(folder.glob("part-*.parquet")) if not to_be_rewritten(path)]
    parts, _ = each_once(found)
    held = {name for part in parts for name in part.merged}
    if len(parts) > 1:
        held |= {part.name for part in parts}
        with writing(folder), engine(memory_mb, spill) as duckdb:
            _write_merged(duckdb, parts, folder / f"part-{uuid.uuid4().hex}.parquet", held)
    merged_away = [part.path for part in found if part.name in held]
    with writing(folder):
        for path in merged_away:
            path.unlink()
        sync_folder(folder)
    return len(merged_away)


def _write_merged(duckdb: Any, parts: Sequence[Part], path: Path, held: set[str]) -> None:
    from pyarrow import parquet

    given = any(part.given for part in parts)
    schema = _rows.to_table([]).schema.with_metadata(metadata(path, given=given, merged=held))
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            with parquet.ParquetWriter(file, schema, compression="zstd") as into:
                for batch in _batches(duckdb, parts, given=given):
                    into.write_table(batch.cast(schema))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.rename(path)
    sync_folder(path.parent)


def _batches(duckdb: Any, parts: Sequence[Part], *, given: bool) -> "Iterator[pa.Table]":
    import pyarrow as pa

    predictions = table(duckdb, parts)
    once = each_prediction_once(predictions) if given else predictions
    # Not through Ibis, which asks for batches in a way that DuckDB has deprecated.
    statement = duckdb.compile(once.select(*_rows.COLUMNS))
    for batch in duckdb.raw_sql(statement).to_arrow_reader(_ROWS_A_GROUP):
        yield pa.Table.from_batches([batch])
