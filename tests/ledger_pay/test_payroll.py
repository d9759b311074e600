"""Pay of one person at a time, by hand-computed numbers."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from kempelen.errors import BadData
from kempelen.records import Kind
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.floors import Floor, Floors, read_floors
from ledger.pay.payroll import Pay, payroll
from ledger.pay.period import Period
from ledger.pay.rates import Rate, Rates
from ledger.pay.terms import Bound, Terms
from ledger.pay.worked import Received, Worked

JANUARY = Period.of("2024-01-01..2024-01-31")

MakeContract = Callable[..., Contract]
MakeWorked = Callable[..., Worked]
MakeReceived = Callable[..., Received]


def _terms(*contracts: Contract, rates: Rates | None = None, paid_bound: Bound = Bound.HIGH) -> Terms:
    return Terms(contracts=Contracts(contracts), floors=read_floors(), rates=rates or Rates(), paid_bound=paid_bound)


def _pay(terms: Terms, work: list[Worked], payments: list[Received] | None = None, period: Period = JANUARY) -> Pay:
    (pay,) = payroll(work, payments or [], terms, period)
    return pay


def _messages(pay: Pay) -> str:
    return " ".join(problem.message for problem in pay.unknown)


def test_an_hour_is_paid_by_its_high_bound(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("15")), [worked(low="1800", high="3600")])
    assert (pay.owed, pay.due, pay.top_up, pay.payable) == (
        Decimal("15.00"),
        Decimal("15.00"),
        Decimal("0.00"),
        Decimal("15.00"),
    )
    assert pay.unknown == ()


def test_paying_by_the_low_bound_leaves_the_floor_to_the_high_one(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("15"), paid_bound=Bound.LOW), [worked(low="1800", high="3600")])
    # 7.50 for the half hour that is certain; the floor of 2024 in Germany is 12.41 for the whole one.
    assert (pay.owed, pay.floor, pay.due, pay.top_up) == (
        Decimal("7.50"),
        Decimal("12.41"),
        Decimal("7.50"),
        Decimal("4.91"),
    )


def test_effective_hourly_pay_is_an_interval_over_all_hours(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("0.10", basis=Basis.PIECE))
    pay = _pay(terms, [worked(low="1000", high="2000", pieces=40), worked(low="800", high="1600", rejected=9)])
    # 4.00 in 1800 to 3600 seconds, the rejected ones among them.
    assert (pay.hourly_low, pay.hourly_high) == (Decimal("4.00"), Decimal("8.00"))
    assert (pay.accepted, pay.rejected) == (40, 9)


def test_the_effective_pay_is_rounded_outwards(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("0.10", basis=Basis.PIECE)), [worked(low="700", high="1100", pieces=10)])
    # 1.00 * 3600 / 1100 = 3.2727..., 1.00 * 3600 / 700 = 5.1428...
    assert (pay.hourly_low, pay.hourly_high) == (Decimal("3.27"), Decimal("5.15"))


def test_without_a_low_bound_effective_pay_has_no_upper_end(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("0.10", basis=Basis.PIECE)), [worked(low="0", high="3600", pieces=10)])
    assert (pay.hourly_low, pay.hourly_high) == (Decimal("1.00"), None)


def test_rejected_and_skipped_minutes_count_for_the_floor(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("0.50", basis=Basis.PIECE))
    work = [worked(low="1800", pieces=10), worked(low="900", rejected=5), worked(low="900")]
    pay = _pay(terms, work)
    assert (pay.owed, pay.floor, pay.due, pay.top_up) == (
        Decimal("5.00"),
        Decimal("12.41"),
        Decimal("5.00"),
        Decimal("7.41"),
    )


def test_a_shortfall_is_rounded_up_to_the_coin(contract: MakeContract, worked: MakeWorked) -> None:
    # 1 s at 12.41 an hour is 0.003447...
    assert _pay(_terms(contract("0")), [worked(low="1")]).payable == Decimal("0.01")


def test_pay_and_top_up_are_rounded_up_together_and_not_each(contract: MakeContract, worked: MakeWorked) -> None:
    # 0.003333 of pay, 0.003447 of floor: one cent covers both.
    pay = _pay(_terms(contract("12")), [worked(low="1")])
    assert (pay.due, pay.top_up, pay.payable) == (Decimal("0.01"), Decimal("0.00"), Decimal("0.01"))


@pytest.mark.parametrize(
    ("currency", "owed"),
    [("EUR", Decimal("33.34")), ("JPY", Decimal(34)), ("KWD", Decimal("33.334")), ("KRW", Decimal(34))],
)
def test_the_smallest_coin_is_that_of_the_currency(
    contract: MakeContract, worked: MakeWorked, currency: str, owed: Decimal
) -> None:
    pay = _pay(_terms(contract("100", currency=currency)), [worked(low="1200")])
    assert pay.owed == owed


def test_what_platforms_paid_counts_against_pay_and_floor(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    terms = _terms(contract("0.50", basis=Basis.PIECE))
    work, rewards = [worked(low="3600", pieces=10)], [received("4.00"), received("1.00", "2024-01-11")]
    pay = _pay(terms, work, rewards)
    assert (pay.received, pay.due, pay.top_up) == (Decimal("5.00"), Decimal("0.00"), Decimal("7.41"))
    assert pay.beyond_agreed == Decimal("7.41")


def test_a_bonus_counts_for_the_floor_but_pays_for_no_other_period(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    terms = _terms(contract("12.41"))
    january = _pay(terms, [worked()], [received("20.00")])
    february = _pay(terms, [worked("2024-02-05")], [received("20.00")], Period.of("2024-02-01..2024-02-29"))
    assert (january.payable, january.beyond_agreed) == (Decimal("0.00"), Decimal("7.59"))
    assert (february.received, february.payable) == (Decimal("0.00"), Decimal("12.41"))


def test_a_payment_made_later_belongs_to_the_period_that_it_names(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    terms, work = _terms(contract("12.41")), [worked(), worked("2024-02-05")]
    payment = received("12.41", "2024-02-05", what="pay", period=str(JANUARY))
    assert _pay(terms, work, [payment]).payable == Decimal("0.00")
    february = Period.of("2024-02-01..2024-02-29")
    assert _pay(terms, work, [payment], february).payable == Decimal("12.41")
    both = Period.of("2024-01-01..2024-02-29")
    assert _pay(terms, work, [payment], both).payable == Decimal("12.41")


def test_a_payment_for_a_period_that_is_only_partly_asked_for_makes_the_rest_unknown(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    payment = received("12.41", "2024-02-05", what="pay", period=str(JANUARY))
    pay = _pay(_terms(contract("12.41")), [worked()], [payment], Period.of("2024-01-01..2024-01-15"))
    assert (pay.received, pay.due, pay.payable, pay.owed) == (None, None, None, Decimal("12.41"))
    assert "2024-01-01..2024-01-31" in _messages(pay)


def test_money_that_was_taken_back_is_owed_again(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    pay = _pay(_terms(contract("15")), [worked()], [received("15.00"), received("-15.00", what="reversed")])
    assert pay.payable == Decimal("15.00")


def test_a_contract_that_changes_within_the_period_pays_each_day_by_its_own(
    contract: MakeContract, worked: MakeWorked
) -> None:
    terms = _terms(
        contract("15", last="2024-01-15"),
        contract("0.10", basis=Basis.PIECE, first="2024-01-16"),
    )
    work = [worked("2024-01-15", "3600", pieces=100), worked("2024-01-16", "3600", pieces=100)]
    pay = _pay(terms, work)
    assert pay.owed == Decimal("25.00")
    assert pay.floor == Decimal("24.82")


def test_an_offer_to_everybody_holds_on_days_without_a_contract_of_their_own(
    contract: MakeContract, worked: MakeWorked
) -> None:
    terms = _terms(contract("20", person="*"), contract("15", first="2024-01-11"))
    pay = _pay(terms, [worked("2024-01-10"), worked("2024-01-11")])
    assert pay.owed == Decimal("35.00")


def test_without_any_contract_pay_is_unknown_and_not_zero(worked: MakeWorked) -> None:
    pay = _pay(_terms(), [worked("2024-01-10"), worked("2024-01-12")])
    assert (pay.owed, pay.floor, pay.due, pay.top_up, pay.payable, pay.hourly_low) == (None,) * 6
    assert _messages(pay) == "No contract holds on 2024-01-10 and 1 later days."


def test_a_day_without_a_contract_leaves_what_is_certain_payable(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("15", first="2024-01-11")), [worked("2024-01-10"), worked("2024-01-11")])
    assert (pay.owed, pay.top_up, pay.payable) == (None, None, Decimal("15.00"))


def test_unknown_time_makes_hourly_pay_and_floor_unknown(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("15")), [worked(pieces=1), worked("2024-01-11", None, pieces=3)])
    assert (pay.owed, pay.floor, pay.top_up, pay.hourly_low, pay.hourly_high) == (None,) * 5
    assert (pay.payable, pay.untimed) == (Decimal("15.00"), 3)
    assert "How long some answers took is unknown on 2024-01-11." in _messages(pay)


def test_unknown_time_leaves_piece_pay_known(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("1", basis=Basis.PIECE)), [worked(pieces=1), worked(low=None, pieces=3)])
    assert (pay.owed, pay.due, pay.floor, pay.top_up) == (Decimal("4.00"), Decimal("4.00"), None, None)
    assert pay.payable == Decimal("12.41")


@pytest.mark.parametrize(
    ("region", "on", "says"),
    [
        (None, "2024-01-10", "No region is named"),
        ("XX", "2024-01-10", "No floor is known for XX."),
        ("US-TX", "2024-01-10", "No floor is known for US-TX."),
        ("DE", "2018-12-31", "No floor is known for DE before 2019-01-01."),
        ("DE", "2028-01-01", "The floor known for DE ends on 2027-12-31."),
    ],
)
def test_an_unknown_floor_is_said_and_never_zero(
    contract: MakeContract, worked: MakeWorked, region: str | None, on: str, says: str
) -> None:
    terms = _terms(contract("15", region=region, first="2018-01-01"))
    pay = _pay(terms, [worked(on)], period=Period.of("2018-01-01..2028-12-31"))
    assert (pay.owed, pay.floor, pay.top_up, pay.payable) == (Decimal("15.00"), None, None, Decimal("15.00"))
    assert says in _messages(pay)


def test_a_day_without_hours_needs_no_floor(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("0.10", basis=Basis.PIECE, region=None)), [worked(low="0", pieces=5)])
    assert (pay.floor, pay.top_up, pay.unknown) == (Decimal("0.00"), Decimal("0.00"), ())


def test_a_floor_that_rises_within_the_period_holds_day_by_day(contract: MakeContract, worked: MakeWorked) -> None:
    period = Period.of("2023-12-01..2024-01-31")
    pay = _pay(_terms(contract("0", first="2023-01-01")), [worked("2023-12-31"), worked("2024-01-01")], period=period)
    assert pay.floor == Decimal("24.41")  # 12.00 + 12.41


def test_a_leap_day_is_a_day_of_its_month(contract: MakeContract, worked: MakeWorked) -> None:
    february = Period.of("2024-02-01..2024-02-29")
    pay = _pay(_terms(contract("15")), [worked("2024-02-29"), worked("2024-03-01")], period=february)
    assert pay.owed == Decimal("15.00")


def test_the_last_hour_of_a_day_counts_once_where_clocks_change(contract: MakeContract, worked: MakeWorked) -> None:
    # Days are dates and effort is seconds: the days on which clocks change are days like any others.
    whole = _pay(
        _terms(contract("15")),
        [worked(f"2024-03-{day}") for day in (30, 31)],
        period=Period.of("2024-03-01..2024-03-31"),
    )
    assert whole.owed == Decimal("30.00")


def test_pay_in_several_currencies_is_one_sum_by_the_rate_of_the_last_day(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    rates = Rates(
        [
            Rate(on=date(2024, 1, 2), source="EUR", target="USD", rate=Decimal("1.05")),
            Rate(on=date(2024, 1, 30), source="EUR", target="USD", rate=Decimal("1.10")),
            Rate(on=date(2024, 2, 1), source="EUR", target="USD", rate=Decimal("9.99")),
        ]
    )
    terms = _terms(
        contract("20", last="2024-01-15"),
        contract("22", currency="USD", region="US", first="2024-01-16"),
        rates=rates,
    )
    work, payments = [worked("2024-01-10"), worked("2024-01-20")], [received("20.00"), received("10", currency="USD")]
    pay = _pay(terms, work, payments)
    # 20 EUR = 22 USD, and 22 USD; the same 20 EUR and 10 USD were received; floors 12.41 EUR = 13.651 USD and 7.25.
    assert (pay.currency, pay.owed, pay.received, pay.floor) == (
        "USD",
        Decimal("44.00"),
        Decimal("32.00"),
        Decimal("20.91"),
    )
    assert (pay.due, pay.top_up) == (Decimal("12.00"), Decimal("0.00"))


def test_a_missing_rate_makes_what_was_received_unknown(
    contract: MakeContract, worked: MakeWorked, received: MakeReceived
) -> None:
    pay = _pay(_terms(contract("15")), [worked()], [received("3", currency="USD")])
    assert (pay.owed, pay.received, pay.due, pay.payable) == (Decimal("15.00"), None, None, None)
    assert "No rate from USD to EUR is known on or before 2024-01-31." in _messages(pay)


def test_a_floor_in_an_unknown_currency_leaves_pay_known(contract: MakeContract, worked: MakeWorked) -> None:
    pay = _pay(_terms(contract("15", region="GB")), [worked()])
    assert (pay.due, pay.floor, pay.top_up, pay.payable) == (Decimal("15.00"), None, None, Decimal("15.00"))


def test_somebody_who_was_only_paid_is_listed_with_nothing_owed(contract: MakeContract, received: MakeReceived) -> None:
    pay = _pay(_terms(contract("15")), [], [received("5.00")])
    assert (pay.owed, pay.received, pay.payable) == (Decimal("0.00"), Decimal("5.00"), Decimal("0.00"))


def test_everybody_is_listed_apart_and_by_name(contract: MakeContract, worked: MakeWorked) -> None:
    terms = _terms(contract("15", person="*"))
    people = ["annotator:zoe", "reviewer:abe", "annotator:bea"]
    pays = payroll([worked(person=person) for person in people], [], terms, JANUARY)
    assert [pay.person for pay in pays] == sorted(people)


@pytest.mark.parametrize(
    "person", ["simulated:annotator:ada", "pool:c1", "ada", "annotator:", "*", "reviewer:*", "payer:us"]
)
def test_only_human_beings_can_be_paid(worked: MakeWorked, received: MakeReceived, person: str) -> None:
    with pytest.raises(BadData, match="is nobody who can be paid"):
        worked(person=person)
    with pytest.raises(BadData, match="is nobody who can be paid"):
        received("1", person=person)


@pytest.mark.parametrize(("low", "high"), [("-1", "5"), ("6", "5"), ("0", "NaN"), ("0", "Infinity")])
def test_seconds_that_are_no_interval_are_refused(worked: MakeWorked, low: str, high: str) -> None:
    with pytest.raises(BadData, match="is no interval"):
        worked(low=low, high=high)


def test_half_an_interval_is_refused() -> None:
    with pytest.raises(BadData, match="is no interval"):
        Worked(
            person="annotator:ada", on=JANUARY.first, low_s=Decimal(1), high_s=None,
            pieces=0, rejected_pieces=0, kind=Kind.PREPARATION,
        )  # fmt: skip


def test_feedback_and_negative_counts_are_refused(worked: MakeWorked) -> None:
    with pytest.raises(BadData, match="-1 accepted"):
        worked(pieces=-1)
    with pytest.raises(BadData, match="feedback"):
        Worked(
            person="annotator:ada", on=JANUARY.first, low_s=Decimal(1), high_s=Decimal(1),
            pieces=0, rejected_pieces=0, kind=Kind.FEEDBACK,
        )  # fmt: skip


def test_money_and_currencies_that_are_none_are_refused(received: MakeReceived) -> None:
    with pytest.raises(BadData, match="'XYZ' is no currency"):
        received("1", currency="XYZ")
    with pytest.raises(BadData, match="NaN is no amount"):
        received("NaN")


def test_a_users_own_floors_replace_the_shipped_ones(contract: MakeContract, worked: MakeWorked) -> None:
    own = Floor(
        region="DE",
        first=date(2020, 1, 1),
        last=None,
        per_hour=Decimal(20),
        currency="EUR",
        source="collective agreement",
    )
    terms = Terms(contracts=Contracts([contract("15")]), floors=Floors([own]))
    assert _pay(terms, [worked()]).top_up == Decimal("5.00")
