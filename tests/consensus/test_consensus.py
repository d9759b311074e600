"""A label is what the answers support, or it is a problem."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consensus.majority import Majority
from kempelen.plugins import available, build
from kempelen.records import Annotation

rules = pytest.mark.parametrize("name", available("consensus"))


def answer(item: str, annotator: str, label: str | None) -> Annotation:
    return Annotation(
        source_id=f"{item}/{annotator}",
        item_id=item,
        annotator=annotator,
        label=label,
        lead_time_s=5.0,
        started_at=None,
        submitted_at=datetime(2020, 1, 21, tzinfo=UTC),
        simulated=False,
    )


@rules
def test_agreement_is_a_label(name: str) -> None:
    labels, problems = build("consensus", name, {}).settle([answer("1", "a", "health"), answer("1", "b", "health")])
    assert [(c.item_id, c.label, c.votes) for c in labels] == [("1", "health", 2)]
    assert problems == []


@rules
def test_no_answers_are_no_labels(name: str) -> None:
    assert build("consensus", name, {}).settle([]) == ([], [])


@rules
def test_the_order_of_answers_is_irrelevant(name: str) -> None:
    answers = [answer(str(i % 3), p, label) for i, (p, label) in enumerate(zip("abcdef", "xxyxyx", strict=True))]
    rule = build("consensus", name, {})
    assert rule.settle(answers) == rule.settle(answers[::-1])


def test_a_tie_is_a_problem_and_not_a_guess() -> None:
    labels, problems = Majority(0.5, 1).settle([answer("1", "a", "health"), answer("1", "b", "food")])
    assert labels == []
    assert "no majority above 50%" in problems[0].message


def test_one_person_has_one_vote_the_last_one() -> None:
    first = answer("1", "a", "food")
    second = replace(first, source_id="1/a/again", label="health", submitted_at=datetime(2020, 1, 22, tzinfo=UTC))
    labels, _ = Majority(0.5, 1).settle([second, first])
    assert [(c.label, c.votes) for c in labels] == [("health", 1)]
    _, problems = Majority(0.5, 2).settle([second, first])
    assert problems[0].message == "1 of 2 answers."


def test_a_skip_is_no_vote_and_too_few_votes_are_a_problem() -> None:
    labels, problems = Majority(0.5, 2).settle([answer("1", "a", "health"), answer("1", "b", None)])
    assert labels == []
    assert problems[0].message == "1 of 2 answers."


def test_an_item_that_everybody_skipped_comes_back() -> None:
    labels, problems = Majority(0.5, 1).settle([answer("1", "a", None)])
    assert labels == []
    assert problems[0].subject == "1"
