"""What the connector makes of answers, recorded from Label Studio 1.23.2, and of ones it might send one day."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.annotation._people import Person, people
from connectors.annotation._reading import Source, read
from kempelen.records import Queue

RECORDED = json.loads(Path(__file__).with_name("recorded_answers.json").read_text(encoding="utf-8"))
SOURCE = Source(
    project=RECORDED["project"],
    labels=frozenset(RECORDED["labels"]),
    people={user: Person(simulated=user in RECORDED["simulated_users"]) for user in RECORDED["users"]},
)


ANSWER = RECORDED["page"]["tasks"][0]["annotations"][0]


def recorded(item_id: str) -> list[tuple[Any, list[Any]]]:
    tasks = [task for task in RECORDED["page"]["tasks"] if task["data"].get("item_id") == item_id]
    return [read(task["id"], task["data"], answer, SOURCE) for task in tasks for answer in task["annotations"]]


def changed(source: Source = SOURCE, **fields: Any) -> tuple[Any, list[Any]]:
    """A valid answer with other fields."""
    task = RECORDED["page"]["tasks"][0]
    return read(task["id"], task["data"], {**task["annotations"][0], **fields}, source)


def test_a_valid_answer_is_read_as_it_was_given() -> None:
    [(annotation, problems)] = recorded("valid")
    assert (annotation.item_id, annotation.label, annotation.lead_time_s) == ("valid", "health", 7.383)
    assert annotation.submitted_at == datetime(2026, 11, 21, 19, 33, 3, 203989, tzinfo=UTC)
    assert annotation.annotator == "label-studio:1"
    assert not annotation.simulated
    assert problems == []


def test_a_skip_has_no_label_even_when_it_holds_the_choice_that_the_model_made() -> None:
    [(annotation, problems)] = recorded("skip_with_choice")
    assert (annotation.label, annotation.lead_time_s, problems) == (None, 2.295, [])


@pytest.mark.parametrize(
    ("item_id", "fault"),
    [
        ("unknown_choice", "its choice 'beer' is none of food_and_drink, health, news"),
        ("two_choices", "it holds 2 choices where one is asked for"),
        ("empty_result", "it answers nothing"),
        ("no_result", "its result is None, not a list"),
        ("other_question", "it does not answer our question"),
    ],
)
def test_an_answer_that_is_no_label_keeps_its_effort_and_is_reported(item_id: str, fault: str) -> None:
    [(annotation, [problem])] = recorded(item_id)
    assert (annotation.label, annotation.lead_time_s) == (None, 3.0)
    assert fault in problem.message
    assert problem.subject == annotation.source_id


@pytest.mark.parametrize(
    "result",
    [
        "x",
        {"choices": ["health"]},
        [3, "x", None],
        [{"from_name": "label"}],
        [{"from_name": "label", "value": "health"}],
        [{"from_name": "label", "value": {"choices": "health"}}],
        [{"from_name": "label", "value": {"choices": [["health"]]}}],
        [{"from_name": "label", "value": {"choices": [{"health": 1}]}}],
    ],
)
def test_a_malformed_result_is_reported_and_never_a_label(result: Any) -> None:
    annotation, problems = changed(result=result)
    assert annotation.label is None
    assert annotation.lead_time_s == 7.383
    assert len(problems) == 1


@pytest.mark.parametrize("item_id", ["negative_time", "no_time", "absurd_time"])
def test_a_lead_time_that_cannot_be_is_unknown_and_the_label_stays(item_id: str) -> None:
    [(annotation, [problem])] = recorded(item_id)
    assert (annotation.label, annotation.lead_time_s) == ("health", None)
    assert "lead time" in problem.message


@pytest.mark.parametrize("lead_time", [float("nan"), float("inf"), True, "12", [3], 10**400])
def test_a_lead_time_that_is_no_number_is_unknown(lead_time: Any) -> None:
    annotation, problems = changed(lead_time=lead_time)
    assert (annotation.label, annotation.lead_time_s, len(problems)) == ("health", None, 1)


def test_an_answer_that_grew_from_a_draft_began_with_the_draft() -> None:
    [(annotation, _)] = recorded("from_draft")
    assert annotation.started_at == datetime(2026, 11, 21, 19, 33, 6, 279110, tzinfo=UTC)


def test_two_people_are_two_annotators_and_only_the_reserved_address_is_simulated() -> None:
    answers = [annotation for annotation, _ in recorded("two_people")]
    assert [each.annotator for each in answers] == ["label-studio:1", "label-studio:7"]
    assert [each.simulated for each in answers] == [False, True]
    assert len({each.source_id for each in answers}) == 2


def test_effort_on_an_item_that_we_did_not_send_is_kept_without_its_label() -> None:
    [foreign] = [task for task in RECORDED["page"]["tasks"] if "item_id" not in task["data"]]
    annotation, [problem] = read(foreign["id"], foreign["data"], foreign["annotations"][0], SOURCE)
    assert (annotation.label, annotation.lead_time_s) == (None, 4.25)
    assert annotation.item_id == f"label-studio:{SOURCE.project}:task:{foreign['id']}"
    assert "none that we asked about" in problem.message


@pytest.mark.parametrize("item_id", [7, None, "", ["a"]])
def test_an_item_id_that_is_no_text_is_none_that_we_asked_about(item_id: Any) -> None:
    task = RECORDED["page"]["tasks"][0]
    annotation, problems = read(task["id"], {"item_id": item_id}, task["annotations"][0], SOURCE)
    assert (annotation.label, len(problems)) == (None, 1)


def test_an_answer_of_a_user_who_was_deleted_counts_as_a_persons_and_is_reported() -> None:
    annotation, [problem] = changed(completed_by=99)
    assert (annotation.annotator, annotation.simulated) == ("label-studio:99", False)
    assert "no user of Label Studio any more" in problem.message
    annotation, [problem] = changed(completed_by=None)
    assert annotation.annotator == "label-studio:unknown"
    assert "does not say who" in problem.message


def test_an_annotator_is_a_number_also_where_label_studio_sends_the_whole_person() -> None:
    annotation, _ = changed(completed_by={"id": 7, "email": "ada@simulated.invalid"})
    assert (annotation.annotator, annotation.simulated) == ("label-studio:7", True)


def test_the_source_id_outlives_a_changed_answer_and_differs_when_an_id_is_used_again() -> None:
    [(first, _)] = recorded("valid")
    edited, _ = changed(result=[], lead_time=11.0, updated_at="2026-11-22T00:00:00Z")
    reused, _ = changed(created_at="2027-01-01T00:00:00.000001Z")
    assert edited.source_id == first.source_id
    assert reused.source_id != first.source_id


def test_an_answer_that_was_edited_says_when_and_one_that_was_not_says_nothing() -> None:
    """Label Studio writes the two moments of a new answer some microseconds apart."""
    untouched, _ = changed()
    assert untouched.changed_at is None
    edited, _ = changed(updated_at="2026-11-21T19:34:00Z")
    assert edited.changed_at == datetime(2026, 11, 21, 19, 34, tzinfo=UTC)


@pytest.mark.parametrize("writer", [2, 99])
def test_an_answer_that_another_account_wrote_is_effort_and_no_answer(writer: int) -> None:
    annotation, [problem] = changed(updated_by=writer)
    assert (annotation.label, annotation.lead_time_s, annotation.annotator) == (None, 7.383, "label-studio:1")
    assert f"account {writer} wrote it" in problem.message
    assert changed(updated_by=1)[0].label == changed(updated_by=None)[0].label == "health"


def test_an_expert_is_whom_the_settings_name_and_others_decide_nothing_in_the_experts_queue() -> None:
    experts = replace(SOURCE, queue=Queue.EXPERTS, people={1: Person(expert=True), 2: Person()})
    annotation, problems = changed(experts)
    assert (annotation.expert, annotation.label, problems) == (True, "health", [])
    stranger, [problem] = changed(experts, completed_by=2)
    assert (stranger.expert, stranger.label) == (False, "health")
    assert "experts' queue" in problem.message
    assert "annotation.experts" in problem.message


def test_people_are_experts_by_address_in_upper_or_lower_case() -> None:
    users = [SimpleNamespace(id=1, email="Jane@Example.ORG"), SimpleNamespace(id=2, email=None)]
    assert people(users, frozenset({"jane@example.org"})) == {1: Person(expert=True), 2: Person()}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(fields=st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(ANSWER), anything)), item_id=anything)
@example(fields={"created_at": "0001-01-01T00:00:00+14:00"}, item_id="x")
@example(fields={"result": [{"from_name": "label", "value": {"choices": ["health"] * 2}}]}, item_id="x")
def test_whatever_label_studio_sends_is_an_answer_or_a_problem_and_never_an_exception(
    fields: dict[str, Any], item_id: Any
) -> None:
    annotation, problems = read(7, {"item_id": item_id}, {**ANSWER, **fields}, SOURCE)
    assert annotation or problems
    if annotation:
        assert annotation.item_id
        assert annotation.label is None or annotation.label in SOURCE.labels
        assert annotation.lead_time_s is None or 0 <= annotation.lead_time_s <= 86_400
    assert all(problem.message and problem.hint for problem in problems)


@pytest.mark.parametrize("moment", [None, "yesterday", 5, "0001-01-01T00:00:00+14:00"])
def test_an_answer_without_a_moment_is_reported(moment: Any) -> None:
    annotation, [problem] = changed(created_at=moment)
    assert annotation is None
    assert "created_at" in problem.message
