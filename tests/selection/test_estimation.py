"""Live accuracy from selected answers: right on average, covered as promised, never wider for a bad surrogate."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from kempelen.errors import BadData, NotEnoughData
from selection import Draw, estimate, estimate_by, estimate_difference
from selection._draws import Part
from selection._limits import Seen, clopper_pearson, exceeds, lower, upper
from selection._sampling import inclusion_probabilities

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
RUNS = 150
ALLOWED = CONFIDENCE - 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / RUNS)  # 3 binomial standard deviations


def uniform(errors: int, n: int, surrogate: Floats | None = None, believed: float | None = None) -> Draw:
    """Answers drawn uniformly from so much traffic that what was drawn is next to nothing of it."""
    right = np.ones(n)
    right[:errors] = 0
    return Draw(
        right=right,
        share=np.full(n, 1e-9),
        probability=np.full(n, n * 1e-9),
        surrogate=surrogate,
        pool=Part(surrogate=believed),
    )


def drawn(share: Floats, right: Floats, chance: Floats, rng: Generator, surrogate: Floats | None = None) -> Draw:
    return Draw.of_pool(
        share=share,
        probability=chance,
        right=np.where(rng.random(len(share)) < chance, right, np.nan),
        surrogate=surrogate,
    )


# ---------------------------------------------------------------- by hand


def test_each_answer_counts_for_the_traffic_that_it_stands_for() -> None:
    # Twelve answers in all: six that stand for 0.1 / 0.5 = 0.2 of the traffic each, six for 0.02 / 0.1 = 0.2 ... and
    # one of each kind wrong; then Hajek's ratio is (5 * 0.2 + 5 * 0.4) / (6 * 0.2 + 6 * 0.4).
    draw = Draw(
        right=np.array([0.0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]),
        share=np.array([0.1] * 6 + [0.04] * 6),
        probability=np.array([0.5] * 6 + [0.1] * 6),
    )
    assert estimate([draw]).value == pytest.approx(3.0 / 3.6)


def test_what_is_known_for_sure_stands_for_itself_alone() -> None:
    # 0.6 of the traffic is known and right; of the other 0.4 half the drawn answers are.
    draw = Draw(
        right=np.array([1.0] + [1, 0] * 10),
        share=np.array([0.6] + [0.001] * 20),
        probability=np.array([1.0] + [0.05] * 20),
    )
    found = estimate([draw])
    assert found.value == pytest.approx(0.8)
    assert found.low > 0.6 + 0.4 * 0.25
    assert found.answers == 21


def test_the_surrogate_moves_the_estimate_by_what_the_draw_missed_of_it() -> None:
    # A surrogate that is right about every item: the pool's mean belief is the accuracy, whatever was drawn.
    rng = np.random.default_rng(1)
    right = (rng.random(200) < 0.7).astype(float)
    draw = replace(uniform(0, 200), right=right, surrogate=right, pool=Part(surrogate=0.75))
    found = estimate([draw])
    assert found.method == "prediction-powered 1"
    assert found.value == pytest.approx(0.75)


def test_a_whole_pool_that_was_answered_has_no_uncertainty() -> None:
    draw = Draw(right=np.array([1.0, 0.0]), share=np.array([0.7, 0.3]), probability=np.ones(2))
    found = estimate([draw])
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))
    assert math.isfinite(found.effective)


def test_rounds_count_by_their_weight() -> None:
    first, second = uniform(0, 20), replace(uniform(20, 20), weight=3.0)
    assert estimate([first, second]).value == pytest.approx(0.25)


def test_one_half_of_the_answers_counts_as_the_whole_when_the_other_half_was_asked_for_twice_as_often() -> None:
    rng = np.random.default_rng(2)
    right = (rng.random(400) < 0.8).astype(float)
    share = np.full(400, 1 / 400)
    chance = np.where(np.arange(400) < 200, 0.2, 0.4)
    values = [estimate([drawn(share, right, chance, rng)], assisted=False).value for _ in range(RUNS)]
    # 3 standard errors of the mean of what was seen.
    assert abs(np.mean(values) - right.mean()) <= 3 * np.std(values) / math.sqrt(RUNS)


# ---------------------------------------------------------------- the limits


@pytest.mark.parametrize("n", [15, 40, 300])
@pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.5, 1])
def test_equal_weights_give_the_exact_limits_of_clopper_and_pearson(n: int, share: float) -> None:
    errors = round(share * n)
    low, high = clopper_pearson(n - errors, n, 0.025)
    found = estimate([uniform(errors, n)])
    assert found.low == pytest.approx(low, abs=0.001)
    assert found.high == pytest.approx(high, abs=0.001)
    # Where the approximation is off, it is off to the safe side; 1e-5 is the root finder's.
    assert found.low <= low + 1e-5
    assert found.high >= high - 1e-5
    assert found.effective == pytest.approx(n, rel=0.01)


def test_clopper_pearson_agrees_with_the_published_limits() -> None:
    # No event among 20 at 95 %: 1 - 0.025 ** (1 / 20).
    assert clopper_pearson(0, 20, 0.025) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))
    assert clopper_pearson(20, 20, 0.025) == pytest.approx((0.025 ** (1 / 20), 1.0))


def test_the_saddlepoint_agrees_with_simulated_exponentials() -> None:
    rng = np.random.default_rng(3)
    trials = 40_000
    for coefficients, constant in (
        (np.array([1.0, -0.5, -0.4, 2.0, -1.0]), 0.0),
        (np.array([3.0, -0.1, -0.1, -0.2, -0.3, -0.4]), -2.0),
        (np.array([0.2, 0.1, -2.0, 0.3, -0.1, 0.4]), 0.1),
    ):
        sums = rng.exponential(size=(trials, len(coefficients))) @ coefficients + constant
        share = float((sums > 0).mean())
        # 3 binomial standard deviations, and 2 % for the approximation.
        allowed = 3 * math.sqrt(share * (1 - share) / trials) + 0.02 * min(share, 1 - share)
        assert abs(exceeds(coefficients, constant) - share) <= allowed


def test_a_heavy_item_that_was_not_drawn_widens_the_interval() -> None:
    ones = np.ones(40)
    seen = Seen(weight=ones, noise=ones, shift=0 * ones, outcome=ones, heaviest=1.0, least=0, most=1)
    assert lower(replace(seen, heaviest=4.0), 0.025) < lower(seen, 0.025) - 0.1
    assert upper(seen, 0.025) == 1


def test_no_error_among_few_answers_leaves_room_for_some() -> None:
    found = estimate([uniform(0, 15)])
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 15), abs=0.002)


def test_more_confidence_is_wider() -> None:
    widths = [(one := estimate([uniform(6, 40)], confidence=c)).high - one.low for c in (0.5, 0.8, 0.95, 0.999)]
    assert widths == sorted(widths)


# ---------------------------------------------------------------- a bad surrogate costs nothing


SURROGATES = st.lists(st.floats(0, 1), min_size=30, max_size=30)


@settings(max_examples=40, deadline=None)
@given(SURROGATES, st.floats(0, 1), st.integers(0, 30), st.lists(st.floats(0.01, 0.99), min_size=30, max_size=30))
def test_no_surrogate_makes_the_interval_wider(
    surrogate: list[float], believed: float, errors: int, chances: list[float]
) -> None:
    draw = replace(uniform(errors, 30, np.array(surrogate), believed), share=np.full(30, 0.01))
    draw = replace(draw, probability=np.array(chances))
    plain, assisted = estimate([draw], assisted=False), estimate([draw])
    assert assisted.high - assisted.low <= plain.high - plain.low + 1e-9
    for found in (plain, assisted):
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.effective > 0


def test_a_good_surrogate_halves_the_answers_needed() -> None:
    rng = np.random.default_rng(4)
    wrong = rng.beta(0.05, 0.15, 2_000)
    right = (rng.random(2_000) >= wrong).astype(float)
    share = np.full(2_000, 1 / 2_000)
    found = [estimate([drawn(share, right, np.full(2_000, 0.05), rng, 1 - wrong)]) for _ in range(20)]
    assert np.median([one.answers / one.effective for one in found]) <= 0.5


def test_a_surrogate_of_constant_belief_changes_nothing() -> None:
    draw = uniform(5, 40, np.full(40, 0.6), 0.6)
    assert estimate([draw]) == estimate([draw], assisted=False)


# ---------------------------------------------------------------- coverage


def traffic(rng: Generator, accuracy: float, kind: str, items: int = 600) -> tuple[Floats, Floats, Floats]:
    """Shares, answers and a surrogate that is good, noise, or sure of exactly the errors."""
    share = np.minimum(rng.pareto(1.2, items) + 1, 50)
    wrong = rng.beta(0.3 * (1 - accuracy), 0.3 * accuracy, items)
    right = (rng.random(items) >= wrong).astype(float)
    surrogate = {"good": 1 - wrong, "noise": rng.random(items), "sure": np.maximum(1 - wrong, 1 - right)}[kind]
    return share / share.sum(), right, surrogate


def covers(draws: list[Draw], truth: float) -> bool:
    found = estimate(draws, confidence=CONFIDENCE)
    return found.low - 1e-9 <= truth <= found.high + 1e-9


@pytest.mark.parametrize("accuracy", [0.7, 0.95, 0.99])
@pytest.mark.parametrize("kind", ["good", "noise", "sure"])
@pytest.mark.parametrize("audit", [1.0, 0.4])
def test_the_interval_covers_with_unequal_chances(accuracy: float, kind: str, audit: float) -> None:
    rng = np.random.default_rng([5, int(100 * accuracy), int(10 * audit), len(kind)])
    hits = runs = 0
    while runs < RUNS:
        share, right, surrogate = traffic(rng, accuracy, kind)
        doubt = share * np.sqrt(surrogate * (1 - surrogate)) + 1e-12
        chance = inclusion_probabilities(audit * share + (1 - audit) * doubt / doubt.sum(), 25)
        draw = drawn(share, right, chance, rng, surrogate)
        if (~draw.certain).sum() < 10:
            continue
        runs += 1
        hits += covers([draw], float(share @ right))
    assert hits / RUNS >= ALLOWED


@pytest.mark.parametrize("kind", ["good", "sure"])
def test_rounds_that_are_aimed_by_earlier_answers_still_cover(kind: str) -> None:
    rng = np.random.default_rng([6, len(kind)])
    hits = 0
    for _ in range(RUNS):
        share, right, surrogate = traffic(rng, 0.85, kind)
        half = np.arange(len(share)) % 2 == 0
        first = drawn(share, right, inclusion_probabilities(share, 25), rng, surrogate)
        # The second round asks nine times as often in the half in which the first found more errors.
        worse = half if (1 - first.right).sum() > 2 else ~half
        second = drawn(share, right, inclusion_probabilities(share * np.where(worse, 0.9, 0.1), 25), rng, surrogate)
        hits += covers([first, second], float(share @ right))
    assert hits / RUNS >= ALLOWED


def test_a_difference_is_not_found_where_there_is_none() -> None:
    rng = np.random.default_rng(7)
    share = np.full(600, 1 / 600)
    outcome = np.repeat([-1.0, 1.0, 0.0], [60, 60, 480])
    belief = 0.3 * outcome + rng.normal(0, 0.1, 600).clip(-0.5, 0.5)
    claims = sum(
        estimate_difference([drawn(share, outcome, np.full(600, 0.08), rng, belief)], confidence=0.9).low > 0
        for _ in range(RUNS)
    )
    assert claims <= 0.05 * RUNS + 3 * math.sqrt(RUNS * 0.05 * 0.95)


# ---------------------------------------------------------------- differences and segments


def test_items_on_which_both_models_agree_are_known_to_make_no_difference() -> None:
    disagreed = uniform(0, 20)
    known = Draw(
        right=np.append(disagreed.right, 0.0),
        share=np.append(disagreed.share, 0.9),
        probability=np.append(np.full(20, 2e-7), 1.0),
    )
    found = estimate_difference([known])
    assert found.value == pytest.approx(0.1)
    assert 0 < found.low < 0.1
    assert found.high == pytest.approx(0.1)


def test_a_difference_may_be_negative() -> None:
    found = estimate_difference([replace(uniform(0, 30), right=np.repeat([-1.0, 0.0, 1.0], [20, 8, 2]))])
    assert found.value == pytest.approx(-0.6)
    assert found.low < -0.6 < found.high < 0


def test_each_segment_is_estimated_from_its_own_answers() -> None:
    right = np.array([1.0] * 20 + [0.0, 1.0] * 10 + [1.0] * 3)
    names = ["food"] * 20 + ["health"] * 20 + ["travel"] * 3
    share = np.full(43, 1 / 43)
    asked = Draw.of_pool(
        share=np.tile(share / 2, 2),
        probability=np.full(86, 0.5),
        right=np.append(right, np.full(43, np.nan)),
        segment=names + names,
    )
    found, problems = estimate_by([asked])
    assert found["food"].value == 1
    assert found["health"].value == pytest.approx(0.5)
    assert [problem.subject for problem in problems] == ["travel"]
    assert "at least 7 more" in problems[0].hint


def test_the_pool_knows_its_heaviest_item_and_its_mean_belief() -> None:
    draw = Draw.of_pool(
        share=np.array([0.5, 0.3, 0.2]),
        probability=np.array([1.0, 0.1, 0.5]),
        right=np.array([1.0, np.nan, 0.0]),
        surrogate=np.array([0.9, 0.5, 0.2]),
    )
    assert draw.pool == Part(share=1.0, surrogate=pytest.approx(0.64), heaviest=pytest.approx(3.0))
    assert draw.right.tolist() == [1.0, 0.0]


# ---------------------------------------------------------------- bad input


def test_too_few_answers_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData) as none:
        estimate([])
    assert "at least 10" in none.value.hint
    with pytest.raises(NotEnoughData, match="4 answers") as few:
        estimate([uniform(0, 4)])
    assert "at least 6 more" in few.value.hint


def test_few_answers_are_enough_where_nearly_all_is_known() -> None:
    draw = Draw(right=np.array([1.0, 1.0]), share=np.array([0.95, 0.01]), probability=np.array([1.0, 0.2]))
    found = estimate([draw])
    assert found.low >= 0.95
    assert found.high == pytest.approx(1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"probability": np.zeros(20)}, "20 probabilities"),
        ({"probability": np.full(20, np.nan)}, "probabilities"),
        ({"share": np.full(20, -0.1)}, "shares of traffic"),
        ({"share": np.full(19, 0.1)}, "of share"),
        ({"right": np.full(20, 2.0)}, "answers"),
        ({"surrogate": np.full(20, 90.0)}, "surrogates"),
        ({"weight": 0.0}, "weight"),
        ({"pool": Part(share=0.0)}, "no traffic"),
        ({"share": np.full(20, 0.9), "probability": np.ones(20)}, "their pool 1.0000"),
    ],
)
def test_a_draw_that_cannot_be_is_refused(changed: dict[str, Floats], message: str) -> None:
    with pytest.raises(BadData, match=message):
        replace(uniform(0, 20), **changed)


def test_an_item_that_had_no_chance_or_certainly_lacks_its_answer_is_named() -> None:
    share = np.full(3, 1 / 3)
    with pytest.raises(BadData, match="1 items were certain"):
        Draw.of_pool(share=share, probability=np.array([1.0, 0.1, 0.1]), right=np.full(3, np.nan))
    with pytest.raises(BadData, match="1 items of the pool could not be drawn"):
        Draw.of_pool(share=share, probability=np.array([0.0, 0.1, 0.1]), right=np.full(3, np.nan))


def test_differences_and_accuracies_are_not_taken_for_each_other() -> None:
    with pytest.raises(BadData, match="-1 instead of one of 0, 1"):
        estimate([replace(uniform(0, 20), right=np.full(20, -1.0))])
    with pytest.raises(BadData, match=r"0.5 instead of one of -1, 0, 1"):
        estimate_difference([replace(uniform(0, 20), right=np.full(20, 0.5))])
    with pytest.raises(BadData, match="confidence is 95"):
        estimate([uniform(0, 20)], confidence=95)
