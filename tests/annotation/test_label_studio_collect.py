"""What is read of people's answers: everything once, and after that what is new, edited, deleted or gone."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.annotation import _collecting, _held, _reading
from connectors.annotation._cursor import Cursor, Place
from kempelen import text
from kempelen.records import Annotation, Queue

QUERIES = ("corona", "corona virus", "corona extra", "is corona dangerous", "lime")
NOW = datetime(2020, 1, 24, 12, tzinfo=UTC)


def ids(*queries: str) -> list[str]:
    return [text.item_id(query) for query in queries]


@pytest.fixture
def look_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """None: else all that a test does lies within the two minutes that are read again."""
    monkeypatch.setattr(_collecting, "LOOK_BACK", timedelta(0))


def test_answers_come_back_with_their_skips_oldest_first_and_the_same_each_time(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    assert connector.collect(briefing.cycle_id).annotations == ()
    tasks = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(tasks[1]["id"], "health", lead_time=4.5)
    label_studio.annotate(tasks[0]["id"], "food_and_drink", was_cancelled=True, lead_time=2.25)
    label_studio.annotate(tasks[2]["id"], "beer", lead_time=3.5)
    collection = connector.collect(briefing.cycle_id)
    annotations, problems = collection.annotations, collection.problems
    assert [(each.item_id, each.label, each.lead_time_s) for each in annotations] == [
        (ids("corona virus")[0], "health", 4.5),
        (ids("corona")[0], None, 2.25),
        (ids("corona extra")[0], None, 3.5),
    ]
    assert all(re.fullmatch(r"label-studio:\d+", each.annotator) for each in annotations)
    assert not any(each.simulated for each in annotations)
    assert ["'beer'" in problem.message for problem in problems] == [True]
    assert collection.read == frozenset(ids(*QUERIES))
    assert connector.collect(briefing.cycle_id) == collection


def test_a_cycle_that_label_studio_does_not_know_is_a_problem_not_an_empty_answer(label_studio: Any) -> None:
    connector = label_studio.connector()
    collection = connector.collect("never-opened")
    [problem] = collection.problems
    assert (collection.annotations, collection.read) == ((), frozenset())
    assert "no project for cycle never-opened" in problem.message
    assert connector.items("never-opened") == []
    connector.close("never-opened")


@pytest.mark.usefixtures("look_back")
def test_a_later_reading_brings_what_is_new_edited_and_deleted_and_all_else_it_leaves_alone(
    label_studio: Any, briefing: Any, ask: Any, person: Any
) -> None:
    connector, cycle_id = label_studio.connector(), briefing.cycle_id
    connector.submit(briefing, ask(*QUERIES))
    tasks = label_studio.tasks(cycle_id)
    untouched, edited, deleted = (label_studio.annotate(task["id"], "health") for task in tasks[:3])
    kept = label_studio.annotate(tasks[2]["id"], "news", by=person("ada"))
    first = connector.collect(cycle_id)
    assert len(first.annotations) == 4
    again = connector.collect(cycle_id, first.cursor)
    assert (again.annotations, again.read, again.cursor) == ((), frozenset(), first.cursor)

    region = {**edited["result"][0], "value": {"choices": ["travel"]}}
    label_studio.http.patch(f"/api/annotations/{edited['id']}/", json={"result": [region]}).raise_for_status()
    label_studio.http.delete(f"/api/annotations/{deleted['id']}/").raise_for_status()
    label_studio.annotate(tasks[3]["id"], "news", was_cancelled=True)
    later = connector.collect(cycle_id, first.cursor)
    assert later.read == frozenset(ids(*QUERIES[1:4]))
    found = {each.item_id: each for each in later.annotations}
    assert {item: each.label for item, each in found.items()} == dict(
        zip(ids(*QUERIES[1:4]), ("travel", "news", None), strict=True)
    )
    assert found[ids("corona virus")[0]].changed_at > found[ids("corona virus")[0]].submitted_at
    assert found[ids("corona extra")[0]].source_id.split(":")[2] == str(kept["id"])
    everything = {each.source_id: each for each in (*first.annotations, *later.annotations)}
    gone = {each.source_id for each in first.annotations if each.item_id in later.read} - {
        each.source_id for each in later.annotations
    }
    whole = {each.source_id: each for each in connector.collect(cycle_id).annotations}
    assert whole == {source: each for source, each in everything.items() if source not in gone}
    assert str(untouched["id"]) in {source.split(":")[2] for source in whole}


@pytest.mark.usefixtures("look_back")
def test_the_last_answer_taken_back_leaves_an_item_that_was_read_and_has_none(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    answer = label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    first = connector.collect(briefing.cycle_id)
    label_studio.http.delete(f"/api/annotations/{answer['id']}/").raise_for_status()
    later = connector.collect(briefing.cycle_id, first.cursor)
    assert (later.annotations, later.read) == ((), frozenset(ids("corona")))
    assert later.problems == ()


def test_what_appears_with_a_moment_shortly_before_the_cursor_is_read(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    """A change carries the moment at which it began, and can appear after one that began later."""
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    first = connector.collect(briefing.cycle_id)
    again = connector.collect(briefing.cycle_id, first.cursor)
    assert (again.annotations, again.read, again.cursor) == ((), frozenset(), first.cursor)
    # As if the answer had been committed after the reading, with its earlier moment.
    scope = f"{label_studio.url}\0{briefing.cycle_id}"
    read = Cursor.read(first.cursor, scope)
    late = {number: replace(place, recent=frozenset()) for number, place in read.places.items()}
    found = connector.collect(briefing.cycle_id, replace(read, places=late).written(scope))
    assert (found.annotations, found.read) == (first.annotations, frozenset(ids("corona")))


@pytest.mark.usefixtures("look_back")
def test_all_answers_to_a_changed_item_are_read_wherever_they_lie(
    label_studio: Any, briefing: Any, ask: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the experts' queue, in a double, and whether few or many items changed."""
    connector, experts = label_studio.connector(experts=["Ada@Example.org"]), replace(briefing, queue=Queue.EXPERTS)
    connector.submit(briefing, ask(*QUERIES))
    connector.submit(experts, ask("corona"))
    first_task = label_studio.tasks(briefing.cycle_id)[0]
    double = [{"data": first_task["data"]}]
    label_studio.http.post(f"/api/projects/{label_studio.project(briefing.cycle_id)}/import", json=double)
    for task in (first_task, label_studio.tasks(briefing.cycle_id)[-1]):
        label_studio.annotate(task["id"], "health", by=person(f"ben{task['inner_id']}"))
    before = connector.collect(briefing.cycle_id)
    label_studio.annotate(label_studio.tasks(briefing.cycle_id, Queue.EXPERTS)[0]["id"], "news", by=person("ada"))
    for few in (1, 10**6):
        monkeypatch.setattr(_collecting, "_FEW", few)
        after = connector.collect(briefing.cycle_id, before.cursor)
        assert [(each.label, each.expert) for each in after.annotations] == [
            ("health", False),
            ("health", False),
            ("news", True),
        ]
        assert after.read == frozenset(ids("corona"))


def test_work_that_is_begun_and_not_sent_is_counted(label_studio: Any, briefing: Any, ask: Any, person: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    tasks = label_studio.tasks(briefing.cycle_id)
    assert connector.collect(briefing.cycle_id).drafts == 0
    for task, who in zip(tasks, (label_studio.http, person("ada")), strict=False):
        who.post(f"/api/tasks/{task['id']}/drafts", json={"result": [], "lead_time": 3.0}).raise_for_status()
    assert connector.collect(briefing.cycle_id).drafts == 2


@pytest.mark.usefixtures("look_back")
def test_effort_on_an_item_that_somebody_put_there_by_hand_is_read_too(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    before = connector.collect(briefing.cycle_id)
    project = label_studio.project(briefing.cycle_id)
    label_studio.http.post(f"/api/projects/{project}/import", json=[{"data": {"query": "mine"}}]).raise_for_status()
    task = label_studio.tasks(briefing.cycle_id)[-1]
    label_studio.annotate(task["id"], "health", lead_time=8.0)
    after = connector.collect(briefing.cycle_id, before.cursor)
    [annotation], [problem] = after.annotations, after.problems
    assert (annotation.label, annotation.lead_time_s) == (None, 8.0)
    assert after.read == {annotation.item_id} == {f"label-studio:{project}:task:{task['id']}"}
    assert "none that we asked about" in problem.message


@pytest.mark.usefixtures("look_back")
def test_an_absurd_item_id_that_somebody_made_up_stops_no_reading(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    before = connector.collect(briefing.cycle_id)
    project = label_studio.project(briefing.cycle_id)
    item = {"data": {"query": "mine", "note": "", "item_id": "x" * 100_000}}
    label_studio.http.post(f"/api/projects/{project}/import", json=[item]).raise_for_status()
    task = label_studio.tasks(briefing.cycle_id)[-1]
    label_studio.annotate(task["id"], "health")
    after = connector.collect(briefing.cycle_id, before.cursor)
    assert after.read == {f"label-studio:{project}:task:{task['id']}"}
    assert [annotation.label for annotation in after.annotations] == [None]


def test_two_people_whose_accounts_are_gone_are_not_taken_for_one_who_answered_twice() -> None:
    answers = [
        Annotation(
            source_id=f"a{n}", item_id="i", annotator=_reading.NOBODY, label="news", lead_time_s=1.0, started_at=None,
            submitted_at=datetime(2020, 1, 21, tzinfo=UTC), simulated=False,
        )
        for n in range(2)
    ]  # fmt: skip
    assert _collecting.repeated(answers) == []
    assert len(_collecting.repeated([replace(answer, annotator="label-studio:5") for answer in answers])) == 1


def test_who_answers_an_item_twice_is_told_of(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    [task] = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(task["id"], "health")
    label_studio.annotate(task["id"], "news")
    collection = connector.collect(briefing.cycle_id)
    assert [each.label for each in collection.annotations] == ["health", "news"]
    assert ["2 times" in problem.message for problem in collection.problems] == [True]


def test_a_cursor_that_is_damaged_or_of_elsewhere_reads_everything(label_studio: Any, briefing: Any, ask: Any) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    whole = connector.collect(briefing.cycle_id)
    foreign = connector.collect("another").cursor
    other_experts = label_studio.connector(experts=["ada@example.org"]).collect(briefing.cycle_id).cursor
    for cursor in (None, "", "x", whole.cursor[1:], whole.cursor[:-1], f"{whole.cursor}\ud800", foreign, other_experts):
        assert connector.collect(briefing.cycle_id, cursor) == whole


def test_a_cursor_is_read_as_it_was_written_and_only_in_its_own_scope() -> None:
    place = Place(at=NOW, items=7, labels="abc", recent=frozenset({"5:1", "6:2"}), doubtful=NOW - timedelta(days=1))
    cursor = Cursor(places={3: place, 12: replace(place, doubtful=None)}, annotators=frozenset({2, 5}), lost=True)
    assert Cursor.read(cursor.written("here"), "here") == cursor
    assert Cursor.read(cursor.written("here"), "there") is None


def test_a_list_that_becomes_shorter_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Page 2 begins two later once the first two are gone: without that, entries 2 and 3 would be missing."""
    monkeypatch.setattr(_held, "_PAGE", 2)
    held, asked = [1, 2, 3, 4, 5], []

    def ask(page: dict[str, int]) -> Any:
        asked.append(page["page"])
        if len(asked) == 2:
            del held[:2]
        start = 2 * (page["page"] - 1)
        entries = [type("Entry", (), {"id": each}) for each in held[start : start + 2]]
        return type("Page", (), {"items": entries, "response": type("R", (), {"total": len(held)})})

    assert [entry.id for entry in _held.everything(ask, "total")] == [3, 4, 5]
    assert asked == [1, 2, 1, 2]


def test_a_later_reading_takes_seven_requests_however_large_the_project(
    label_studio: Any, briefing: Any, ask: Any, network: Any
) -> None:
    wire = network()
    connector = label_studio.connector(transport=wire)
    connector.submit(briefing, ask(*(f"query {number}" for number in range(200))))
    tasks = label_studio.tasks(briefing.cycle_id)
    before = connector.collect(briefing.cycle_id)
    for task in tasks[:3]:
        label_studio.annotate(task["id"], "health")
    wire.sent.clear()
    assert len(connector.collect(briefing.cycle_id, before.cursor).annotations) == 3
    assert len(wire.sent) == 7


@pytest.mark.usefixtures("look_back")
def test_a_reading_that_is_broken_off_loses_nothing(label_studio: Any, briefing: Any, ask: Any) -> None:
    """The cursor moves only with what was read."""
    label_studio.connector().submit(briefing, ask(*QUERIES))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")

    class Breaking(httpx.HTTPTransport):
        left = 4

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            Breaking.left -= 1
            if Breaking.left < 0:
                raise httpx.ReadError("gone")
            return super().handle_request(request)

    with Breaking() as wire, pytest.raises(Exception, match="the connection broke"):
        label_studio.connector(transport=wire).collect(briefing.cycle_id)
    assert len(label_studio.connector().collect(briefing.cycle_id).annotations) == 1
