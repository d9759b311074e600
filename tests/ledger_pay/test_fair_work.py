"""A floor under the median person, and a floor under each person, on one log whose truth is known.

Fair Work (Whiting, Hugh & Bernstein 2019, HCOMP 7(1), 197-206) asks people how long an item took, takes the median over
its answers, then the median over items, and pays everybody the same bonus for each answer. Here everybody reports the
truth and all work is accepted, which is the best case for that rule.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist, median
from typing import NamedTuple

import numpy as np
import pytest

from kempelen.records import Kind
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.floors import Floor, read_floors
from ledger.pay.payable import payables
from ledger.pay.payroll import payroll
from ledger.pay.period import Period
from ledger.pay.terms import Terms
from ledger.pay.worked import Worked

# CrowdTruth/Open-Domain-Relation-Extraction, Mechanical Turk 2017: seconds from accepting a sentence to submitting it,
# over 24,032 answers of 201 people. What lies beyond the outer two is cut to them here.
SHARES = [0.05, 0.25, 0.50, 0.75, 0.95]
SECONDS = [12.0, 21.0, 37.0, 77.0, 280.0]
REWARD = Decimal("0.14")  # the same study paid 0.13 to 0.15 USD a sentence

PEOPLE, ITEMS, ANSWERS_AN_ITEM = 60, 200, 15
OF_THE_PERSON = 0.3  # assumed share of the variance of log time that is the person's own pace

ON = date(2017, 6, 1)
PERIOD = Period(first=ON, last=ON)


class Answer(NamedTuple):
    person: str
    item: int
    ms: int


@pytest.fixture(scope="module")
def log() -> list[Answer]:
    """Who answered what, and how long it truly took."""
    rng = np.random.default_rng(20190911)
    paces = rng.standard_normal(PEOPLE)
    answers = []
    for item in range(ITEMS):
        for person in rng.choice(PEOPLE, ANSWERS_AN_ITEM, replace=False):
            z = OF_THE_PERSON**0.5 * paces[person] + (1 - OF_THE_PERSON) ** 0.5 * rng.standard_normal()
            seconds = np.exp(np.interp(NormalDist().cdf(float(z)), SHARES, np.log(SECONDS)))
            answers.append(Answer(f"annotator:p{person:02}", item, round(1000 * seconds)))
    return answers


def _us_floor() -> Decimal:
    floor = read_floors().on("US", ON)
    assert isinstance(floor, Floor)
    return floor.per_hour


def _hours(log: list[Answer]) -> dict[str, Fraction]:
    ms: dict[str, int] = defaultdict(int)
    for answer in log:
        ms[answer.person] += answer.ms
    return {person: Fraction(total, 3_600_000) for person, total in ms.items()}


def _by_fair_work(log: list[Answer], reward: Decimal) -> dict[str, Fraction]:
    """What everybody has been paid after the bonuses of the median of medians."""
    of_item: dict[int, list[int]] = defaultdict(list)
    for answer in log:
        of_item[answer.item].append(answer.ms)
    typical = Fraction(median(median(reports) for reports in of_item.values()))
    bonus = max(Fraction(0), Fraction(_us_floor()) * typical / 3_600_000 - Fraction(reward))
    paid: dict[str, Fraction] = defaultdict(Fraction)
    for answer in log:
        paid[answer.person] += Fraction(reward) + bonus
    return paid


def _by_each_person(log: list[Answer], reward: Decimal) -> dict[str, Fraction]:
    """What everybody has been paid after our list was."""
    offer = Contract(
        person="*",
        basis=Basis.PIECE,
        amount=reward,
        currency="USD",
        region="US",
        first=ON,
        last=None,
        recorded_at=datetime(2017, 6, 1, tzinfo=UTC),
        recorded_by="eva",
    )
    work = [
        Worked(
            person=answer.person,
            on=ON,
            low_s=Decimal(answer.ms) / 1000,
            high_s=Decimal(answer.ms) / 1000,
            pieces=1,
            rejected_pieces=0,
            kind=Kind.PREPARATION,
        )
        for answer in log
    ]
    paid: dict[str, Fraction] = defaultdict(Fraction)
    for row in payables(payroll(work, [], Terms(contracts=Contracts([offer]), floors=read_floors()), PERIOD), []):
        paid[row.person] += Fraction(row.amount)
    return paid


def _below(paid: dict[str, Fraction], log: list[Answer]) -> int:
    return sum(paid[person] < Fraction(_us_floor()) * hours for person, hours in _hours(log).items())


def test_the_log_has_the_published_times(log: list[Answer]) -> None:
    seconds = np.array([answer.ms / 1000 for answer in log])
    # Answers of one person are alike: so many independent ones would tell as much (the design effect of a cluster).
    independent = len(log) / (1 + (len(log) / PEOPLE - 1) * OF_THE_PERSON)
    for share, published in zip(SHARES[1:4], SECONDS[1:4], strict=True):
        assert abs(np.mean(seconds <= published) - share) <= 3 * (share * (1 - share) / independent) ** 0.5


def test_the_median_of_medians_leaves_slow_people_below_the_floor_and_ours_leaves_nobody(log: list[Answer]) -> None:
    by_median, by_person = _by_fair_work(log, REWARD), _by_each_person(log, REWARD)
    # The median answer earns more than 13 USD an hour, so that rule sees no need for a bonus.
    assert sum(by_median.values()) == Fraction(REWARD) * len(log) == 420
    assert (_below(by_median, log), _below(by_person, log)) == (27, 0)
    assert sum(by_person.values()) == Fraction("517.96")


def test_where_the_median_rule_pays_bonuses_they_reach_those_who_need_them_least(log: list[Answer]) -> None:
    low = Decimal("0.05")
    by_median, by_person = _by_fair_work(log, low), _by_each_person(log, low)
    assert sum(by_median.values()) > Fraction(low) * len(log)
    assert (_below(by_median, log), _below(by_person, log)) == (50, 0)


def test_the_page_tells_what_was_measured() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "pay.md").read_text(encoding="utf-8")
    assert "27 of the 60 people" in page
    assert "517.96" in page
