"""The made-up log has the columns of a real one, as many rows as asked, and the surge that was planned."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks import _traffic
from connectors.prediction_log import _rows
from kempelen import text
from kempelen.profile import user_bit

ROWS = 5_000
PLAN = _traffic.Plan(first=date(2026, 1, 1), days=3, rows=ROWS, surge_days=1, surge_share=0.1)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("log")
    rng = np.random.default_rng(1)
    _traffic.write(folder, PLAN, _traffic.pool(rng, queries=2_000, words=500), rng)
    return folder


def _read(log: Path) -> pa.Table:
    return pa.concat_tables([parquet.ParquetFile(file).read() for file in sorted(log.rglob("part-*.parquet"))])


def test_the_columns_are_those_of_the_prediction_log(log: Path) -> None:
    assert _read(log).schema.equals(_rows.to_table([]).schema)


def test_it_has_the_rows_of_the_plan_on_the_days_of_the_plan(log: Path) -> None:
    assert sorted(folder.name for folder in log.iterdir()) == [f"date=2026-01-0{day}" for day in (1, 2, 3)]
    assert _read(log).num_rows == ROWS
    (other_days,) = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{log}/*/*.parquet', hive_partitioning = true) "  # noqa: S608 - our folder
        "WHERE (\"at\" AT TIME ZONE 'UTC')::DATE <> date"
    ).fetchall()
    assert other_days == (0,)


def test_what_a_row_says_about_itself_is_true(log: Path) -> None:
    for row in _read(log).slice(0, 200).to_pylist():
        assert text.normalise(row["text"]) == row["query"]
        assert text.item_id(row["query"]) == row["item_id"]
        assert text.terms(row["query"]) == row["terms"]
        probabilities = dict(row["probabilities"])
        assert max(probabilities, key=probabilities.__getitem__) == row["label"]
        assert probabilities[row["label"]] == row["confidence"]
        assert sum(probabilities.values()) == pytest.approx(1)
        assert user_bit(row["user"]) == row["user_bit"]
        assert 0 <= row["draw"] < 2**53


def test_no_prediction_has_the_id_of_another(log: Path) -> None:
    assert len(set(_read(log)["prediction_id"].to_pylist())) == ROWS


def test_the_word_surges_on_the_days_of_the_plan_and_is_unknown_before(log: Path) -> None:
    shares = dict(
        duckdb.sql(
            f"SELECT date::VARCHAR, avg(list_contains(terms, '{_traffic.SURGE_WORD}')::INT) "  # noqa: S608 - our folder
            f"FROM read_parquet('{log}/*/*.parquet', hive_partitioning = true) GROUP BY ALL"
        ).fetchall()
    )
    assert shares["2026-01-01"] == shares["2026-01-02"] == 0
    day = ROWS / PLAN.days
    assert abs(shares["2026-01-03"] - 0.1) <= 4 * (0.1 * 0.9 / day) ** 0.5


def test_common_words_are_much_more_common_than_others(log: Path) -> None:
    counts = Counter(term for terms in _read(log)["terms"].to_pylist() for term in terms).most_common()
    assert counts[0][1] > 10 * counts[len(counts) // 2][1]


def test_the_same_seed_gives_the_same_log(tmp_path: Path) -> None:
    def made(name: str) -> pa.Table:
        rng = np.random.default_rng(7)
        plan = _traffic.Plan(first=date(2026, 1, 1), days=2, rows=500)
        _traffic.write(tmp_path / name, plan, _traffic.pool(rng, queries=200, words=100), rng)
        return _read(tmp_path / name)

    assert made("one").equals(made("two"))
