"""A Label Studio for these tests, and requests to put before its annotators."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.annotation import label_studio as connector_file
from console.stack import Stack
from console.stack.files import credentials
from kempelen import text
from kempelen.records import Briefing, LabelRequest, Purpose

LABELS = ("food_and_drink", "health", "news", "travel")

_cycles = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A Label Studio that runs, and a client that speaks as its administrator."""

    url: str
    token: str
    email: str
    password: str
    http: httpx.Client
    locks: Path

    def connector(self, **params: Any) -> connector_file.LabelStudio:
        return connector_file.build(self.url, params.pop("token", self.token), lock_folder=self.locks, **params)

    def project(self, cycle_id: str) -> int:
        """The oldest project of the cycle."""
        found = self.http.get("/api/projects/", params={"ordering": "id", "page_size": 1000}).json()["results"]
        key = connector_file.key_line(cycle_id)
        return next(each["id"] for each in found if each["description"].split("\n")[0] == key)

    def tasks(self, cycle_id: str) -> list[dict[str, Any]]:
        """The items of the cycle as Label Studio has them, in its own order."""
        wanted = {"project": self.project(cycle_id), "fields": "all", "page_size": 1000}
        return self.http.get("/api/tasks", params=wanted).raise_for_status().json()["tasks"]

    def annotate(self, task_id: int, label: str, **more: Any) -> Mapping[str, Any]:
        region = {"from_name": "label", "to_name": "query", "type": "choices", "value": {"choices": [label]}}
        body = {"result": [region], "lead_time": 5.0, **more}
        return self.http.post(f"/api/tasks/{task_id}/annotations", json=body).raise_for_status().json()


@pytest.fixture(scope="session")
def label_studio(real_stack: tuple[Stack, float], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real thing."""
    stack, _ = real_stack
    addresses, secret = stack.addresses(), credentials(stack.credentials_file)
    url, token = addresses.label_studio_url, addresses.label_studio_token
    with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60) as http:
        yield Running(
            url=url,
            token=token,
            email=secret.label_studio_username,
            password=secret.label_studio_password,
            http=http,
            locks=tmp_path_factory.mktemp("locks"),
        )


@pytest.fixture
def briefing() -> Briefing:
    """A cycle that no other test uses."""
    return Briefing(
        cycle_id=f"queries/2020-01-{next(_cycles):02d}",
        title="Search queries, 21 January 2020",
        asker="The search team of Example Ltd",
        model="query-classifier",
        use="choosing which results stand on top",
        contact="Jane <jane@example.org>",
        labels=LABELS,
        answers_per_item=2,
    )


@pytest.fixture
def ask(briefing: Briefing) -> Callable[..., list[LabelRequest]]:
    """Requests for queries: `ask("corona", "virus", round=2)`."""

    def requests(*queries: str, **more: Any) -> list[LabelRequest]:
        usual = {
            "cycle_id": briefing.cycle_id,
            "round": 1,
            "predictions": 12,
            "users": 9,
            "model_version": "3",
            "suggestion": "food_and_drink",
            "confidence": 0.93,
            "strategy": "margin",
            "reason": "The model hesitates between two labels.",
            "purpose": Purpose.TRAINING,
            "inclusion_probability": 0.5,
            "audit_probability": 0.1,
        }
        return [LabelRequest(item_id=text.item_id(query), query=query, **{**usual, **more}) for query in queries]

    return requests
