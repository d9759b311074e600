"""A table of predictions is checked before it is counted, and what its engine refuses is said in our words."""

import gc
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
from ibis.common.exceptions import OperationNotDefinedError

from connectors.prediction_log import _candidates, _profile, _repeats, ibis_table, parquet
from kempelen import PredictionLog
from kempelen.errors import BadData, ConfigError, ConnectorError, NotEnoughData

MakeRow = Callable[..., dict[str, Any]]
DAY = date(2020, 1, 20)
TYPES = {
    "date": "date",
    "prediction_id": "string",
    "at": "timestamp('UTC')",
    "query": "string",
    "item_id": "string",
    "terms": "array<string>",
    "model_version": "string",
    "label": "string",
    "confidence": "float64",
    "probabilities": "string",
    "user": "string",
    "user_bit": "int64",
    "draw": "int64",
}


@pytest.fixture
def folder(tmp_path: Path, row: MakeRow) -> Path:
    folder = tmp_path / "log"
    with PredictionLog(folder) as log:
        assert log.record_many([row(), row(user="grace"), row(text="corona virus", prediction_id="twice")]) == []
        assert log.record_many([row(text="corona virus", prediction_id="twice", user="linus")]) == []
    return folder


@pytest.fixture
def loaded(folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Loads the log into a table, made by a SELECT over `log`; the URL of its database."""

    def load(select: str = "SELECT * FROM log", table: str = "predictions") -> str:
        file = tmp_path / "log.duckdb"
        with duckdb.connect(file) as connection:
            connection.read_parquet(f"{folder}/date=*/*.parquet", hive_partitioning=True).create_view("log")
            connection.execute(f"CREATE TABLE {table} AS {select}")
        return f"duckdb://{file}"

    return load


def test_a_table_is_read_as_the_files_are(folder: Path, loaded: Callable[..., str]) -> None:
    table, files = ibis_table.build(loaded(), "predictions"), parquet.build(folder)
    assert table.days() == files.days() == [DAY]
    assert table.profile(DAY, DAY) == files.profile(DAY, DAY)
    assert table.profile(DAY, DAY, "1").predictions == 3
    assert table.candidates(DAY, DAY, min_users=2) == files.candidates(DAY, DAY, min_users=2)


def test_a_table_may_be_in_a_schema_and_have_more_columns(loaded: Callable[..., str]) -> None:
    url = loaded("SELECT 7 AS shard, * FROM log", "main.predictions")
    assert ibis_table.build(url, "main.predictions").profile(DAY, DAY).predictions == 3
    assert ibis_table.build(url, "log.main.predictions").profile(DAY, DAY).predictions == 3


def test_ids_that_are_said_to_be_unique_are_not_compared(loaded: Callable[..., str]) -> None:
    reader = ibis_table.build(loaded(), "predictions", ids_are_unique=True)
    assert reader.profile(DAY, DAY).predictions == 4


def test_the_sample_shows_queries_of_enough_users(loaded: Callable[..., str]) -> None:
    url = loaded()
    assert {one.query for one in ibis_table.build(url, "predictions").profile(DAY, DAY).sample} == {"corona beer"}
    all_of_them = ibis_table.build(url, "predictions", min_users=1).profile(DAY, DAY).sample
    assert {one.query for one in all_of_them} == {"corona beer", "corona virus"}


def test_probabilities_may_be_json_where_an_engine_has_no_maps(folder: Path, loaded: Callable[..., str]) -> None:
    url = loaded("""SELECT * REPLACE ('{"food": 0.75, "health": 0.25}' AS probabilities) FROM log""")
    assert ibis_table.build(url, "predictions").candidates(DAY, DAY, min_users=2) == parquet.build(folder).candidates(
        DAY, DAY, min_users=2
    )


@pytest.mark.parametrize("found", ["", "[1, 2]", '{"food": "much"}', "null"])
def test_probabilities_that_are_none_are_bad_data(loaded: Callable[..., str], found: str) -> None:
    url = loaded("SELECT * REPLACE ($found$ AS probabilities) FROM log".replace("$found$", f"'{found}'"))
    with pytest.raises(BadData, match="no JSON object") as caught:
        ibis_table.build(url, "predictions").candidates(DAY, DAY, min_users=1)
    assert '{"food": 0.75' in caught.value.hint


@pytest.mark.parametrize(
    ("select", "found"),
    [
        ("SELECT * EXCLUDE (draw, user_bit) FROM log", "it has no column user_bit, draw"),
        ("SELECT * REPLACE (strftime(date, '%x') AS date) FROM log", "date is string, not date"),
        ("SELECT * REPLACE (query AS terms) FROM log", "terms is string, not array of strings"),
        ("SELECT * REPLACE ([1] AS terms) FROM log", "terms is array<int32>, not array of strings"),
        ("SELECT * REPLACE (confidence::DECIMAL(9, 4) AS confidence) FROM log", r"confidence is decimal\(9, 4\), not"),
        (
            "SELECT * REPLACE (MAP {1: 2.0::DOUBLE} AS probabilities) FROM log",
            "probabilities is map<int32, float64>, not",
        ),
    ],
)
def test_a_table_that_is_no_prediction_log_is_bad_data(loaded: Callable[..., str], select: str, found: str) -> None:
    url = loaded(select)
    for ask in (
        lambda: ibis_table.build(url, "predictions").days(),
        lambda: ibis_table.build(url, "predictions").profile(DAY, DAY),
    ):
        with pytest.raises(BadData, match=found) as caught:
            ask()
        assert "view" in caught.value.hint


def test_a_prediction_without_a_date_is_bad_data_for_no_window_would_count_it(loaded: Callable[..., str]) -> None:
    url = loaded("SELECT * FROM log UNION ALL SELECT * REPLACE (NULL::DATE AS date) FROM log")
    with pytest.raises(BadData, match="no date"):
        ibis_table.build(url, "predictions").days()


def test_a_row_that_cannot_be_counted_is_bad_data(loaded: Callable[..., str]) -> None:
    url = loaded("SELECT * REPLACE ('nan'::DOUBLE AS confidence) FROM log")
    with pytest.raises(BadData, match="confidence"):
        ibis_table.build(url, "predictions").profile(DAY, DAY)


def test_a_window_without_predictions_is_not_enough_data(loaded: Callable[..., str]) -> None:
    reader = ibis_table.build(loaded(), "predictions")
    for ask in (
        lambda: reader.profile(date(2021, 1, 1), date(2021, 1, 2)),
        lambda: reader.candidates(date(2021, 1, 1), date(2021, 1, 2), min_users=1),
    ):
        with pytest.raises(NotEnoughData, match="no prediction") as caught:
            ask()
        assert "loaded" in caught.value.hint


@pytest.mark.parametrize("url", ["predictions.duckdb", "nothing://host/log", "://", ""])
def test_a_url_that_names_no_engine_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="no engine") as caught:
        ibis_table.build(url, "predictions").days()
    assert "duckdb://" in caught.value.hint
    assert "pyspark://" in caught.value.hint


@pytest.mark.parametrize("url", ["pyspark://host:7077", "pyspark://local[2]", "pyspark:///warehouse"])
def test_an_address_of_spark_that_would_be_ignored_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[prediction_log\] url"):
        ibis_table.build(url, "predictions").days()


def test_a_table_that_is_not_there_is_a_config_error(loaded: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match="no table 'nowhere'") as caught:
        ibis_table.build(loaded(), "nowhere").days()
    assert "schema.name" in caught.value.hint


def test_a_folder_is_for_spark_alone(loaded: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match="has tables") as caught:
        ibis_table.build(loaded(), "/lake/predictions").days()
    assert "DuckDB" in caught.value.hint


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as caught:
        ibis_table.build(f"duckdb://{tmp_path}/typo.duckdb", "predictions").days()
    assert f"{tmp_path}/typo.duckdb" in str(caught.value)
    assert "duckdb:///absolute/path.duckdb" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_relative_database_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        ibis_table.build("duckdb://log/typo.duckdb", "predictions").days()
    assert f"{tmp_path}/log/typo.duckdb" in str(caught.value)


@pytest.mark.parametrize("url", ["duckdb://", "duckdb://:memory:"])
def test_a_database_in_memory_is_no_log(url: str) -> None:
    with pytest.raises(ConfigError, match="DuckDB"):
        ibis_table.build(url, "predictions").days()


def test_a_version_that_nobody_logged_is_asked_about(folder: Path, loaded: Callable[..., str]) -> None:
    for reader in (parquet.build(folder), ibis_table.build(loaded(), "predictions")):
        with pytest.raises(NotEnoughData, match="of model version 9") as caught:
            reader.profile(DAY, DAY, "9")
        assert caught.value.hint.startswith("Does the service log with model_version='9'")


def test_what_the_engine_refuses_is_a_connector_error(loaded: Callable[..., str]) -> None:
    with pytest.raises(ConnectorError, match="prediction log"):
        ibis_table.build(loaded() + "?no_such_setting=1", "predictions").days()


@pytest.mark.parametrize(("scheme", "package"), [("trino", "ibis-framework[trino]"), ("pyspark", "kempelen[spark]")])
def test_an_engine_that_is_not_installed_is_a_config_error_without_the_password(
    monkeypatch: pytest.MonkeyPatch, scheme: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, f"ibis.backends.{scheme}", None)
    monkeypatch.delitem(sys.modules, "connectors.prediction_log._spark", raising=False)
    with pytest.raises(ConfigError, match="not installed") as caught:
        ibis_table.build(f"{scheme}://ada:secret@host/log?key=secret", "predictions").days()
    assert package in caught.value.hint
    assert f"{scheme}://host/log" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_ibis_cannot_say_in_an_engine_is_a_config_error(
    loaded: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def speechless(*_: Any, **__: Any) -> None:
        raise OperationNotDefinedError("Compilation rule for 'Unnest' operation is not defined")

    monkeypatch.setattr(ibis_table, "profile_of", speechless)
    with pytest.raises(ConfigError, match="Unnest") as caught:
        ibis_table.build(loaded(), "predictions").profile(DAY, DAY)
    assert "arrays" in caught.value.hint


def test_a_mistake_of_our_own_is_not_blamed_on_the_engine(
    loaded: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibis_table, "profile_of", lambda _, min_users: {}[min_users])
    with pytest.raises(KeyError):
        ibis_table.build(loaded(), "predictions").profile(DAY, DAY)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Spark forgets the pipe to what did not start
def test_spark_without_java_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="could not start Java") as caught:
        ibis_table.build("pyspark://", str(tmp_path)).days()
    assert "Java 17 or 21" in caught.value.hint
    assert "JAVA_HOME" in caught.value.hint
    del caught
    gc.collect()


@pytest.mark.parametrize("engine", ["bigquery", "snowflake", "postgres", "trino", "databricks", "clickhouse"])
def test_ibis_has_words_for_every_expression_in(engine: str) -> None:
    window = ibis.table(TYPES, name="predictions")
    window = window.filter(window.date.between(DAY, DAY))
    totals = {DAY: 50_000}
    for expression in (
        _profile.by_bin(window),
        _profile.by_word(window, totals),
        _profile.sample(window, totals, 2),
        _repeats.earliest(window),
        _candidates._shared(window, 2),  # noqa: SLF001 - all expressions, private ones too
        _candidates._totals(window, 2),  # noqa: SLF001 - the same
    ):
        assert "predictions" in ibis.to_sql(expression, dialect=engine)


def test_moments_may_be_kept_without_their_zone(folder: Path, loaded: Callable[..., str]) -> None:
    url = loaded("""SELECT * REPLACE (("at" AT TIME ZONE 'UTC')::TIMESTAMP AS "at") FROM log""")
    table, files = ibis_table.build(url, "predictions"), parquet.build(folder)
    assert table.profile(DAY, DAY) == files.profile(DAY, DAY)
    assert table.candidates(DAY, DAY, min_users=1) == files.candidates(DAY, DAY, min_users=1)
