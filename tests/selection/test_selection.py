"""Every item that people see was chosen with a probability that is known, exactly."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kempelen.plugins import available, build
from kempelen.records import Candidate, Purpose
from kempelen.text import item_id
from selection import AUDIT, choose
from selection._sampling import inclusion_probabilities, systematic

strategies = pytest.mark.parametrize("name", available("selection"))

SIZES = st.lists(st.floats(0, 100), min_size=1, max_size=60)


def candidate(query: str, predictions: int = 1, confidence: float = 0.9) -> Candidate:
    return Candidate(
        item_id=item_id(query),
        query=query,
        predictions=predictions,
        users=predictions,
        model_version="1",
        probabilities={"food": confidence, "health": 1 - confidence},
    )


POOL = [candidate(f"query {n}", predictions=1 + n % 4, confidence=0.5 + (n % 50) / 100) for n in range(60)] + [
    candidate(f"corona {n}", predictions=2) for n in range(20)
]


@given(SIZES, st.integers(0, 80))
def test_probabilities_sum_to_the_number_wanted(sizes: list[float], n: int) -> None:
    array = np.array(sizes)
    probabilities = inclusion_probabilities(array, n)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.sum() == pytest.approx(min(n, int((array > 0).sum())))
    assert not probabilities[array == 0].any()


@given(SIZES, st.integers(0, 80), st.integers(0, 2**32))
def test_a_draw_has_the_size_that_was_asked_for(sizes: list[float], n: int, seed: int) -> None:
    probabilities = inclusion_probabilities(np.array(sizes), n)
    drawn = systematic(probabilities, np.random.default_rng(seed))
    assert drawn.sum() == round(probabilities.sum())
    assert drawn[probabilities == 1].all()
    assert not drawn[probabilities == 0].any()


def test_items_are_drawn_as_often_as_their_probability_says() -> None:
    rng, trials = np.random.default_rng(1), 4_000
    probabilities = inclusion_probabilities(np.array([1.0, 2.0, 3.0, 4.0, 10.0, 0.5]), 3)
    seen = sum(systematic(probabilities, rng).astype(int) for _ in range(trials))
    # 4 binomial standard deviations over 6 items: a false failure once in some 2,500 seeds.
    tolerance = 4 * np.sqrt(trials * probabilities * (1 - probabilities))
    assert (np.abs(seen - trials * probabilities) <= tolerance + 1e-9).all()


@strategies
def test_sizes_are_one_non_negative_figure_a_candidate(name: str) -> None:
    strategy = build("selection", name, {})
    sizes = strategy.sizes(POOL, ["corona"])
    assert sizes.shape == (len(POOL),)
    assert np.isfinite(sizes).all()
    assert (sizes >= 0).all()
    assert sizes.sum() > 0


@strategies
def test_every_choice_has_a_reason_in_words(name: str) -> None:
    reason = build("selection", name, {}).reason(POOL[-1], ["corona"])
    assert len(reason.split()) > 3


@strategies
def test_an_empty_pool_is_an_empty_answer(name: str) -> None:
    assert build("selection", name, {}).sizes([], []).shape == (0,)


def mixture(seed: int, surging: tuple[str, ...] = ("corona",)) -> list:
    return choose(
        POOL,
        {name: build("selection", name, {}) for name in available("selection")},
        {"audit": 8, "margin": 4, "term_surge": 8},
        surging=surging,
        audit_fraction=0.25,
        cycle_id="c",
        round=1,
        rng=np.random.default_rng(seed),
    )


def test_no_item_is_chosen_twice() -> None:
    requests = mixture(1)
    assert len({r.item_id for r in requests}) == len(requests) <= 20


def test_the_same_seed_asks_the_same() -> None:
    assert mixture(3) == mixture(3) != mixture(4)


def test_audit_items_are_never_trained_on() -> None:
    assert all(r.purpose is Purpose.AUDIT for r in mixture(5) if r.strategy == AUDIT)


def test_surging_words_draw_their_queries_and_say_so() -> None:
    surging = [r for r in mixture(6) if r.strategy == "term_surge"]
    assert surging
    assert all("corona" in r.query and "'corona'" in r.reason for r in surging)


def test_without_a_surging_word_that_share_is_not_spent() -> None:
    assert not [r for r in mixture(7, surging=()) if r.strategy == "term_surge"]


def test_the_mixture_draws_items_as_often_as_the_stated_probabilities() -> None:
    trials = 3_000
    drawn, audited, stated, stated_audit = Counter(), Counter(), {}, {}
    for seed in range(trials):
        for request in mixture(seed):
            drawn[request.item_id] += 1
            audited[request.item_id] += request.purpose is Purpose.AUDIT
            stated[request.item_id] = request.inclusion_probability
            stated_audit[request.item_id] = request.audit_probability
    for item, probability in stated.items():
        # 5 standard deviations over 80 items and 2 figures: a false failure once in some 10,000 seeds.
        assert abs(drawn[item] - trials * probability) <= 5 * np.sqrt(trials * probability * (1 - probability)) + 1e-9
        kept = stated_audit[item]
        assert abs(audited[item] - trials * kept) <= 5 * np.sqrt(trials * kept * (1 - kept)) + 1e-9


def test_weighted_audit_answers_estimate_the_traffic_without_bias() -> None:
    trials, truth = 2_000, sum(c.predictions for c in POOL if "corona" in c.query)
    estimates = [
        sum(
            r.predictions / r.audit_probability
            for r in mixture(s)
            if r.purpose is Purpose.AUDIT and "corona" in r.query
        )
        for s in range(trials)
    ]
    # Horvitz-Thompson is unbiased: the mean of the estimates is within 4 standard errors of the truth.
    assert abs(np.mean(estimates) - truth) <= 4 * np.std(estimates) / np.sqrt(trials)
