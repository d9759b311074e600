"""Days of traffic in memory: counted as the log's reader counts them, and tested as anybody would by hand."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks import _days, _fixed_n
from benchmarks._days import Answers, Day
from connectors.prediction_log import _rows
from connectors.prediction_log.parquet import ParquetPredictions
from kempelen.profile import Profile
from kempelen.records import Prediction

FIRST = date(2026, 1, 1)
LABELS = ("beer", "virus")


@pytest.fixture
def answers() -> Answers:
    return Answers(
        queries=("corona", "corona news today", "lager", "news"),
        labels=LABELS,
        probabilities=np.array([[0.9, 0.1], [0.4, 0.6], [0.75, 0.25], [0.5, 0.5]]),
        truth=np.array([0, 1, 0, 1]),
    )


def _made(answers: Answers, days: int, seed: int = 1) -> list[Day]:
    rng = np.random.default_rng(seed)
    return [
        _days.day_of(
            FIRST + timedelta(days=n), rng.integers(0, len(answers.queries), 40), rng.integers(1, 5, 40), answers, rng
        )
        for n in range(days)
    ]


def _logged(folder: Path, days: list[Day], answers: Answers) -> Profile:
    """The profile that the reader makes of the same predictions, written to a log as the service writes them."""
    for day in days:
        predictions = [
            Prediction(
                prediction_id=f"{day.day}-{n}",
                at=datetime.combine(day.day, time(), tzinfo=UTC),
                text=answers.queries[place],
                model_version="1",
                probabilities=dict(zip(LABELS, answers.probabilities[place].tolist(), strict=True)),
                user=str(n),
            )
            for n, place in enumerate(day.asked)
        ]
        table = _rows.to_table(predictions)
        bits = table.schema.get_field_index("user_bit")
        where = folder / f"date={day.day}"
        where.mkdir()
        parquet.write_table(table.set_column(bits, "user_bit", pa.array(day.user_bits)), where / "part-0.parquet")
    return ParquetPredictions(folder).profile(days[0].day, days[-1].day)


def test_a_profile_counts_as_the_reader_of_the_log_does(tmp_path: Path, answers: Answers) -> None:
    days = _made(answers, 3)
    ours, logged = _days.profile(days), _logged(tmp_path, days, answers)
    assert (ours.days, ours.labels, ours.terms) == (logged.days, logged.labels, logged.terms)
    for name in ("confidence", "row_day", "row_term", "row_label", "row_predictions", "row_users", "fold", "folded"):
        assert np.array_equal(getattr(ours, name), getattr(logged, name)), name
    # The reader adds confidences in steps of a millionth.
    assert ours.row_confidence == pytest.approx(logged.row_confidence, abs=1e-6 * max(logged.row_predictions))


def test_a_day_asks_each_query_as_often_as_people_ask_it(answers: Answers) -> None:
    day = _days.day_of(FIRST, np.array([0, 2]), np.array([3, 1]), answers, np.random.default_rng(1))
    assert day.asked.tolist() == [0, 0, 0, 2]
    assert {one.query for one in day.sample} == {"corona"}, "a query of one person is not shown"


def test_peers_are_given_the_rows_that_we_profile(tmp_path: Path, answers: Answers) -> None:
    days = _made(answers, 3)
    scene = _days.Scene(reference=tuple(days[:2]), live=tuple(days[2:]), answers=answers)
    _days.write([scene, scene], tmp_path / "rows.parquet")
    rows = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert len(rows) == 2 * sum(len(day.asked) for day in days)
    live = [row for row in rows if row["run"] == 1 and row["live"]]
    assert [row["text"] for row in live] == [answers.queries[place] for place in days[2].asked]
    by_query = dict(zip(answers.queries, answers.truth, strict=True))
    assert all(row["truth"] == LABELS[by_query[row["text"]]] for row in rows)
    assert all(row["confidence"] == max(row["p_beer"], row["p_virus"]) for row in rows)


def test_the_fixed_tests_hold_their_level_when_every_query_has_one_user(answers: Answers) -> None:
    rng = np.random.default_rng(3)
    sizes = 200
    days = [
        _days.day_of(FIRST + timedelta(days=n), rng.integers(0, 4, sizes), np.ones(sizes, dtype=int), answers, rng)
        for n in range(220)
    ]
    scene = _days.Scene(reference=tuple(days[:100]), live=tuple(days[100:]), answers=answers)
    looks, alpha = len(scene.live), _fixed_n.LEVEL
    limit = alpha * looks + 3 * (looks * alpha * (1 - alpha)) ** 0.5
    assert all(len(alarms) <= limit for alarms in _fixed_n.verdicts(scene).values())


def test_the_fixed_tests_see_a_plain_change(answers: Answers) -> None:
    rng = np.random.default_rng(4)
    ones = np.ones(300, dtype=int)
    before = [_days.day_of(FIRST + timedelta(days=n), rng.integers(0, 4, 300), ones, answers, rng) for n in range(5)]
    after = _days.day_of(FIRST + timedelta(days=5), rng.integers(1, 2, 300), ones, answers, rng)
    found = _fixed_n.verdicts(_days.Scene(reference=tuple(before), live=(after,), answers=answers))
    assert all(list(alarms) == [after.day] for alarms in found.values())
