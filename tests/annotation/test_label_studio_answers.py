"""What the connector makes of answers, recorded from Label Studio 1.23.2, and of ones it might send one day."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.annotation._reading import Source, read

RECORDED = json.loads(Path(__file__).with_name("recorded_answers.json").read_text(encoding="utf-8"))
SOURCE = Source(
    project=RECORDED["project"],
    labels=frozenset(RECORDED["labels"]),
    simulated={user: user in RECORDED["simulated_users"] for user in RECORDED["users"]},
)


def recorded(item_id: str) -> list[tuple[Any, list[Any]]]:
    tasks = [task for task in RECORDED["page"]["tasks"] if task["data"].get("item_id") == item_id]
    return [read(task["id"], task["data"], answer, SOURCE) for task in tasks for answer in task["annotations"]]


def changed(**fields: Any) -> tuple[Any, list[Any]]:
    """A valid answer with other fields."""
    task = RECORDED["page"]["tasks"][0]
    return read(task["id"], task["data"], {**task["annotations"][0], **fields}, SOURCE)


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


@pytest.mark.parametrize("lead_time", [float("nan"), float("inf"), True, "12", [3]])
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


@pytest.mark.parametrize("moment", [None, "yesterday", 5])
def test_an_answer_without_a_moment_is_reported(moment: Any) -> None:
    annotation, [problem] = changed(created_at=moment)
    assert annotation is None
    assert "created_at" in problem.message
