"""Pay is computed from the books: what was given, by which contract, what was received, and what is still to pay."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest

from cycle.collect import collect
from cycle.cost import costs_of
from cycle.labour import issue_card
from cycle.pay import PayOffice
from cycle.retrain import retrain
from cycle.reviews import record_review
from cycle.watch import watch
from kempelen.errors import BadData, LedgerError
from kempelen.records import DeclaredWork, Effort, Kind
from kempelen.settings import Settings
from ledger import accounts, posting_rules
from ledger.pay import from_books
from ledger.pay.contracts import Basis, Contract
from ledger.pay.cost import PublicPay
from ledger.pay.period import Period

START = datetime(2019, 12, 20, tzinfo=UTC)
NIGHT = datetime(2020, 1, 21, 23, tzinfo=UTC)
JANUARY = Period.of("2020-01-01..2020-01-31")


def office_of(loop: Any) -> PayOffice:
    return PayOffice(settings=loop.app.settings, engine=loop.app.store._engine, ledger=loop.app.ledger)  # noqa: SLF001


@pytest.fixture
def worked(loop: Any) -> Any:
    """Ann and Ben each answered every item of a cycle, in ten seconds an item, and all of it is collected."""
    retrain(loop.app, START)
    loop.detector.alarm = True
    opened = watch(loop.app, NIGHT).opened
    assert opened is not None
    loop.annotators.all_say(opened.cycle_id, lambda request: "health" if "corona" in request.query else "food")
    loop.with_settings("annotation", pay_per_hour=Decimal(3), currency="EUR", platform_fee=0.2)
    loop.with_settings("pay", region="DE")
    collect(loop.app, NIGHT)
    return loop


def test_the_floor_holds_for_each_person_by_what_the_books_say_they_gave(worked: Any) -> None:
    each = len(worked.annotators.answers[worked.cycle_ids()[0]]) // 2  # answers a person, 10 s each
    pays = office_of(worked).payroll(JANUARY)
    assert [pay.person for pay in pays] == ["annotator:p-ann", "annotator:p-ben"]
    hours = Decimal(10 * each) / 3600
    for pay in pays:
        assert pay.high_s == 10 * each
        assert pay.floor == _up(hours * Decimal("9.35"))  # Germany's floor of 2020
        assert pay.owed == _up(hours * 3)
        assert pay.payable == pay.floor


def test_what_is_paid_and_booked_is_not_payable_again_and_later_work_is(worked: Any) -> None:
    office = office_of(worked)
    rows = office.still_to_pay(JANUARY)
    assert {row.what.value for row in rows} == {"pay", "top-up"}
    assert office.record_paid(rows, on=date(2020, 2, 3), now=NIGHT) == len(rows)
    assert office.record_paid(rows, on=date(2020, 2, 4), now=NIGHT) == 0  # the same list, another day: it is paid
    assert office.still_to_pay(JANUARY) == []
    retrain(worked.app, NIGHT)
    cycle_id = worked.cycle_ids()[0]
    item = next(iter(worked.annotators.asked[cycle_id]))
    worked.annotators.say(cycle_id, item, "ann", "food", seconds=59.0, on=datetime(2020, 1, 22, tzinfo=UTC))
    worked.annotators.answers[cycle_id][-1] = _renamed(worked.annotators.answers[cycle_id][-1])
    collect(worked.app, NIGHT)
    assert {(row.person, row.number) for row in office.still_to_pay(JANUARY)} == {("annotator:p-ann", 2)}


def test_another_amount_under_the_name_of_a_payment_is_refused(worked: Any) -> None:
    office = office_of(worked)
    rows = office.still_to_pay(JANUARY)
    office.record_paid(rows, on=date(2020, 2, 3), now=NIGHT)
    with pytest.raises(LedgerError, match="contradicts"):
        office.record_paid([replace(rows[0], amount=rows[0].amount + 1)], on=date(2020, 2, 3), now=NIGHT)


def test_work_is_counted_once_wherever_its_effort_lies(worked: Any) -> None:
    engine = worked.app.store._engine  # noqa: SLF001 - the tests look behind the scenes
    in_the_pool = from_books.worked(engine)
    retrain(worked.app, NIGHT)
    assert worked.states() == ["closed"]
    charged = from_books.worked(engine)
    assert sorted((w.person, w.on, w.kind, w.high_s, w.pieces) for w in in_the_pool) == sorted(
        (w.person, w.on, w.kind, w.high_s, w.pieces) for w in charged
    )
    assert all(w.pieces > 0 for w in charged)


def test_a_correction_moves_the_pay_and_takes_back_what_was_booked(worked: Any) -> None:
    engine = worked.app.store._engine  # noqa: SLF001 - the tests look behind the scenes
    entries = worked.app.ledger.entries(cycle=worked.cycle_ids()[0])
    given = next(e for e in entries if accounts.role(e.receiver) == "pool" and e.person == "annotator:p-ann")
    before = _seconds(engine, "annotator:p-ann")
    worked.app.ledger.book(
        posting_rules.corrected(
            given,
            None,
            effort=Effort(low_s=Decimal(600), high_s=Decimal(600), policy="stated/1"),
            number=1,
            at=NIGHT,
            reason="the telephone rang",
        )
    )
    assert _seconds(engine, "annotator:p-ann") == before - 10 + 600


def test_simulated_effort_is_never_paid(loop: Any) -> None:
    retrain(loop.app, START)
    loop.detector.alarm = True
    opened = watch(loop.app, NIGHT).opened
    assert opened is not None
    loop.annotators.all_say(opened.cycle_id, lambda _: "food")
    answers = loop.annotators.answers[opened.cycle_id]
    answers[:] = [replace(answer, simulated=True) for answer in answers]
    collect(loop.app, NIGHT)
    assert office_of(loop).payroll(JANUARY) == []


def test_rewards_of_a_platform_are_received_and_what_they_cost_is_the_versions(loop: Any) -> None:
    retrain(loop.app, START)
    work = DeclaredWork(
        source="some platform",
        source_id="7",
        annotator="w1",
        item="corona",
        label="health",
        submitted_at=NIGHT,
        effort=Effort(low_s=Decimal(0), high_s=Decimal(36), policy="accept-to-submit/1"),
        accepted=True,
        reward=Decimal("0.05"),
        fee=Decimal("0.01"),
        currency="USD",
    )
    facts: dict[str, Any] = {
        "pseudonym": "p-w1",
        "kind": Kind.PREPARATION,
        "model": "queries",
        "version": "1",
        "at": NIGHT,
    }
    loop.app.ledger.book(
        [
            posting_rules.declared_work(work, item_id="i", **facts),
            *posting_rules.rewards(work, payer="us", **facts),
        ]
    )
    office = office_of(loop)
    office.book.add(
        [
            Contract(
                person="*",
                basis=Basis.PIECE,
                amount=Decimal("0.05"),
                currency="USD",
                region="US",
                first=date(2020, 1, 1),
                last=None,
                recorded_at=START,
                recorded_by="ada",
            )
        ]
    )
    (pay,) = office.payroll(JANUARY)
    assert (pay.owed, pay.received, pay.floor) == (Decimal("0.05"), Decimal("0.05"), Decimal("0.08"))  # 36 s at 7.25
    assert [(row.what.value, row.amount) for row in office.still_to_pay(JANUARY)] == [("top-up", Decimal("0.03"))]
    (cost,) = costs_of(office, loop.store, "1")
    assert cost.cost.rewards == {"USD": (Decimal("0.05"), Decimal("0.01"))}


def test_the_cost_of_a_version_is_what_its_people_are_paid_with_fees_and_top_ups(worked: Any) -> None:
    retrain(worked.app, NIGHT)
    office = office_of(worked)
    costs = [one for one in costs_of(office, worked.store) if one.cost.costs]
    (cost,) = (one for each in costs for one in each.cost.costs)
    owed = sum((pay.payable or Decimal(0)) for pay in office.payroll(JANUARY))
    # Pay and what the floor adds come to what is payable, but for the rounding of each person's sum up to the cent.
    assert cost.pay.high is not None
    assert cost.beyond.high is not None
    assert abs(cost.pay.high + cost.beyond.high - owed) <= Decimal("0.04")
    assert cost.fee.high is not None
    assert abs(cost.fee.high - (cost.pay.high + cost.beyond.high) * Decimal("0.2")) <= Decimal("0.02")


def test_a_version_that_there_is_not_has_no_cost(worked: Any) -> None:
    with pytest.raises(BadData, match="no version 9"):
        costs_of(office_of(worked), worked.store, "9")


def test_the_settings_pay_section_names_files_beside_the_settings(tmp_path: Any) -> None:
    from kempelen.settings import load

    (tmp_path / "kempelen.toml").write_text(
        '[model]\nname = "queries"\nlabels = ["food", "health"]\n[training]\nbase = "base.csv"\n'
        '[pay]\nfloors = "floors.csv"\nregion = "US-CA"\n'
    )
    settings: Settings = load(tmp_path / "kempelen.toml")
    assert settings.pay.floors == tmp_path / "floors.csv"


def _up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_CEILING)


def _seconds(engine: Any, person: str) -> Decimal:
    return sum((w.high_s or Decimal(0) for w in from_books.worked(engine) if w.person == person), Decimal(0))


def _renamed(answer: Any) -> Any:
    return replace(answer, source_id=f"{answer.source_id}/later")


def elsewhere(loop: Any, number: int, *, high_s: str = "86400", reward: str = "0.05", version: str = "1") -> None:
    """A platform declares a piece of work: most of its time is waiting."""
    work = DeclaredWork(
        source="some platform",
        source_id=str(number),
        annotator="w1",
        item="corona",
        label="health",
        submitted_at=NIGHT,
        effort=Effort(low_s=Decimal(0), high_s=Decimal(high_s), policy="accept-to-submit/1"),
        accepted=True,
        reward=Decimal(reward),
        fee=Decimal("0.01"),
        currency="EUR",
    )
    facts: dict[str, Any] = {"kind": Kind.PREPARATION, "model": "queries", "version": version, "at": NIGHT}
    loop.app.ledger.book(
        [
            posting_rules.declared_work(work, pseudonym="p-w1", item_id="i", **facts),
            *posting_rules.rewards(work, pseudonym="p-w1", payer="us", **facts),
        ]
    )


def test_what_the_settings_promise_annotators_here_is_not_owed_for_a_platforms_waiting_time(worked: Any) -> None:
    office = office_of(worked)
    before = office.still_to_pay(JANUARY)
    for number in range(9):
        elsewhere(worked, number)
    assert office.still_to_pay(JANUARY) == before
    (stranger,) = (pay for pay in office.payroll(JANUARY) if pay.person == "annotator:p-w1")
    assert (stranger.received, stranger.owed, stranger.payable) == (Decimal("0.45"), None, 0)
    assert "No contract holds" in stranger.unknown[0].message
    assert [pay.received for pay in office.months_of("p-w1")] == [Decimal("0.45")]


def test_what_the_settings_promise_annotators_is_not_what_an_engineers_hour_costs(worked: Any) -> None:
    office = office_of(worked)
    (before,) = office.cost_of("1").costs or (None,)
    review = record_review(
        worked.app, name="look", what="looked", identity="eve", low_s=Decimal(600), high_s=Decimal(600),
        version=None, worked_at=NIGHT, now=NIGHT,
    )  # fmt: skip
    (engineer,) = (pay for pay in office.payroll(JANUARY) if pay.person == review.person)
    assert (engineer.owed, engineer.payable) == (None, None)
    assert {problem.message for problem in office.cost_of("1").unknown} == {"No contract holds on 2020-01-21."}
    office.book.add([agreed("reviewer:*", "60")])
    (engineer,) = (pay for pay in office.payroll(JANUARY) if pay.person == review.person)
    assert engineer.owed == Decimal("10.00")
    (cost,) = office.cost_of("1").costs
    assert office.cost_of("1").unknown == ()
    assert cost.pay.low - (before.pay.low if before else 0) == Decimal(10)


def test_a_contract_in_the_book_holds_for_people_of_a_platform_too(worked: Any) -> None:
    elsewhere(worked, 1, high_s="3600")
    office = office_of(worked)
    office.book.add([agreed("annotator:p-w1", "0.05", basis=Basis.PIECE)])
    (stranger,) = (pay for pay in office.payroll(JANUARY) if pay.person == "annotator:p-w1")
    assert (stranger.owed, stranger.floor, stranger.payable) == (
        Decimal("0.05"),
        Decimal("9.35"),
        Decimal("9.30"),
    )


def agreed(person: str, amount: str, *, basis: Basis = Basis.HOURLY, fee_share: str = "0") -> Contract:
    return Contract(
        person=person,
        basis=basis,
        amount=Decimal(amount),
        currency="EUR",
        region="DE",
        first=date(2020, 1, 1),
        last=None,
        fee_share=Decimal(fee_share),
        recorded_at=START,
        recorded_by="ada",
    )


def test_the_cost_of_one_offer_is_on_the_card_and_is_the_payrolls(worked: Any) -> None:
    office, version = _by_one_offer(worked)
    content = issue_card(worked.app.settings, worked.store, worked.app.ledger, version, NIGHT).content
    (told,) = office.cost_of(version).costs
    assert content.costs == (told,)
    assert told.total.low > 0
    for rows in (office.still_to_pay(Period.of(f"2020-01-{first}..2020-01-{first + 6}")) for first in (10, 17, 24)):
        office.record_paid(rows, on=date(2020, 2, 1), now=NIGHT)  # each rounded up to the coin
    assert office.public_pay(version) == PublicPay(offer=next(iter(office.offer())))


def _ones_own(office: PayOffice, _worked: Any) -> None:
    office.book.add([agreed("annotator:p-ann", "20")])


def _two_offers(office: PayOffice, worked: Any) -> None:
    office.book.add([agreed("reviewer:*", "20")])
    record_review(
        worked.app, name="look", what="looked", identity="eve", low_s=Decimal(600), high_s=Decimal(600),
        version=worked.store.versions("queries")[-1].version, worked_at=NIGHT, now=NIGHT,
    )  # fmt: skip


def _pieces(office: PayOffice, _worked: Any) -> None:
    office.book.add([agreed("*", "0.50", basis=Basis.PIECE)])


def _below_the_floor(_office: PayOffice, worked: Any) -> None:
    worked.with_settings("annotation", pay_per_hour=Decimal(3), currency="EUR")


def _another_platform(_office: PayOffice, worked: Any) -> None:
    elsewhere(worked, 1, version=worked.store.versions("queries")[-1].version)


def _a_bonus(office: PayOffice, _worked: Any) -> None:
    rows = [replace(row, amount=row.amount + 1) for row in office.still_to_pay(JANUARY)]
    office.record_paid(rows, on=date(2020, 2, 1), now=NIGHT)


@pytest.mark.parametrize("differs", [_ones_own, _two_offers, _pieces, _below_the_floor, _another_platform, _a_bonus])
def test_what_differs_from_one_offer_takes_the_cost_off_the_card(worked: Any, differs: Any) -> None:
    office, version = _by_one_offer(worked)
    differs(office, worked)
    assert office_of(worked).public_pay(version) == PublicPay()


def test_where_nothing_was_agreed_there_is_no_cost_to_show(worked: Any) -> None:
    _, version = _by_one_offer(worked)
    worked.with_settings("annotation", pay_per_hour=None)
    assert office_of(worked).public_pay(version) is None


def _by_one_offer(worked: Any) -> tuple[PayOffice, str]:
    """Two annotators on the settings' offer, above the floor."""
    worked.with_settings("privacy", min_people=2)
    worked.with_settings("annotation", pay_per_hour=Decimal(20), currency="EUR", platform_fee=0.2)
    retrain(worked.app, NIGHT)
    return office_of(worked), worked.store.versions("queries")[-1].version


def test_a_payment_for_a_week_of_two_months_leaves_the_cost_known(worked: Any) -> None:
    retrain(worked.app, NIGHT)
    office = office_of(worked)
    version = worked.store.versions("queries")[-1].version
    (before,) = office.cost_of(version).costs
    office.record_paid(office.still_to_pay(Period.of("2020-01-20..2020-02-02")), on=date(2020, 2, 3), now=NIGHT)
    (after,) = office.cost_of(version).costs
    assert (before, office.cost_of(version).unknown) == (after, ())
    assert [str(pay.period) for pay in office.months_of("p-ann")] == ["2020-01-01..2020-02-29"]
    assert [pay.payable for pay in office.months_of("p-ann")] == [0]


def test_one_wrong_date_makes_no_ten_thousand_months(worked: Any) -> None:
    entry = next(e for e in worked.app.ledger.entries(cycle=worked.cycle_ids()[0]) if e.person == "annotator:p-ann")
    wrong = replace(entry, source_id="given:ls/wrong", worked_at=datetime(2920, 1, 1, tzinfo=UTC))
    worked.app.ledger.book([wrong])
    assert [str(pay.period) for pay in office_of(worked).months_of("p-ann")] == [
        "2020-01-01..2020-01-31",
        "2920-01-01..2920-01-31",
    ]
