"""Each item is put before people exactly once, whatever happens to the network and the server meanwhile."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import psutil
import pytest

from kempelen import text
from kempelen.errors import BadData, ConnectorUnavailable
from kempelen.records import Purpose

QUERIES = ("corona", "corona virus", "corona extra", "is corona dangerous", "lime")


def ids(*queries: str) -> list[str]:
    return [text.item_id(query) for query in queries]


def test_submitting_twice_asks_once(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    assert connector.submit(briefing, ask(*QUERIES)) == 5
    assert connector.submit(briefing, ask(*QUERIES)) == 0
    assert label_studio.connector().submit(briefing, ask(*reversed(QUERIES))) == 0
    assert connector.items(briefing.cycle_id) == ids(*QUERIES)


def test_a_later_round_adds_only_what_is_new_behind_what_was_there(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    assert connector.submit(briefing, ask("lime", "corona")) == 2
    assert connector.submit(briefing, ask("virus", "corona", "beer", "virus", round=2)) == 2
    assert connector.items(briefing.cycle_id) == ids("lime", "corona", "virus", "beer")


def test_an_item_shows_its_query_and_the_models_suggestion(label_studio: Any, briefing: Any, ask: Any) -> None:
    nasty = "<b>bold</b> & 'quotes' \"$query\" ünï 中文 \N{BEER MUG}"
    label_studio.connector().submit(briefing, ask(nasty))
    [task] = label_studio.tasks(briefing.cycle_id)
    assert task["data"]["query"] == nasty
    assert task["data"]["item_id"] == text.item_id(nasty)
    assert task["data"]["note"] == (
        "The model hesitates between two labels. The label that is chosen already is the model's guess."
    )
    [prediction] = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("3", 0.93)
    assert prediction["result"][0]["value"]["choices"] == ["food_and_drink"]


def test_an_import_whose_answer_is_lost_is_not_sent_again(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    lossy = network(answer_lost=True)
    assert label_studio.connector(transport=lossy).submit(briefing, ask(*QUERIES)) == 5
    assert lossy.imports == 1
    assert label_studio.connector().items(briefing.cycle_id) == ids(*QUERIES)


def test_an_import_that_is_committed_after_the_time_out_is_waited_for(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    slow = network(delivery="late")
    assert label_studio.connector(transport=slow, late_commit_s=30).submit(briefing, ask(*QUERIES)) == 5
    assert slow.imports == 1
    assert label_studio.connector().items(briefing.cycle_id) == ids(*QUERIES)


def test_an_import_that_never_arrives_is_an_error_and_the_next_call_mends_it(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    broken = network(delivery="never")
    with pytest.raises(ConnectorUnavailable, match="no answer in time"):
        label_studio.connector(transport=broken, late_commit_s=0.2).submit(briefing, ask(*QUERIES))
    assert label_studio.connector().items(briefing.cycle_id) == []
    assert label_studio.connector().submit(briefing, ask(*QUERIES)) == 5


def test_doubles_of_an_import_that_arrives_after_all_are_removed_and_begun_ones_kept(
    label_studio: Any, briefing: Any, ask: Any, network: Any, person: Any
) -> None:
    connector, broken = label_studio.connector(), network(delivery="never")
    with pytest.raises(ConnectorUnavailable):
        label_studio.connector(transport=broken, late_commit_s=0.1).submit(briefing, ask(*QUERIES))
    connector.submit(briefing, ask(*QUERIES))
    broken.deliver()
    assert len(connector.items(briefing.cycle_id)) == 10
    first, second = label_studio.tasks(briefing.cycle_id)[:5], label_studio.tasks(briefing.cycle_id)[5:]
    label_studio.annotate(second[0]["id"], "health")  # only the younger one is answered
    label_studio.annotate(first[1]["id"], "health")  # both are answered
    label_studio.annotate(second[1]["id"], "news", by=person("ada"))
    draft = {"result": [], "lead_time": 3.0}
    person("ada").post(f"/api/tasks/{second[2]['id']}/drafts", json=draft).raise_for_status()  # begun

    assert connector.submit(briefing, ask("lemon", round=2)) == 1

    kept = {task["id"] for task in label_studio.tasks(briefing.cycle_id)}
    expected = {second[0]["id"], first[1]["id"], second[1]["id"], second[2]["id"], first[3]["id"], first[4]["id"]}
    assert kept >= expected
    assert len(kept) == len(expected) + 1
    collection = connector.collect(briefing.cycle_id)
    found = Counter(each.item_id for each in collection.annotations)
    assert found == {ids("corona")[0]: 1, ids("corona virus")[0]: 2}
    assert collection.problems == ()


def test_two_that_submit_at_once_ask_once(label_studio: Any, briefing: Any, ask: Any) -> None:
    connectors = [label_studio.connector() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        new = list(threads.map(lambda connector: connector.submit(briefing, ask(*QUERIES)), connectors))
    assert sorted(new) == [0, 0, 5]
    assert connectors[0].items(briefing.cycle_id) == ids(*QUERIES)


def test_who_waits_too_long_for_another_importer_is_told(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    held = network(delivery="never")
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(label_studio.connector(transport=held, late_commit_s=2).submit, briefing, ask("corona"))
        while not held.imports:
            assert not slow.done()
        with pytest.raises(ConnectorUnavailable, match="another process is importing"):
            label_studio.connector(import_timeout_s=0.1).submit(briefing, ask("corona"))
        assert isinstance(slow.exception(), ConnectorUnavailable)


def test_portions_larger_than_one_import_keep_their_order(
    label_studio: Any, briefing: Any, ask: Any, network: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("connectors.annotation._importing.PORTION", 40)
    queries, wire = [f"query {number}" for number in range(110)], network()
    connector = label_studio.connector(transport=wire)
    assert connector.submit(briefing, ask(*queries[:20])) == 20
    assert connector.submit(briefing, ask(*queries)) == 90
    assert wire.imports == 1 + 3
    assert connector.submit(briefing, ask(*queries)) == 0
    assert connector.items(briefing.cycle_id) == ids(*queries)


def test_keys_are_looked_up_by_name_in_a_large_project(
    label_studio: Any, briefing: Any, ask: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("connectors.annotation._importing._SMALL_PROJECT", 3)
    requests = [replace(each, item_id=f"{number:016d}") for number, each in enumerate(ask(*map(str, range(40))))]
    connector = label_studio.connector()
    assert connector.submit(briefing, requests) == 40
    assert connector.submit(briefing, [requests[7], replace(requests[8], item_id="12345678901234e5")]) == 1
    assert connector.submit(briefing, [replace(requests[8], item_id="12345678901234e5")]) == 0
    assert len(connector.items(briefing.cycle_id)) == 41


def test_two_projects_of_one_cycle_are_read_together_and_the_oldest_is_filled(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    address = connector.open(briefing)
    connector._server.create_project(briefing)  # noqa: SLF001 - the answer to the first one was lost
    assert connector.open(briefing) == address
    younger = connector._server.projects(briefing.cycle_id)[1]  # noqa: SLF001
    item = {"data": {"query": "corona", "item_id": ids("corona")[0]}}
    label_studio.http.post(f"/api/projects/{younger.id}/import", json=[item]).raise_for_status()
    assert connector.submit(briefing, ask("corona", "lime")) == 1
    assert sorted(connector.items(briefing.cycle_id)) == sorted(ids("corona", "lime"))


def test_requests_of_another_cycle_are_refused_before_anything_is_sent(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    with pytest.raises(BadData, match="belongs to cycle"):
        label_studio.connector().submit(replace(briefing, cycle_id="another"), ask("corona"))
    assert label_studio.connector().items("another") == []


def test_a_blind_item_is_shown_without_the_suggestion_and_without_the_reason_for_which_it_was_drawn(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, [*ask("corona", blind=True), *ask("lime", purpose=Purpose.AUDIT)])
    blind, shown = label_studio.tasks(briefing.cycle_id)
    assert (blind["predictions"], len(shown["predictions"])) == ([], 1)
    assert blind["data"]["note"] == "The model's guess is not shown here."


def test_nothing_that_label_studio_holds_tells_a_gold_item_from_a_blind_one(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    gold = ask("corona", purpose=Purpose.GOLD, strategy="gold", reason="known answer: health", predictions=0, users=0)
    label_studio.connector().submit(briefing, [*ask("lime", blind=True), *gold])
    other, hidden = label_studio.tasks(briefing.cycle_id)
    own = {"id", "inner_id", "created_at", "updated_at", "data"}
    assert {key: hidden[key] for key in hidden.keys() - own} == {key: other[key] for key in other.keys() - own}
    assert hidden["data"] == {**other["data"], "query": "corona", "item_id": ids("corona")[0]}
    assert "gold" not in str(hidden)


def test_an_import_that_is_delivered_twice_leaves_each_item_once(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    for habits in ({"delivery": "twice"}, {"delivery": "twice", "answer_lost": True}):
        doubling = network(**habits)
        connector = label_studio.connector(transport=doubling)
        wanted = [f"{query} {doubling.imports} {habits}" for query in QUERIES]
        assert connector.submit(briefing, ask(*wanted)) == 5
        assert doubling.imports == 1
        assert connector.items(briefing.cycle_id)[-5:] == ids(*wanted)
    assert len(label_studio.connector().items(briefing.cycle_id)) == 10


@contextmanager
def quiet(_message: str) -> Iterator[None]:
    yield


class Killing(httpx.HTTPTransport):
    """Kills the server so many seconds after an import was sent."""

    def __init__(self, server: psutil.Process, after_s: float) -> None:
        super().__init__()
        self._server, self._after_s = server, after_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/import"):
            threading.Timer(self._after_s, self._server.kill).start()
        return super().handle_request(request)


def test_a_server_that_is_killed_while_it_imports_holds_each_item_once_in_the_end(
    label_studio: Any, real_stack: Any, briefing: Any, ask: Any
) -> None:
    stack, queries = real_stack[0], [f"query {number}" for number in range(300)]
    label_studio.connector().open(briefing)
    [server] = [psutil.Process(one.pid) for one in stack.status() if one.name == "label-studio"]
    with Killing(server, after_s=0.1) as wire:
        connector = label_studio.connector(transport=wire, late_commit_s=0.2)
        with pytest.raises(ConnectorUnavailable):
            connector.submit(briefing, ask(*queries))
    server.wait(timeout=30)
    stack.up(quiet)
    assert stack.addresses().label_studio_url == label_studio.url
    assert label_studio.connector().submit(briefing, ask(*queries)) in {0, 300}
    assert label_studio.connector().items(briefing.cycle_id) == ids(*queries)
