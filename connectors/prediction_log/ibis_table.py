"""Read the prediction log from a table of another engine that Ibis speaks to, such as Spark.

The expressions are those of `parquet`, computed by the engine that has the table. Tests run them on Spark and
DuckDB; Ibis also has words for them in BigQuery, Snowflake, Postgres, Trino, Databricks and ClickHouse, where nobody
has run them yet. An engine without arrays (MySQL, SQLite, SQL Server) cannot.

The table has these columns, as the files that `PredictionLog` writes; loading those files is the simplest way to one.

============== ========================== =====================================================================
date           date                       day of `at` in UTC; partition or cluster by it: every question names days
prediction_id  string                     predictions with the same id count once
at             timestamp                  the moment, in UTC
query          string                     `kempelen.text.normalise` of what was typed
item_id        string                     `kempelen.text.item_id` of the query
terms          array of strings           `kempelen.text.terms` of the query: each word once
model_version  string                     version that answered
label          string                     its most probable label
confidence     double                     the probability of that label
probabilities  map of string to double,   of all labels; as a string, a JSON object
               JSON or string
user           string                     a keyed hash
user_bit       64-bit integer             `kempelen.profile.user_bit` of `user`
draw           64-bit integer             `kempelen.profile.draw` of `prediction_id`
============== ========================== =====================================================================

Anything else in the table is ignored.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from connectors.prediction_log._candidates import candidates_of
from connectors.prediction_log._empty import nothing
from connectors.prediction_log._engines import opened, shown
from connectors.prediction_log._profile import profile_of
from connectors.prediction_log._repeats import each_once
from kempelen.errors import BadData, NotEnoughData, Problem
from kempelen.profile import Profile
from kempelen.protocols import PredictionReader
from kempelen.records import Showable

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir


class TablePredictions:
    """The predictions in a table. It connects for each question anew, and is safe to use from several threads.

    Spark is the exception: the process has one session, started by the first question and kept.
    """

    def __init__(self, url: str, table: str, *, min_users: int, ids_are_unique: bool) -> None:
        self._url, self._table = url, table
        self._min_users, self._ids_are_unique = min_users, ids_are_unique
        self.problems: list[Problem] = []

    def days(self) -> list[date]:
        """The days (UTC) that have predictions, oldest first.

        Raises ConfigError for an engine or a table that does not exist, BadData for a table that is no
        prediction log, ConnectorUnavailable for an engine that does not answer, ConnectorError for what it refuses.
        """
        try:
            with self._predictions() as predictions:
                days = predictions.select("date").distinct().to_pyarrow()["date"].to_pylist()
        except NotEnoughData:
            return []
        if None in days:
            raise BadData(
                f"Some predictions in {self._table} ({shown(self._url)}) have no date.",
                hint="Let `date` be the day of `at` in UTC, in every row.",
            )
        return sorted(days)

    def profile(self, first: date, last: date, model_version: str | None = None) -> Profile:
        """Counts of the days from `first` to `last`, both included; days without predictions are left out.

        Predictions with the same id count once, at their earliest moment in the window. Raises as `days`, and
        NotEnoughData if there is no prediction.
        """
        with self._window(first, last, model_version) as predictions:
            profile = profile_of(predictions, min_users=self._min_users)
        if not profile.days:
            raise self._nothing(first, last, model_version)
        return profile

    def candidates(self, first: date, last: date, *, min_users: int, model_version: str | None = None) -> Showable:
        """Distinct queries of the window that at least `min_users` distinct users asked, and how many were held back.

        A candidate's model version and probabilities are those of its latest prediction. Queries of which nothing is
        left once normalised are neither shown nor counted as held back.

        Raises as `days`, and NotEnoughData if there is no prediction.
        """
        with self._window(first, last, model_version) as predictions:
            showable = candidates_of(predictions, min_users=min_users)
        if showable is None:
            raise self._nothing(first, last, model_version)
        return showable

    @contextmanager
    def _window(self, first: date, last: date, model_version: str | None) -> "Iterator[ir.Table]":
        """The window, each prediction once; the engine sees the days first, and reads no others."""
        with self._predictions() as predictions:
            window = predictions.filter(predictions.date.between(first, last))
            if model_version is not None:
                window = window.filter(window.model_version == model_version)
            yield window if self._ids_are_unique else each_once(window)

    @contextmanager
    def _predictions(self) -> "Iterator[ir.Table]":
        """The columns of the log, checked."""
        with opened(self._url, self._table) as table:
            wrong = _wrong(table.schema())
            if wrong:
                raise BadData(
                    f"{self._table} ({shown(self._url)}) is no prediction log: {'; '.join(wrong)}.",
                    hint="Name a view that has these columns; docs/prediction_log.md lists them all.",
                )
            yield table.select(*_COLUMNS)

    def _nothing(self, first: date, last: date, model_version: str | None) -> NotEnoughData:
        return nothing(
            first,
            last,
            model_version,
            where=f"{self._table} at {shown(self._url)}",
            asked="Are predictions loaded into that table, and was the model asked on those days?",
            loaded=", and is that loaded into the table",
        )


def _is_list_of_strings(kind: "dt.DataType") -> bool:
    return bool(kind.is_array() and kind.value_type.is_string())


def _is_probabilities(kind: "dt.DataType") -> bool:
    if kind.is_map():
        return bool(kind.key_type.is_string() and kind.value_type.is_floating())
    return bool(kind.is_json() or kind.is_string())


_STRING: tuple[str, Callable[["dt.DataType"], bool]] = "string", lambda kind: kind.is_string()
_INTEGER: tuple[str, Callable[["dt.DataType"], bool]] = "64-bit integer", lambda kind: kind.is_int64()
_COLUMNS: Mapping[str, tuple[str, Callable[["dt.DataType"], bool]]] = {
    "date": ("date", lambda kind: kind.is_date()),
    "prediction_id": _STRING,
    "at": ("timestamp", lambda kind: kind.is_timestamp()),
    "query": _STRING,
    "item_id": _STRING,
    "terms": ("array of strings", _is_list_of_strings),
    "model_version": _STRING,
    "label": _STRING,
    "confidence": ("double", lambda kind: kind.is_float64()),
    "probabilities": ("map of string to double, JSON or string", _is_probabilities),
    "user": _STRING,
    "user_bit": _INTEGER,
    "draw": _INTEGER,
}


def _wrong(schema: Mapping[str, "dt.DataType"]) -> list[str]:
    """What keeps a table from being a prediction log."""
    missing = [name for name in _COLUMNS if name not in schema]
    return ([f"it has no column {', '.join(missing)}"] if missing else []) + [
        f"{name} is {schema[name]}, not {wanted}"
        for name, (wanted, fits) in _COLUMNS.items()
        if name in schema and not fits(schema[name])
    ]


def build(url: str, table: str, *, min_users: int = 2, ids_are_unique: bool = False) -> PredictionReader:
    """The log in a table.

    Parameters
    ----------
    url
        As for `ibis.connect`: `duckdb:///absolute/path.duckdb`, `postgres://user:password@host/database`,
        `bigquery://project/dataset`. For Spark its settings: `pyspark://?spark.master=spark://host:7077`,
        `pyspark://?spark.remote=sc://host:15002`; without them, Spark on this machine. Spark needs Java 17 or 21.
    table
        As the engine names it: `name`, `schema.name` or `catalog.schema.name`. For Spark also a folder of
        Parquet files in `date=YYYY-MM-DD/`, told by its `/`: `s3a://lake/predictions`.
    min_users
        Distinct users of a day before a query is kept in a profile's sample.
    ids_are_unique
        Whether each prediction_id is there once for certain: then nobody looks for repetitions, which is a
        shuffle of all ids of the window.
    """
    return TablePredictions(url, table, min_users=min_users, ids_are_unique=ids_are_unique)
