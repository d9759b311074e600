"""What is counted, what is left out, what stops the reader, and which files are opened at all."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from connectors.prediction_log import _profile
from connectors.prediction_log import parquet as reader
from connectors.prediction_log._repeats import repeat
from connectors.prediction_log.parquet import ParquetPredictions, build
from kempelen import PredictionLog
from kempelen.errors import BadData, ConfigError, ConnectorError, NotEnoughData
from kempelen.profile import SAMPLE_PER_DAY, draw, user_bit
from kempelen.text import terms

MakeRow = Callable[..., dict[str, Any]]
DAY, NEXT = date(2020, 1, 20), date(2020, 1, 21)
MORNING, TOMORROW = datetime(2020, 1, 20, 6, tzinfo=UTC), datetime(2020, 1, 21, 6, tzinfo=UTC)


def write(folder: Path, *rows: dict[str, Any]) -> None:
    with PredictionLog(folder) as log:
        assert log.record_many(rows) == []


def only_part(folder: Path, day: date = DAY) -> Path:
    (file,) = (folder / f"date={day}").glob("part-*.parquet")
    return file


def with_column(file: Path, name: str, values: pa.Array) -> None:
    """Write the file again with another column, as somebody else's program would."""
    table = parquet.read_table(file, partitioning=None)
    parquet.write_table(table.set_column(table.column_names.index(name), name, values), file)


def many(folder: Path, row: MakeRow, queries: list[str], users: list[str]) -> None:
    """One part with a prediction for each query, faster than logging them."""
    write(folder, *(row(text=query) for query in sorted(set(queries))))
    file = only_part(folder)
    table = parquet.read_table(file, partitioning=None)
    place = {query: n for n, query in enumerate(table["query"].to_pylist())}
    rows = table.take(pa.array([place[query] for query in queries]))
    ids = [f"id {n}" for n in range(len(queries))]
    for name, values in {
        "prediction_id": pa.array(ids),
        "user": pa.array(users),
        "user_bit": pa.array([user_bit(user) for user in users]),
        "draw": pa.array([draw(name) for name in ids]),
    }.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    parquet.write_table(rows.replace_schema_metadata(table.schema.metadata), file)


# ---------------------------------------------------------------- what is counted


def test_words_rarer_than_one_in_ten_thousand_are_folded_on_large_days_only(tmp_path: Path, row: MakeRow) -> None:
    queries = ["corona"] * 19_997 + ["hapax corona", "twice", "twice"]
    many(tmp_path, row, queries, ["ada"] * len(queries))
    write(tmp_path, row(text="hapax", at=TOMORROW))
    profile = build(tmp_path).profile(DAY, NEXT)
    assert (profile.fold.tolist(), profile.folded.tolist()) == ([2, 1], [1, 0])
    assert profile.terms == ("corona", "hapax", "twice")
    assert profile.by_term.tolist() == [[19_998, 0], [0, 1], [2, 0]]
    assert profile.until(DAY).terms == ("corona", "twice")


def test_the_sample_holds_the_smallest_draws_of_queries_that_enough_people_asked(tmp_path: Path, row: MakeRow) -> None:
    queries = ["shared", "secret", ""] * 120
    users = ["ada", "ada", "ada", "bob", "ada", "bob"] * 60
    many(tmp_path, row, queries, users)
    sample = build(tmp_path).profile(DAY, DAY).sample
    shared = sorted(draw(f"id {n}") for n in range(0, 360, 3))
    assert [one.draw for one in sample] == shared[:SAMPLE_PER_DAY]
    assert {(one.day, one.query, one.label, one.confidence) for one in sample} == {(DAY, "shared", "food", 0.75)}


def test_the_sample_of_a_large_day_is_that_of_all_its_predictions(tmp_path: Path, row: MakeRow) -> None:
    many(tmp_path, row, ["corona"] * 9_000, [f"user {n % 7}" for n in range(9_000)])
    sample = build(tmp_path, min_users=7).profile(DAY, DAY).sample
    assert [one.draw for one in sample] == sorted(draw(f"id {n}") for n in range(9_000))[:SAMPLE_PER_DAY]
    assert build(tmp_path, min_users=8).profile(DAY, DAY).sample == ()


@pytest.mark.parametrize("predictions", [1, 1_999, 2_000, 3_999, 4_000, 10**6, 10**9])
def test_the_drawn_share_of_a_day_is_large_enough_and_no_more_than_twice_that(predictions: int) -> None:
    expected = predictions * _profile._draw_limit(predictions) / 2**53  # noqa: SLF001
    assert min(predictions, _profile.DRAWN_PER_DAY) <= expected < 2 * _profile.DRAWN_PER_DAY


def test_days_counted_one_by_one_or_together_give_the_same_profile(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *(row(text=f"corona {n}", at=MORNING + timedelta(hours=7 * n)) for n in range(12)))
    write(tmp_path, row(prediction_id="again"), row(prediction_id="again", at=TOMORROW), row(text="corona 3"))
    together = build(tmp_path).profile(DAY, date(2020, 1, 24))
    monkeypatch.setattr(reader, "ROWS_AT_ONCE", 1)
    one_by_one = build(tmp_path).profile(DAY, date(2020, 1, 24))
    assert together.to_json() == one_by_one.to_json()
    assert together.predictions == 14


def test_the_order_of_rows_and_files_is_irrelevant(tmp_path: Path, row: MakeRow) -> None:
    rng = np.random.default_rng(3)
    rows = [
        row(text=f"corona {n % 5}", prediction_id=str(n), user=str(n % 3), probabilities={"food": 1 - p, "health": p})
        for n, p in enumerate(rng.random(40))
    ]
    write(tmp_path / "one", *rows)
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "one" / ".salt", tmp_path / "other")
    for third in np.array_split(rng.permutation(40), 3):
        write(tmp_path / "other", *(rows[n] for n in third))
    one, other = (build(tmp_path / name).profile(DAY, DAY) for name in ("one", "other"))
    assert one.to_json() == other.to_json()


def test_a_part_that_comes_late_is_counted_at_the_next_look(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(at=TOMORROW))
    log = build(tmp_path)
    assert log.profile(DAY, NEXT).by_day.tolist() == [1, 1]
    write(tmp_path, row())
    assert log.profile(DAY, NEXT).by_day.tolist() == [2, 1]


def test_a_missing_day_is_left_out_and_not_counted_as_zero(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(at=TOMORROW + timedelta(days=1)))
    profile = build(tmp_path).profile(DAY, date(2020, 1, 25))
    assert profile.days == (DAY, date(2020, 1, 22))
    with pytest.raises(NotEnoughData):
        build(tmp_path).profile(NEXT, NEXT)


def test_without_a_version_all_versions_are_counted_together(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(model_version="2", text="virus"))
    log = build(tmp_path)
    assert log.profile(DAY, DAY).terms == ("beer", "corona", "virus")
    assert log.profile(DAY, DAY, "1").terms == ("beer", "corona")
    assert log.profile(DAY, DAY, "2").terms == ("virus",)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "\u202ecorona\u202c",
        "co\u200dro\u200bna",
        "👩\u200d👩\u200d👧",
        "فيروس كورونا",
        "\x00\x07",
        "⚕\ufe0f 1",
    ],
    ids=["long", "bidi control", "zero width", "joined emoji", "right to left", "control", "symbols"],
)
def test_every_text_has_the_words_that_the_classifier_sees(tmp_path: Path, row: MakeRow, text: str) -> None:
    write(tmp_path, row(text=text), row(text="plain"))
    (stored,) = (q for q in parquet.read_table(only_part(tmp_path))["query"].to_pylist() if q != "plain")
    profile = build(tmp_path).profile(DAY, DAY)
    assert profile.predictions == 2
    assert set(profile.terms) == {*terms(stored), "plain"}


def test_two_threads_read_at_once(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, *(row(text=f"corona {n}", at=MORNING + timedelta(hours=n)) for n in range(30)))
    log = build(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        documents = list(pool.map(lambda _: log.profile(DAY, NEXT).to_json(), range(4)))
    assert len(set(documents)) == 1


# ---------------------------------------------------------------- what is left out, and reported


def test_a_copy_of_a_file_is_not_counted_and_is_reported_once(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(at=TOMORROW))
    original = only_part(tmp_path)
    shutil.copy(original, original.with_name("part-zzz.parquet"))
    shutil.copy(original, tmp_path / f"date={NEXT}" / "part-copy.parquet")
    log = ParquetPredictions(tmp_path)
    for _ in range(2):
        assert log.profile(DAY, NEXT).by_day.tolist() == [1, 1]
    copied, moved = sorted(log.problems, key=lambda problem: problem.subject)
    assert copied.subject == f"date={DAY}/part-zzz.parquet"
    assert f"copy of {original.name}" in copied.message
    assert moved.subject == f"date={NEXT}/part-copy.parquet"
    assert f"belongs to the day {DAY}" in moved.message


def test_ids_that_the_log_drew_are_not_looked_at_again_and_given_ones_are(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path / "drawn", row(), row())
    write(tmp_path / "given", row(), row(prediction_id="mine"))
    footers = [
        parquet.read_metadata(only_part(tmp_path / name)).metadata[b"kempelen.ids"] for name in ("drawn", "given")
    ]
    assert footers == [b"drawn", b"given"]


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_repetitions_are_found_in_any_number_of_passes(passes: int) -> None:
    once = [draw(str(n)) for n in range(50)]
    assert not repeat(ibis.memtable(pa.table({"draw": once})), passes)
    for place in (0, 25, 49):
        assert repeat(ibis.memtable(pa.table({"draw": [*once, once[place]]})), passes)


def test_labels_that_the_model_does_not_have_are_counted_and_reported(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(probabilities={"weather": 1.0}))
    log = ParquetPredictions(tmp_path, labels=["food", "health"])
    assert log.profile(DAY, DAY).labels == ("food", "weather")
    (problem,) = log.problems
    assert (problem.subject, problem.message.split(" ")[0]) == ("label 'weather'", "1")
    assert "labels" in problem.hint


# ---------------------------------------------------------------- what stops the reader


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("confidence", pa.array([0.5, float("nan")]), "a confidence is not between 0 and 1"),
        ("confidence", pa.array([0.5, 1.5]), "a confidence is not between 0 and 1"),
        ("confidence", pa.array([-0.01, 0.5]), "a confidence is not between 0 and 1"),
        ("confidence", pa.array([0.5, None]), "a prediction has no confidence"),
        ("label", pa.array(["food", None]), "a prediction has no label"),
        ("user_bit", pa.array([1, None]), "a prediction has no user_bit"),
    ],
)
def test_a_foreign_file_with_rows_that_cannot_be_counted_is_named(
    tmp_path: Path, row: MakeRow, column: str, values: pa.Array, found: str
) -> None:
    write(tmp_path, row(), row())
    bad = only_part(tmp_path)
    with_column(bad, column, values)
    write(tmp_path, row())
    with pytest.raises(BadData, match=found) as caught:
        build(tmp_path).profile(DAY, DAY)
    assert bad.name in str(caught.value)


def test_words_that_are_there_twice_in_a_query_are_a_clear_error(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    with_column(only_part(tmp_path), "terms", pa.array([["corona", "corona"]]))
    with pytest.raises(BadData, match="more predictions with 'corona'") as caught:
        build(tmp_path).profile(DAY, DAY)
    assert "each word of the query once" in caught.value.hint


def test_a_file_of_an_older_version_is_named_with_the_columns_it_lacks(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    file = only_part(tmp_path)
    parquet.write_table(parquet.read_table(file, partitioning=None).drop_columns(["user_bit", "draw"]), file)
    with pytest.raises(BadData, match=f"{file.name} .* no column user_bit, draw") as caught:
        build(tmp_path).profile(DAY, DAY)
    assert caught.value.hint


def test_a_file_that_is_damaged_in_its_middle_is_named(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    file = only_part(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(400) + content[404:])
    write(tmp_path, row())
    with pytest.raises(BadData, match=file.name):
        build(tmp_path).profile(DAY, DAY)


@pytest.mark.parametrize("name", ["date=soon", "date=20200120", "date=2020-01-32"])
def test_a_folder_that_is_no_day_is_named(tmp_path: Path, row: MakeRow, name: str) -> None:
    write(tmp_path, row())
    (tmp_path / f"date={DAY}").rename(tmp_path / name)
    with pytest.raises(BadData, match=f"{name} is not named after a date"):
        build(tmp_path).days()


def test_too_little_memory_is_an_error_that_says_so(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    with pytest.raises(ConnectorError, match="memory") as caught:
        build(tmp_path, memory_mb=1).profile(DAY, DAY)
    assert "memory_mb" in caught.value.hint


# ---------------------------------------------------------------- which files are opened


def year(folder: Path, row: MakeRow) -> None:
    """A log of 366 days, in which nothing but the first day and DAY can be read."""
    first = datetime(2019, 6, 1, tzinfo=UTC)
    write(folder, row(), row(), row(at=first))
    for n in range(1, 366):
        (folder / f"date={first.date() + timedelta(days=n)}").mkdir(exist_ok=True)
    for other in folder.glob("date=*"):
        if not any(other.iterdir()):
            (other / "part-x.parquet").write_bytes(b"whoever opens this fails")


def test_a_day_of_a_year_opens_the_files_of_that_day_only(tmp_path: Path, row: MakeRow) -> None:
    year(tmp_path, row)
    log = build(tmp_path)
    assert len(log.days()) == 366
    assert log.profile(DAY, DAY).predictions == 2
    with pytest.raises(BadData, match="date=2020-01-21"):
        log.profile(DAY, NEXT)


def test_the_expressions_let_an_engine_skip_the_other_days(tmp_path: Path, row: MakeRow) -> None:
    year(tmp_path, row)
    engine = ibis.duckdb.connect()
    predictions = engine.read_parquet(str(tmp_path / "date=*" / "part-*.parquet"), hive_partitioning=True)
    of_day = predictions.filter(predictions.date.between(DAY, DAY))
    assert _profile.profile_of(of_day, min_users=1) == build(tmp_path, min_users=1).profile(DAY, DAY)
    engine.disconnect()


def test_a_log_below_a_folder_that_looks_like_a_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="date=2020") as wrong:
        build(tmp_path / "date=2020" / "predictions")
    assert "Rename" in wrong.value.hint
    assert build(tmp_path / "a=b" / "predictions").days() == []
