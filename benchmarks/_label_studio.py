"""A Label Studio for measurements, what is put into it, and a network that fails."""

import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from connectors.annotation.label_studio import LabelStudio, build
from console.stack import Stack, servers
from kempelen.records import Briefing, LabelRequest, Purpose

LABELS = ("food_and_drink", "health", "news", "travel")
AT_ONCE = 2
"""Annotations sent at once: more are no faster on SQLite."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A server, and a client that speaks as its administrator."""

    url: str
    token: str
    http: httpx.Client
    locks: Path

    def connector(self, **params: Any) -> LabelStudio:
        """Ours, with its usual settings."""
        return build(self.url, self.token, lock_folder=self.locks, **params)

    def tasks(self, address: str) -> list[int]:
        """The numbers of a project's first thousand items, by the address where people label them."""
        wanted: dict[str, str | int] = {
            "project": project_of(address),
            "fields": "task_only",
            "include": "id",
            "page_size": 1_000,
        }
        return [task["id"] for task in self.http.get("/api/tasks", params=wanted).raise_for_status().json()["tasks"]]

    def answer(self, tasks: Sequence[int], network: httpx.BaseTransport | None = None) -> None:
        """One answer to each item, as the page sends it: again under the same key until it is acknowledged."""
        headers = {"Authorization": self.http.headers["Authorization"]}
        with (
            httpx.Client(base_url=self.url, headers=headers, timeout=60, transport=network) as page,
            ThreadPoolExecutor(AT_ONCE) as threads,
        ):
            list(threads.map(lambda task: _send(page, task), tasks))

    def bare_reading(self, address: str, tasks: Sequence[int]) -> float:
        """Seconds of one request that lists these items with their answers, by Label Studio's own numbers."""
        only = {"filter": "filter:tasks:id", "operator": "in_list", "type": "List", "value": list(tasks)}
        wanted: dict[str, str | int] = {
            "project": project_of(address),
            "fields": "all",
            "include": "id,data,annotations,result,lead_time,completed_by,created_at,was_cancelled",
            "page_size": 1_000,
            "query": json.dumps({"filters": {"conjunction": "and", "items": [only]}}),
        }
        began = time.perf_counter()
        answer = self.http.get("/api/tasks", params=wanted)
        took = time.perf_counter() - began
        if answer.raise_for_status().json()["total"] != len(tasks):
            raise RuntimeError("The bare request does not find the items.")
        return took

    def answers(self, address: str) -> list[int]:
        """The numbers of all annotations of a project, as Label Studio's own export has them."""
        found = self.http.get(f"/api/projects/{project_of(address)}/export", params={"exportType": "JSON"})
        return [answer["id"] for task in found.raise_for_status().json() for answer in task["annotations"]]


class FailingNetwork(httpx.BaseTransport):
    """Loses one answer in `lost`, and delivers one change in `doubled` twice; drawn with a seed."""

    def __init__(self, rng: np.random.Generator, *, lost: int, doubled: int) -> None:
        self.faults = 0
        self._rng, self._lost, self._doubled = rng, lost, doubled
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on, once or twice, and the answer back, or not."""
        request.read()
        loses, doubles = self._rng.integers(self._lost) == 0, self._rng.integers(self._doubled) == 0
        if doubles and request.method == "POST":
            self.faults += 1
            first = self._inner.handle_request(request)
            first.read()
        response = self._inner.handle_request(request)
        response.read()
        if loses:
            self.faults += 1
            raise httpx.ReadError("the answer was lost")
        return response

    def close(self) -> None:
        """End its connections."""
        self._inner.close()


@contextmanager
def running() -> Iterator[Site]:
    """A fresh Label Studio, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="kempelen-benchmark-") as name:
        folder = Path(name)
        stack = Stack(folder / "stack", [one for one in servers.the_four() if one.name == "label-studio"])
        try:
            stack.up(_quiet)
            url, token = (addresses := stack.addresses()).label_studio_url, addresses.label_studio_token
            with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=300) as http:
                yield Site(url=url, token=token, http=http, locks=folder / "locks")
        finally:
            stack.down(_quiet)


def briefing(cycle_id: str) -> Briefing:
    """What its annotators are told."""
    return Briefing(
        cycle_id=cycle_id,
        title=cycle_id,
        asker="the benchmark",
        model="benchmark",
        use="measuring",
        contact="nobody",
        labels=LABELS,
        answers_per_item=2,
    )


def requests(cycle_id: str, first: int, count: int) -> list[LabelRequest]:
    """Items with a suggestion, numbered from `first`."""
    return [
        LabelRequest(
            cycle_id=cycle_id,
            round=1,
            item_id=f"{number:016x}",
            query=f"what is number {number} about",
            predictions=12,
            users=9,
            model_version="3",
            suggestion="health",
            confidence=0.93,
            strategy="margin",
            reason="The model hesitates between two labels.",
            purpose=Purpose.TRAINING,
            inclusion_probability=0.5,
            audit_probability=0.1,
        )
        for number in range(first, first + count)
    ]


def project_of(address: str) -> int:
    """The number of the project at an address where people label."""
    return int(address.partition("/projects/")[2].partition("/")[0])


def _send(page: httpx.Client, task: int) -> None:
    region = {"from_name": "label", "to_name": "query", "type": "choices", "value": {"choices": ["health"]}}
    body = {"result": [region], "lead_time": 5.0, "unique_id": str(uuid.uuid4())}
    for _ in range(20):
        try:
            answer = page.post(f"/api/tasks/{task}/annotations", json=body)
        except httpx.HTTPError:
            continue
        if answer.status_code in {httpx.codes.CREATED, httpx.codes.CONFLICT}:
            return
    raise RuntimeError(f"Item {task} cannot be answered.")


@contextmanager
def _quiet(_message: str) -> Iterator[None]:
    yield
