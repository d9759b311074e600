"""Corrections by users are counted once each, their seconds declared or unknown, and of a query only a hash stays."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from cycle.feedback import Corrections, Feedback
from kempelen.clock import SimulatedClock
from kempelen.errors import BadData
from kempelen.records import Kind, Provenance
from kempelen.settings import Settings
from ledger.database import open_engine
from ledger.store import Ledger
from ledger.units import Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


def feedback_in(tmp_path: Path, **declared: object) -> Feedback:
    engine = open_engine(tmp_path / "books.db")
    settings = Settings.model_validate(
        {
            "model": {"name": "queries", "labels": ("food", "health")},
            "training": {"base": tmp_path / "base.csv"},
            "feedback": declared,
        }
    )
    return Feedback(
        settings=settings,
        corrections=Corrections(engine),
        ledger=Ledger(engine),
        version=lambda: "3",
        clock=SimulatedClock(NOON),
    )


def test_a_correction_is_one_event_of_declared_length(tmp_path: Path) -> None:
    feedback = feedback_in(tmp_path, seconds_low="2", seconds_high="20.5")
    feedback.record("Corona symptoms?", "health", event_id="e1", source="search app")
    (entry,) = feedback.ledger.entries(model="queries")
    assert (entry.kind, entry.provenance, entry.giver, entry.receiver) == (
        Kind.FEEDBACK,
        Provenance.DECLARED,
        "declared:search app",
        "model_version:queries/3",
    )
    assert entry.amounts == {Unit.EVENTS: 1, Unit.S_LOW: Decimal(2), Unit.S_HIGH: Decimal("20.5")}
    assert entry.person is None


def test_without_a_declared_range_its_seconds_are_unknown_not_zero(tmp_path: Path) -> None:
    feedback = feedback_in(tmp_path)
    feedback.record("corona", "health", event_id="e1")
    (entry,) = feedback.ledger.entries(model="queries")
    assert entry.provenance is Provenance.UNKNOWN
    assert entry.amounts == {Unit.EVENTS: 1}


def test_an_event_that_is_told_twice_counts_once_and_the_first_stands(tmp_path: Path) -> None:
    feedback = feedback_in(tmp_path)
    feedback.record("corona", "health", event_id="e1")
    again = feedback.record("corona", "food", event_id="e1", version="2")
    assert (again.label, again.version) == ("health", "3")
    assert len(feedback.ledger.entries(model="queries")) == 1
    feedback.record("corona", "food", event_id="e1", source="another app")
    assert len(feedback.ledger.entries(model="queries")) == 2


def test_what_a_kill_left_unbooked_is_booked_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feedback = feedback_in(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "book", killed)
        with pytest.raises(KeyboardInterrupt):
            feedback.record("corona", "health", event_id="e1")
    assert feedback.ledger.entries(model="queries") == []
    assert feedback.book() == 1
    assert feedback.book() == 0


@pytest.mark.parametrize(
    ("query", "label", "event_id", "source", "says"),
    [
        ("corona", "beer", "e1", "users", "none of the model's labels"),
        ("corona", "", "e1", "users", "none of the model's labels"),
        (" ?", "health", "e1", "users", "query is empty"),
        ("corona", "health", "", "users", "event_id is ''"),
        ("corona", "health", "e\n1", "users", "event_id is"),
        ("corona", "health", "x" * 201, "users", "event_id is"),
        ("corona", "health", "e1", " users", "source is ' users'"),
    ],
)
def test_what_cannot_be_a_correction_is_refused_in_words(  # noqa: PLR0917 - one case a row
    tmp_path: Path, query: str, label: str, event_id: str, source: str, says: str
) -> None:
    feedback = feedback_in(tmp_path)
    with pytest.raises(BadData, match=says):
        feedback.record(query, label, event_id=event_id, source=source)
    assert feedback.corrections.of("queries") == []


def test_nothing_of_the_query_but_its_hash_is_kept(tmp_path: Path) -> None:
    feedback = feedback_in(tmp_path)
    feedback.record("my neighbour's illness", "health", event_id="e1")
    with feedback.corrections._engine.connect() as connection:  # noqa: SLF001 - the tests look behind the scenes
        rows = [str(row) for row in connection.execute(text("SELECT * FROM user_correction"))]
    assert len(rows) == 1
    assert "neighbour" not in rows[0]


def test_another_declared_range_is_for_later_events_and_breaks_nothing(tmp_path: Path) -> None:
    feedback_in(tmp_path, seconds_low="2", seconds_high="20").record("corona", "health", event_id="e1")
    later = feedback_in(tmp_path, seconds_low="3", seconds_high="30")
    later.record("corona", "health", event_id="e1")
    later.record("corona", "health", event_id="e2")
    assert later.book() == 0
    assert [entry.amounts[Unit.S_HIGH] for entry in later.ledger.entries(model="queries")] == [20, 30]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"version": "3\n4"}, "version is"),
        ({"version": "x" * 21}, "version is"),
        ({"query": "half a letter \ud800"}, "half a letter"),
        ({"event_id": "\ud800"}, "event_id is"),
        ({"label": "\ud800"}, "none of the model's labels"),
    ],
)
def test_what_could_never_be_booked_is_not_put_on_record(tmp_path: Path, facts: dict[str, str], says: str) -> None:
    feedback = feedback_in(tmp_path)
    feedback.record("corona", "health", event_id="queries/e", source="a")
    with pytest.raises(BadData, match=says):
        feedback.record(**({"query": "corona", "label": "health", "event_id": "e"} | facts))
    assert feedback.book() == 0
    assert len(feedback.corrections.of("queries")) == 1


def test_two_events_never_share_a_name(tmp_path: Path) -> None:
    feedback = feedback_in(tmp_path)
    feedback.record("corona", "health", event_id="queries/e", source="a")
    feedback.record("corona", "health", event_id="e", source="a/queries")
    assert len(feedback.ledger.entries(model="queries")) == 2
