"""A Label Studio for these tests, and requests to put before its annotators."""

import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.annotation import label_studio as connector_file
from console.stack import Stack
from console.stack.files import credentials
from kempelen import text
from kempelen.records import Briefing, LabelRequest, Purpose, Queue

PASSWORD = "correct-horse-battery-7"  # noqa: S105 - of people who live for a minute
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

    def project(self, cycle_id: str, queue: Queue = Queue.ANNOTATORS) -> int:
        """The oldest project of the cycle."""
        found = self.http.get("/api/projects/", params={"ordering": "id", "page_size": 1000}).json()["results"]
        key = connector_file.key_line(cycle_id, queue)
        return next(each["id"] for each in found if each["description"].split("\n")[0] == key)

    def tasks(self, cycle_id: str, queue: Queue = Queue.ANNOTATORS) -> list[dict[str, Any]]:
        """The items of the cycle as Label Studio has them, in its own order."""
        wanted = {"project": self.project(cycle_id, queue), "fields": "all", "page_size": 1000}
        return self.http.get("/api/tasks", params=wanted).raise_for_status().json()["tasks"]

    def annotate(self, task_id: int, label: str, by: httpx.Client | None = None, **more: Any) -> Mapping[str, Any]:
        """Answer as an annotator's page does; as the administrator, unless it is said by whom."""
        region = {"from_name": "label", "to_name": "query", "type": "choices", "value": {"choices": [label]}}
        body = {"result": [region], "lead_time": 5.0, **more}
        return (by or self.http).post(f"/api/tasks/{task_id}/annotations", json=body).raise_for_status().json()

    def next_for(self, person: httpx.Client, cycle_id: str, queue: Queue = Queue.ANNOTATORS) -> str | None:
        """The query that "Label All Tasks" would give the person next; None when the queue is empty.

        This is the request that the page sends, and it reserves the item for the person.
        """
        wanted = {"id": "next_task", "project": self.project(cycle_id, queue)}
        answer = person.post("/api/dm/actions", params=wanted, json={})
        return None if answer.status_code == HTTPStatus.NOT_FOUND else answer.raise_for_status().json()["data"]["query"]


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


class Network(httpx.BaseTransport):
    """A network that can lose the answer to an import, or deliver the import itself late, twice or never."""

    def __init__(self, *, answer_lost: bool = False, delivery: str = "now") -> None:
        self.imports = 0
        self.sent: list[str] = []
        self.held: list[httpx.Request] = []
        self._answer_lost, self._delivery = answer_lost, delivery
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(f"{request.method} {request.url.path}")
        if request.method != "POST" or not request.url.path.endswith("/import"):
            return self._inner.handle_request(request)
        self.imports += 1
        if self._delivery != "now":
            self.held.append(httpx.Request("POST", request.url, headers=request.headers, content=request.read()))
        if self._delivery == "twice":
            self.deliver()
        elif self._delivery != "now":
            if self._delivery == "late":
                threading.Timer(0.5, self.deliver).start()
            raise httpx.ReadTimeout("no answer")
        response = self._inner.handle_request(request)
        response.read()
        if self._answer_lost:
            raise httpx.ReadError("the answer was lost")
        return response

    def deliver(self) -> None:
        while self.held:
            response = self._inner.handle_request(self.held.pop())
            assert response.read()
            assert response.status_code == 201

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def network() -> Iterator[Callable[..., Network]]:
    made: list[Network] = []

    def make(**habits: Any) -> Network:
        made.append(Network(**habits))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def person(label_studio: Running) -> Iterator[Callable[[str], httpx.Client]]:
    """People who came by invitation, each by name made once: `person("ada")` speaks as ada@example.org."""
    made: dict[str, httpx.Client] = {}

    def somebody(name: str) -> httpx.Client:
        if name not in made:
            made[name] = _signed_up(label_studio, f"{name}@example.org")
        return made[name]

    yield somebody
    for client in made.values():
        client.close()


@pytest.fixture(scope="session")
def password() -> str:
    """Of everybody who came by invitation."""
    return PASSWORD


def _signed_up(label_studio: Running, email: str) -> httpx.Client:
    form = {"email": email, "password": PASSWORD, "allow_newsletters": "false"}
    with httpx.Client(base_url=label_studio.url, timeout=60) as browser:
        page = browser.get(label_studio.connector().invitation()).raise_for_status()
        form["csrfmiddlewaretoken"] = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        sent = browser.post(page.url, data=form, headers={"Referer": str(page.url)})
        assert sent.status_code == HTTPStatus.FOUND
        token = browser.get("/api/current-user/token").raise_for_status().json()["token"]
    return httpx.Client(base_url=label_studio.url, headers={"Authorization": f"Token {token}"}, timeout=60)


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
        pay="An hour is paid $18.50.",
        data_handling="Your answers are kept under a pseudonym.",
        hazards=("violence", "self_harm"),
        known_answers=True,
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
