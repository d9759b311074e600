"""What payroll reads from the books: every kind of event, to the millisecond and the piece, and nothing twice."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules
from ledger.accounts import Unused
from ledger.database import open_engine
from ledger.entries import Entry
from ledger.pay import from_books
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.floors import Floor, Floors
from ledger.pay.payable import payables
from ledger.pay.payroll import payroll
from ledger.pay.period import Period
from ledger.pay.rates import Rate, Rates
from ledger.pay.terms import Terms
from ledger.store import Ledger

NOON = datetime(2024, 1, 10, 12, tzinfo=UTC)
JANUARY = Period.of("2024-01-01..2024-01-31")
ADA = "annotator:p-ada"


@pytest.fixture
def books(tmp_path: Path) -> Ledger:
    return Ledger(open_engine(tmp_path / "books.db"))


def seconds(low: str, high: str) -> Effort:
    return Effort(low_s=Decimal(low), high_s=Decimal(high), policy="test/1")


def given(number: int, effort: Effort | None, *, who: str = "p-ada", at: datetime = NOON, skipped: bool = False) -> Any:
    answer = Annotation(
        source_id=f"ls/{number}",
        item_id=f"i{number}",
        annotator=who,
        label=None if skipped else "food",
        lead_time_s=None,
        started_at=at,
        submitted_at=at,
        simulated=False,
    )
    return posting_rules.annotation_given(
        answer, pseudonym=who, effort=effort, kind=Kind.PREPARATION, cycle="c1", model="queries", at=at
    ), answer


def charged(entry: Entry, to: str | None = None) -> Entry:
    to = to or accounts.model_version("queries", "1")
    return posting_rules.effort_assigned(entry, to=to, kind=entry.kind, version="1", at=NOON, reason="settled")


def served(number: int, unused: Unused | None) -> Entry:
    return posting_rules.answer_served(
        source_id=f"t{number}",
        pseudonym="p-ada",
        effort=seconds("0", "120"),
        model="queries",
        version="1",
        item_id="i",
        at=NOON,
        worked_at=NOON,
        unused=unused,
    )


def paid(name: str, amount: str, period: str | None = None, *, on: datetime = NOON) -> Entry:
    return posting_rules.paid(
        source_id=name,
        person=ADA,
        payer="us",
        amount=Decimal(amount),
        currency="EUR",
        what="pay",
        at=on,
        paid_at=on,
        note=period,
    )


def pieces(books: Ledger) -> tuple[int, int]:
    found = from_books.worked(books.engine)
    return sum(each.pieces for each in found), sum(each.rejected_pieces for each in found)


def test_an_edit_of_unknown_length_is_unknown_and_not_zero(books: Ledger) -> None:
    entry, answer = given(1, seconds("5", "10"))
    edited = replace(answer, changed_at=NOON.replace(hour=13))
    edit = posting_rules.edit_given(
        edited, pseudonym="p-ada", effort=None, kind=Kind.PREPARATION, cycle="c1", model="queries", at=NOON
    )
    books.book([entry, edit])
    assert [(w.high_s, w.pieces) for w in from_books.worked(books.engine)] == [(None, 0), (Decimal(10), 1)]
    books.book([charged(entry), charged(edit)])
    assert [(w.high_s, w.pieces) for w in from_books.worked(books.engine)] == [(None, 0), (Decimal(10), 1)]


def test_an_unknown_time_that_was_corrected_is_known(books: Ledger) -> None:
    entry, _ = given(1, None)
    books.book([entry, charged(entry)])
    books.book(
        posting_rules.corrected(entry, charged(entry), effort=seconds("60", "60"), number=1, at=NOON, reason="asked")
    )
    (work,) = from_books.worked(books.engine)
    assert (work.low_s, work.high_s, work.pieces) == (60, 60, 1)


def test_a_turn_that_lapsed_is_time_and_no_accepted_answer(books: Ledger) -> None:
    books.book([served(1, Unused.WITHDRAWN), served(2, Unused.SKIPPED), served(3, Unused.NOT_SERVED), served(4, None)])
    assert pieces(books) == (2, 0)
    assert sum((w.high_s or 0) for w in from_books.worked(books.engine)) == 480


def test_answers_by_what_became_of_them(books: Ledger) -> None:
    skipped, *entries = (given(number, seconds("1", "2"), skipped=not number)[0] for number in range(6))
    books.book([skipped, *entries])
    assert pieces(books) == (5, 0)
    ends = [None, *map(accounts.unused, (Unused.NO_CONSENSUS, Unused.REJECTED_ANSWER, Unused.WITHDRAWN)), None]
    books.book([charged(skipped, accounts.unused(Unused.SKIPPED)), *map(charged, entries, ends)])
    assert pieces(books) == (4, 1)  # who deleted an answer is not known: it stays paid
    assert sum((w.high_s or 0) for w in from_books.worked(books.engine)) == 12


def test_a_payment_that_came_back_is_owed_again_for_its_own_period_and_paid_under_the_next_number(
    books: Ledger,
) -> None:
    entry, _ = given(1, seconds("3600", "3600"))
    february = NOON.replace(month=2)
    books.book([entry, charged(entry)])
    terms = Terms(contracts=Contracts([contract()]), floors=Floors([floor("10", "2024-01-01")]))

    def list_of(period: Period) -> list[tuple[Decimal, int]]:
        received = from_books.received(books.engine)
        pays = payroll(from_books.worked(books.engine), received, terms, period)
        return [(row.amount, row.number) for row in payables(pays, received)]

    assert list_of(JANUARY) == [(Decimal(12), 1)]
    payment = paid("pay/annotator:p-ada/2024-01-01..2024-01-31/1", "12", str(JANUARY), on=february)
    books.book([payment])
    assert list_of(JANUARY) == []
    books.book([posting_rules.reversal(payment, at=february, reason="the transfer came back")])
    assert list_of(JANUARY) == [(Decimal(12), 2)]
    assert list_of(Period.of("2024-02-01..2024-02-29")) == []


def contract(
    amount: str = "12", *, basis: Basis = Basis.HOURLY, currency: str = "EUR", first: str = "2024-01-01", last: str = ""
) -> Contract:
    return Contract(
        person=ADA,
        basis=basis,
        amount=Decimal(amount),
        currency=currency,
        region="DE",
        first=date.fromisoformat(first),
        last=date.fromisoformat(last) if last else None,
        recorded_at=NOON,
        recorded_by="eva",
    )


def floor(per_hour: str, first: str) -> Floor:
    return Floor(
        region="DE", first=date.fromisoformat(first), last=None, per_hour=Decimal(per_hour), currency="EUR", source="t"
    )


TERMS = Terms(
    contracts=Contracts(
        [
            contract("12.345", last="2024-01-09"),
            # nothing was agreed on the 10th
            contract("0.3333", basis=Basis.PIECE, currency="USD", first="2024-01-11", last="2024-01-20"),
            contract("11.1", first="2024-01-21"),
        ]
    ),
    floors=Floors([floor("12.41", "2024-01-01"), floor("13.99", "2024-01-15")]),
    rates=Rates(
        [Rate(on=date(2024, 1, day), source="USD", target="EUR", rate=Decimal(rate)) for day, rate in
         ((5, "0.91"), (30, "0.9237"))]
    ),
)  # fmt: skip


def by_hand(events: Iterable[tuple[str, int, int]], received: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """Owed, floor and payable in euro by the terms above; `events` are outcome, day of January and milliseconds."""
    owed, least = Fraction(0), Fraction(0)
    for outcome, day, ms in events:
        hours = Fraction(ms, 3_600_000)
        least += hours * Fraction("12.41" if day < 15 else "13.99")
        if day <= 9:
            owed += hours * Fraction("12.345")
        elif day <= 20:
            owed += Fraction("0.3333") * Fraction("0.9237") * (outcome not in {"skipped", "rejected", "gone"})
        else:
            owed += hours * Fraction("11.1")
    return owed, least, max(owed - received, least - received, Fraction(0))


def cents(amount: Fraction) -> Decimal:
    return Decimal(ceil(amount * 100)) / 100


@pytest.mark.parametrize("seed", range(12))
def test_books_with_every_kind_of_event_come_to_the_cent_that_a_reckoning_by_hand_has(books: Ledger, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a test that repeats
    events, received = list[tuple[str, int, int]](), Fraction(0)
    for number in range(120):
        outcome = random.choice(
            ["used", "pool", "no_consensus", "skipped", "rejected", "corrected", "voided", "edited"]
        )
        day = random.choice([day for day in range(1, 32) if day != 10])
        at, ms = datetime(2024, 1, day, random.choice([0, 12, 23]), 59, tzinfo=UTC), random.randrange(1, 400_000)
        effort = seconds("0", f"{Decimal(ms) / 1000}")
        entry, answer = given(number, effort, at=at, skipped=outcome == "skipped")
        books.book([entry])
        if outcome == "pool":
            events.append((outcome, day, ms))
            continue
        ends = {"skipped": Unused.SKIPPED, "rejected": Unused.REJECTED_ANSWER, "no_consensus": Unused.NO_CONSENSUS}
        end = charged(entry, accounts.unused(ends[outcome]) if outcome in ends else None)
        books.book([end])
        if outcome == "voided":
            books.book([posting_rules.reversal(one, at=NOON, reason="a test") for one in (entry, end)])
            continue
        if outcome == "corrected":
            anew = seconds("77", "77.001")
            books.book(posting_rules.corrected(entry, end, effort=anew, number=1, at=NOON, reason="asked"))
            ms = 77_001
        events.append((outcome, day, ms))
        if outcome == "edited":
            edited, later = replace(answer, changed_at=at.replace(second=30)), random.randrange(1, 9_000)
            facts: dict[str, Any] = {"kind": Kind.PREPARATION, "cycle": "c1", "model": "queries", "at": NOON}
            more = seconds("0", f"{Decimal(later) / 1000}")
            books.book([posting_rules.edit_given(edited, pseudonym="p-ada", effort=more, **facts)])
            events.append(("gone", day, later))  # further effort, and no further answer
    for number in range(random.randrange(3)):
        amount = Decimal(random.randrange(1, 3000)) / 100
        books.book([paid(f"x{number}", str(amount), str(JANUARY))])
        received += Fraction(amount)
    owed, least, payable = by_hand(events, received)
    ours = from_books.received(books.engine)
    (pay,) = payroll(from_books.worked(books.engine), ours, TERMS, JANUARY)
    assert pay.unknown == ()
    assert (pay.owed, pay.floor, pay.payable) == (cents(owed), cents(least), cents(payable))
    assert sum(row.amount for row in payables([pay], ours)) == pay.payable
