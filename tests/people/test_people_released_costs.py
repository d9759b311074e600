"""What is said of costs moves only by the money of at least k people."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from kempelen.errors import ConfigError
from ledger.pay.cost import Cost, Range
from ledger.people.released_costs import PublishedCosts, ReleasedCosts, VersionCosts

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
K = 3

Money = dict[str, tuple[int, int, int]]
"""Pay, what came on top, and the fee of each person."""


def known(money: Money, currency: str = "EUR") -> VersionCosts:
    totals = (sum(amounts) for amounts in zip(*money.values(), strict=True))
    return VersionCosts(
        costs=[cost(*totals, currency=currency)] if money else [],
        of_person={person: [cost(*amounts, currency=currency)] for person, amounts in money.items()},
    )


def cost(pay: int, beyond: int, fee: int, *, currency: str = "EUR", open_end: bool = False) -> Cost:
    return Cost(currency=currency, pay=exactly(pay, open_end=open_end), beyond=exactly(beyond), fee=exactly(fee))


def exactly(amount: int, *, open_end: bool = False) -> Range:
    return Range(low=Decimal(amount), high=None if open_end else Decimal(amount))


def said(engine: Engine, costs: VersionCosts, *, days: int = 0, version: str = "2") -> PublishedCosts:
    return ReleasedCosts(engine).advance("intents", version, costs, K, at=NOON + timedelta(days=days))


THREE: Money = {"ada": (10, 1, 2), "ben": (20, 1, 2), "cy": (30, 1, 2)}


def test_what_three_people_are_paid_is_said_and_what_two_are_is_not(engine: Engine) -> None:
    assert said(engine, known(THREE)) == PublishedCosts(costs=(cost(60, 3, 6),))
    assert said(engine, known({"ada": (10, 0, 0), "ben": (20, 0, 0)}), version="3") == PublishedCosts(held_back=True)
    assert said(engine, known({}), version="4") == PublishedCosts()


@pytest.mark.parametrize("one", [(10, 5, 0), (10, 0, 5)], ids=["a top-up", "a fee"])
def test_an_amount_that_one_person_alone_receives_holds_the_cost_back(
    engine: Engine, one: tuple[int, int, int]
) -> None:
    assert said(engine, known({"ada": one, "ben": (10, 0, 0), "cy": (10, 0, 0)})).held_back


@pytest.mark.parametrize("changed", [(11, 1, 2), (10, 0, 2), (10, 1, 3)])
def test_what_changes_for_one_person_is_not_seen_changing(engine: Engine, changed: tuple[int, int, int]) -> None:
    first = said(engine, known(THREE))
    later = said(engine, known(THREE | {"ada": changed}), days=1)
    assert later == PublishedCosts(costs=first.costs, as_of=NOON)
    assert said(engine, known(THREE), days=2) == first  # and back again: nothing was ever said of it


def test_each_amount_needs_enough_people_whose_money_changed(engine: Engine) -> None:
    said(engine, known(THREE))
    pay_of_three_and_fee_of_one = {"ada": (11, 1, 5), "ben": (21, 1, 2), "cy": (31, 1, 2)}
    assert said(engine, known(pay_of_three_and_fee_of_one), days=1).as_of == NOON
    assert said(engine, known(dict.fromkeys(THREE, (9, 1, 2))), days=1).costs == (cost(27, 3, 6),)


def test_small_changes_wait_until_they_are_of_enough_people_together(engine: Engine) -> None:
    said(engine, known(THREE))
    money = dict(THREE)
    for days, person in enumerate(THREE, start=1):
        money[person] = (99, 1, 2)
        published = said(engine, known(money), days=days)
        assert (published.as_of is None) is (person == "cy")
    assert published.costs == (cost(297, 3, 6),)


def test_who_is_left_after_the_others_went_is_not_told_of(engine: Engine) -> None:
    everybody = THREE | {"dee": (5, 1, 2), "eve": (5, 1, 2)}
    said(engine, known(everybody))
    assert said(engine, known({"ada": (10, 1, 2)}), days=1) == PublishedCosts(costs=(cost(70, 5, 10),), as_of=NOON)


def test_currencies_and_versions_are_said_apart(engine: Engine) -> None:
    euros, dollars = known(THREE), known({"dee": (7, 0, 0)}, currency="USD")
    both = VersionCosts(costs=[*euros.costs, *dollars.costs], of_person={**euros.of_person, **dollars.of_person})
    assert said(engine, both) == PublishedCosts(costs=(cost(60, 3, 6),), held_back=True)
    assert said(engine, known({"ada": (11, 1, 2), "ben": (1, 1, 2), "cy": (1, 1, 2)}), version="3").as_of is None


def test_that_nobody_knows_an_end_is_a_change_like_any_other(engine: Engine) -> None:
    said(engine, known(THREE))
    unknown = known(THREE)
    parts = dict(unknown.of_person) | {"ada": [cost(10, 1, 2, open_end=True)]}
    now = VersionCosts(costs=[cost(60, 3, 6, open_end=True)], of_person=parts)
    assert said(engine, now, days=1) == PublishedCosts(costs=(cost(60, 3, 6),), as_of=NOON)
    parts = {person: [cost(*amounts, open_end=True)] for person, amounts in THREE.items()}
    now = VersionCosts(costs=[cost(60, 3, 6, open_end=True)], of_person=parts)
    assert said(engine, now, days=2) == PublishedCosts(costs=(cost(60, 3, 6, open_end=True),))
    assert said(engine, now, days=3) == PublishedCosts(costs=(cost(60, 3, 6, open_end=True),))


def test_one_person_is_no_crowd(engine: Engine) -> None:
    with pytest.raises(ConfigError):
        ReleasedCosts(engine).advance("intents", "2", known(THREE), 1, at=NOON)
