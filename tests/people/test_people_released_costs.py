"""What is said of costs rests on the money of at least k people, also when all that was ever said is put together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import numpy as np
import pytest
from sqlalchemy import Engine

from kempelen.errors import ConfigError
from ledger.pay.cost import Range
from ledger.people.released_costs import KnownCost, Part, PublishedCost, PublishedCosts, ReleasedCosts

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
K = 3
OFFER = "annotator:*"

Money = Mapping[str, int]
THREE: Money = {"ada": 10, "ben": 20, "cy": 30}


def known(money: Money, *, own: Mapping[str, int | None] | None = None, currency: str = "EUR") -> KnownCost:
    """A cost of people by the offer and of people with `own` contracts; None: nobody knows what they are owed."""
    parts = {person: Part(total=exactly(amount), offer=OFFER) for person, amount in money.items()}
    for person, amount in (own or {}).items():
        parts[person] = Part(total=exactly(amount or 0, known=amount is not None))
    total = sum(part.total.low for part in parts.values())
    certain = all(part.total.high is not None for part in parts.values())
    return KnownCost(currency=currency, total=exactly(int(total), known=certain), parts=parts)


def exactly(amount: int, *, known: bool = True) -> Range:
    return Range(low=Decimal(amount), high=Decimal(amount) if known else None)


def published(amount: int, currency: str = "EUR", *, known: bool = True) -> PublishedCost:
    return PublishedCost(currency=currency, total=exactly(amount, known=known))


def said(engine: Engine, *costs: KnownCost, days: int = 0, version: str = "2", k: int = K) -> PublishedCosts:
    return ReleasedCosts(engine).advance("intents", version, costs, k, at=NOON + timedelta(days=days))


def stands(amount: int) -> PublishedCosts:
    """What is repeated, because something of too few people has changed since noon."""
    return PublishedCosts(costs=(published(amount),), as_of=NOON)


def test_what_three_people_are_paid_is_said_and_what_two_are_is_not(engine: Engine) -> None:
    assert said(engine, known(THREE)) == PublishedCosts(costs=(published(60),))
    assert said(engine, known({"ada": 10, "ben": 20, "cy": 0}), version="3") == PublishedCosts(held_back=True)
    assert said(engine, version="4") == PublishedCosts()


def test_that_three_people_work_for_nothing_is_said(engine: Engine) -> None:
    assert said(engine, known(dict.fromkeys(THREE, 0))) == PublishedCosts(costs=(published(0),))
    assert said(engine, known({"ada": 0, "ben": 0}), version="3").held_back


@pytest.mark.parametrize("own", [{"dee": 99}, {"dee": 99, "eve": 99}, {"dee": 0}, {"dee": None}])
def test_too_few_who_are_not_paid_by_the_offer_hold_the_cost_back(
    engine: Engine, own: Mapping[str, int | None]
) -> None:
    """The offer times the hours on the card is what the others are paid; the rest would be theirs."""
    assert said(engine, known(THREE, own=own)).held_back
    enough = own | dict.fromkeys(("fay", "gil", "hal"), 7)
    assert said(engine, known(THREE, own=enough), version="3").costs


def test_what_changes_for_one_person_is_not_seen_changing(engine: Engine) -> None:
    first = said(engine, known(THREE))
    assert said(engine, known({**THREE, "ada": 11}), days=1) == stands(60)
    assert said(engine, known(THREE), days=2) == first  # and back again: nothing was ever said of it


def test_small_changes_wait_until_they_are_of_enough_people_together(engine: Engine) -> None:
    said(engine, known(THREE))
    assert said(engine, known({**THREE, "ada": 99}), days=1) == stands(60)
    assert said(engine, known({**THREE, "ada": 99, "ben": 99}), days=2) == stands(60)
    assert said(engine, known(dict.fromkeys(THREE, 99)), days=3) == PublishedCosts(costs=(published(297),))


def test_a_change_of_one_is_not_told_by_taking_back_that_of_three_others(engine: Engine) -> None:
    everybody = dict.fromkeys(("ada", "ben", "cy", "dee", "eve"), 20)
    said(engine, known(everybody))
    more = everybody | dict.fromkeys(("ben", "cy", "dee"), 22)
    assert said(engine, known(more), days=1).as_of is None
    assert said(engine, known({**everybody, "ada": 27}), days=2).costs == (published(106),)  # and not 107
    assert said(engine, known(everybody), days=3) == PublishedCosts(costs=(published(100),))


def test_who_comes_for_nothing_does_not_hide_whose_pay_changed(engine: Engine) -> None:
    said(engine, known(THREE))
    assert said(engine, known({**THREE, "ada": 11, "dee": 0, "eve": 0}), days=1) == stands(60)


def test_who_is_left_after_the_others_went_is_not_told_of(engine: Engine) -> None:
    said(engine, known({**THREE, "dee": 5, "eve": 5}))
    assert said(engine, known({"ada": 10}), days=1) == stands(70)


def test_a_cost_that_nobody_has_any_more_stands_as_it_was(engine: Engine) -> None:
    said(engine, known(THREE))
    assert said(engine, days=1) == stands(60)


def test_a_cent_that_only_rounding_shows_is_not_seen_moving(engine: Engine) -> None:
    first = said(engine, known(THREE))
    raised = KnownCost(currency="EUR", total=exactly(61), parts=known(THREE).parts)
    assert said(engine, raised, days=1) == first


def test_currencies_and_versions_are_said_apart(engine: Engine) -> None:
    euros, dollars = known({**THREE, "dee": 0}), known({"dee": 7}, own=dict.fromkeys(THREE, 0), currency="USD")
    assert said(engine, euros, dollars) == PublishedCosts(costs=(published(60),), held_back=True)
    assert said(engine, known(dict.fromkeys(THREE, 1)), version="3") == PublishedCosts(costs=(published(3),))


def test_an_end_that_nobody_knows_is_not_said_and_what_becomes_known_of_one_is_not_seen(engine: Engine) -> None:
    own = {"dee": 4, "eve": 5, "fay": None}
    at_least = published(69, known=False)
    assert said(engine, known(THREE, own=own)).costs == (at_least,)
    assert said(engine, known(THREE, own={**own, "fay": 6}), days=1) == PublishedCosts(costs=(at_least,), as_of=NOON)


def test_a_larger_k_hides_what_is_of_fewer(engine: Engine) -> None:
    said(engine, known(THREE))
    assert said(engine, known(THREE), k=4) == PublishedCosts(held_back=True)
    assert said(engine, known(THREE)) == PublishedCosts(costs=(published(60),))


def test_one_person_is_no_crowd(engine: Engine) -> None:
    with pytest.raises(ConfigError):
        said(engine, known(THREE), k=1)


# --- the attack ------------------------------------------------------------------------------------------------------

Row = dict[tuple[object, ...], int]
"""A published sum: how often it holds each unknown, whose second part is the person that it is of."""


def isolated(rows: Sequence[Row], k: int) -> bool:
    """Whether any linear combination of the sums tells of fewer than k people and of nobody else."""
    names = sorted({name for row in rows for name in row}, key=repr)
    matrix = np.array([[row.get(name, 0) for name in names] for row in rows], dtype=float)
    people = sorted({str(name[1]) for name in names})
    return any(
        np.linalg.matrix_rank(matrix[:, [name[1] not in some for name in names]]) < np.linalg.matrix_rank(matrix)
        for size in range(1, k)
        for some in combinations(people, size)
    )


def published_sums(engine: Engine, seed: int, *, carefully: bool) -> list[Row]:
    """Ten cards of one version whose offers and contracts change, beside hours that everybody knows the sum of."""
    rng = np.random.default_rng(seed)
    people = [f"p{number}" for number in range(int(rng.integers(5, 9)))]
    hours = dict(zip(people, (int(h) for h in rng.permutation(np.arange(3, 40))), strict=False))
    own = {person: int(rng.integers(21, 24)) for person in people if rng.random() < 0.5}
    rows: list[Row] = [{("hours", person): 1 for person in people}]
    for day in range(10):
        offer = int(rng.choice([20, 25]))
        for person in people:  # a few change what was agreed with them
            if rng.random() < 0.3:
                own[person] = int(rng.integers(21, 24))
            elif rng.random() < 0.2:
                own.pop(person, None)
        by_offer = {person: offer * hours[person] for person in people if person not in own}
        by_contract = {person: rate * hours[person] for person, rate in own.items()}
        told = said(engine, known(by_offer, own=by_contract), days=day, version=str(seed))
        if not carefully or (told.costs and told.as_of is None):
            row: Row = {("hours", person): offer for person in by_offer}
            rows.append(row | {("owed", person, amount): 1 for person, amount in by_contract.items()})
    return rows


def test_no_combination_of_all_that_was_ever_published_tells_of_fewer_than_k_people(engine: Engine) -> None:
    books = [published_sums(engine, seed, carefully=True) for seed in range(60)]
    assert not any(isolated(rows, K) for rows in books)
    assert sum(len(rows) - 1 for rows in books) > 100  # something is published


def test_publishing_every_cost_would_tell_of_single_people(engine: Engine) -> None:
    books = [published_sums(engine, seed, carefully=False) for seed in range(20)]
    assert sum(isolated(rows, K) for rows in books) > 15
