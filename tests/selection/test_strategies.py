"""What each query strategy prefers, in figures computed by hand."""

import numpy as np
import pytest

from kempelen.plugins import build
from kempelen.records import Answered, Candidate, Pool
from kempelen.text import item_id
from selection._opinions import best_two
from selection.entropy import entropy


def candidate(query: str, predictions: int = 1, food: float = 0.9) -> Candidate:
    return Candidate(
        item_id=item_id(query),
        query=query,
        predictions=predictions,
        users=predictions,
        model_version="1",
        probabilities={"food": food, "health": 1 - food},
    )


def pool(*candidates: Candidate, challenger: list[float] | None = None, **more: object) -> Pool:
    says = None if challenger is None else np.array([[food, 1 - food] for food in challenger])
    return Pool(candidates=candidates, labels=("food", "health"), challenger=says, **more)  # type: ignore[arg-type]


def sizes(name: str, of: Pool, **params: float) -> list[float]:
    return [float(size) for size in build("selection", name, params).sizes(of)]


def test_the_audit_follows_the_traffic() -> None:
    assert sizes("audit", pool(candidate("a", 3), candidate("b", 7))) == [3, 7]


def test_the_margin_is_that_of_the_champion_until_there_is_a_challenger() -> None:
    two = candidate("a", food=0.75), candidate("b", food=0.5)
    assert sizes("margin", pool(*two), sharpness=1.0) == pytest.approx([0.5, 1.0])
    assert sizes("margin", pool(*two, challenger=[0.5, 0.9]), sharpness=1.0) == pytest.approx([1.0, 0.2])


def test_entropy_is_1_where_nothing_is_known_and_0_where_all_is() -> None:
    assert entropy(np.array([[0.25] * 4, [1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])) == pytest.approx([1, 0, 0.5])
    assert sizes("entropy", pool(candidate("a", food=0.5), candidate("b", food=1.0)), sharpness=1.0) == [1, 0]


def test_the_second_of_a_single_label_is_0() -> None:
    assert [float(part[0]) for part in best_two(np.ones((1, 1)))] == [1, 0]


def test_disagreement_is_how_far_the_challenger_moved_away_from_the_champion() -> None:
    three = candidate("a", 4), candidate("b", 1), candidate("c", 9)
    # The champion says food: the challenger has health 0.8 ahead by 0.6, weighed by the root of 4; agrees; 1.0 by 3.
    moved = pool(*three, challenger=[0.2, 0.7, 0.0])
    assert sizes("disagreement", moved) == pytest.approx([1.2, 0, 3.0])
    assert sizes("disagreement", pool(*three)) == [0, 0, 0]
    reason = build("selection", "disagreement", {}).reason(moved, 0)
    assert reason == "the model in service says food, and the one that learnt from recent answers says health"


def test_a_named_segment_is_asked_about_by_the_root_of_its_traffic() -> None:
    two = candidate("a", 9, food=0.9), candidate("b", 9, food=0.1)
    assert sizes("segment", pool(*two, segments=("health",))) == [0, 3]
    assert sizes("segment", pool(*two)) == [0, 0]


def test_a_query_like_many_others_counts_more_than_one_like_none() -> None:
    alike = [candidate(f"flights to {city}") for city in ("rome", "paris", "oslo", "lima")]
    figures = sizes("density", pool(*alike, candidate("zucchini recipe")))
    assert min(figures[:4]) > figures[4] > 0


def test_traffic_makes_a_neighbourhood_denser() -> None:
    small = candidate("cheap flights"), candidate("flights"), candidate("good pizza"), candidate("pizza", 50)
    figures = sizes("density", pool(*small))
    assert figures[2] > figures[0]


def test_what_was_answered_is_not_asked_again_in_other_words() -> None:
    two = candidate("flights to rome"), candidate("pasta recipe")
    known = (Answered(query="flights to rome now", label="health", suggestion="food"),)
    before, after = sizes("density", pool(*two)), sizes("density", pool(*two, answered=known))
    assert after[0] < before[0] / 2
    assert after[1] == pytest.approx(before[1])


def surge(*candidates: Candidate, challenger: list[float] | None = None, **more: object) -> Pool:
    return pool(*candidates, challenger=challenger, surging=("corona", "virus"), **more)


def test_queries_with_a_surging_word_are_asked_about_and_others_are_not() -> None:
    figures = sizes("term_surge", surge(candidate("corona beer"), candidate("beer"), candidate("virus")))
    assert figures == [figures[0], 0, figures[0]]
    assert figures[0] > 0


def test_the_reason_names_the_words() -> None:
    reason = build("selection", "term_surge", {}).reason(surge(candidate("the corona virus")), 0)
    assert reason == "suddenly many people use the words 'corona' and 'virus'"


def test_where_the_model_proved_right_less_is_asked_than_where_it_proved_wrong() -> None:
    known = (
        *(Answered(query=f"corona beer {n}", label="food", suggestion="food") for n in range(6)),
        *(Answered(query=f"corona test {n}", label="food", suggestion="health") for n in range(6)),
    )
    two = candidate("corona lime", food=0.9), candidate("corona cure", food=0.1)
    right, wrong = sizes("term_surge", surge(*two, answered=known), spread=0.0)
    # The word was wrong in 6 of 12; with a prior of 0.5 worth 2 answers that is 0.5, and so the prior of both cells.
    assert right == pytest.approx(1 / 8)
    assert wrong == pytest.approx(7 / 8)


def test_a_small_context_gets_more_for_each_of_its_queries() -> None:
    many = [candidate(f"corona {n}") for n in range(16)]
    figures = sizes("term_surge", surge(*many, candidate("virus cure")), spread=0.5)
    # One of 16 counts 1/4 of the one that is alone.
    assert figures[0] == pytest.approx(figures[16] / 4)


def test_among_surging_queries_those_the_challenger_doubts_come_first() -> None:
    two = candidate("corona a"), candidate("corona b")
    figures = sizes("term_surge", surge(*two, challenger=[0.5, 0.9]), doubt_power=1.0)
    # Margins 0 and 0.8.
    assert figures[1] == pytest.approx(0.2 * figures[0])


def test_a_query_that_many_ask_counts_as_often_as_it_is_asked() -> None:
    figures = sizes("term_surge", surge(candidate("corona a", 50), candidate("corona b", 2)))
    assert figures[0] == pytest.approx(25 * figures[1])
