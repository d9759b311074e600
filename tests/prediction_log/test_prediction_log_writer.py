"""A service logs its predictions; readers see what it logged, and never a person's name."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.prediction_log import writer
from connectors.prediction_log.parquet import build
from kempelen import PredictionLog
from kempelen.clock import SimulatedClock
from kempelen.errors import BadData
from kempelen.profile import draw, user_bit
from kempelen.text import LONGEST_QUERY, item_id, normalise

MakeRow = Callable[..., dict[str, Any]]
DAY = date(2020, 1, 20)


def logged(folder: Path) -> list[dict[str, Any]]:
    """Every logged row, oldest file first."""
    return [
        r for f in sorted(folder.glob("date=*/part-*.parquet")) for r in pq.read_table(f, partitioning=None).to_pylist()
    ]


def test_the_kernel_offers_the_log_under_its_public_name() -> None:
    assert PredictionLog is writer.PredictionLog


def test_a_row_is_stored_with_everything_derived_from_it(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path) as log:
        prediction_id = log.record(**row())
    (stored,) = logged(tmp_path)
    assert stored == {
        "prediction_id": prediction_id,
        "at": datetime(2020, 1, 20, 12, tzinfo=UTC),
        "text": "Corona beer?",
        "query": "corona beer",
        "item_id": item_id("corona beer"),
        "terms": ["corona", "beer"],
        "model_version": "1",
        "label": "food",
        "confidence": 0.75,
        "probabilities": [("food", 0.75), ("health", 0.25)],
        "user": stored["user"],
        "user_bit": user_bit(stored["user"]),
        "draw": draw(prediction_id),
    }


def test_a_moment_belongs_to_its_day_in_utc(tmp_path: Path, row: MakeRow) -> None:
    tokyo = timezone(timedelta(hours=9))
    with PredictionLog(tmp_path) as log:
        log.record(**row(at=datetime(2020, 1, 21, 3, tzinfo=tokyo)))
    assert build(tmp_path).days() == [DAY]


def test_without_a_moment_the_clock_says_it_and_without_a_version_the_log(tmp_path: Path, row: MakeRow) -> None:
    clock = SimulatedClock(datetime(2020, 1, 24, tzinfo=UTC))
    with PredictionLog(tmp_path, model_version="7", clock=clock) as log:
        log.record(**row(at=None, model_version=None))
    (stored,) = logged(tmp_path)
    assert (stored["at"], stored["model_version"]) == (datetime(2020, 1, 24, tzinfo=UTC), "7")


def test_users_are_keyed_hashes_that_agree_between_processes_and_not_between_logs(tmp_path: Path, row: MakeRow) -> None:
    for folder in ("here", "here", "elsewhere"):
        with PredictionLog(tmp_path / folder) as log:
            log.record(**row())
    first, second = (r["user"] for r in logged(tmp_path / "here"))
    (other,) = (r["user"] for r in logged(tmp_path / "elsewhere"))
    assert first == second != other
    assert len(first) == 32
    written = b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())
    assert b"ada" not in written


def test_only_its_owner_may_read_the_salt(tmp_path: Path) -> None:
    PredictionLog(tmp_path).close()
    assert (tmp_path / ".salt").stat().st_mode & 0o777 == 0o600


def test_a_damaged_salt_is_an_error_and_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / ".salt").write_bytes(b"short")
    with pytest.raises(BadData, match="5 bytes"):
        PredictionLog(tmp_path)
    assert (tmp_path / ".salt").read_bytes() == b"short"


def test_the_log_rolls_by_rows(tmp_path: Path, row: MakeRow) -> None:
    log = PredictionLog(tmp_path, roll_rows=3)
    for _ in range(7):
        log.record(**row())
    assert len(logged(tmp_path)) == 6
    log.close()
    assert len(logged(tmp_path)) == 7


def test_the_log_rolls_by_itself_when_the_service_is_quiet(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path, roll_s=0.02) as log:
        log.record(**row())
        deadline = time.monotonic() + 30
        while not logged(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_flushing_twice_or_closing_twice_changes_nothing(tmp_path: Path, row: MakeRow) -> None:
    log = PredictionLog(tmp_path)
    log.record(**row())
    for step in (log.flush, log.flush, log.close, log.close):
        step()
    assert len(logged(tmp_path)) == 1
    assert not list(tmp_path.glob("spool/*"))


def test_a_closed_log_takes_no_more(tmp_path: Path, row: MakeRow) -> None:
    log = PredictionLog(tmp_path)
    log.close()
    with pytest.raises(BadData, match="closed"):
        log.record(**row())


def test_threads_share_a_log(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path, roll_rows=50) as log:

        def serve(number: int) -> None:
            for i in range(60):
                log.record(**row(prediction_id=f"{number}-{i}"))

        threads = [threading.Thread(target=serve, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(r["prediction_id"] for r in logged(tmp_path)) == sorted(
        f"{n}-{i}" for n in range(4) for i in range(60)
    )


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # the roll timer; only Python 3.12 says it
def test_a_forked_process_writes_a_spool_of_its_own(tmp_path: Path, row: MakeRow) -> None:
    log = PredictionLog(tmp_path)
    log.record(**row(prediction_id="parent, before"))
    child = os.fork()
    if child == 0:
        log.record(**row(prediction_id="child"))
        log.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.record(**row(prediction_id="parent, after"))
    log.close()
    assert sorted(r["prediction_id"] for r in logged(tmp_path)) == ["child", "parent, after", "parent, before"]


def test_a_bad_row_among_many_is_a_problem_and_the_rest_is_logged(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path) as log:
        problems = log.record_many([row(), row(user=""), row(at="yesterday"), row(colour="red"), row()])
    assert [p.subject for p in problems] == ["row 2", "row 3", "row 4"]
    assert all(p.hint for p in problems)
    assert len(logged(tmp_path)) == 2


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"probabilities": {"food": float("nan"), "health": 1.0}}, "nan"),
        ({"probabilities": {"food": float("inf")}}, "inf"),
        ({"probabilities": {"food": 1.2, "health": -0.2}}, "-0.2"),
        ({"probabilities": {"food": 0.6, "health": 0.3}}, "sum to 0.9"),
        ({"probabilities": {"food": "much"}}, "no number"),
        ({"probabilities": {"": 1.0}}, "a label"),
        ({"probabilities": {}}, "probabilities is {}"),
        ({"probabilities": {"fodo": 1.0}}, "'fodo' is not a label"),
        ({"at": datetime(2020, 1, 20)}, "without a time zone"),  # noqa: DTZ001 - that is the mistake
        ({"at": "2020-01-20"}, "not a datetime"),
        ({"text": None}, "text is a NoneType"),
        ({"user": 7}, "user is 7"),
        ({"model_version": None}, "model_version is None"),
        ({"model_version": " "}, "model_version"),
        ({"prediction_id": ""}, "prediction_id"),
    ],
)
def test_what_cannot_be_a_prediction_is_refused_with_a_hint_and_the_log_goes_on(
    tmp_path: Path, row: MakeRow, change: dict[str, Any], found: str
) -> None:
    with PredictionLog(tmp_path, labels=["food", "health"]) as log:
        with pytest.raises(BadData, match=found) as caught:
            log.record(**row(**change))
        log.record(**row())
    assert caught.value.hint
    assert len(logged(tmp_path)) == 1


def test_probabilities_may_be_rounded_like_a_float32(tmp_path: Path, row: MakeRow) -> None:
    with PredictionLog(tmp_path) as log:
        log.record(**row(probabilities={"food": 1.0004}))
    assert logged(tmp_path)[0]["confidence"] == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "nul \x00 and bell \x07\nand line",
        "\ud800 lone surrogate",
        "",
        "???",
        "كورونا فيروس",
        "🦠🍺",
        "İ" * 3000,
    ],
    ids=["long", "control", "surrogate", "empty", "punctuation", "arabic", "emoji", "folds longer"],
)
def test_any_text_is_kept_and_read_again(tmp_path: Path, row: MakeRow, text: str) -> None:
    with PredictionLog(tmp_path) as log:
        assert log.record_many([row(text=text), row()]) == []
    stored = {r["query"]: r for r in logged(tmp_path)}
    kept = normalise(text.encode(errors="replace").decode())
    assert set(stored) == {kept, "corona beer"}
    assert len(stored[kept]["text"]) <= LONGEST_QUERY
    assert build(tmp_path).profile(DAY, DAY).predictions == 2


def test_a_thousand_rows_cost_little(tmp_path: Path, row: MakeRow) -> None:
    rows = [row(text=f"query number {i}") for i in range(1_000)]
    with PredictionLog(tmp_path) as log:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            log.record_many(rows)
            seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1
