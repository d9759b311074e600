"""Read the prediction log from hive-partitioned Parquet: Ibis expressions over DuckDB, day after day.

Counting happens inside the engine; what leaves it is as large as the vocabulary, not as the log.
A file that cannot be read stops the reader: counts that silently miss rows would look like drift.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.prediction_log import _profile
from connectors.prediction_log._candidates import candidates_of
from connectors.prediction_log._compact import compact
from connectors.prediction_log._duckdb import MEMORY_MB, EachOnce, engine, table
from connectors.prediction_log._empty import nothing
from connectors.prediction_log._parts import SYSTEM, Part, bad_file, day_of, each_once, inspect
from connectors.prediction_log._rows import COLUMNS
from connectors.prediction_log._spool import recover
from kempelen.errors import BadData, ConfigError, NotEnoughData, Problem
from kempelen.profile import Profile
from kempelen.protocols import PredictionReader
from kempelen.records import Showable

if TYPE_CHECKING:
    import ibis.expr.types as ir

ROWS_AT_ONCE = 2_000_000
"""Days are counted together up to so many rows, so that memory depends on this and not on the window."""

Answer = TypeVar("Answer")


class ParquetPredictions:
    """The predictions in a folder that `PredictionLog` writes to. Safe to use from several threads.

    Attributes
    ----------
    problems
        What was left out, each once: lines of killed writers that could not be kept, files that are copies
        of others; and labels that the model does not have.
    """

    def __init__(
        self,
        folder: Path,
        *,
        min_users: int = 2,
        labels: Collection[str] | None = None,
        memory_mb: int = MEMORY_MB,
        spill: Path | None = None,
    ) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self._min_users = min_users
        self._labels = None if labels is None else frozenset(labels)
        self._memory_mb, self._spill = memory_mb, spill

    def days(self) -> list[date]:
        """The days (UTC) that have predictions, oldest first.

        Raises BadData for a folder that is called `date=` and no date, ConnectorError if rows of a killed
        writer cannot be brought in because this process may not write to the folder.
        """
        self._note(recover(self.folder))
        return sorted(day_of(folder) for folder in self.folder.glob("date=*") if any(folder.glob("part-*.parquet")))

    def profile(self, first: date, last: date, model_version: str | None = None) -> Profile:
        """Counts of the days from `first` to `last`, both included; days without predictions are left out.

        Without a `model_version` all versions are counted together. Predictions with the same id count once, at
        their earliest moment in the window. Labels that the reader was not told of are counted, and are problems.

        Raises NotEnoughData if there is no prediction, BadData naming a file that cannot be read or counted.
        Opens those days' files only; memory for ROWS_AT_ONCE rows, or a day if it has more, and for the profile.
        """

        def count(duckdb: Any, parts: Sequence[Part]) -> Profile:
            once = self._once(duckdb, parts, model_version)
            tables = (once(table(duckdb, some, model_version), some) for some in _groups(parts))
            return _profile.assembled([_profile.counted(some, min_users=self._min_users) for some in tables])

        profile = self._ask(first, last, model_version, count)
        if not profile.days:
            raise self._nothing(first, last, model_version)
        self._note(self._unknown_labels(profile))
        return profile

    def candidates(self, first: date, last: date, *, min_users: int, model_version: str | None = None) -> Showable:
        """Distinct queries of the window that at least `min_users` distinct users asked, and how many were held back.

        A candidate's model version and probabilities are those of its latest prediction. Queries of which nothing is
        left once normalised are neither shown nor counted as held back.

        Raises NotEnoughData if there is no prediction, BadData naming a file that cannot be read.
        """

        def find(duckdb: Any, parts: Sequence[Part]) -> Showable | None:
            predictions = self._once(duckdb, parts, model_version)(table(duckdb, parts, model_version), parts)
            return candidates_of(predictions, min_users=min_users)

        showable = self._ask(first, last, model_version, find)
        if showable is None:
            raise self._nothing(first, last, model_version)
        return showable

    def compact(self, before: date) -> int:
        """Merge the files of each day earlier than `before` into one; the number of files that were merged away.

        Readers and writers may go on meanwhile, and a kill does no harm. Rows that come later make files of their own.

        Raises BadData naming a file that cannot be read, ConnectorError if this process may not write there.
        """
        self.days()
        return compact(self.folder, before, self._memory_mb, self._spill)

    def _ask(
        self,
        first: date,
        last: date,
        model_version: str | None,
        ask: Callable[[Any, Sequence[Part]], Answer],
        attempts: int = 5,
    ) -> Answer:
        """What `ask` makes of the window's parts. BadData names the file that is to blame."""
        files = self._files(first, last)
        try:
            parts = self._parts(files)
            if not parts:
                raise self._nothing(first, last, model_version)
            with engine(self._memory_mb, self._spill) as duckdb:
                return ask(duckdb, parts)
        except BadData as error:
            if attempts <= 1 or all(file.exists() for file in files):
                raise _blamed(files, error) from error
        # Somebody merged files while they were being read.
        return self._ask(first, last, model_version, ask, attempts - 1)

    def _files(self, first: date, last: date) -> list[Path]:
        """The files of the window's days; no other is ever opened."""
        wanted = [day for day in self.days() if first <= day <= last]
        return [file for day in wanted for file in sorted((self.folder / f"date={day}").glob("part-*.parquet"))]

    def _parts(self, files: Sequence[Path]) -> list[Part]:
        parts, problems = each_once(map(inspect, files))
        self._note(problems)
        return parts

    def _once(self, duckdb: Any, parts: Sequence[Part], model_version: str | None) -> "EachOnce | _AsTheyAre":
        """What takes repetitions out; nothing to do where the log drew all ids itself."""
        if not any(part.given for part in parts):
            return _AsTheyAre()
        return EachOnce(duckdb, table(duckdb, parts, model_version), sum(part.rows for part in parts))

    def _unknown_labels(self, profile: Profile) -> list[Problem]:
        if self._labels is None:
            return []
        counts = dict(zip(profile.labels, profile.by_label.sum(axis=1), strict=True))
        return [
            Problem(
                stage=SYSTEM,
                subject=f"label {label!r}",
                message=f"{counts[label]} predictions from {profile.days[0]} to {profile.days[-1]} have a label that "
                "the model does not have. They were counted.",
                hint="Give PredictionLog the model's labels: it then refuses others.",
            )
            for label in profile.labels
            if label not in self._labels
        ]

    def _note(self, problems: Sequence[Problem]) -> None:
        self.problems += [problem for problem in problems if problem not in self.problems]

    def _nothing(self, first: date, last: date, model_version: str | None) -> NotEnoughData:
        asked = "Does the service write to that folder (kempelen.PredictionLog), and was it asked on those days?"
        return nothing(first, last, model_version, where=self.folder, asked=asked)


class _AsTheyAre:
    """Stands where repetitions would be taken out if there could be any."""

    def __call__(self, some: "ir.Table", _: Sequence[Part]) -> "ir.Table":
        return some


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The parts of whole days, one day after the other, as many days as have at most ROWS_AT_ONCE rows."""
    group: list[Part] = []
    for _, of_day in groupby(parts, key=attrgetter("day")):
        more = list(of_day)
        if group and sum(part.rows for part in [*group, *more]) > ROWS_AT_ONCE:
            yield group
            group = []
        group += more
    yield group


def _blamed(files: Sequence[Path], error: BadData) -> BadData:
    """BadData that names the first file that cannot be read or counted, found by reading them one by one."""
    for file in files:
        inspect(file)
        why = _wrong_with(file)
        if why is not None:
            return bad_file(file, why)
    return error


def _wrong_with(path: Path) -> str | None:
    """What is wrong with a file, or None. Reads all of it, a batch at a time."""
    from pyarrow import ArrowException, compute, parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                empty = [name for name in _profile.NEEDED if batch[name].null_count]
                if empty:
                    return f"a prediction has no {empty[0]}"
                confidence = batch["confidence"].cast("double")
                sound = compute.and_(compute.greater_equal(confidence, 0.0), compute.less_equal(confidence, 1.0))
                if not compute.all(sound, min_count=0).as_py():
                    return "a confidence is not between 0 and 1"
    except (ArrowException, OSError) as broken:
        return str(broken)
    return None


def build(
    folder: str | Path,
    min_users: int = 2,
    labels: Collection[str] | None = None,
    memory_mb: int = MEMORY_MB,
    spill: str | Path | None = None,
) -> PredictionReader:
    """The log that `PredictionLog` writes to `folder`.

    Parameters
    ----------
    min_users
        A query is in a profile's sample if at least so many distinct users asked it that day.
    labels
        All labels the model has; None does not check.
    memory_mb, spill
        What the engine may keep in memory, and the folder in which it works beyond that.

    Raises ConfigError for a folder below one that looks like a partition, as `date=2020`: its value would be read
    in place of the column's.
    """
    above = [part for part in Path(folder).absolute().parts if re.match(rf"({'|'.join(('date', *COLUMNS))})=", part)]
    if above:
        raise ConfigError(
            f"The prediction log {folder} lies below a folder named {above[0]}, which would be read as a column.",
            hint="Rename that folder, or set [prediction_log] folder to another one.",
        )
    return ParquetPredictions(
        Path(folder),
        min_users=min_users,
        labels=labels,
        memory_mb=memory_mb,
        spill=None if spill is None else Path(spill),
    )
