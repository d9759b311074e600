"""What holds of pay for every log, against arithmetic of whole numbers that shares nothing with ours."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from kempelen.records import Kind
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.cost import cost
from ledger.pay.floors import Floor, Floors
from ledger.pay.payable import payables
from ledger.pay.payroll import payroll
from ledger.pay.period import Period
from ledger.pay.terms import Bound, Terms
from ledger.pay.worked import Received, Worked

START = date(2024, 2, 20)  # a leap day lies within
DAYS = 20
PERIOD = Period(first=START, last=START + timedelta(days=DAYS - 1))
CHANGE = START + timedelta(days=8)  # floors rise and contracts change on this day
PEOPLE = tuple(f"annotator:{name}" for name in ("ada", "bob", "cyd"))
COINS = {"EUR": 100, "JPY": 1, "KWD": 1000}
MILLION = 10**6


class Agreed(NamedTuple):
    """A contract in whole numbers: millionths of the currency for an hour or an answer."""

    hourly: bool
    millionths: int


class Case(NamedTuple):
    currency: str
    agreed: dict[str, tuple[Agreed, Agreed]]
    floors: tuple[int, int]
    work: tuple[Worked, ...]
    received: tuple[Received, ...]
    low: bool


AGREED = st.builds(Agreed, st.booleans(), st.integers(0, 30 * MILLION))
MS = st.integers(0, 5_000_000)
MORE_MS = st.integers(1, 5_000_000)


@st.composite
def _work(draw: st.DrawFn) -> Worked:
    low, more = draw(MS), draw(MORE_MS)
    return Worked(
        person=draw(st.sampled_from(PEOPLE)),
        on=START + timedelta(days=draw(st.integers(0, DAYS - 1))),
        low_s=Decimal(low) / 1000,
        high_s=Decimal(low + more) / 1000,
        pieces=draw(st.integers(0, 50)),
        rejected_pieces=draw(st.integers(0, 5)),
        kind=draw(st.sampled_from([Kind.PREPARATION, Kind.VERIFICATION])),
    )


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    currency = draw(st.sampled_from(sorted(COINS)))
    work = draw(st.lists(_work(), min_size=1, max_size=25))
    received = draw(
        st.lists(
            st.builds(
                lambda person, day, coins: Received(
                    person=person,
                    on=START + timedelta(days=day),
                    amount=Decimal(coins) / COINS[currency],
                    currency=currency,
                    what="reward",
                ),
                st.sampled_from([each.person for each in work]),
                st.integers(0, DAYS - 1),
                st.integers(-200, 3_000),
            ),
            max_size=5,
        )
    )
    return Case(
        currency=currency,
        agreed={person: (draw(AGREED), draw(AGREED)) for person in PEOPLE},
        floors=(draw(st.integers(1, 2_000)), draw(st.integers(1, 2_000))),
        work=tuple(work),
        received=tuple(received),
        low=draw(st.booleans()),
    )


def _contract(person: str, agreed: Agreed, currency: str, *, later: bool) -> Contract:
    return Contract(
        person=person,
        basis=Basis.HOURLY if agreed.hourly else Basis.PIECE,
        amount=Decimal(agreed.millionths) / MILLION,
        currency=currency,
        region="DE",
        first=CHANGE if later else date(2024, 1, 1),
        last=None if later else CHANGE - timedelta(days=1),
        fee_share=Decimal("0.2"),
        recorded_at=datetime(2024, 1, 1, tzinfo=UTC),
        recorded_by="eva",
    )


def _terms(case: Case) -> Terms:
    contracts = [
        _contract(person, agreed, case.currency, later=bool(later))
        for person, pair in case.agreed.items()
        for later, agreed in enumerate(pair)
    ]
    floors = [
        Floor(
            region="DE",
            first=first,
            last=None,
            per_hour=Decimal(cents) / 100,
            currency=case.currency,
            source="made up",
        )
        for first, cents in zip((date(2024, 1, 1), CHANGE), case.floors, strict=True)
    ]
    return Terms(
        contracts=Contracts(contracts), floors=Floors(floors), paid_bound=Bound.LOW if case.low else Bound.HIGH
    )


# One coin is `SCALE` // coins parts: millionths of the currency times milliseconds of an hour, which all sums are in.
HOUR_MS = 3_600_000
SCALE = MILLION * HOUR_MS


def _ms(seconds: Decimal | None) -> int:
    assert seconds is not None
    return int(seconds * 1000)


def _expected(case: Case) -> dict[str, tuple[int, int, int]]:
    """Owed, floor and received of each person, in parts; answer by answer and in whole numbers."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in case.work:
        late = each.on >= CHANGE
        agreed = case.agreed[each.person][late]
        paid_ms = _ms(each.low_s if case.low else each.high_s)
        sums[each.person][0] += agreed.millionths * (paid_ms if agreed.hourly else each.pieces * HOUR_MS)
        sums[each.person][1] += case.floors[late] * (MILLION // 100) * _ms(each.high_s)
    for payment in case.received:
        sums[payment.person][2] += int(payment.amount * COINS[case.currency]) * (SCALE // COINS[case.currency])
    return {person: (owed, floor, received) for person, (owed, floor, received) in sums.items()}


def _coins_up(parts: int, currency: str) -> Decimal:
    return Decimal(-(-parts * COINS[currency] // SCALE)) / COINS[currency]


@given(_cases())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_money_is_right_to_the_coin(case: Case) -> None:
    expected = _expected(case)
    pays = payroll(case.work, case.received, _terms(case), PERIOD)
    assert [pay.person for pay in pays] == sorted(expected)
    for pay in pays:
        owed, floor, received = expected[pay.person]
        assert pay.unknown == ()
        assert pay.owed == _coins_up(owed, case.currency)
        assert pay.floor == _coins_up(floor, case.currency)
        assert pay.received is not None
        assert pay.received * SCALE == received
        assert pay.due == _coins_up(max(owed - received, 0), case.currency)
        assert pay.payable == _coins_up(max(owed - received, floor - received, 0), case.currency)
        assert pay.top_up is not None
        assert pay.top_up >= 0


@given(_cases())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_after_top_up_nobody_is_below_the_floor_and_nobody_is_paid_a_coin_too_much(case: Case) -> None:
    expected, coin = _expected(case), SCALE // COINS[case.currency]
    for pay in payroll(case.work, case.received, _terms(case), PERIOD):
        owed, floor, received = expected[pay.person]
        assert pay.payable is not None
        got = received + int(pay.payable * COINS[case.currency]) * coin
        assert got >= max(owed, floor)
        assert not pay.payable or got - coin < max(owed, floor)


@given(_cases(), st.randoms(use_true_random=False))
@settings(max_examples=75, deadline=None, derandomize=True)
def test_the_order_of_work_and_payments_changes_nothing(case: Case, random: Random) -> None:
    work, received = list(case.work), list(case.received)
    random.shuffle(work)
    random.shuffle(received)
    assert payroll(work, received, _terms(case), PERIOD) == payroll(case.work, case.received, _terms(case), PERIOD)


@given(_cases())
@settings(max_examples=75, deadline=None, derandomize=True)
def test_paying_the_list_leaves_nothing_to_pay(case: Case) -> None:
    terms = _terms(case)
    pays = payroll(case.work, case.received, terms, PERIOD)
    rows = payables(pays, case.received)
    assert sum(row.amount for row in rows) == sum(pay.payable or 0 for pay in pays)
    received = [*case.received, *(row.paid(PERIOD.last + timedelta(days=9)) for row in rows)]
    assert payables(payroll(case.work, received, terms, PERIOD), received) == []


@given(_cases())
@settings(max_examples=75, deadline=None, derandomize=True)
def test_one_persons_pay_depends_on_nobody_else(case: Case) -> None:
    terms = _terms(case)
    together = {pay.person: pay for pay in payroll(case.work, case.received, terms, PERIOD)}
    for person, pay in together.items():
        work = [each for each in case.work if each.person == person]
        received = [each for each in case.received if each.person == person]
        assert payroll(work, received, terms, PERIOD) == [pay]


@given(_cases(), st.integers(1, DAYS - 1))
@settings(max_examples=75, deadline=None, derandomize=True)
def test_two_periods_owe_what_the_whole_owes(case: Case, split: int) -> None:
    terms, coin = _terms(case), Decimal(1) / COINS[case.currency]
    parts = [
        Period(first=START, last=START + timedelta(days=split - 1)),
        Period(first=START + timedelta(days=split), last=PERIOD.last),
    ]
    whole = {pay.person: pay.owed for pay in payroll(case.work, (), terms, PERIOD)}
    apart: dict[str, Decimal] = defaultdict(Decimal)
    for period in parts:
        for pay in payroll(case.work, (), terms, period):
            apart[pay.person] += pay.owed or 0
    for person, owed in whole.items():
        assert owed is not None
        assert owed <= apart[person] <= owed + coin  # each of the two sums was rounded up


def _within(found: Sequence[Decimal | None], total: Decimal, tolerance: Decimal) -> bool:
    return abs(sum((each or Decimal(0) for each in found), Decimal(0)) - total) <= tolerance


@given(_cases(), st.integers(0, 2**25))
@settings(max_examples=75, deadline=None, derandomize=True)
def test_versions_that_share_the_work_share_what_was_paid_for_it(case: Case, versions: int) -> None:
    case = case._replace(low=False)
    terms, coin = _terms(case), Decimal(1) / COINS[case.currency]
    pays = payroll(case.work, case.received, terms, PERIOD)
    sets = [[each for place, each in enumerate(case.work) if (versions >> place) & 1 == bit] for bit in (0, 1)]
    costs = [each for part in sets for each in cost(part, pays, terms)[0]]
    paid = sum(((pay.owed or Decimal(0)) + (pay.beyond_agreed or Decimal(0)) for pay in pays), Decimal(0))
    rounded = coin * (
        2 * len(pays) + 2 * len(costs)
    )  # each sum of a person, and each of a version, by less than a coin
    highs = [high for each in costs for high in (each.pay.high, each.beyond.high)]
    assert None not in highs
    assert _within(highs, paid, rounded)
    assert all(each.total.high is not None and each.total.low <= each.total.high for each in costs)
