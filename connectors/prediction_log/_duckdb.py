"""A DuckDB of its own for each question: connections are cheap, and not for two threads at once."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.prediction_log._parts import SYSTEM, Part
from connectors.prediction_log._repeats import earliest, repeat
from connectors.prediction_log._rows import COLUMNS
from kempelen.errors import BadData, ConnectorError

if TYPE_CHECKING:
    import ibis.expr.types as ir

MEMORY_MB = 1024
"""Default of what the engine may keep in memory; beyond it, it works on disk."""

MOST_THREADS = 8
"""Each thread has buffers of its own, and all of them must fit into the memory."""


ROWS_A_PASS = 2_000_000
"""So many predictions are looked at together when repeated ids are searched."""


@contextmanager
def engine(memory_mb: int = MEMORY_MB, spill: Path | None = None) -> Iterator[Any]:
    """An engine that never asks the network, and leaves nothing behind.

    Raises BadData with the engine's words if it cannot read a file, ConnectorError if it needs more than
    `memory_mb` or than there is room in the folder `spill` (the system's temporary folder, if None).
    """
    import ibis
    from duckdb import Error as EngineError
    from duckdb import OutOfMemoryException
    from ibis.common.exceptions import IbisError

    # A folder of its own: an engine that ends empties it, whoever else may be using it.
    temporary = (spill or Path(tempfile.gettempdir())) / f"kempelen-duckdb-{os.getuid()}-{uuid.uuid4().hex}"
    duckdb = ibis.duckdb.connect(
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        memory_limit=f"{memory_mb}MB",
        threads=min(os.cpu_count() or 1, MOST_THREADS),
        preserve_insertion_order=False,
        temp_directory=str(temporary),
    )
    try:
        yield duckdb
    except OutOfMemoryException as error:
        raise ConnectorError(
            f"{memory_mb} MB of memory, and the room in {temporary.parent}, are not enough: {_first_line(error)}.",
            system=SYSTEM,
            hint="Give the reader more `memory_mb`, or another folder `spill`.",
        ) from error
    except (EngineError, IbisError) as error:
        raise BadData(
            f"The engine could not read the prediction log: {_first_line(error)}.",
            hint="Check the files of the days that were asked for.",
        ) from error
    finally:
        duckdb.disconnect()
        shutil.rmtree(temporary, ignore_errors=True)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def table(duckdb: Any, parts: Sequence[Part], model_version: str | None = None) -> "ir.Table":
    """The predictions in some parts, of one model version or of all; nothing is read yet."""
    read = duckdb.read_parquet([str(part.path) for part in parts], hive_partitioning=True)
    predictions = read.select("date", *COLUMNS)
    return predictions if model_version is None else predictions.filter(predictions.model_version == model_version)


class EachOnce:
    """Takes repeated ids out of tables; of each the earliest row in the window is kept.

    Costs a scan of the column `draw` for each ROWS_A_PASS of the window; memory for a number for each of these
    rows, and for those that repeat.
    """

    def __init__(self, duckdb: Any, window: "ir.Table", rows: int) -> None:
        self.repeats = repeat(window, passes=1 + rows // ROWS_A_PASS)
        if self.repeats:
            counts = window.group_by("prediction_id").aggregate(rows=window.count())
            repeated = counts.filter(counts.rows > 1).select("prediction_id")
            self._repeated = duckdb.create_table("repeated", repeated, temp=True)
            kept = earliest(window.semi_join(self._repeated, "prediction_id"))
            self._earliest = duckdb.create_table("earliest", kept, temp=True)

    def __call__(self, some: "ir.Table", parts: Sequence[Part]) -> "ir.Table":
        """`some`, the rows of the days of `parts`, without repetitions."""
        if not self.repeats:
            return some
        days = sorted({part.day for part in parts})
        kept = self._earliest.filter(self._earliest.date.isin(days))
        return some.anti_join(self._repeated, "prediction_id").union(kept)
