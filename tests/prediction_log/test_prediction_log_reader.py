"""The reader counts what was logged, in the engine, exactly as plain Python would."""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from connectors.prediction_log._users import hasher
from connectors.prediction_log.parquet import build
from kempelen import PredictionLog
from kempelen.errors import BadData, NotEnoughData
from kempelen.profile import CONFIDENCE_BINS, Profile, user_bit, users_at_least
from kempelen.records import Showable
from kempelen.text import item_id, normalise, terms

MakeRow = Callable[..., dict[str, Any]]
DAY = date(2020, 1, 20)
NEXT = date(2020, 1, 21)
LATER = datetime(2020, 1, 20, 18, tzinfo=UTC)


def write(folder: Path, *rows: dict[str, Any]) -> None:
    with PredictionLog(folder) as log:
        assert log.record_many(rows) == []


def test_days_are_those_with_predictions_oldest_first(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(at=LATER + timedelta(days=3)), row())
    assert build(tmp_path).days() == [DAY, date(2020, 1, 23)]
    assert build(tmp_path / "nowhere").days() == []


def test_a_profile_counts_labels_confidence_and_words(tmp_path: Path, row: MakeRow) -> None:
    write(
        tmp_path,
        row(),
        row(text="corona virus corona", probabilities={"food": 0.4, "health": 0.6}),
        row(text="weather", probabilities={"news": 1.0}, at=LATER + timedelta(days=1)),
    )
    profile = build(tmp_path).profile(DAY, NEXT)
    assert (profile.days, profile.labels) == ((DAY, NEXT), ("food", "health", "news"))
    assert profile.by_day.tolist() == [2, 1]
    assert profile.by_label.tolist() == [[1, 0], [1, 0], [0, 1]]
    day, label, bin_ = np.nonzero(profile.confidence)
    assert list(zip(day, label, bin_, strict=True)) == [(0, 0, 15), (0, 1, 12), (1, 2, CONFIDENCE_BINS - 1)]
    assert profile.terms == ("beer", "corona", "virus", "weather")
    corona = profile.term("corona")
    assert corona.labels == {"food": 1, "health": 1}
    assert corona.confidence == pytest.approx(1.35 / 2)
    assert users_at_least(corona.users) == 1


def test_a_profile_can_be_that_of_one_version(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(model_version="2"), row(model_version="2"))
    assert build(tmp_path).profile(DAY, DAY, "2").predictions == 2


def test_a_window_without_predictions_is_an_error(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    for ask in (
        lambda: build(tmp_path).profile(NEXT, NEXT),
        lambda: build(tmp_path).candidates(NEXT, NEXT, min_users=1),
        lambda: build(tmp_path / "nowhere").profile(DAY, DAY),
    ):
        with pytest.raises(NotEnoughData, match="no prediction") as caught:
            ask()
        assert "PredictionLog" in caught.value.hint


def test_an_id_logged_again_counts_once_at_its_first_moment(tmp_path: Path, row: MakeRow) -> None:
    same = row(prediction_id="same")
    write(tmp_path, row(), same, same)
    write(tmp_path, same | {"at": LATER, "probabilities": {"news": 1.0}})
    write(tmp_path, same | {"at": LATER + timedelta(days=1)})
    profile = build(tmp_path).profile(DAY, NEXT)
    assert profile.predictions == 2
    assert profile.labels == ("food",)
    (candidate,) = build(tmp_path).candidates(DAY, NEXT, min_users=1).candidates
    assert candidate.predictions == 2


def test_candidates_are_distinct_queries_that_enough_people_asked(tmp_path: Path, row: MakeRow) -> None:
    write(
        tmp_path,
        row(user="ada"),
        row(text="CORONA  beer!", user="bob", at=LATER, model_version="2", probabilities={"health": 0.9, "food": 0.1}),
        row(user="ada"),
        row(text="my secret", user="ada"),
        row(text="my secret", user="ada"),
        row(text="???", user="ada"),
        row(text="!!!", user="bob"),
    )
    showable = build(tmp_path).candidates(DAY, DAY, min_users=2)
    (candidate,) = showable.candidates
    assert (candidate.item_id, candidate.query) == (item_id("corona beer"), "corona beer")
    assert (candidate.predictions, candidate.users) == (3, 2)
    assert (candidate.model_version, candidate.probabilities) == ("2", {"health": 0.9, "food": 0.1})
    # The secret of one person; the query of which nothing is left is no query.
    assert (showable.held_back, showable.held_back_predictions) == (1, 2)


def test_days_are_those_in_utc_on_which_the_query_was_asked(tmp_path: Path, row: MakeRow) -> None:
    evening_in_new_york = datetime(2020, 1, 20, 20, tzinfo=timezone(timedelta(hours=-5)))
    moments = [LATER, LATER + timedelta(hours=1), evening_in_new_york, LATER + timedelta(days=2)]
    write(tmp_path, *(row(user="ada", at=at) for at in moments), row(text="weather", user="ada", at=LATER))
    reader = build(tmp_path)
    found = {c.query: c.days for c in reader.candidates(DAY, date(2020, 1, 22), min_users=1).candidates}
    assert found == {"corona beer": 3, "weather": 1}
    assert reader.candidates(NEXT, NEXT, min_users=1).candidates[0].days == 1


def test_a_window_of_queries_without_a_word_has_nothing_to_show(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(text="???", user="ada"), row(text="!", user="bob"))
    showable = build(tmp_path).candidates(DAY, DAY, min_users=1)
    assert showable == Showable(candidates=(), held_back=0, held_back_predictions=0)


def test_candidates_come_sorted_by_item_id(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, *(row(text=f"query {i}") for i in range(50)))
    showable = build(tmp_path).candidates(DAY, DAY, min_users=1)
    assert [c.item_id for c in showable.candidates] == sorted(item_id(f"query {i}") for i in range(50))
    assert (showable.held_back, showable.held_back_predictions) == (0, 0)


def test_at_the_same_moment_the_larger_id_is_the_latest(tmp_path: Path, row: MakeRow) -> None:
    for order in (1, -1):
        folder = tmp_path / str(order)
        write(folder, *[row(prediction_id=i, model_version=i) for i in ("a", "b", "c")][::order])
        (candidate,) = build(folder).candidates(DAY, DAY, min_users=1).candidates
        assert candidate.model_version == "c"


def damage(folder: Path, day: date, content: Callable[[bytes], bytes]) -> Path:
    (file,) = (folder / f"date={day}").glob("part-*.parquet")
    file.write_bytes(content(file.read_bytes()))
    return file


@pytest.mark.parametrize(
    "content",
    [lambda b: b[:-20], lambda b: b[:100], lambda _: b"", lambda _: b"nonsense"],
    ids=["tail", "head", "empty", "other"],
)
def test_a_file_that_cannot_be_read_is_named_and_not_skipped(
    tmp_path: Path, row: MakeRow, content: Callable[[bytes], bytes]
) -> None:
    write(tmp_path, row())
    write(tmp_path / "other", row())
    file = damage(tmp_path, DAY, content)
    write(tmp_path, row())
    for ask in (build(tmp_path).profile, lambda a, b: build(tmp_path).candidates(a, b, min_users=1)):
        with pytest.raises(BadData, match=file.name) as caught:
            ask(DAY, DAY)
        assert "move it away" in caught.value.hint


def test_a_foreign_table_is_named_with_what_it_lacks(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    parquet.write_table(pa.table({"text": ["x"]}), tmp_path / f"date={DAY}" / "part-foreign.parquet")
    with pytest.raises(BadData, match=r"part-foreign\.parquet"):
        build(tmp_path).profile(DAY, DAY)


def test_only_the_files_of_the_window_are_opened(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row(), row(at=LATER + timedelta(days=1)))
    damage(tmp_path, NEXT, lambda _: b"")
    assert build(tmp_path).profile(DAY, DAY).predictions == 1


def test_a_folder_that_is_no_day_is_an_error(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    (tmp_path / "date=yesterday").mkdir()
    (tmp_path / "date=yesterday" / "part-x.parquet").touch()
    with pytest.raises(BadData, match="date=yesterday"):
        build(tmp_path).days()


def test_files_under_way_are_not_read(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, row())
    (tmp_path / f"date={DAY}" / ".part-x.parquet.tmp").write_bytes(b"half")
    assert build(tmp_path).profile(DAY, DAY).predictions == 1


def test_days_merged_are_the_profile_of_the_window(tmp_path: Path, row: MakeRow) -> None:
    write(tmp_path, *(row(text=f"corona {i}", at=LATER + timedelta(hours=3 * i)) for i in range(8)))
    reader = build(tmp_path)
    merged = reader.profile(NEXT, NEXT).merge(reader.profile(DAY, DAY))
    assert merged == reader.profile(DAY, NEXT)


texts = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["corona", "Corona's", "virus", "كورونا", "मौसम", "ビール", "🦠", "\u200f", "\x00", "i̇", "²"]),
        max_size=6,
    ).map(" ".join),
)
predictions = st.tuples(
    texts,
    st.lists(st.floats(0.001, 1), min_size=1, max_size=4),
    st.sampled_from(["ada", "bob", "eve"]),
    st.integers(0, 3 * 86_400 - 1),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(predictions, min_size=1, max_size=25))
def test_a_profile_equals_a_count_in_plain_python(logged: list[tuple[str, list[float], str, int]]) -> None:
    start = datetime(2020, 1, 20, tzinfo=UTC)
    rows = [
        {
            "text": text,
            "probabilities": {f"label {i}": p / sum(weights) for i, p in enumerate(weights)},
            "user": user,
            "at": start + timedelta(seconds=second),
            "model_version": "1",
        }
        for text, weights, user, second in logged
    ]
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), *rows)
        user_hash = hasher(Path(folder))
        profile = build(folder).profile(DAY, date(2020, 1, 22))
        showable = build(folder).candidates(DAY, date(2020, 1, 22), min_users=2)
    bins: Counter[tuple[date, str, int]] = Counter()
    words: dict[tuple[date, str, str], list[Any]] = {}
    asked, users, on_days = Counter[str](), defaultdict(set), defaultdict(set)
    for row in rows:
        day, query = row["at"].date(), normalise(row["text"])
        label = max(row["probabilities"], key=row["probabilities"].__getitem__)
        confidence = min(row["probabilities"][label], 1.0)
        bins[day, label, min(int(confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)] += 1
        asked[query] += 1
        users[query].add(row["user"])
        on_days[query].add(day)
        for term in terms(query):
            count = words.setdefault((day, term, label), [0, 0.0, 0])
            count[0] += 1
            count[1] += round(confidence, 6)
            count[2] |= user_bit(user_hash(row["user"]))
    days = {day for day, _, _ in bins}
    expected = Profile.of_tables(
        days=days, confidence=bins, fold={}, folded={}, rows=[(*key, *count) for key, count in words.items()]
    )
    assert replace(profile, sample=()) == expected
    shown = {q for q, u in users.items() if len(u) >= 2 and q}
    assert {c.query: (c.predictions, c.users, c.days) for c in showable.candidates} == {
        q: (asked[q], len(users[q]), len(on_days[q])) for q in shown
    }
    held_back = set(users) - shown - {""}
    assert showable.held_back == len(held_back)
    assert showable.held_back_predictions == sum(asked[q] for q in held_back)
