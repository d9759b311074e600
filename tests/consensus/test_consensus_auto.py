"""The rule is chosen by what gold or agreement shows, and says which and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from consensus import _choosing
from consensus._votes import UNKNOWN, ballots
from consensus.auto import CANDIDATES, Auto, build
from consensus.dawid_skene import probabilities as dawid_skene
from consensus.majority import shares
from kempelen.errors import ConfigError
from kempelen.records import Annotation


def simulated(
    *, seed: int, items: int, people: int, votes: int, accuracies: tuple[float, ...], labels: int
) -> tuple[list[Annotation], dict[str, str]]:
    """People who are right with the given chances in turn, and otherwise name any label."""
    rng = np.random.default_rng(seed)
    truth = {f"i{i:05}": f"l{rng.integers(labels):02}" for i in range(items)}
    answers = []
    for item, right in truth.items():
        for p in rng.choice(people, votes, replace=False):
            label = right if rng.random() < accuracies[p % len(accuracies)] else f"l{rng.integers(labels):02}"
            answers.append(
                Annotation(
                    source_id=f"{item}/{p}",
                    item_id=item,
                    annotator=f"p{p}",
                    label=label,
                    lead_time_s=5.0,
                    started_at=None,
                    submitted_at=datetime(2020, 1, 21, tzinfo=UTC),
                    simulated=True,
                )
            )
    return answers, truth


def auto(**params: float) -> Auto:
    rule = build(**params)  # type: ignore[arg-type]  # numbers of both kinds by name
    assert isinstance(rule, Auto)
    return rule


def right(answers: list[Annotation], truth: dict[str, str], weigh: object) -> float:
    votes = ballots(answers).votes
    assert callable(weigh)
    supports = weigh(votes, np.full(len(votes.items), UNKNOWN))
    picked = supports >= supports.max(axis=1, keepdims=True) - 1e-9
    places = [votes.labels.index(truth[item]) for item in votes.items]
    return float((picked / picked.sum(axis=1, keepdims=True))[np.arange(len(places)), places].mean())


def test_where_nobody_disagrees_it_counts_and_loads_nothing() -> None:
    answers, _ = simulated(seed=1, items=300, people=4, votes=2, accuracies=(1.0,), labels=4)
    rule = auto()
    labels, problems = rule.settle(answers)
    assert problems == []
    assert {c.method for c in labels} == {"auto: majority"}
    assert rule.choice is not None
    assert rule.choice.why == "nobody disagrees, so that all rules say the same"


def test_with_too_little_to_choose_by_it_counts_and_says_how_much_is_needed() -> None:
    answers, truth = simulated(seed=2, items=20, people=4, votes=2, accuracies=(0.6,), labels=4)
    rule = auto()
    rule.settle(answers, gold=dict(list(truth.items())[:7]))
    assert rule.choice is not None
    assert (rule.choice.rule, rule.choice.by) == ("majority", "default")
    assert rule.choice.why.startswith("7 gold items and 20 answers after the first to an item are too few")
    assert rule.choice.why.endswith("50 or 100 are needed")


def test_gold_favours_a_model_where_one_person_in_three_answers_at_random() -> None:
    answers, truth = simulated(seed=3, items=200, people=6, votes=2, accuracies=(0.95, 0.95, 0.0), labels=4)
    rule = auto()
    labels, _ = rule.settle(answers, gold=dict(list(truth.items())[:120]))
    assert rule.choice is not None
    assert (rule.choice.rule, rule.choice.by) == ("one_coin", "gold")
    assert rule.choice.scores["one_coin"] > rule.choice.scores["majority"] + 0.05
    assert {c.method for c in labels} == {"auto: one_coin"}
    assert "120 gold items" in rule.choice.why


def test_agreement_favours_a_model_there_too() -> None:
    answers, truth = simulated(seed=4, items=400, people=6, votes=2, accuracies=(0.95, 0.95, 0.0), labels=4)
    rule = auto()
    labels, _ = rule.settle(answers)
    assert rule.choice is not None
    assert (rule.choice.rule, rule.choice.by) == ("one_coin", "agreement")
    assert rule.choice.why == "foresees 400 held-out answers best or no worse"
    wrong = sum(truth[c.item_id] != c.label for c in labels)
    assert wrong < 0.15 * len(labels)


def test_where_dawid_and_skene_lose_to_a_count_auto_does_not_take_them() -> None:
    # Few answers a person for so many labels: a table of mistakes cannot be found, and is sure all the same.
    answers, truth = simulated(seed=5, items=300, people=10, votes=2, accuracies=(0.7,), labels=6)
    count, table = right(answers, truth, shares), right(answers, truth, dawid_skene)
    assert table < count - 0.01
    for gold in (None, dict(list(truth.items())[:100])):
        rule = auto()
        rule.settle(answers, gold=gold)
        assert rule.choice is not None
        assert rule.choice.rule != "dawid_skene"
        assert "dawid_skene" in rule.choice.scores


def test_equally_good_rules_leave_it_at_the_simplest() -> None:
    candidates = [CANDIDATES[0], _choosing.Candidate(name="the same", weigh=shares)]
    answers, truth = simulated(seed=6, items=100, people=5, votes=2, accuracies=(0.7,), labels=3)
    votes = ballots(answers).votes
    nothing, gold = np.full(100, UNKNOWN), votes.known(truth)
    assert _choosing.by_agreement(votes, nothing, candidates, 0.05).rule == "majority"
    assert _choosing.by_gold(votes, nothing, gold, candidates, 0.05).rule == "majority"


def test_on_gold_five_better_and_none_worse_is_proof_and_four_are_not() -> None:
    assert _choosing.sign_test(5, 0) == 1 / 32
    assert _choosing.sign_test(4, 0) == 1 / 16
    assert _choosing.sign_test(4, 1) == 6 / 32
    answers, truth = simulated(seed=7, items=60, people=2, votes=2, accuracies=(1.0,), labels=2)
    votes = ballots(answers).votes
    gold = votes.known(truth)
    none = np.full(60, UNKNOWN)
    for corrected, chosen in ((4, "majority"), (5, "better")):
        wrong = np.eye(2)[np.where(np.arange(60) < corrected, 1 - gold, gold)]
        candidates = [
            _choosing.Candidate(name="majority", weigh=lambda _v, _k, wrong=wrong: wrong),
            _choosing.Candidate(name="better", weigh=lambda _v, _k: np.eye(2)[gold]),
        ]
        assert _choosing.by_gold(votes, none, gold, candidates, 0.05).rule == chosen


def test_a_rule_is_not_judged_by_gold_that_it_was_shown() -> None:
    def parrot(votes: object, known: np.ndarray) -> np.ndarray:
        assert votes is not None
        return np.eye(3)[np.where(known == UNKNOWN, 0, known)]

    answers, truth = simulated(seed=8, items=90, people=3, votes=2, accuracies=(0.8,), labels=3)
    votes = ballots(answers).votes
    gold = votes.known(truth)
    parroting = _choosing.Candidate(name="parrot", weigh=parrot, uses_known=True)
    choice = _choosing.by_gold(votes, gold, gold, [CANDIDATES[0], parroting], 0.05)
    assert choice.rule == "majority"
    assert choice.scores["parrot"] == pytest.approx(float((gold == 0).mean()))


def test_an_answer_is_foreseen_from_others_alone() -> None:
    # Each item has one answer: there is nobody else to foresee it from, and no score.
    answers, _ = simulated(seed=9, items=50, people=5, votes=1, accuracies=(0.5,), labels=3)
    rule = auto(min_answers=1)
    rule.settle(answers)
    assert rule.choice is not None
    assert rule.choice.by == "default"


def test_a_third_answer_asked_for_because_two_differ_misleads_no_one() -> None:
    # Two answers an item, a third where they differ; two of six people answer at random.
    answers, truth = simulated(seed=10, items=200, people=6, votes=3, accuracies=(0.95, 0.95, 0.0), labels=4)
    by_item: dict[str, list[Annotation]] = {}
    for one in answers:
        by_item.setdefault(one.item_id, []).append(one)
    asked = []
    for said in by_item.values():
        in_turn = [replace(one, submitted_at=one.submitted_at + timedelta(hours=n)) for n, one in enumerate(said)]
        asked += in_turn if said[0].label != said[1].label else in_turn[:2]
    assert len(asked) < 600
    assert right(asked, truth, CANDIDATES[1].weigh) > right(asked, truth, shares) + 0.05
    rule = auto()
    rule.settle(asked)
    assert rule.choice is not None
    assert (rule.choice.rule, rule.choice.by) == ("one_coin", "agreement")


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha is"):
        auto(alpha=alpha)
