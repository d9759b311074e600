"""What every rule of consensus/ holds, shipped or yet to be written: a new file is tested by existing."""

import importlib
import inspect
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from kempelen.errors import Problem
from kempelen.plugins import available, build
from kempelen.records import Annotation, ConsensusLabel

RULES = available("consensus")
rules = pytest.mark.parametrize("name", RULES)

Outcome = tuple[list[ConsensusLabel], list[Problem]]


def answer(item: str, annotator: str, label: str | None, *, expert: bool = False) -> Annotation:
    return Annotation(
        source_id=f"{item}/{annotator}",
        item_id=item,
        annotator=annotator,
        label=label,
        lead_time_s=5.0,
        started_at=None,
        submitted_at=datetime(2020, 1, 21, tzinfo=UTC),
        simulated=False,
        expert=expert,
    )


def crowd(
    seed: int, items: int, people: int, votes: int, *, labels: str = "xyz", accuracy: float = 0.8
) -> list[Annotation]:
    """Answers of people who are right with one chance, and otherwise name any label."""
    rng = np.random.default_rng(seed)
    truth = truths(seed, items, labels)
    return [
        answer(f"i{i:06}", f"p{p}", truth[f"i{i:06}"] if rng.random() < accuracy else str(rng.choice(list(labels))))
        for i in range(items)
        for p in rng.choice(people, votes, replace=False)
    ]


def truths(seed: int, items: int, labels: str) -> dict[str, str]:
    drawn = np.random.default_rng([seed, 1]).choice(list(labels), items)
    return {f"i{i:06}": str(label) for i, label in enumerate(drawn)}


def settle(name: str, answers: Sequence[Annotation], gold: Mapping[str, str] | None = None, **params: Any) -> Outcome:
    outcome: Outcome = build("consensus", name, params).settle(answers, gold=gold)
    return outcome


def subjects(outcome: Outcome) -> list[str]:
    labels, problems = outcome
    return sorted([label.item_id for label in labels] + [problem.subject for problem in problems])


@rules
def test_no_answers_are_no_labels(name: str) -> None:
    assert settle(name, []) == ([], [])


@rules
@pytest.mark.parametrize("gold", [None, {}, {"1": "health", "2": "food", "elsewhere": "nobody says this"}])
def test_where_everybody_agrees_their_answer_is_the_label(name: str, gold: dict[str, str] | None) -> None:
    answers = [answer(i, p, label) for i, label in (("1", "health"), ("2", "food"), ("3", "health")) for p in "abc"]
    labels, problems = settle(name, answers, gold)
    assert [(c.item_id, c.label, c.votes) for c in labels] == [("1", "health", 3), ("2", "food", 3), ("3", "health", 3)]
    assert problems == []


@rules
def test_items_that_all_agree_on_get_that_label_among_items_with_quarrels(name: str) -> None:
    answers = crowd(seed=3, items=40, people=6, votes=3)
    said: dict[str, set[str | None]] = {}
    for a in answers:
        said.setdefault(a.item_id, set()).add(a.label)
    settled = {c.item_id: c.label for c in settle(name, answers)[0]}
    agreed = {item: next(iter(labels)) for item, labels in said.items() if len(labels) == 1}
    assert 10 < len(agreed) < 40
    assert {item: settled.get(item) for item in agreed} == agreed


@rules
def test_neither_the_order_of_answers_nor_the_names_of_people_matter(name: str) -> None:
    answers = crowd(seed=5, items=30, people=5, votes=3)
    expected = settle(name, answers)
    names = dict(zip([f"p{n}" for n in range(5)], ["zoe", "0", "ann", "\u00e9mile", "p4"], strict=True))
    renamed = [replace(a, annotator=names[a.annotator]) for a in answers]
    random.Random(7).shuffle(renamed)  # noqa: S311 - an order, not a secret
    assert settle(name, answers[::-1]) == expected
    assert settle(name, renamed) == expected


@rules
def test_the_same_answers_always_give_the_same(name: str) -> None:
    answers = crowd(seed=6, items=30, people=4, votes=2)
    rule = build("consensus", name, {})
    assert rule.settle(answers) == rule.settle(answers) == settle(name, answers)


@rules
def test_every_item_comes_back_exactly_once_as_label_or_problem(name: str) -> None:
    answers = [
        *crowd(seed=8, items=25, people=4, votes=2),
        answer("skipped", "p1", None),
        answer("single", "p1", "x"),
        answer("seen once", "p2", "a label seen once"),
        answer("expert", "p1", "x"),
        answer("expert", "e1", "y", expert=True),
        answer("experts", "e1", "x", expert=True),
        answer("experts", "e2", "y", expert=True),
    ]
    for gold in (None, truths(8, 25, "xyz")):
        outcome = settle(name, answers, gold, min_votes=2)
        assert subjects(outcome) == sorted({a.item_id for a in answers})
        assert all(0 <= c.confidence <= 1 for c in outcome[0])
        assert all(p.message and p.hint and p.stage == "consensus" for p in outcome[1])


@rules
def test_no_label_is_made_up_that_nobody_gave_the_item(name: str) -> None:
    answers = crowd(seed=9, items=60, people=4, votes=2, accuracy=0.3)
    said = {(a.item_id, a.label) for a in answers}
    assert all((c.item_id, c.label) in said for c in settle(name, answers)[0])


@rules
def test_skips_are_no_votes(name: str) -> None:
    answers = crowd(seed=10, items=20, people=4, votes=2)
    skips = [answer(f"i{i:06}", "skipper", None) for i in range(20)]
    assert settle(name, [*answers, *skips]) == settle(name, answers)
    assert settle(name, skips)[0] == []
    assert {p.message for p in settle(name, skips)[1]} == {"Everybody who was asked skipped it."}


@rules
def test_one_person_has_one_vote_the_last_one(name: str) -> None:
    answers = crowd(seed=11, items=20, people=4, votes=3)
    earlier = [replace(a, source_id="0", label="z", submitted_at=datetime(2020, 1, 20, tzinfo=UTC)) for a in answers]
    assert settle(name, [*answers, *earlier]) == settle(name, answers)


@rules
def test_an_expert_decides_and_two_who_differ_are_a_problem(name: str) -> None:
    answers = [
        *[answer("1", p, "food") for p in "abc"],
        answer("1", "e", "health", expert=True),
        answer("2", "e", "health", expert=True),
        answer("2", "f", "food", expert=True),
        answer("3", "a", "food"),
        answer("3", "e", None, expert=True),
    ]
    labels, problems = settle(name, answers, min_votes=1)
    assert labels[0] == ConsensusLabel(item_id="1", label="health", confidence=1.0, votes=4, method="expert")
    assert [(c.item_id, c.label, c.votes) for c in labels[1:]] == [("3", "food", 1)]
    assert [p.message for p in problems] == ["Experts disagree: {'food': 1, 'health': 1}."]


@rules
def test_an_expert_decides_where_more_votes_are_wanted(name: str) -> None:
    labels, problems = settle(name, [answer("1", "e", "health", expert=True)], min_votes=3)
    assert [(c.label, c.method) for c in labels] == [("health", "expert")]
    assert problems == []


@rules
def test_gold_items_are_settled_by_their_answers_as_any_other(name: str) -> None:
    answers = crowd(seed=12, items=40, people=5, votes=3, accuracy=0.95)
    gold = {**truths(12, 40, "xyz"), "i000000": "a label that nobody ever gives"}
    wrong = {"i000001": next(label for label in "xyz" if label != gold["i000001"])}
    answers = [a for a in answers if a.item_id != "i000001"]
    answers += [answer("i000001", f"p{n}", wrong["i000001"]) for n in range(5)]
    settled = {c.item_id: c.label for c in settle(name, answers, gold)[0]}
    assert settled.get("i000001", wrong["i000001"]) == wrong["i000001"]


@rules
def test_few_answers_are_settled_or_come_back_and_nothing_breaks(name: str) -> None:
    single_annotator = [answer(str(i), "p", label) for i, label in enumerate("xyzx")]
    single_item = [answer("1", p, label) for p, label in zip("abc", "xxy", strict=True)]
    each_label_once = [answer(str(i), p, f"{i}{p}") for i in range(6) for p in "ab"]
    nobody_in_common = [answer(f"{i}{p}", p, label) for p in "abcd" for i, label in enumerate("xy")]
    for answers in (single_annotator, single_item, each_label_once, nobody_in_common):
        assert subjects(settle(name, answers)) == sorted({a.item_id for a in answers})
    assert [p.message for p in settle(name, single_annotator, min_votes=2)[1]] == ["1 of 2 answers."] * 4


@rules
def test_two_who_disagree_and_whom_nothing_tells_apart_are_no_label(name: str) -> None:
    labels, problems = settle(name, [answer("1", "a", "health"), answer("1", "b", "food")])
    assert labels == []
    assert [p.subject for p in problems] == ["1"]
    assert "Ask one more annotator" in problems[0].hint


@pytest.mark.parametrize("name", sorted(set(RULES) - {"glad"}))  # glad: see docs/consensus.md for what it takes
@pytest.mark.timeout(120)
def test_a_hundred_thousand_answers_are_settled(name: str) -> None:
    labels = "xyz"
    answers = crowd_of_many(33_334, labels)
    outcome = settle(name, answers, min_votes=2)
    truth = truths(1, 33_334, labels)
    right = sum(truth[c.item_id] == c.label for c in outcome[0])
    assert len(subjects(outcome)) == 33_334
    # Two of three independent answers are right with chance 0.9 ** 3 + 3 * 0.9 ** 2 * 0.1 = 0.972 or more.
    assert right > 33_334 * 0.95


def crowd_of_many(items: int, labels: str) -> list[Annotation]:
    rng = np.random.default_rng(2)
    truth = truths(1, items, labels)
    people = (rng.integers(0, 20, items)[:, np.newaxis] + np.array([0, 7, 13])) % 20
    said = np.where(rng.random((items, 3)) < 0.9, "", rng.choice(list(labels), (items, 3)))
    return [
        answer(item, f"p{p}", str(label) or truth[item])
        for item, who, what in zip(truth, people, said, strict=True)
        for p, label in zip(who, what, strict=True)
    ]


def public_values(name: str, rule: object) -> Iterator[object]:
    """All that a rule and its module give away: attributes, and what was settled."""
    module = importlib.import_module(f"consensus.{name}")
    yield from (
        (value for key, value in vars(rule).items() if not key.startswith("_"))
        if hasattr(rule, "__dict__")
        else (
            getattr(rule, one.name)
            for one in fields(rule)  # type: ignore[arg-type]  # rules without a __dict__ are dataclasses
        )
    )
    yield from (value for key, value in vars(module).items() if not key.startswith("_") and not callable(value))


@rules
def test_no_rule_gives_away_how_good_anybody_is(name: str) -> None:
    answers = [replace(a, annotator=f"person-{a.annotator}") for a in crowd(seed=13, items=80, people=6, votes=3)]
    rule = build("consensus", name, {})
    settled = rule.settle(answers, gold=truths(13, 80, "xyz"))
    shown = repr([asdict(one) for part in settled for one in part]) + repr(list(public_values(name, rule)))
    assert "person-" not in shown


@rules
def test_rules_offer_settling_and_their_own_mathematics_by_item_alone(name: str) -> None:
    module = importlib.import_module(f"consensus.{name}")
    own = {
        key for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    assert {key for key in own if not key.startswith("_")} <= {"build", "shares", "weighted", "probabilities"}
    rule = build("consensus", name, {})
    methods = inspect.getmembers(type(rule), inspect.isfunction)
    assert {key for key, _ in methods if not key.startswith("_")} <= {"settle"}


@rules
def test_the_mathematics_has_a_row_for_each_item_and_none_for_people(name: str) -> None:
    from consensus._votes import UNKNOWN, ballots

    module = importlib.import_module(f"consensus.{name}")
    votes = ballots(crowd(seed=14, items=31, people=7, votes=3)).votes
    for function in (getattr(module, key, None) for key in ("shares", "weighted", "probabilities")):
        if function is not None:
            found = function(votes, np.full(31, UNKNOWN))
            assert found.shape == (31, 3)
            assert np.allclose(found.sum(axis=1), 1)
