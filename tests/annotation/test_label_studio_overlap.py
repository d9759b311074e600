"""A third opinion on single items, and an expert's: Label Studio's Community edition has no rule for either."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from kempelen import text
from kempelen.errors import ConnectorRefused, ConnectorUnavailable
from kempelen.records import Queue

QUERIES = ("corona", "corona virus", "corona extra", "lime")


def ids(*queries: str) -> list[str]:
    return [text.item_id(query) for query in queries]


def everybody_answers(label_studio: Any, cycle_id: str, *people: Any) -> None:
    for task in label_studio.tasks(cycle_id):
        for who in people:
            label_studio.annotate(task["id"], "health", by=who)


def test_a_third_opinion_is_asked_of_somebody_who_has_not_answered_and_before_all_else(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    ada, ben, cleo, dora = map(person, ("ada", "ben", "cleo", "dora"))
    connector.submit(briefing, ask(*QUERIES))
    everybody_answers(label_studio, cycle_id, ada, ben)
    connector.submit(briefing, ask("lemon", round=2))
    contested = {ids("corona virus")[0]: 3, "not there": 3}
    assert connector.ask_again(briefing, contested) == 1
    assert connector.ask_again(briefing, contested) == 0
    assert label_studio.next_for(ada, cycle_id) == "lemon"
    assert label_studio.next_for(cleo, cycle_id) == "corona virus"
    assert label_studio.next_for(dora, cycle_id) == "lemon"  # cleo has that one in hand
    label_studio.annotate(label_studio.tasks(cycle_id)[1]["id"], "news", by=cleo)
    assert connector.ask_again(briefing, contested) == 0
    found = connector.collect(cycle_id).annotations
    assert sorted(each.label for each in found if each.item_id in contested) == ["health", "health", "news"]
    assert len(connector.items(cycle_id)) == 5


def test_an_item_that_is_not_complete_yet_can_want_more_and_less(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask("corona"))
    [item] = ids("corona")
    label_studio.annotate(label_studio.tasks(cycle_id)[0]["id"], "health", by=person("ada"))
    assert connector.ask_again(briefing, {item: 3}) == 1
    assert connector.ask_again(briefing, {item: 1}) == 1
    assert label_studio.next_for(person("ben"), cycle_id) is None
    assert connector.ask_again(briefing, {item: 2}) == 1
    assert label_studio.next_for(person("ben"), cycle_id) == "corona"


def test_an_item_that_is_answered_while_it_is_asked_again_is_asked_no_further(
    label_studio: Any, briefing: Any, ask: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask("corona"))
    everybody_answers(label_studio, cycle_id, person("ada"), person("ben"))
    [task], real, late = label_studio.tasks(cycle_id), connector._server.want, ["news"]  # noqa: SLF001

    def answered_meanwhile(*change: Any, **complete: Any) -> None:
        if late:
            label_studio.annotate(task["id"], late.pop(), by=person("cleo"))
        real(*change, **complete)

    monkeypatch.setattr(connector._server, "want", answered_meanwhile)  # noqa: SLF001
    assert connector.ask_again(briefing, {ids("corona")[0]: 3}) == 1
    assert late == []
    assert label_studio.tasks(cycle_id)[0]["is_labeled"]
    assert label_studio.next_for(person("dora"), cycle_id) is None


def test_asking_again_whose_answer_is_lost_is_done_by_the_next_call(label_studio: Any, briefing: Any, ask: Any) -> None:
    label_studio.connector().submit(briefing, ask("corona", "lime"))
    wanted = dict.fromkeys(ids("corona", "lime"), 3)

    class Losing(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if request.method == "PATCH":
                response.read()
                raise httpx.ReadError("the answer was lost")
            return response

    with Losing() as wire, pytest.raises(ConnectorUnavailable, match="the connection broke"):
        label_studio.connector(transport=wire).ask_again(briefing, wanted)
    assert label_studio.connector().ask_again(briefing, wanted) == 1
    assert [task["overlap"] for task in label_studio.tasks(briefing.cycle_id)] == [3, 3]


def test_answers_to_a_double_count_for_the_item(label_studio: Any, briefing: Any, ask: Any, person: Any) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask("corona"))
    project, [first] = label_studio.project(cycle_id), label_studio.tasks(cycle_id)
    label_studio.http.post(f"/api/projects/{project}/import", json=[{"data": first["data"]}]).raise_for_status()
    second = label_studio.tasks(cycle_id)[1]
    for task, names in ((first, ("ada", "ben")), (second, ("cleo", "dora"))):
        for name in names:
            label_studio.annotate(task["id"], "health", by=person(name))
    assert connector.ask_again(briefing, {ids("corona")[0]: 5}) == 1
    assert [task["overlap"] for task in label_studio.tasks(cycle_id)] == [3, 2]
    assert connector.ask_again(briefing, {ids("corona")[0]: 5}) == 0


def test_a_closed_cycle_asks_nobody_again(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    connector.close(briefing.cycle_id)
    with pytest.raises(ConnectorRefused, match="is closed, and 1 of its items were to be asked again"):
        connector.ask_again(briefing, {ids("corona")[0]: 3})
    assert connector.ask_again(briefing, {"not there": 3}) == 0


def test_experts_have_a_queue_of_their_own_that_is_read_with_the_other(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(experts=["Ada@Example.org"]), briefing.cycle_id
    experts = replace(briefing, queue=Queue.EXPERTS, answers_per_item=1)
    connector.submit(briefing, ask(*QUERIES))
    assert connector.submit(experts, ask("lime")) == 1
    assert connector.submit(experts, ask("lime")) == 0
    assert connector.open(experts) != connector.open(briefing)
    assert connector.items(cycle_id) == ids(*QUERIES)
    assert label_studio.next_for(person("ada"), cycle_id, Queue.EXPERTS) == "lime"
    [task] = label_studio.tasks(cycle_id, Queue.EXPERTS)
    label_studio.annotate(task["id"], "news", by=person("ben"))  # nobody can keep him out
    label_studio.annotate(task["id"], "health", by=person("ada"))
    collection = connector.collect(cycle_id)
    assert [(each.item_id, each.label, each.expert) for each in collection.annotations] == [
        (ids("lime")[0], "news", False),
        (ids("lime")[0], "health", True),
    ]
    assert ["experts' queue" in problem.message for problem in collection.problems] == [True]
    connector.close(cycle_id)
    assert label_studio.next_for(person("cleo"), cycle_id, Queue.EXPERTS) is None


def test_items_come_up_again_when_more_answers_are_wanted_than_when_they_were_put_there(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask("corona", "lime"))
    task, _ = label_studio.tasks(cycle_id)
    for name in ("ada", "ben"):
        label_studio.annotate(task["id"], "health", by=person(name))
    assert label_studio.next_for(person("cleo"), cycle_id) == "lime"
    connector.submit(briefing, ask("corona", "lime"))
    assert [each["is_labeled"] for each in label_studio.tasks(cycle_id)] == [True, False]
    connector.submit(replace(briefing, answers_per_item=3), ask("corona", "lime"))
    assert [each["is_labeled"] for each in label_studio.tasks(cycle_id)] == [False, False]
    assert label_studio.next_for(person("dora"), cycle_id) == "corona"


def test_what_others_answer_in_the_experts_queue_takes_no_item_from_them(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(experts=["ada@example.org"]), briefing.cycle_id
    experts = replace(briefing, queue=Queue.EXPERTS, answers_per_item=1)
    connector.submit(experts, ask("lime"))
    [task] = label_studio.tasks(cycle_id, Queue.EXPERTS)
    label_studio.annotate(task["id"], "news", by=person("ben"))
    assert label_studio.next_for(person("ada"), cycle_id, Queue.EXPERTS) is None
    assert connector.submit(experts, ask("lime")) == 0
    assert label_studio.next_for(person("ada"), cycle_id, Queue.EXPERTS) == "lime"
    label_studio.annotate(task["id"], "health", by=person("ada"))
    assert connector.submit(experts, ask("lime")) == 0
    assert label_studio.next_for(person("cleo"), cycle_id, Queue.EXPERTS) is None


def test_an_expert_who_skips_leaves_the_item_to_another_one(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector = label_studio.connector(experts=["ada@example.org", "ben@example.org"])
    experts = replace(briefing, queue=Queue.EXPERTS, answers_per_item=1)
    connector.submit(experts, ask("lime"))
    [task] = label_studio.tasks(briefing.cycle_id, Queue.EXPERTS)
    label_studio.annotate(task["id"], "news", by=person("ada"), was_cancelled=True)
    connector.submit(experts, ask("lime"))
    assert label_studio.next_for(person("ben"), briefing.cycle_id, Queue.EXPERTS) == "lime"
