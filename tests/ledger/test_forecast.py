"""What an answer will take: the prior at first, then what people took; idle tabs and lone answers do not swing it."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.forecast import MIX_HALF_LIFE, PRIOR_ANSWERS, Forecast, Price, Timed, forecast

START = datetime(2020, 1, 1, tzinfo=UTC)
EUR = Price(pay_per_hour=Decimal("13.50"), platform_fee=0.2, currency="EUR")


def answer(
    seconds: float, *, characters: int = 12, label: str = "food", annotator: str = "ann", day: float = 0
) -> Timed:
    return Timed(
        seconds=seconds, characters=characters, label=label, annotator=annotator, at=START + timedelta(days=day)
    )


class World:
    """Log-normal times that depend on length, label and person, as the forecast believes, with idle tabs."""

    def __init__(self, seed: int, *, people: int = 6, labels: int = 10, slope: float = 0.35, sd: float = 0.6) -> None:
        self.rng = np.random.default_rng(seed)
        self.of_person = self.rng.normal(0, 0.4, people)
        self.of_label = self.rng.normal(0, 0.3, labels)
        self.slope, self.sd = slope, sd

    def draw(self, n: int, idle: float = 0.0) -> list[Timed]:
        characters = self.rng.integers(4, 80, n)
        label, person = self.rng.integers(0, len(self.of_label), n), self.rng.integers(0, len(self.of_person), n)
        logs = math.log(12) + self.slope * (np.log1p(characters) - 3.3) + self.of_label[label] + self.of_person[person]
        seconds = np.exp(logs + self.rng.normal(0, self.sd, n))
        seconds[self.rng.random(n) < idle] = 3600
        rows = zip(seconds, characters, label, person, range(n), strict=True)
        return [answer(s, characters=int(c), label=f"l{lab}", annotator=f"p{p}", day=i / n) for s, c, lab, p, i in rows]


def expected(found: Forecast, answers: list[Timed]) -> float:
    lengths = np.array([a.characters for a in answers])
    return float(found.many(lengths, [a.label for a in answers]).sum())


def taken(answers: list[Timed]) -> float:
    return math.fsum(a.seconds for a in answers)


def test_without_answers_every_item_takes_the_prior() -> None:
    found = forecast([], prior_seconds=15)
    assert found.seconds(0, "food") == found.seconds(2000, "health") == 15
    assert found.many(np.array([1, 50]), ["food", "health"]).tolist() == [15, 15]


def test_equal_answers_pull_the_prior_towards_them_by_hand() -> None:
    # The prior of 15 s weighs as much as 20 answers: 5 of 60 s make it (300 + 300) / 25.
    assert forecast([answer(60)] * 5, prior_seconds=15).seconds(12, "food") == pytest.approx(24)
    assert forecast([answer(60)] * 20, prior_seconds=15).seconds(12, "food") == pytest.approx(37.5)
    assert forecast([answer(60)] * 180, prior_seconds=15).seconds(12, "food") == pytest.approx(55.5)


@given(seconds=st.floats(1, 600), prior=st.floats(1, 600), counts=st.lists(st.integers(1, 400), min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_more_of_the_same_never_moves_the_forecast_back_to_the_prior(
    seconds: float, prior: float, counts: list[int]
) -> None:
    distances = [
        abs(forecast([answer(seconds)] * n, prior_seconds=prior).seconds(12, "food") - seconds) for n in sorted(counts)
    ]
    assert all(far >= near - 1e-6 for far, near in pairwise(distances))
    assert distances[0] <= abs(prior - seconds) + 1e-6


@given(
    rows=st.lists(
        st.tuples(st.floats(0, 1e9), st.integers(0, 2000), st.sampled_from("abc"), st.sampled_from("xyz")),
        min_size=1,
        max_size=30,
    ),
    characters=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_a_forecast_is_positive_and_finite_whatever_was_timed(
    rows: list[tuple[float, int, str, str]], characters: int
) -> None:
    timed = [answer(s, characters=c, label=lab, annotator=who) for s, c, lab, who in rows]
    found = forecast(timed, prior_seconds=15)
    several = found.many(np.array([characters] * 4), ["a", "b", "c", "never met"])
    assert np.isfinite(several).all()
    assert (several > 0).all()
    assert found.answers == len(rows)


def test_over_200_new_items_the_forecast_is_off_by_no_more_than_chance() -> None:
    worlds, known, new, off, spreads, truths = 40, 300, 200, [], [], []
    for seed in range(worlds):
        world = World(seed)
        before, after = world.draw(known), world.draw(new)
        off.append(expected(forecast(before, prior_seconds=15), after) / taken(after) - 1)
        each = np.array([a.seconds for a in after])
        spreads.append(each.std() / each.mean() * math.sqrt(1 / new + 1 / known))
        truths.append(each.mean())
    one = float(np.sqrt(np.mean(np.square(spreads))))
    pulled = PRIOR_ANSWERS / (PRIOR_ANSWERS + known) * abs(15 / np.mean(truths) - 1)
    cut = 0.005
    assert abs(np.mean(off)) <= 3 * one / math.sqrt(worlds) + pulled + cut
    assert np.std(off) <= one * (1 + 3 / math.sqrt(2 * worlds))


def test_an_idle_hour_in_fifty_answers_adds_little() -> None:
    ratios, naive = [], []
    for seed in range(20):
        world = World(100 + seed)
        before, after = world.draw(500, idle=0.02), world.draw(2000)
        found = forecast(before, prior_seconds=15)
        ratios.append(expected(found, after) / taken(after))
        naive.append(taken(before) / 500 * 2000 / taken(after))
        assert found.cut >= sum(a.seconds == 3600 for a in before)
    # A cut hour weighs exp(3 sd - sd^2 / 2) mean answers, 5.7 at sd = 0.65: 2 % of them add 0.02 * 4.7 = 0.09.
    assert 0.95 < np.mean(ratios) < 1.15
    assert np.mean(naive) > 3


def test_nobody_s_time_is_cut_where_all_are_alike() -> None:
    assert forecast([answer(10), answer(14), answer(18), answer(30)], prior_seconds=15).cut == 0


def test_long_queries_and_slow_labels_are_expected_to_take_longer() -> None:
    world = World(7, slope=0.5)
    world.of_label[:2] = -0.5, 0.5
    found = forecast(world.draw(3000), prior_seconds=15)
    assert found.slope == pytest.approx(0.5, abs=3 * 0.6 / math.sqrt(3000 * 0.5) + 0.02)  # sd of the log length: 0.7
    assert found.by_label["l1"] / found.by_label["l0"] == pytest.approx(math.e, rel=0.25)


def test_lengths_beyond_those_met_are_taken_for_the_nearest() -> None:
    found = forecast(World(8).draw(400), prior_seconds=15)
    assert found.seconds(79, "l1") == found.seconds(1900, "l1")
    assert found.seconds(4, "l1") == found.seconds(0, "l1")


def test_a_label_is_not_slow_because_a_slow_person_met_it() -> None:
    rng = np.random.default_rng(3)
    timed = [
        answer(float(s * np.exp(rng.normal(0, 0.2))), label=label, annotator=who)
        for s, label, who, n in ((40, "food", "slow", 180), (40, "health", "slow", 20), (10, "food", "quick", 20),
                                 (10, "health", "quick", 180))
        for _ in range(n)
    ]  # fmt: skip
    found = forecast(timed, prior_seconds=15)
    assert found.by_label["food"] / found.by_label["health"] == pytest.approx(1, abs=0.12)


def test_the_forecast_follows_who_answers_at_present() -> None:
    early = [answer(40, annotator="ann", day=0)] * 200
    late = [answer(10, annotator="ben", day=5 * MIX_HALF_LIFE.days)] * 200
    at_present = forecast([*early, *late], prior_seconds=25).seconds(12, "food")
    both = forecast([*early, *(answer(10, annotator="ben") for _ in range(200))], prior_seconds=25).seconds(12, "food")
    assert both == pytest.approx(25, rel=0.02)
    assert at_present == pytest.approx(10 + 30 / 33, rel=0.1)  # 5 half-lives: 1 part in 33 is as ann was


def test_the_order_of_answers_is_irrelevant() -> None:
    timed = World(9).draw(150)
    there, back = forecast(timed, prior_seconds=15), forecast(timed[::-1], prior_seconds=15)
    assert there.seconds(30, "l2") == pytest.approx(back.seconds(30, "l2"), rel=1e-9)


def test_nothing_of_one_person_is_in_the_forecast() -> None:
    assert "p0" not in repr(forecast(World(10).draw(100), prior_seconds=15))


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_what_is_no_time_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="no time"):
        answer(wrong)
    with pytest.raises(ValueError, match="no time"):
        forecast([], prior_seconds=wrong)


def test_cost_is_rounded_up_to_the_cent_and_says_when_it_is_unknown() -> None:
    assert EUR.cost(3600) == Decimal("16.20")
    assert EUR.cost(3600.00000001) == Decimal("16.20")  # what a sum of floats adds is no cent
    assert EUR.cost(3601) == Decimal("16.21")
    assert EUR.cost(0) == Decimal("0.00")
    assert Price(pay_per_hour=None, platform_fee=0.2, currency="EUR").cost(3600) is None


def test_money_buys_the_seconds_that_it_pays() -> None:
    assert EUR.affordable_s(Decimal("16.20")) == 3600
    assert Price(pay_per_hour=Decimal(0), platform_fee=0, currency="EUR").affordable_s(Decimal(1)) == math.inf
    assert Price(pay_per_hour=None, platform_fee=0, currency="EUR").affordable_s(Decimal(1)) is None


@given(money=st.decimals(0, 10_000, places=2))
def test_the_seconds_that_money_buys_cost_no_more_than_it_but_for_a_cent(money: Decimal) -> None:
    seconds = EUR.affordable_s(money)
    cost = EUR.cost(seconds or 0)
    assert cost is not None
    assert abs(cost - money) <= Decimal("0.01")
