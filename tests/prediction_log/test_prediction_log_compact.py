"""Many small files become one a day, and whatever happens in between, every prediction counts once."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.prediction_log import _spool
from connectors.prediction_log.parquet import ParquetPredictions
from kempelen import PredictionLog
from kempelen.errors import BadData, ConnectorUnavailable

MakeRow = Callable[..., dict[str, Any]]
DAY, NEXT, AFTER = date(2020, 1, 20), date(2020, 1, 21), date(2020, 1, 22)
TOMORROW = datetime(2020, 1, 21, 6, tzinfo=UTC)

DYING = """
import os, pathlib, signal, sys
from datetime import date
from connectors.prediction_log.parquet import ParquetPredictions
step, when, nth = sys.argv[2].split()
real, calls = getattr(pathlib.Path, step), []
def deadly(self, *args, **kwargs):
    calls.append(self)
    if len(calls) == int(nth):
        if when == "after":
            real(self, *args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *args, **kwargs)
setattr(pathlib.Path, step, deadly)
ParquetPredictions(pathlib.Path(sys.argv[1])).compact(date(2020, 1, 22))
"""


def write(folder: Path, *rows: dict[str, Any]) -> None:
    with PredictionLog(folder) as log:
        assert log.record_many(rows) == []


def small_files(folder: Path, row: MakeRow) -> None:
    """Three files of DAY, two of the next, one prediction logged three times."""
    write(folder, row(text="corona beer"), row(text="virus", at=TOMORROW))
    write(folder, row(text="corona"), row(prediction_id="again", text="wine"), row(at=TOMORROW, text="beer"))
    write(folder, row(prediction_id="again", text="wine"), row(prediction_id="again", text="wine"))


def files(folder: Path, day: date = DAY) -> list[Path]:
    return sorted((folder / f"date={day}").glob("part-*"))


def document(folder: Path) -> str:
    return ParquetPredictions(folder, min_users=1).profile(DAY, AFTER).to_json()


def test_small_files_become_one_a_day_and_nothing_else_changes(tmp_path: Path, row: MakeRow) -> None:
    small_files(tmp_path, row)
    before = document(tmp_path)
    schema = pq.read_schema(files(tmp_path)[0]).remove_metadata()
    log = ParquetPredictions(tmp_path)
    assert log.compact(AFTER) == 5
    assert [len(files(tmp_path, day)) for day in (DAY, NEXT)] == [1, 1]
    assert document(tmp_path) == before
    assert pq.read_schema(files(tmp_path)[0]).remove_metadata() == schema
    assert pq.read_metadata(files(tmp_path)[0]).num_rows == 3
    assert not list(tmp_path.rglob("*.merging"))
    assert log.compact(AFTER) == 0
    assert log.problems == []


def test_days_that_are_not_over_are_left_alone(tmp_path: Path, row: MakeRow) -> None:
    small_files(tmp_path, row)
    assert ParquetPredictions(tmp_path).compact(NEXT) == 3
    assert [len(files(tmp_path, day)) for day in (DAY, NEXT)] == [1, 2]


def test_rows_that_come_late_are_counted_and_merged_the_next_time(tmp_path: Path, row: MakeRow) -> None:
    small_files(tmp_path, row)
    log = ParquetPredictions(tmp_path)
    log.compact(AFTER)
    write(tmp_path, row(text="late"))
    before = document(tmp_path)
    assert log.profile(DAY, DAY).term("late").predictions == 1
    assert log.compact(AFTER) == 2
    assert document(tmp_path) == before


def test_a_part_that_is_written_again_after_it_was_merged_counts_once(tmp_path: Path, row: MakeRow) -> None:
    small_files(tmp_path, row)
    (old, *_), before = files(tmp_path), document(tmp_path)
    content = old.read_bytes()
    ParquetPredictions(tmp_path).compact(AFTER)
    old.write_bytes(content)  # a spool that was converted, whose process died before it removed the spool
    assert document(tmp_path) == before
    assert ParquetPredictions(tmp_path).compact(AFTER) == 1
    assert len(files(tmp_path)) == 1


def test_what_a_writer_will_write_again_is_not_merged(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full at the second day of a flush; what came in after that goes into the same part of the first."""
    write(tmp_path, row(text="corona"))
    real = _spool.write_atomically

    def full(path: Path, content: bytes) -> None:
        if path.parent.name == f"date={NEXT}":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, content)

    with PredictionLog(tmp_path) as log:
        log.record_many([row(text="beer"), row(text="virus", at=TOMORROW)])
        monkeypatch.setattr(_spool, "write_atomically", full)
        with pytest.raises(ConnectorUnavailable):
            log.flush()
        monkeypatch.undo()
        ParquetPredictions(tmp_path).compact(AFTER)
        log.record(**row(text="late"))
    seen = ParquetPredictions(tmp_path).profile(DAY, AFTER)
    assert {word: seen.term(word).predictions for word in seen.terms} == {"beer": 1, "corona": 1, "late": 1, "virus": 1}
    ParquetPredictions(tmp_path).compact(AFTER)
    assert (len(files(tmp_path)), ParquetPredictions(tmp_path).profile(DAY, AFTER)) == (1, seen)


def test_a_merge_for_which_there_is_no_room_leaves_nothing_behind(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_files(tmp_path, row)
    before = document(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("connectors.prediction_log._compact.os.fsync", full)
    with pytest.raises(ConnectorUnavailable):
        ParquetPredictions(tmp_path).compact(AFTER)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.merging"))
    assert document(tmp_path) == before


@pytest.mark.parametrize(
    "moment",
    ["rename before 1", "rename after 1", "unlink after 1", "unlink before 3", "rename before 2", "unlink after 5"],
)
def test_killed_while_merging_nothing_is_lost_or_counted_twice(tmp_path: Path, row: MakeRow, moment: str) -> None:
    small_files(tmp_path, row)
    before = document(tmp_path)
    killed = subprocess.run([sys.executable, "-c", DYING, tmp_path, moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert document(tmp_path) == before
    ParquetPredictions(tmp_path).compact(AFTER)
    assert document(tmp_path) == before
    assert [len(files(tmp_path, day)) for day in (DAY, NEXT)] == [1, 1]
    assert not list(tmp_path.rglob("*.merging"))


def test_two_who_merge_and_one_who_reads_do_not_disturb_each_other(tmp_path: Path, row: MakeRow) -> None:
    for n in range(6):
        write(tmp_path, row(text=f"corona {n}"))
    before = document(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        merging = [pool.submit(ParquetPredictions(tmp_path).compact, AFTER) for _ in range(2)]
        reading = [pool.submit(document, tmp_path) for _ in range(4)]
        assert {one.result() for one in reading} == {before}
        assert sorted(one.result() for one in merging) == [0, 6]
    assert document(tmp_path) == before


def test_a_file_that_cannot_be_read_stops_the_merge_and_nothing_is_removed(tmp_path: Path, row: MakeRow) -> None:
    small_files(tmp_path, row)
    bad = files(tmp_path)[1]
    bad.write_bytes(bad.read_bytes()[:-9])
    with pytest.raises(BadData, match=bad.name):
        ParquetPredictions(tmp_path).compact(AFTER)
    assert len(files(tmp_path)) == 3
