"""Every item that people see was chosen with a probability that is known, exactly."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kempelen.errors import ConfigError
from kempelen.records import Candidate, LabelRequest, Pool, Purpose
from kempelen.text import item_id
from selection import AUDIT, ExpectedDraw, choose, expected_draw
from selection._sampling import inclusion_probabilities

Floats = NDArray[np.float64]

SIZES = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


class Given:
    """A strategy whose sizes are given."""

    def __init__(self, sizes: list[float]) -> None:
        self.given = sizes

    def sizes(self, pool: Pool) -> Floats:
        return np.array(self.given[: len(pool.candidates)])

    def reason(self, pool: Pool, place: int) -> str:
        return f"because of {pool.candidates[place].query}"


def candidate(n: int) -> Candidate:
    return Candidate(
        item_id=item_id(f"query {n}"),
        query=f"query {n}",
        predictions=1 + n,
        users=1 + n,
        days=2,
        model_version="1",
        probabilities={"food": 0.9, "health": 0.1},
        scrubbed=("person",),
    )


def pool(n: int) -> Pool:
    return Pool(candidates=tuple(candidate(i) for i in range(n)), labels=("food", "health"))


SEVEN = pool(7)
STRATEGIES = {
    AUDIT: Given([1, 2, 3, 4, 5, 6, 7]),
    "doubt": Given([0, 0, 9, 1, 0, 0, 0]),
    "surge": Given([5, 0, 0, 0, 0, 5, 90]),
    "idle": Given([0] * 7),
}
SHARES = {AUDIT: 0.3, "doubt": 0.2, "surge": 0.4, "idle": 0.1}


def expected(items: int = 3, **more: object) -> ExpectedDraw:
    return expected_draw(SEVEN, STRATEGIES, SHARES, items=items, audit_fraction=0.25, **more)  # type: ignore[arg-type]


def draw(seed: int, items: int = 3, **more: object) -> list[LabelRequest]:
    rng = np.random.default_rng(seed)
    return choose(SEVEN, STRATEGIES, expected(items, **more), cycle_id="c", round=1, rng=rng)


@given(SIZES, st.integers(0, 80))
def test_probabilities_sum_to_the_number_wanted(sizes: list[float], n: int) -> None:
    array = np.array(sizes)
    probabilities = inclusion_probabilities(array, n)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.sum() == pytest.approx(min(n, int((array > 0).sum())))
    assert not probabilities[array == 0].any()


@given(SIZES, st.floats(0, 2_000), st.randoms(use_true_random=False))
def test_the_expected_price_is_what_may_be_spent(sizes: list[float], total: float, draws: object) -> None:
    array, prices = np.array(sizes), np.array([draws.uniform(1, 90) for _ in sizes])  # type: ignore[attr-defined]
    probabilities = inclusion_probabilities(array, total, prices)
    assert (prices * probabilities).sum() == pytest.approx(min(total, prices[array > 0].sum()))


def test_uncertain_items_keep_their_proportions_and_large_ones_are_certain() -> None:
    # 3 wanted: the 100 is certain, and 2 are left for 1 + 3 + 4 + 0: 2/8 of each size.
    probabilities = inclusion_probabilities(np.array([1.0, 3.0, 100.0, 4.0, 0.0]), 3)
    assert probabilities == pytest.approx([0.25, 0.75, 1.0, 1.0, 0.0])


def test_sizes_too_small_or_large_for_a_sum_are_drawn_all_the_same() -> None:
    assert inclusion_probabilities(np.array([5e-324, 1e-310, 0.0]), 5) == pytest.approx([1, 1, 0])
    assert inclusion_probabilities(np.array([2.3e-309]), 0.5, np.array([1.0])) == pytest.approx([0.5])
    assert inclusion_probabilities(np.array([1e-320, 1e6]), 1.5) == pytest.approx([0.5, 1])
    huge = {"big": Given([1e308, 1e308, 0])}
    one = expected_draw(pool(3), huge, {"big": 1.0}, items=1, audit_fraction=0)
    assert one.inclusion == pytest.approx([0.5, 0.5, 0])


def test_the_chances_are_the_mixture_computed_by_hand() -> None:
    # `idle` has nothing to say: of the 0.7 that are not the audit's, 0.2 and 0.4 count as a third and two thirds.
    # Items 2 and 6 are certain. Of 3 items one is left for the other five: the audit's part of them, 3 * 0.3 * 18/28,
    # and the rest for items 0, 3 and 5, who have 0.05, 0.1 and 0.05 of `surge` twice and of `doubt` once: the same
    # each.
    one = expected()
    own, others = 3 * 0.3 * 1 / 28, (1 - 3 * 0.3 * 18 / 28) / 3
    assert one.inclusion[[2, 6]] == pytest.approx([1, 1])
    assert one.inclusion[0] == pytest.approx(own + others)
    assert one.inclusion.sum() == pytest.approx(3)
    audit = own / (own + others)
    assert one.attribution[0] == pytest.approx([audit, 0, 1 - audit, 0])
    assert one.audit[0] == pytest.approx(one.inclusion[0] * (audit + (1 - audit) * 0.25))


def test_the_audit_keeps_its_share_when_others_have_nothing_to_say_and_has_all_when_none_has() -> None:
    shares = {AUDIT: 0.25, "doubt": 0.15, "idle": 0.6}
    sure = {**STRATEGIES, "doubt": Given([1.0] * 7), AUDIT: Given([1.0] * 7)}
    one = expected_draw(SEVEN, sure, shares, items=2, audit_fraction=0.0)
    assert one.attribution[0] == pytest.approx([0.25, 0.75, 0])
    silent = {**sure, "doubt": STRATEGIES["idle"]}
    assert expected_draw(SEVEN, silent, shares, items=2, audit_fraction=0.0).attribution[0, 0] == 1


def test_the_audit_keeps_its_share_when_what_others_want_is_certain_already() -> None:
    many = pool(100)
    strategies = {
        AUDIT: Given([1.0] * 100),
        "surge": Given([1.0] * 5 + [0.0] * 95),
        "doubt": Given([0.0] * 50 + [1.0] * 50),
    }
    found = expected_draw(many, strategies, {AUDIT: 0.25, "surge": 0.6, "doubt": 0.15}, items=40, audit_fraction=0.0)
    # 5 surging ones are certain; of the others 0.1 each is the audit's, and 40 - 5 - 9.5 = 25.5 are for 50 in doubt.
    assert found.inclusion == pytest.approx([1.0] * 5 + [0.1] * 45 + [0.1 + 25.5 / 50] * 50)
    assert found.audit[5:] == pytest.approx([0.1] * 95)


def test_the_audit_fills_up_what_nobody_else_can_use() -> None:
    strategies = {AUDIT: Given([1.0] * 10), "surge": Given([1.0] * 2 + [0.0] * 8)}
    found = expected_draw(pool(10), strategies, {AUDIT: 0.5, "surge": 0.5}, items=6, audit_fraction=0.0)
    assert found.inclusion == pytest.approx([1.0] * 2 + [0.5] * 8)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=60),
    st.integers(1, 70),
)
def test_a_round_has_the_items_wanted_and_the_audit_no_more_than_its_share(
    sizes: list[tuple[float, float, float]], items: int
) -> None:
    audit, surge, doubt = (list(column) for column in zip(*sizes, strict=True))
    strategies = {AUDIT: Given(audit), "surge": Given(surge), "doubt": Given(doubt)}
    shares = {AUDIT: 0.3, "surge": 0.5, "doubt": 0.2}
    found = expected_draw(pool(len(sizes)), strategies, shares, items=items, audit_fraction=0.0)
    possible = sum(any(each) for each in sizes)
    assert found.inclusion.sum() == pytest.approx(min(items, possible), rel=1e-6)
    others_can = sum(s > 1e-9 * max(surge) or d > 1e-9 * max(doubt) for _, s, d in sizes)
    if others_can >= items and any(audit):
        assert found.audit.sum() <= 0.3 * items * (1 + 1e-6)


def test_items_are_drawn_and_kept_as_often_as_stated() -> None:
    trials, one = 4_000, expected()
    drawn, audited, by = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for seed in range(trials):
        for request in draw(seed):
            drawn[request.item_id] += 1
            audited[request.item_id] += request.purpose is Purpose.AUDIT
            by[request.item_id, request.strategy] += 1
    for place, item in enumerate(one_.item_id for one_ in SEVEN.candidates):
        chances = {
            drawn[item]: one.inclusion[place],
            audited[item]: one.audit[place],
            **{
                by[item, name]: one.inclusion[place] * one.attribution[place, column]
                for column, name in enumerate(one.strategies)
            },
        }
        for count, chance in chances.items():
            # 4.5 standard deviations over 42 figures: a false failure once in some 3,500 choices of the seeds.
            assert abs(count - trials * chance) <= 4.5 * np.sqrt(trials * chance * (1 - chance)) + 1e-9


def test_the_number_drawn_varies_as_independent_draws_do() -> None:
    trials, one = 3_000, expected()
    counts = np.array([len(draw(seed)) for seed in range(trials)])
    variance = (one.inclusion * (1 - one.inclusion)).sum()
    assert abs(counts.mean() - 3) <= 4 * np.sqrt(variance / trials)
    # Pairs are drawn independently, or the variance would be another; its own standard error is near sqrt(2 / trials).
    assert abs(counts.var() / variance - 1) <= 4 * np.sqrt(2 / trials)


def test_weighted_audit_answers_estimate_the_traffic_without_bias() -> None:
    trials, truth = 3_000, 1 + 4 + 7
    estimates = [
        sum(
            request.predictions / request.audit_probability
            for request in draw(seed)
            if request.purpose is Purpose.AUDIT and request.predictions in (1, 4, 7)
        )
        for seed in range(trials)
    ]
    # Horvitz-Thompson is unbiased: the mean of the estimates is within 4 standard errors of the truth.
    assert abs(np.mean(estimates) - truth) <= 4 * np.std(estimates) / np.sqrt(trials)


def test_requests_say_the_chances_that_were_computed() -> None:
    one = expected()
    for request in draw(5, items=6):
        place = request.predictions - 1
        assert request.inclusion_probability == expected(items=6).inclusion[place]
        assert request.audit_probability == expected(items=6).audit[place]
        assert one.attribution[place, one.strategies.index(request.strategy)] > 0
        assert request.reason == f"because of {request.query}"
        assert (request.days, request.scrubbed, request.expected_seconds) == (2, ("person",), None)
        assert (request.cycle_id, request.round, request.suggestion) == ("c", 1, "food")


def test_audit_items_are_never_trained_on() -> None:
    drawn = [request for seed in range(50) for request in draw(seed)]
    audited = [request for request in drawn if request.strategy == AUDIT]
    assert audited
    assert {request.purpose for request in audited} == {Purpose.AUDIT}
    assert Purpose.TRAINING in {request.purpose for request in drawn}


def test_asking_for_more_than_there_is_asks_about_everything_once() -> None:
    drawn = draw(1, items=50)
    assert sorted(request.query for request in drawn) == [one.query for one in SEVEN.candidates]
    assert {request.inclusion_probability for request in drawn} == {1.0}


def test_items_are_asked_in_random_order() -> None:
    first = Counter(draw(seed, items=50)[0].query for seed in range(700))
    assert len(first) == 7
    # 4 binomial standard deviations around 100 of 700.
    assert max(abs(count - 100) for count in first.values()) <= 4 * np.sqrt(700 * 1 / 7 * 6 / 7)


def test_a_time_budget_that_binds_is_spent_and_no_more() -> None:
    seconds = np.array([10.0, 20, 30, 40, 50, 60, 70])
    one = expected(items=6, seconds=seconds, budget_seconds=60)
    assert (one.inclusion * seconds).sum() == pytest.approx(60)
    assert one.inclusion.sum() < 6
    free = expected(items=2, seconds=seconds, budget_seconds=10_000)
    assert free.inclusion == pytest.approx(expected(items=2).inclusion)
    assert {request.expected_seconds for request in draw(3, 6, seconds=seconds)} <= set(seconds)


def test_no_time_left_asks_nobody() -> None:
    assert draw(1, seconds=np.ones(7), budget_seconds=0.0) == []
    assert draw(1, items=0) == []


def test_a_budget_of_seconds_needs_seconds() -> None:
    with pytest.raises(ValueError, match="seconds"):
        draw(1, budget_seconds=60.0)


def test_an_empty_pool_is_an_empty_draw() -> None:
    nothing = expected_draw(pool(0), STRATEGIES, SHARES, items=5, audit_fraction=0.25)
    assert nothing.inclusion.shape == nothing.audit.shape == (0,)
    assert choose(pool(0), STRATEGIES, nothing, cycle_id="c", round=1, rng=np.random.default_rng(1)) == []


def test_the_chances_of_another_pool_are_refused() -> None:
    with pytest.raises(ValueError, match="7 candidates cannot be taken from 3"):
        choose(pool(3), STRATEGIES, expected(), cycle_id="c", round=1, rng=np.random.default_rng(1))


def test_strategies_that_all_have_nothing_to_say_ask_nothing() -> None:
    one = expected_draw(SEVEN, {"idle": STRATEGIES["idle"]}, {"idle": 1.0}, items=5, audit_fraction=0.25)
    assert not one.inclusion.any()


def test_a_strategy_without_a_share_is_not_even_asked() -> None:
    broken: Mapping[str, Given] = {AUDIT: STRATEGIES[AUDIT], "broken": Given([float("nan")] * 7)}
    assert expected_draw(SEVEN, broken, {AUDIT: 1.0, "broken": 0.0}, items=2, audit_fraction=0.5).strategies == (AUDIT,)


@pytest.mark.parametrize("sizes", [[1.0] * 6 + [float("nan")], [1.0] * 6 + [-1.0], [float("inf")] * 7])
def test_sizes_that_are_none_name_the_strategy_and_the_query(sizes: list[float]) -> None:
    with pytest.raises(ConfigError, match="'mine' gives the query 'query"):
        expected_draw(SEVEN, {"mine": Given(sizes)}, {"mine": 1.0}, items=2, audit_fraction=0)


def test_a_wrong_number_of_sizes_names_both_numbers() -> None:
    with pytest.raises(ConfigError, match=r"\(2,\) for 7 candidates"):
        expected_draw(SEVEN, {"mine": Given([1, 2])}, {"mine": 1.0}, items=2, audit_fraction=0)


def test_the_same_seed_asks_the_same() -> None:
    assert draw(3) == draw(3)
    assert [draw(seed) for seed in range(9)] != [draw(seed) for seed in range(9, 18)]


def test_the_order_of_candidates_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(7)
    shuffled = replace(SEVEN, candidates=tuple(SEVEN.candidates[n] for n in order))
    moved = {name: Given([one.given[n] for n in order]) for name, one in STRATEGIES.items()}
    one = expected_draw(shuffled, moved, SHARES, items=3, audit_fraction=0.25)
    assert one.inclusion == pytest.approx(expected().inclusion[order])
    assert one.audit == pytest.approx(expected().audit[order])
