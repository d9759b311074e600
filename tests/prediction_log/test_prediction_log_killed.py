"""Killed, torn, full, concurrent: nothing that was confirmed is lost, and nothing counts twice."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.prediction_log import _rows, _spool
from connectors.prediction_log._spool import recover
from connectors.prediction_log.parquet import build
from kempelen import PredictionLog
from kempelen.errors import ConnectorError, ConnectorUnavailable

MakeRow = Callable[..., dict[str, Any]]
DAY = date(2020, 1, 20)

WRITING = """
import sys
from datetime import UTC, datetime
from kempelen import PredictionLog
log = PredictionLog(sys.argv[1], model_version="1", roll_rows=40)
for i in range(int(sys.argv[3])):
    log.record(
        text=f"query {i}", probabilities={"food": 1.0}, user="ada",
        at=datetime(2020, 1, 20, tzinfo=UTC), prediction_id=f"{sys.argv[2]}-{i}",
    )
    print(f"{sys.argv[2]}-{i}", flush=True)
log.close()
"""

DYING = """
import os, pathlib, signal, sys
from datetime import UTC, datetime
from kempelen import PredictionLog
step, when = sys.argv[2].split()
real = getattr(pathlib.Path, step)
def deadly(self, *args, **kwargs):
    if ".parquet" in self.name or step == "unlink":
        if when == "after":
            real(self, *args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *args, **kwargs)
log = PredictionLog(sys.argv[1], model_version="1")
for i in range(5):
    for day in (19, 20):
        log.record(
            text=f"query {i}", probabilities={"food": 1.0}, user="ada",
            at=datetime(2020, 1, day, tzinfo=UTC), prediction_id=f"{day}-{i}",
        )
setattr(pathlib.Path, step, deadly)
log.flush()
"""


def ids(folder: Path) -> list[str]:
    files = sorted(folder.glob("date=*/part-*.parquet"))
    return sorted(i for f in files for i in pq.read_table(f, partitioning=None)["prediction_id"].to_pylist())


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("confirmed", [1, 39, 57])
def test_killed_while_writing_every_confirmed_row_is_kept_once(tmp_path: Path, confirmed: int) -> None:
    with start(WRITING, tmp_path, "a", 1_000_000) as process:
        seen = [process.stdout.readline().strip() for _ in range(confirmed)]
        process.kill()
        seen += process.stdout.read().split()  # confirmed before the signal arrived
    assert recover(tmp_path) == []
    kept = ids(tmp_path)
    assert len(set(kept)) == len(kept)
    assert set(seen) <= set(kept)
    assert len(kept) <= len(seen) + 1  # the one that was written and not yet confirmed


@pytest.mark.parametrize("moment", ["rename before", "rename after", "unlink before", "unlink after"])
def test_killed_while_rolling_and_recovered_nothing_is_lost_or_doubled(tmp_path: Path, moment: str) -> None:
    with start(DYING, tmp_path, moment) as process:
        assert process.wait() == -signal.SIGKILL
    reader = build(tmp_path)
    assert reader.days() == [date(2020, 1, 19), DAY]
    assert reader.profile(date(2020, 1, 19), DAY).predictions == 10
    assert ids(tmp_path) == sorted(f"{day}-{i}" for day in (19, 20) for i in range(5))
    assert not list(tmp_path.glob("spool/*.jsonl"))


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    processes = [start(WRITING, tmp_path, name, 130) for name in "ab"]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert ids(tmp_path) == sorted(f"{name}-{i}" for name in "ab" for i in range(130))


def orphan(folder: Path, row: MakeRow, tail: bytes = b"") -> Path:
    """A spool of two rows as a killed process leaves it, with `tail` behind them."""
    folder.mkdir(exist_ok=True)
    spool = _spool.Spool(folder)
    log = PredictionLog(folder)
    rows = [log._checked(row(prediction_id=i)) for i in ("first", "second")]  # noqa: SLF001
    spool.append([_rows.to_line(row, drawn=False) for row in rows])
    spool.abandon()
    with spool.path.open("ab") as file:
        file.write(tail)
    return spool.path


def test_a_torn_last_line_is_a_problem_and_the_others_are_kept(tmp_path: Path, row: MakeRow) -> None:
    path = orphan(tmp_path, row, b'["third",15795')
    (problem,) = recover(tmp_path)
    assert problem.subject == f"{path.name}, line 3"
    assert "cut short" in problem.message
    assert ids(tmp_path) == ["first", "second"]


@pytest.mark.parametrize("line", [b"not json", b"[1]", b"\xff\x00", b'["x",9e99,"t","1",{"food":1},"u"]', b"null"])
def test_a_damaged_line_is_a_problem_and_the_others_are_kept(tmp_path: Path, row: MakeRow, line: bytes) -> None:
    orphan(tmp_path, row, line + b"\n")
    (problem,) = recover(tmp_path)
    assert problem.subject.endswith("line 3")
    assert ids(tmp_path) == ["first", "second"]


def test_the_next_writer_recovers_what_a_killed_one_left(tmp_path: Path, row: MakeRow) -> None:
    orphan(tmp_path, row, b"torn")
    with PredictionLog(tmp_path) as log:
        assert len(log.problems) == 1
        assert ids(tmp_path) == ["first", "second"]


def test_the_spool_of_a_living_writer_is_left_alone(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path) as log:
        log.record(**row())
        assert recover(tmp_path) == []
        assert ids(tmp_path) == []
        assert len(list(tmp_path.glob("spool/*.jsonl"))) == 1


def full_after(size: int) -> Callable[[int, bytes], int]:
    """An os.write on a disk with room for `size` more bytes."""
    real, left = os.write, [size]

    def write(fd: int, data: bytes) -> int:
        part = bytes(data)[: left[0]]
        if not part:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= len(part)
        return real(fd, part)

    return write


@pytest.mark.parametrize("room", [0, 50])
def test_a_full_disk_loses_nothing_confirmed_and_recording_can_go_on(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    with PredictionLog(tmp_path) as log:
        log.record(**row(prediction_id="before"))
        with monkeypatch.context() as full:
            full.setattr(_spool.os, "write", full_after(room))
            with pytest.raises(ConnectorUnavailable, match="prediction log: the disk is full") as caught:
                log.record(**row(prediction_id="refused"))
        log.record(**row(prediction_id="after"))
    assert "space" in caught.value.hint
    assert ids(tmp_path) == ["after", "before"]
    assert log.problems == []


@pytest.mark.parametrize("room", [0, 500])
def test_a_disk_full_while_flushing_keeps_the_rows_for_the_next_flush(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    log = PredictionLog(tmp_path)
    log.record(**row(prediction_id="one"))
    with monkeypatch.context() as full:
        full.setattr(_spool.os, "write", full_after(room))
        with pytest.raises(ConnectorUnavailable, match="the disk is full"):
            log.flush()
    assert ids(tmp_path) == []
    log.record(**row(prediction_id="two"))
    log.flush()
    assert ids(tmp_path) == ["one", "two"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_roll_that_fails_does_not_fail_the_prediction_that_caused_it(
    tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    log = PredictionLog(tmp_path, roll_rows=2)
    with monkeypatch.context() as full:
        full.setattr(_spool, "write_atomically", no_space)
        for name in ("a", "b", "c"):
            log.record(**row(prediction_id=name))
    assert [p.message for p in log.problems] == ["prediction log: the disk is full."]
    log.close()
    assert ids(tmp_path) == ["a", "b", "c"]


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectorError, match="prediction log") as caught:
        PredictionLog(tmp_path / "file" / "log")
    assert "prediction_log.folder" in caught.value.hint
