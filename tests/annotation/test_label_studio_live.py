"""The connector and a real Label Studio: each item once, each answer once, whatever happens between them."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kempelen import text
from kempelen.errors import BadData, ConnectorRefused, ConnectorUnavailable
from kempelen.records import Purpose

QUERIES = ("corona", "corona virus", "corona extra", "is corona dangerous", "lime")


class Network(httpx.BaseTransport):
    """A network that can lose the answer to an import, or deliver the import itself late or never."""

    def __init__(self, *, answer_lost: bool = False, delivery: str = "now") -> None:
        self.imports = 0
        self.held: list[httpx.Request] = []
        self._answer_lost, self._delivery = answer_lost, delivery
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or not request.url.path.endswith("/import"):
            return self._inner.handle_request(request)
        self.imports += 1
        if self._delivery != "now":
            self.held.append(httpx.Request("POST", request.url, headers=request.headers, content=request.read()))
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


def ids(*queries: str) -> list[str]:
    return [text.item_id(query) for query in queries]


def test_the_address_is_found_again_and_names_a_page_that_exists(label_studio: Any, briefing: Any) -> None:
    connector = label_studio.connector()
    address = connector.open(briefing)
    assert connector.open(briefing) == label_studio.connector().open(briefing) == address
    assert address == f"{label_studio.url}/projects/{label_studio.project(briefing.cycle_id)}/data?labeling=1"


def test_a_cycle_whose_name_is_part_of_anothers_has_its_own_project(label_studio: Any, briefing: Any) -> None:
    connector = label_studio.connector()
    longer = replace(briefing, cycle_id=f"{briefing.cycle_id}-b")
    assert connector.open(longer) != connector.open(briefing)


def test_the_project_is_as_the_briefing_says(label_studio: Any, briefing: Any) -> None:
    label_studio.connector().open(briefing)
    found = label_studio.http.get(f"/api/projects/{label_studio.project(briefing.cycle_id)}/").json()
    assert found["title"] == briefing.title
    assert found["maximum_annotations"] == 2
    assert found["show_instruction"]
    assert "Jane &lt;jane@example.org&gt;" in found["expert_instruction"]
    assert found["parsed_label_config"]["label"]["labels"] == list(briefing.labels)


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
    assert task["data"]["note"] == task["data"]["reason"] == "The model hesitates between two labels."
    [prediction] = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("3", 0.93)
    assert prediction["result"][0]["value"]["choices"] == ["food_and_drink"]


def test_an_item_for_the_audit_is_shown_without_the_suggestion_if_that_is_set(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    audit = ask("corona", purpose=Purpose.AUDIT)
    label_studio.connector(blind_audit=True).submit(briefing, audit)
    label_studio.connector().submit(briefing, ask("lime", purpose=Purpose.AUDIT))
    blind, shown = label_studio.tasks(briefing.cycle_id)
    assert (blind["predictions"], len(shown["predictions"])) == ([], 1)
    assert blind["data"]["note"] != blind["data"]["reason"]


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
    label_studio: Any, briefing: Any, ask: Any, network: Any
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
    label_studio.annotate(second[1]["id"], "news")
    draft = {"result": [], "lead_time": 3.0}
    label_studio.http.post(f"/api/tasks/{second[2]['id']}/drafts", json=draft).raise_for_status()  # begun

    assert connector.submit(briefing, ask("lemon", round=2)) == 1

    kept = {task["id"] for task in label_studio.tasks(briefing.cycle_id)}
    expected = {second[0]["id"], first[1]["id"], second[1]["id"], second[2]["id"], first[3]["id"], first[4]["id"]}
    assert kept >= expected
    assert len(kept) == len(expected) + 1
    annotations, problems = connector.collect(briefing.cycle_id)
    assert Counter(each.item_id for each in annotations) == {ids("corona")[0]: 1, ids("corona virus")[0]: 2}
    assert problems == []


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
    monkeypatch.setattr("connectors.annotation.label_studio.PORTION", 40)
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
    monkeypatch.setattr("connectors.annotation.label_studio._SMALL_PROJECT", 3)
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


def test_answers_come_back_with_their_skips_oldest_first_and_the_same_each_time(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    assert connector.collect(briefing.cycle_id) == ([], [])
    tasks = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(tasks[1]["id"], "health", lead_time=4.5)
    label_studio.annotate(tasks[0]["id"], "food_and_drink", was_cancelled=True, lead_time=2.25)
    label_studio.annotate(tasks[2]["id"], "beer", lead_time=3.5)
    annotations, problems = connector.collect(briefing.cycle_id)
    assert [(each.item_id, each.label, each.lead_time_s) for each in annotations] == [
        (ids("corona virus")[0], "health", 4.5),
        (ids("corona")[0], None, 2.25),
        (ids("corona extra")[0], None, 3.5),
    ]
    assert all(re.fullmatch(r"label-studio:\d+", each.annotator) for each in annotations)
    assert not any(each.simulated for each in annotations)
    assert ["'beer'" in problem.message for problem in problems] == [True]
    assert connector.collect(briefing.cycle_id) == (annotations, problems)


def test_a_closed_cycle_asks_nobody_keeps_its_answers_and_takes_no_items(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    queue = f"/api/projects/{label_studio.project(briefing.cycle_id)}/next"
    assert label_studio.http.get(queue).status_code == 200
    connector.close(briefing.cycle_id)
    connector.close(briefing.cycle_id)
    assert label_studio.http.get(queue).status_code == 404
    assert len(connector.collect(briefing.cycle_id)[0]) == 1
    assert connector.submit(briefing, ask(*QUERIES)) == 0
    with pytest.raises(ConnectorRefused, match="is closed, and 1 of its items") as caught:
        connector.submit(briefing, ask("lemon"))
    assert "new cycle" in caught.value.hint


def test_a_cycle_that_label_studio_does_not_know_is_a_problem_not_an_empty_answer(label_studio: Any) -> None:
    connector = label_studio.connector()
    annotations, [problem] = connector.collect("never-opened")
    assert annotations == []
    assert "no project for cycle never-opened" in problem.message
    assert connector.items("never-opened") == []
    connector.close("never-opened")


def test_requests_of_another_cycle_are_refused_before_anything_is_sent(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    with pytest.raises(BadData, match="belongs to cycle"):
        label_studio.connector().submit(replace(briefing, cycle_id="another"), ask("corona"))
    assert label_studio.connector().collect("another")[1]


def test_a_wrong_token_is_refused_in_words(label_studio: Any, briefing: Any) -> None:
    with pytest.raises(ConnectorRefused, match=r"refused our token: Invalid token\.") as caught:
        label_studio.connector(token="0" * 40).open(briefing)
    assert "servers.label_studio_token" in caught.value.hint
    assert "0" * 40 not in str(caught.value) + caught.value.hint


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # the SDK, when it renews such a token
def test_a_personal_access_token_works_as_well(label_studio: Any, briefing: Any, ask: Any) -> None:
    with httpx.Client(base_url=label_studio.url) as browser:
        browser.get("/user/login/")
        form = {
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            "email": label_studio.email,
            "password": label_studio.password,
        }
        browser.post("/user/login/", data=form, headers={"Referer": f"{label_studio.url}/user/login/"})
        headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": label_studio.url}
        token = browser.post("/api/token/", headers=headers).raise_for_status().json()["token"]
    assert label_studio.connector(token=token).submit(briefing, ask("corona")) == 1


def test_a_server_that_does_not_run_is_unavailable(label_studio: Any, briefing: Any, ask: Any) -> None:
    nowhere = replace(label_studio, url="http://127.0.0.1:1")
    with pytest.raises(ConnectorUnavailable, match=r"nothing answers at http://127\.0\.0\.1:1") as caught:
        nowhere.connector().submit(briefing, ask("corona"))
    assert "kempelen up" in caught.value.hint
