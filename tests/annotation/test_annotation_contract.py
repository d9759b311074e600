"""What every annotation connector keeps to, tried on each with people who answer in its own way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.annotation import files
from kempelen.errors import BadData, ConnectorRefused
from kempelen.protocols import AnnotationConnector
from kempelen.records import Annotation, Briefing, LabelRequest, Purpose, Queue

EXPERT = "eve"


class Desk(Protocol):
    """Where people answer: they are `ada`, `bruno` and the expert `eve`."""

    connector: AnnotationConnector

    def answer(self, item_id: str, label: str | None, by: str, queue: Queue = Queue.ANNOTATORS) -> None:
        """Label an item, or skip it; for the second time, change what was said."""

    def withdraw(self, item_id: str, by: str) -> None:
        """Delete an answer."""

    def wanted(self, item_id: str) -> int:
        """How many answers annotators are told that the item wants."""

    def shown(self, item_id: str, queue: Queue = Queue.ANNOTATORS) -> str:
        """Everything that an annotator can find out about an item."""

    def lose(self, item_id: str) -> None:
        """Delete an item by hand."""


class FilesDesk:
    """Everybody keeps a file of their own, with a row for each item."""

    def __init__(self, folder: Path, cycle_id: str) -> None:
        self.connector = files.build(folder, experts=[EXPERT.upper()])
        self._cycle = folder / cycle_id
        self._rows: dict[str, dict[str, str]] = {}

    def answer(self, item_id: str, label: str | None, by: str, queue: Queue = Queue.ANNOTATORS) -> None:
        assert item_id in self._items(queue).read_text(encoding="utf-8-sig")
        rows = self._rows.setdefault(by, {})
        rows[item_id] = rows.get(item_id, "") + f"{item_id},{by},{label or ''},{'' if label else 'yes'},5\n"
        self._save(by)

    def withdraw(self, item_id: str, by: str) -> None:
        del self._rows[by][item_id]
        self._save(by)

    def wanted(self, item_id: str) -> int:
        header, row = self._line("item_id"), self._line(item_id)
        return int(row[header.index("answers_wanted")])

    def shown(self, item_id: str, queue: Queue = Queue.ANNOTATORS) -> str:
        return ",".join(self._line(item_id, queue))

    def lose(self, item_id: str) -> None:
        file = self._items(Queue.ANNOTATORS)
        kept = [line for line in file.read_bytes().splitlines(keepends=True) if item_id.encode() not in line]
        file.write_bytes(b"".join(kept))

    def _items(self, queue: Queue) -> Path:
        return (self._cycle / "experts" if queue is Queue.EXPERTS else self._cycle) / "items.csv"

    def _line(self, key: str, queue: Queue = Queue.ANNOTATORS) -> list[str]:
        lines = self._items(queue).read_text(encoding="utf-8-sig").splitlines()
        return next(line for line in lines if line.startswith(key)).split(",")

    def _save(self, by: str) -> None:
        rows = "".join(self._rows[by].values())
        (self._cycle / "answers" / f"{by}.csv").write_text(f"item_id,annotator,label,skip,seconds\n{rows}")


class LabelStudioDesk:
    """People with accounts of their own, in a Label Studio that runs."""

    def __init__(self, running: Any, person: Callable[[str], Any], cycle_id: str) -> None:
        self.connector = running.connector(experts=[f"{EXPERT}@Example.org"])
        self._running, self._person, self._cycle_id = running, person, cycle_id
        self._given: dict[tuple[str, str], int] = {}

    def answer(self, item_id: str, label: str | None, by: str, queue: Queue = Queue.ANNOTATORS) -> None:
        client, known = self._person(by), self._given.get((item_id, by))
        chosen = {"from_name": "label", "to_name": "query", "type": "choices", "value": {"choices": [label]}}
        said = {"result": [chosen] if label else [], "was_cancelled": label is None, "lead_time": 5.0}
        if known:
            client.patch(f"/api/annotations/{known}", json=said).raise_for_status()
        else:
            task_id = self._task(item_id, queue)["id"]
            answer = client.post(f"/api/tasks/{task_id}/annotations", json=said).raise_for_status()
            self._given[item_id, by] = answer.json()["id"]

    def withdraw(self, item_id: str, by: str) -> None:
        self._person(by).delete(f"/api/annotations/{self._given.pop((item_id, by))}").raise_for_status()

    def wanted(self, item_id: str) -> int:
        return int(self._task(item_id)["overlap"])

    def shown(self, item_id: str, queue: Queue = Queue.ANNOTATORS) -> str:
        return repr(self._task(item_id, queue))

    def lose(self, item_id: str) -> None:
        self._running.http.delete(f"/api/tasks/{self._task(item_id)['id']}").raise_for_status()

    def _task(self, item_id: str, queue: Queue = Queue.ANNOTATORS) -> dict[str, Any]:
        tasks = self._running.tasks(self._cycle_id, queue)
        return next(task for task in tasks if task["data"]["item_id"] == item_id)


@pytest.fixture(params=["files", "label_studio"])
def desk(request: pytest.FixtureRequest, briefing: Briefing, tmp_path: Path) -> Desk:
    if request.param == "files":
        return FilesDesk(tmp_path / "annotation", briefing.cycle_id)
    running, person = request.getfixturevalue("label_studio"), request.getfixturevalue("person")
    return LabelStudioDesk(running, person, briefing.cycle_id)


Ask = Callable[..., list[LabelRequest]]


def what_is_known(readings: Iterator[Any] | list[Any]) -> dict[str, Annotation]:
    """What somebody who reads again and again has in the end."""
    known: dict[str, Annotation] = {}
    for found in readings:
        kept = {name: each for name, each in known.items() if each.item_id not in found.read}
        known = kept | {each.source_id: each for each in found.annotations}
    return known


def test_items_are_there_once_however_often_they_are_submitted(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    requests = ask("corona", "virus", "lime")
    assert desk.connector.submit(briefing, requests) == 3
    assert desk.connector.submit(briefing, [*requests, *requests]) == 0
    assert desk.connector.items(briefing.cycle_id) == [each.item_id for each in requests]


def test_items_of_a_later_round_come_after_those_of_an_earlier_one(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    first, second = ask("corona", "virus"), ask("beer", "virus", "ale", round=2)
    desk.connector.submit(briefing, first)
    assert desk.connector.submit(briefing, second) == 2
    in_order = [each.item_id for each in (*first, second[0], second[2])]
    assert desk.connector.items(briefing.cycle_id) == in_order


def test_requests_of_another_cycle_are_refused(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    with pytest.raises(BadData, match="belongs to cycle"):
        desk.connector.submit(replace(briefing, cycle_id="another/1"), ask("corona"))


def test_before_anybody_was_asked_nothing_is_there_and_that_is_said(desk: Desk, briefing: Briefing) -> None:
    found = desk.connector.collect(briefing.cycle_id)
    assert (found.annotations, found.read) == ((), frozenset())
    assert [problem.subject for problem in found.problems] == [briefing.cycle_id]
    assert desk.connector.items(briefing.cycle_id) == []
    desk.connector.close(briefing.cycle_id)


def test_the_address_stays_the_same(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    address = desk.connector.open(briefing)
    desk.connector.submit(briefing, ask("corona"))
    assert desk.connector.open(briefing) == address
    assert address != desk.connector.open(replace(briefing, queue=Queue.EXPERTS))


def test_answers_come_back_as_they_were_given(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    corona, virus = ask("corona", "virus")
    desk.connector.submit(briefing, [corona, virus])
    desk.answer(corona.item_id, "health", by="ada")
    desk.answer(corona.item_id, "news", by="bruno")
    desk.answer(virus.item_id, None, by="ada")
    found = desk.connector.collect(briefing.cycle_id)
    said = sorted((each.item_id, each.label or "skipped") for each in found.annotations)
    assert said == sorted([(corona.item_id, "health"), (corona.item_id, "news"), (virus.item_id, "skipped")])
    assert found.problems == ()
    assert found.read == {corona.item_id, virus.item_id}
    assert {each.lead_time_s for each in found.annotations} == {5.0}
    assert len({each.annotator for each in found.annotations}) == 2
    assert len({each.source_id for each in found.annotations}) == 3
    assert {(each.changed_at, each.expert, each.simulated) for each in found.annotations} == {(None, False, False)}
    assert [each.submitted_at for each in found.annotations] == sorted(each.submitted_at for each in found.annotations)


def test_reading_twice_finds_the_same(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    assert desk.connector.collect(briefing.cycle_id) == desk.connector.collect(briefing.cycle_id)


def test_reading_bit_by_bit_finds_what_reading_at_once_finds(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    corona, virus, lime = ask("corona", "virus", "lime")
    desk.connector.submit(briefing, [corona, virus])
    readings = [desk.connector.collect(briefing.cycle_id)]

    def read_on() -> None:
        readings.append(desk.connector.collect(briefing.cycle_id, readings[-1].cursor))

    desk.answer(corona.item_id, "health", by="ada")
    read_on()
    desk.answer(corona.item_id, "news", by="bruno")
    desk.answer(virus.item_id, None, by="ada")
    read_on()
    desk.answer(corona.item_id, "travel", by="bruno")
    desk.connector.submit(briefing, [lime])
    read_on()
    desk.withdraw(corona.item_id, by="ada")
    desk.answer(lime.item_id, "food_and_drink", by="bruno")
    read_on()
    at_once = {each.source_id: each for each in desk.connector.collect(briefing.cycle_id).annotations}
    assert what_is_known(readings) == at_once
    assert len(at_once) == 3


def test_a_damaged_cursor_reads_everything(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    everything = desk.connector.collect(briefing.cycle_id)
    for cursor in ("", "nonsense", "null", "{}", "[1,2", '[1,"x",{"a":[1]}]', "e30.abc", str(everything.cursor)[:-2]):
        assert desk.connector.collect(briefing.cycle_id, cursor) == everything


def test_the_cursor_of_another_cycle_reads_everything(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (corona,) = ask("corona")
    other = replace(briefing, cycle_id=f"{briefing.cycle_id}-other")
    desk.connector.submit(other, [replace(corona, cycle_id=other.cycle_id)])
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    cursor = desk.connector.collect(other.cycle_id).cursor
    assert len(desk.connector.collect(briefing.cycle_id, cursor).annotations) == 1


def test_an_edited_answer_is_the_same_answer_changed(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    (first,) = desk.connector.collect(briefing.cycle_id).annotations
    desk.answer(corona.item_id, "news", by="ada")
    (now,) = desk.connector.collect(briefing.cycle_id).annotations
    assert (now.source_id, now.annotator, now.label) == (first.source_id, first.annotator, "news")
    assert now.changed_at is not None
    assert now.changed_at >= now.submitted_at


def test_a_deleted_answer_is_missing_from_an_item_that_was_read(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    corona, virus = ask("corona", "virus")
    desk.connector.submit(briefing, [corona, virus])
    desk.answer(corona.item_id, "health", by="ada")
    desk.answer(virus.item_id, "health", by="ada")
    before = desk.connector.collect(briefing.cycle_id)
    desk.withdraw(corona.item_id, by="ada")
    after = desk.connector.collect(briefing.cycle_id, before.cursor)
    assert corona.item_id in after.read
    assert corona.item_id not in {each.item_id for each in after.annotations}
    assert [each.item_id for each in what_is_known([before, after]).values()] == [virus.item_id]


def test_asking_again_wants_more_answers_and_changes_nothing_the_second_time(
    desk: Desk, briefing: Briefing, ask: Ask
) -> None:
    corona, virus = ask("corona", "virus")
    desk.connector.submit(briefing, [corona, virus])
    desk.answer(corona.item_id, "health", by="ada")
    desk.answer(corona.item_id, "news", by="bruno")
    assert desk.wanted(corona.item_id) == 2
    assert desk.connector.ask_again(briefing, {corona.item_id: 3}) == 1
    assert desk.connector.ask_again(briefing, {corona.item_id: 3}) == 0
    assert (desk.wanted(corona.item_id), desk.wanted(virus.item_id)) == (3, 2)
    assert desk.connector.submit(briefing, [corona, virus]) == 0
    assert desk.wanted(corona.item_id) == 3
    assert desk.connector.items(briefing.cycle_id) == [corona.item_id, virus.item_id]


def test_asking_again_about_an_item_that_is_not_there_passes_it_over(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    desk.connector.submit(briefing, ask("corona"))
    assert desk.connector.ask_again(briefing, {"nobody": 3}) == 0


def test_experts_have_a_queue_of_their_own_and_their_answers_are_told_apart(
    desk: Desk, briefing: Briefing, ask: Ask
) -> None:
    corona, virus = ask("corona", "virus")
    experts = replace(briefing, queue=Queue.EXPERTS, answers_per_item=1)
    desk.connector.submit(briefing, [corona, virus])
    assert desk.connector.submit(experts, [corona]) == 1
    assert desk.connector.submit(experts, [corona]) == 0
    assert desk.connector.items(briefing.cycle_id) == [corona.item_id, virus.item_id]
    desk.answer(corona.item_id, "news", by="ada")
    desk.answer(corona.item_id, "health", by=EXPERT, queue=Queue.EXPERTS)
    found = desk.connector.collect(briefing.cycle_id)
    assert sorted((each.label, each.expert) for each in found.annotations) == [("health", True), ("news", False)]


def test_a_blind_item_does_not_show_the_suggestion(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (open_one,), (blind,) = ask("corona"), ask("virus", blind=True)
    desk.connector.submit(briefing, [open_one, blind])
    assert "food_and_drink" in desk.shown(open_one.item_id)
    assert "food_and_drink" not in desk.shown(blind.item_id)


def test_experts_decide_without_the_suggestion(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(replace(briefing, queue=Queue.EXPERTS, answers_per_item=1), [corona])
    assert "food_and_drink" not in desk.shown(corona.item_id, Queue.EXPERTS)


def test_a_gold_item_shows_no_suggestion_whoever_asks_for_it(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    (gold,) = ask("corona", purpose=Purpose.GOLD)
    desk.connector.submit(briefing, [gold])
    assert "food_and_drink" not in desk.shown(gold.item_id)


def test_what_an_item_is_for_cannot_be_told_from_what_is_shown(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    words: dict[str, Any] = {"purpose": Purpose.GOLD, "strategy": "secret_strategy", "predictions": 918273}
    words |= {"inclusion_probability": 0.123454, "users": 918274}
    (gold,) = ask("corona", **words)
    desk.connector.submit(briefing, [gold])
    shown = desk.shown(gold.item_id)
    assert not [word for word in ("gold", "secret_strategy", "0.123454", "918273", "918274") if word in shown]


def test_an_item_deleted_by_hand_comes_back_and_its_answers_stay(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    corona, virus = ask("corona", "virus")
    desk.connector.submit(briefing, [corona, virus])
    desk.answer(virus.item_id, "health", by="ada")
    before = desk.connector.collect(briefing.cycle_id)
    desk.lose(virus.item_id)
    assert desk.connector.items(briefing.cycle_id) == [corona.item_id]
    without = desk.connector.collect(briefing.cycle_id, before.cursor)
    assert len(what_is_known([before, without])) == 1
    assert desk.connector.submit(briefing, [corona, virus]) == 1
    assert desk.connector.items(briefing.cycle_id) == [corona.item_id, virus.item_id]


def test_an_answer_with_a_label_that_is_not_offered_any_more_is_effort_and_a_problem(
    desk: Desk, briefing: Briefing, ask: Ask
) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "travel", by="ada")
    cursor = desk.connector.collect(briefing.cycle_id).cursor
    desk.connector.open(replace(briefing, labels=("food_and_drink", "health", "news")))
    found = desk.connector.collect(briefing.cycle_id, cursor)
    assert [(each.label, each.lead_time_s) for each in found.annotations] == [(None, 5.0)]
    assert len(found.problems) == 1
    assert "travel" in found.problems[0].message


def test_a_closed_cycle_asks_for_nothing_new_and_is_still_read(desk: Desk, briefing: Briefing, ask: Ask) -> None:
    corona, virus = ask("corona", "virus")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    desk.connector.close(briefing.cycle_id)
    desk.connector.close(briefing.cycle_id)
    assert desk.connector.submit(briefing, [corona]) == 0
    with pytest.raises(ConnectorRefused, match="is closed"):
        desk.connector.submit(briefing, [corona, virus])
    with pytest.raises(ConnectorRefused, match="is closed"):
        desk.connector.ask_again(briefing, {corona.item_id: 5})
    assert [each.label for each in desk.connector.collect(briefing.cycle_id).annotations] == ["health"]
    assert desk.connector.items(briefing.cycle_id) == [corona.item_id]


def test_an_archive_is_written_once_the_cycle_is_closed_and_always_the_same(
    desk: Desk, briefing: Briefing, ask: Ask, tmp_path: Path
) -> None:
    (corona,) = ask("corona")
    desk.connector.submit(briefing, [corona])
    desk.answer(corona.item_id, "health", by="ada")
    shelf = tmp_path / "shelf"
    with pytest.raises(ConnectorRefused, match="not closed"):
        desk.connector.archive(briefing.cycle_id, shelf)
    desk.connector.close(briefing.cycle_id)
    written = desk.connector.archive(briefing.cycle_id, shelf)
    content = [path.read_bytes() for path in written]
    assert written
    assert all(content)
    assert desk.connector.archive(briefing.cycle_id, shelf) == written
    assert [path.read_bytes() for path in written] == content
    assert sorted(shelf.iterdir()) == sorted(written)
    assert len(desk.connector.collect(briefing.cycle_id).annotations) == 1
