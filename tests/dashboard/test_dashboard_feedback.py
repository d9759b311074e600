"""An application tells by HTTP that a user corrected an answer: counted once, booked at once, or refused in words."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cycle import wiring
from cycle.records import Promotion, Version
from dashboard.app import build_app
from kempelen.records import Kind
from kempelen.settings import Settings
from ledger.units import Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
EVENT = {"event_id": "e1", "query": "corona symptoms", "label": "health"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A model of two versions, the second in service, whose settings were remembered when it was wired."""
    settings = Settings.model_validate(
        {
            "model": {"name": "queries", "labels": ("food", "health")},
            "training": {"base": tmp_path / "base.csv"},
            "state": tmp_path / "state",
            "servers": {"label_studio_token": "secret-token"},
            "feedback": {"seconds_low": 2, "seconds_high": 20},
        }
    )
    store = wiring.wire(settings).store
    for sequence, version in enumerate(("1", "2"), start=1):
        store.record_version(
            Version(
                model="queries",
                version=version,
                model_type="linear",
                mlflow_run_id="run",
                trained_at=NOON,
                training_digest="d",
                examples=1,
                cycle_id=None,
                trained_on_cycles=(),
            )
        )
        promotion = Promotion(model="queries", sequence=sequence, version=version, at=NOON, cycle_id=None, note="")
        store.promote(promotion, over="1" if sequence > 1 else None)
    return settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build_app(settings.state), base_url="http://127.0.0.1") as client:
        yield client


def booked(settings: Settings) -> list[Any]:
    return wiring.books(settings.state)[1].entries(model="queries")


def test_a_correction_is_booked_for_the_version_in_service_by_the_declared_range(
    client: TestClient, settings: Settings
) -> None:
    answer = client.post("/api/feedback/queries", json=EVENT)
    assert (answer.status_code, answer.json()) == (201, {"event_id": "e1", "version": "2", "label": "health"})
    (entry,) = booked(settings)
    assert (entry.kind, entry.receiver) == (Kind.FEEDBACK, "model_version:queries/2")
    assert entry.amounts == {Unit.EVENTS: 1, Unit.S_LOW: 2, Unit.S_HIGH: 20}


def test_an_event_told_twice_counts_once(client: TestClient, settings: Settings) -> None:
    for label in ("health", "food"):
        assert client.post("/api/feedback/queries", json=EVENT | {"label": label}).json()["label"] == "health"
    assert len(booked(settings)) == 1


@pytest.mark.parametrize(
    ("model", "event", "status", "says"),
    [
        ("queries", EVENT | {"label": "beer"}, 400, "none of the model's labels"),
        ("queries", EVENT | {"query": "?"}, 400, "query is empty"),
        ("queries", EVENT | {"version": "9"}, 404, "no version 9"),
        ("unknown", EVENT, 404, "unknown"),
        ("queries", {"query": "corona"}, 422, "event_id"),
        ("queries", EVENT | {"more": 1}, 422, "more"),
        ("queries", EVENT | {"event_id": "x" * 201}, 422, "event_id"),
    ],
)
def test_what_cannot_be_a_correction_is_refused_in_words(  # noqa: PLR0917 - one case a row
    client: TestClient, settings: Settings, model: str, event: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post(f"/api/feedback/{model}", json=event)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert booked(settings) == []


def test_a_page_elsewhere_cannot_send_a_correction_as_a_plain_form(client: TestClient, settings: Settings) -> None:
    answer = client.post("/api/feedback/queries", content='{"event_id": "e"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert booked(settings) == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}],
)
def test_a_page_elsewhere_cannot_send_a_correction_at_all(
    client: TestClient, settings: Settings, headers: dict[str, str]
) -> None:
    assert client.post("/api/feedback/queries", json=EVENT, headers=headers).status_code == 403
    assert booked(settings) == []


def test_a_body_without_end_is_refused_before_it_is_held(client: TestClient, settings: Settings) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'{"query": "'
        while sent < 50:
            sent += 1
            yield b"a" * 1_000_000

    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/feedback/queries", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "longer than 2000000 bytes" in answer.text
    assert booked(settings) == []


@pytest.mark.parametrize("where", ["event_id", "query", "label", "version", "source", "more\ud800"])
def test_half_a_letter_anywhere_is_refused_in_words_and_what_was_asked_is_not_repeated(
    client: TestClient, settings: Settings, where: str
) -> None:
    body = json.dumps(EVENT | {where: "secret \ud800"}).encode()
    answer = client.post("/api/feedback/queries", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "secret" not in answer.text
    assert booked(settings) == []


def test_the_settings_that_are_remembered_hold_no_secret(settings: Settings) -> None:
    store, _ = wiring.books(settings.state)
    assert "secret-token" not in (store.settings("queries") or "")
    remembered = wiring.remembered(store, "queries")
    assert remembered is not None
    assert remembered.feedback == settings.feedback
