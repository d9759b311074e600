"""Read the prediction log from hive-partitioned Parquet: Ibis expressions over DuckDB, one scan a window.

Counting happens inside the engine; what leaves it is as large as the vocabulary, not as the log.
A file that cannot be read stops the reader: counts that silently miss rows would look like drift.
"""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.prediction_log._rows import COLUMNS
from connectors.prediction_log._spool import recover
from kempelen.errors import BadData, NotEnoughData, Problem
from kempelen.protocols import PredictionReader
from kempelen.records import CONFIDENCE_BINS, Candidate, DayProfile, Profile, TermCounts

if TYPE_CHECKING:
    import ibis.expr.types as ir

_WHOLE_QUERY = ""
"""Stands among the words of a query for the query itself; no word is empty."""


class ParquetPredictions:
    """The predictions in a folder that `PredictionLog` writes to. Safe to use from several threads.

    Attributes
    ----------
    problems
        Lines of killed writers that could not be kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []

    def days(self) -> list[date]:
        """The days (UTC) that have predictions, oldest first.

        Raises BadData for a folder that is called `date=` and no date, ConnectorError if rows of a killed
        writer cannot be brought in because this process may not write to the folder.
        """
        self.problems += recover(self.folder)
        return sorted(_day(part) for part in self.folder.glob("date=*") if any(part.glob("part-*.parquet")))

    def profile(self, first: date, last: date, model_version: str | None = None) -> Profile:
        """Counts of the days from `first` to `last`, both included; days without predictions are left out.

        Predictions with the same id count once, at their earliest moment in the window.

        Raises NotEnoughData if there is no prediction, BadData naming a file that cannot be read.
        Costs one scan of those days' files; memory for their vocabulary by day and label.
        """
        with self._window(first, last, model_version) as predictions:
            columns = _counts(predictions).to_pyarrow().to_pydict()
        if not columns["date"]:
            raise self._nothing(first, last, model_version)
        # In a fixed order, so that the same log gives the same document byte for byte.
        groups = sorted(zip(*columns.values(), strict=True))
        return Profile(days=tuple(_day_profile(day, rows) for day, rows in groupby(groups, key=itemgetter(0))))

    def candidates(
        self, first: date, last: date, *, min_users: int, model_version: str | None = None
    ) -> tuple[list[Candidate], int]:
        """Distinct queries of the window, sorted by item id, and the number that was held back.

        Held back are queries of fewer than `min_users` distinct users, and those of which nothing is left
        once normalised. A candidate's model version and probabilities are those of its latest prediction.

        Raises NotEnoughData if there is no prediction, BadData naming a file that cannot be read.
        """
        with self._window(first, last, model_version) as predictions:
            items = int(predictions.item_id.nunique().to_pyarrow().as_py())
            shown = _items(predictions, min_users).to_pyarrow().to_pylist()
        if not items:
            raise self._nothing(first, last, model_version)
        return [_candidate(row) for row in shown], items - len(shown)

    @contextmanager
    def _window(self, first: date, last: date, model_version: str | None) -> "Iterator[ir.Table]":
        """The window as a table in an engine that lives as long as the `with` block."""
        files = self._files(first, last)
        if not files:
            raise self._nothing(first, last, model_version)
        from duckdb import Error as EngineError
        from ibis.common.exceptions import IbisError

        with _engine() as engine:
            try:
                predictions = engine.read_parquet([str(file) for file in files], hive_partitioning=True)
                if model_version is not None:
                    predictions = predictions.filter(predictions.model_version == model_version)
                yield _each_once(predictions.select("date", *COLUMNS))
            except (EngineError, IbisError) as error:
                raise _unreadable(files, error) from error

    def _files(self, first: date, last: date) -> list[Path]:
        """The files of the window's days, and of no other."""
        wanted = [day for day in self.days() if first <= day <= last]
        return [f for day in wanted for f in sorted((self.folder / f"date={day}").glob("part-*.parquet"))]

    def _nothing(self, first: date, last: date, model_version: str | None) -> NotEnoughData:
        version = "" if model_version is None else f" of model version {model_version}"
        return NotEnoughData(
            f"The log has no prediction{version} from {first} to {last} ({self.folder}).",
            hint="Does the service write to that folder (kempelen.PredictionLog), and was it asked on those days?",
        )


@contextmanager
def _engine() -> Iterator[Any]:
    """A DuckDB of its own for each question: connections are cheap, and not for two threads at once."""
    import ibis

    engine = ibis.duckdb.connect(
        # Never fetch anything from the network.
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        # Where it may spill; its default is the folder the process happens to be in.
        temp_directory=str(Path(tempfile.gettempdir()) / f"kempelen-duckdb-{os.getuid()}"),
    )
    try:
        yield engine
    finally:
        engine.disconnect()


def _each_once(predictions: "ir.Table") -> "ir.Table":
    """Without repeated ids. Looking for them is cheap, and usually there are none to take out."""
    import ibis

    seen = predictions.aggregate(rows=predictions.count(), ids=predictions.prediction_id.nunique())
    (counts,) = seen.to_pyarrow().to_pylist()
    if counts["rows"] == counts["ids"]:
        return predictions
    earliest = ibis.window(group_by="prediction_id", order_by=["at", "model_version", "label", "confidence", "query"])
    numbered = predictions.mutate(repetition=ibis.row_number().over(earliest))
    return numbered.filter(numbered.repetition == 0).drop("repetition")


def _counts(predictions: "ir.Table") -> "ir.Table":
    """Predictions and summed confidence by day, word, label; for the whole query also by confidence bin."""
    import ibis

    words = predictions.select(
        "date",
        "label",
        "confidence",
        word=ibis.array([_WHOLE_QUERY]).concat(predictions.terms).unnest(),
    )
    confidence_bin = (words.confidence * CONFIDENCE_BINS).floor().cast("int64").clip(upper=CONFIDENCE_BINS - 1)
    binned = words.mutate(bin=(words.word == _WHOLE_QUERY).ifelse(confidence_bin, -1))
    return binned.group_by("date", "word", "label", "bin").aggregate(
        predictions=binned.count(), confidence=binned.confidence.sum()
    )


def _day_profile(day: date, groups: Iterable[tuple[date, str, str, int, int, float]]) -> DayProfile:
    labels: Counter[str] = Counter()
    confidence = [0] * CONFIDENCE_BINS
    words: dict[str, dict[str, int]] = defaultdict(dict)
    sums: dict[str, float] = defaultdict(float)
    for _, word, label, confidence_bin, predictions, total in groups:
        if word == _WHOLE_QUERY:
            labels[label] += predictions
            confidence[confidence_bin] += predictions
        else:
            words[word][label] = predictions
            sums[word] += total
    return DayProfile(
        day=day,
        predictions=labels.total(),
        labels=dict(labels),
        confidence=tuple(confidence),
        # Rounded, for the engine adds in an order of its own.
        terms={w: TermCounts(labels=counts, confidence_sum=round(sums[w], 6)) for w, counts in words.items()},
    )


def _items(predictions: "ir.Table", min_users: int) -> "ir.Table":
    """One row a distinct query that enough people asked, with its latest prediction."""
    import ibis

    named = predictions.filter(predictions["query"] != "")
    latest = ibis.struct({"at": named.at, "prediction_id": named.prediction_id})
    counted = named.group_by("item_id").aggregate(
        predictions=named.count(),
        users=named.user.nunique(),
        query=named["query"].argmax(latest),
        model_version=named.model_version.argmax(latest),
        probabilities=named.probabilities.argmax(latest),
    )
    return counted.filter(counted.users >= min_users).order_by("item_id")


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(
        item_id=row["item_id"],
        query=row["query"],
        predictions=row["predictions"],
        users=row["users"],
        model_version=row["model_version"],
        probabilities=dict(row["probabilities"]),
    )


def _day(folder: Path) -> date:
    try:
        return date.fromisoformat(folder.name.removeprefix("date="))
    except ValueError as wrong:
        raise BadData(
            f"{folder} is not named after a date.",
            hint="Move it out of the prediction log, or name it date=YYYY-MM-DD.",
        ) from wrong


def _unreadable(files: Sequence[Path], error: Exception) -> BadData:
    """BadData that names the first file that cannot be read, found by reading them one by one."""
    from pyarrow import ArrowException, parquet

    for file in files:
        try:
            missing = set(COLUMNS) - set(parquet.ParquetFile(file).read().column_names)
        except (ArrowException, OSError) as broken:
            return _bad_file(file, str(broken))
        if missing:
            return _bad_file(file, f"it has no column {', '.join(sorted(missing))}")
    return BadData(f"The engine could not read the prediction log: {error}", hint=f"Check {files[0].parent.parent}.")


def _bad_file(file: Path, why: str) -> BadData:
    return BadData(
        f"{file} is not a readable part of the prediction log: {why.splitlines()[0].rstrip('.')}.",
        hint="Restore that file, or move it away and count that day as incomplete.",
    )


def build(folder: str | Path) -> PredictionReader:
    """The log that `PredictionLog` writes to `folder`."""
    return ParquetPredictions(Path(folder))
