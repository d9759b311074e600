"""Anybody may delete anything in Label Studio's Community edition: it is noticed, mended, and costs nobody anything."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.annotation import _collecting
from kempelen import text
from kempelen.records import Queue

QUERIES = ("corona", "corona virus", "corona extra", "is corona dangerous", "lime")


def ids(*queries: str) -> list[str]:
    return [text.item_id(query) for query in queries]


@pytest.fixture(autouse=True)
def look_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """None: else all that a test does lies within the two minutes that are read again."""
    monkeypatch.setattr(_collecting, "LOOK_BACK", timedelta(0))


def test_a_deleted_project_is_noticed_made_again_and_its_answers_are_not_taken_for_taken_back(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask(*QUERIES))
    label_studio.annotate(label_studio.tasks(cycle_id)[0]["id"], "health")
    before = connector.collect(cycle_id)
    old = label_studio.project(cycle_id)
    person("ada").delete(f"/api/projects/{old}/").raise_for_status()

    noticed = connector.collect(cycle_id, before.cursor)
    assert (noticed.annotations, noticed.read) == ((), frozenset())
    assert [f"deleted project {old}" in problem.message for problem in noticed.problems] == [True, False]
    assert all(problem.hint for problem in noticed.problems)
    assert connector.items(cycle_id) == []

    still_open = ask(*QUERIES[:3])
    assert connector.submit(briefing, still_open) == 3
    label_studio.annotate(label_studio.tasks(cycle_id)[0]["id"], "news", by=person("ada"))
    after = connector.collect(cycle_id, noticed.cursor)
    assert [each.label for each in after.annotations] == ["news"]
    assert after.read == frozenset()  # it would say that the first answer was taken back
    assert after.problems == ()


def test_a_project_without_answers_that_was_deleted_raises_no_doubt(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    before = connector.collect(briefing.cycle_id)
    label_studio.http.delete(f"/api/projects/{label_studio.project(briefing.cycle_id)}/").raise_for_status()
    connector.submit(briefing, ask("corona"))
    after = connector.collect(briefing.cycle_id, before.cursor)
    assert after.read == frozenset(ids("corona"))
    assert len(after.problems) == 1


@pytest.mark.parametrize("readings_before_it_is_mended", [1, 0])
def test_deleted_items_are_noticed_and_come_back_and_keep_what_was_recorded(
    label_studio: Any, briefing: Any, ask: Any, person: Any, readings_before_it_is_mended: int
) -> None:
    """SQLite gives the number of the newest item to the next one: it must not pass for the old one."""
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask(*QUERIES))
    tasks = label_studio.tasks(cycle_id)
    for task in (tasks[0], tasks[-1]):
        label_studio.annotate(task["id"], "health")
    before = connector.collect(cycle_id)
    for task in tasks[-2:]:
        person("ada").delete(f"/api/tasks/{task['id']}/").raise_for_status()
    collections = [connector.collect(cycle_id, before.cursor) for _ in range(readings_before_it_is_mended)]
    assert connector.submit(briefing, ask(*QUERIES)) == 2
    assert sorted(connector.items(cycle_id)) == sorted(ids(*QUERIES))
    label_studio.annotate(label_studio.tasks(cycle_id)[-1]["id"], "news", by=person("ada"))
    label_studio.annotate(tasks[0]["id"], "news", by=person("ada"))
    cursor = collections[-1].cursor if collections else before.cursor
    collections.append(connector.collect(cycle_id, cursor))

    messages = [problem.message for each in collections for problem in each.problems]
    assert [message.startswith("2 items are gone from project") for message in messages] == [True]
    assert sorted(each.label for each in collections[-1].annotations) == ["health", "news", "news"]
    assert collections[-1].read == frozenset(ids("corona"))
    assert len(connector.collect(cycle_id).annotations) == 3


@pytest.mark.parametrize("asked_about_it", [1, 3])  # when it looks what changed, and when it reads the answers
def test_a_project_that_vanishes_while_it_is_read_loses_nothing_of_the_others(
    label_studio: Any, briefing: Any, ask: Any, person: Any, asked_about_it: int
) -> None:
    experts = replace(briefing, queue=Queue.EXPERTS)
    label_studio.connector().submit(briefing, ask("corona"))
    label_studio.connector().submit(experts, ask("corona"))
    for queue in Queue:
        label_studio.annotate(label_studio.tasks(briefing.cycle_id, queue)[0]["id"], "health", by=person("ada"))
    doomed = label_studio.project(briefing.cycle_id, Queue.EXPERTS)

    class Vanishing(httpx.HTTPTransport):
        left = asked_about_it

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.params.get("project") == str(doomed):
                self.left -= 1
                if self.left == 0:
                    label_studio.http.delete(f"/api/projects/{doomed}/").raise_for_status()
            return super().handle_request(request)

    before = label_studio.connector().collect(briefing.cycle_id)
    assert len(before.annotations) == 2
    with Vanishing() as wire:
        found = label_studio.connector(transport=wire).collect(briefing.cycle_id, None)
    assert [each.label for each in found.annotations] == ["health"]
    later = label_studio.connector().collect(briefing.cycle_id, before.cursor)
    assert [f"deleted project {doomed}" in problem.message for problem in later.problems] == [True]


def test_items_that_arrive_while_a_project_is_read_do_not_make_others_seem_gone(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector, arriving = label_studio.connector(), iter(("beer", "virus", "lemon", "news"))
    connector.submit(briefing, ask("corona"))
    cursor = connector.collect(briefing.cycle_id).cursor

    class Busy(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/tasks/"):
                connector.submit(briefing, ask(*(query for query in (next(arriving, None),) if query)))
            return super().handle_request(request)

    with Busy() as wire:
        for _ in range(2):
            collection = label_studio.connector(transport=wire).collect(briefing.cycle_id, cursor)
            assert collection.problems == ()
            cursor = collection.cursor
    assert connector.collect(briefing.cycle_id, cursor).problems == ()
    assert len(connector.items(briefing.cycle_id)) == 5


def test_an_account_that_was_deleted_is_noticed_and_its_answers_stay(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, leaving = label_studio.connector(), person(f"leaving-{briefing.cycle_id[-2:]}")
    connector.submit(briefing, ask("corona", "lime"))
    first, second = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(first["id"], "health", by=leaving)
    before = connector.collect(briefing.cycle_id)
    label_studio.annotate(second["id"], "news", by=leaving)
    user = leaving.get("/api/current-user/whoami").json()["id"]
    label_studio.http.delete(f"/api/users/{user}/").raise_for_status()

    after = connector.collect(briefing.cycle_id, before.cursor)
    [annotation] = after.annotations
    assert (annotation.label, annotation.annotator, annotation.lead_time_s) == ("news", "label-studio:unknown", 5.0)
    [account, nobody] = after.problems
    assert f"label-studio:{user} was deleted" in account.message
    assert "does not say who answered" in nobody.message
    assert connector.collect(briefing.cycle_id, after.cursor).problems == ()
