"""What effort cost: bounds, fees, top-ups, and nothing that is unknown passed over."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from kempelen.errors import BadData
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.cost import Cost, PerPoint, Range, cost, per_point
from ledger.pay.floors import read_floors
from ledger.pay.payroll import Pay, payroll
from ledger.pay.period import Period
from ledger.pay.terms import Terms
from ledger.pay.worked import Received, Worked

JANUARY = Period.of("2024-01-01..2024-01-31")

MakeContract = Callable[..., Contract]
MakeWorked = Callable[..., Worked]
MakeReceived = Callable[..., Received]


def _range(low: str, high: str | None) -> Range:
    return Range(low=Decimal(low), high=None if high is None else Decimal(high))


def _terms(*contracts: Contract) -> Terms:
    return Terms(contracts=Contracts(contracts), floors=read_floors())


def _pays(work: list[Worked], terms: Terms, received: list[Received] | None = None) -> list[Pay]:
    return payroll(work, received or [], terms, JANUARY)


def test_hours_cost_between_their_bounds_and_the_fee_is_apart(contract: MakeContract, worked: MakeWorked) -> None:
    terms, work = _terms(contract("24", fee_share="0.25")), [worked(low="1800", high="3600")]
    (spent,), unknown = cost(work, _pays(work, terms), terms)
    assert (spent.pay, spent.beyond, spent.fee) == (_range("12.00", "24.00"), _range("0", "0"), _range("3.00", "6.00"))
    assert (spent.total, unknown) == (_range("15.00", "30.00"), [])


def test_bounds_are_rounded_outwards(contract: MakeContract, worked: MakeWorked) -> None:
    terms, work = _terms(contract("20", fee_share="0.1")), [worked(low="100", high="100")]
    (spent,), _ = cost(work, _pays(work, terms), terms)
    assert (spent.pay, spent.fee) == (_range("0.55", "0.56"), _range("0.05", "0.06"))


def test_rejected_answers_cost_nothing_by_the_piece_and_their_time_by_the_hour(
    contract: MakeContract, worked: MakeWorked
) -> None:
    terms = _terms(contract("1", basis=Basis.PIECE), contract("24", person="annotator:bob"))
    work = [worked(low="60", pieces=3, rejected=2), worked(person="annotator:bob", rejected=2)]
    (spent,), _ = cost(work, _pays(work, terms), terms)
    assert spent.pay == _range("27.00", "27.00")


def test_each_currency_is_a_cost_of_its_own(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("24"), contract("30", person="annotator:bob", currency="USD", region="US"))
    work = [worked(), worked(person="annotator:bob")]
    costs, unknown = cost(work, _pays(work, terms), terms)
    assert [(each.currency, each.pay.high) for each in costs] == [("EUR", Decimal("24.00")), ("USD", Decimal("30.00"))]
    assert unknown == []


def test_a_top_up_is_shared_by_the_versions_that_share_the_time(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("0.50", basis=Basis.PIECE, fee_share="0.2"))
    first, second = [worked(low="900", pieces=10)], [worked("2024-01-20", "2700")]
    pays = _pays(first + second, terms)
    assert pays[0].top_up == Decimal("7.41")
    costs = [cost(part, pays, terms)[0][0] for part in (first, second)]
    # 7.41 over an hour: a quarter is 1.8525, three quarters are 5.5575; the fee is a fifth of pay and top-up.
    assert [each.beyond for each in costs] == [_range("1.85", "1.86"), _range("5.55", "5.56")]
    assert [each.fee for each in costs] == [_range("1.37", "1.38"), _range("1.11", "1.12")]


def test_a_top_up_costs_the_same_before_and_after_it_was_paid(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    terms, work = _terms(contract("0.50", basis=Basis.PIECE)), [worked(pieces=10)]
    paid = [received("5.00", what="pay"), received("7.41", "2024-02-05", what="top-up", period=str(JANUARY))]
    assert cost(work, _pays(work, terms), terms) == cost(work, _pays(work, terms, paid), terms)


def test_without_a_payroll_the_upper_end_is_unknown(contract: MakeContract, worked: MakeWorked) -> None:
    terms, work = _terms(contract("24")), [worked(), worked("2024-02-01")]
    (spent,), (problem,) = cost(work, _pays(work, terms), terms)
    assert (spent.pay, spent.total) == (_range("48.00", None), _range("48.00", None))
    assert "No payroll covers annotator:ada on 2024-02-01" in problem.message


def test_unknown_time_and_missing_contracts_leave_the_low_bound(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("24"))
    work = [worked(), worked(low=None, pieces=1), worked(person="annotator:bob")]
    (spent,), unknown = cost(work, _pays(work, terms), terms)
    assert spent.pay == _range("24.00", None)
    said = " ".join(problem.message for problem in unknown)
    assert "How long some answers took is unknown" in said
    assert "No contract holds on 2024-01-10" in said


def test_a_bonus_that_no_second_can_carry_is_said(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    terms, work = _terms(contract("1", basis=Basis.PIECE)), [worked(low="0", pieces=5)]
    (spent,), (problem,) = cost(work, _pays(work, terms, [received("7.00")]), terms)
    assert (spent.pay, spent.beyond) == (_range("5.00", None), _range("0.00", None))
    assert "2.00 EUR beyond agreed pay" in problem.message


def test_payrolls_that_overlap_would_charge_twice_and_are_refused(contract: MakeContract, worked: MakeWorked) -> None:
    terms, work = _terms(contract("24")), [worked()]
    pays = _pays(work, terms) + payroll(work, [], terms, Period.of("2024-01-10..2024-02-09"))
    with pytest.raises(BadData, match="overlap"):
        cost(work, pays, terms)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, 0.9, "accuracy is unknown"),
        (0.9, None, "accuracy is unknown"),
        (0.9, 0.9, "accuracy did not rise"),
        (0.9, 0.8, "accuracy did not rise"),
    ],
)
def test_a_point_that_was_not_gained_has_no_price(before: float | None, after: float | None, reason: str) -> None:
    nothing = _range("0", "0")
    spent = Cost(currency="EUR", pay=_range("10", "20"), beyond=nothing, fee=nothing)
    assert per_point(spent, before, after) == PerPoint(cost=None, reason=reason)


def test_a_gained_point_costs_everything_fee_and_top_ups_included() -> None:
    spent = Cost(currency="EUR", pay=_range("10", "20"), beyond=_range("4", "4"), fee=_range("1", "2"))
    assert per_point(spent, 0.70, 0.73).cost == _range("5.00", "8.67")
    unknown = Cost(currency="EUR", pay=_range("10", None), beyond=_range("4", "4"), fee=_range("1", "2"))
    assert per_point(unknown, 0.70, 0.73).cost == _range("5.00", None)
