"""What a card says of the books: every figure from the entries, none of fewer people than agreed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from kempelen.records import DeclaredWork, Kind, Provenance
from ledger import card as cards
from ledger import posting_rules
from ledger.card import CardContent, words
from ledger.card.content import thousandths
from ledger.labour import Share
from ledger.pay.cost import PublicPay, Range
from ledger.people.releases import Releases
from ledger.statement import labour
from ledger.store import Ledger

CardOf = Callable[..., CardContent]
NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


def test_human_sums_are_those_of_the_entries_and_robots_are_in_none(everything: CardContent) -> None:
    # 3 people: 4320-4799 trained, 90-183 checked, 60 served; users 35-70; inherited 180-270.
    human = everything.human
    assert (human.low_s, human.high_s) == (Decimal(4320 + 90 + 60 + 35 + 180), Decimal(4799 + 183 + 60 + 70 + 270))
    assert (human.unknown, human.held_back) == (True, False)  # CLINC150, and two corrections without a time
    assert (everything.wasted.low_s, everything.wasted.high_s) == (Decimal(9), Decimal(12))
    assert (everything.artificial.low_s, everything.artificial.high_s) == (Decimal(150), Decimal(400))
    assert (everything.human_annotations, everything.simulated_annotations) == (12, 3)
    assert everything.people
    assert everything.complete


def test_lines_keep_kind_share_provenance_and_source_apart(everything: CardContent) -> None:
    told = {(one.shares, one.kinds, one.provenances, one.sources): one.amounts for one in everything.effort}
    direct, inherited = (Share.DIRECT,), (Share.INHERITED,)
    measured, declared, unknown = (Provenance.MEASURED,), (Provenance.DECLARED,), (Provenance.UNKNOWN,)
    assert told[direct, (Kind.PREPARATION,), measured, ()].high_s == Decimal(4799)
    assert told[direct, (Kind.VERIFICATION,), measured, ()].annotations == 3
    assert told[direct, (Kind.IMPERSONATION,), measured, ()].low_s == Decimal(60)
    assert told[direct, (Kind.FEEDBACK,), declared, ("search page",)].events == 7
    assert told[direct, (Kind.FEEDBACK,), unknown, ("search page",)].low_s is None
    assert told[inherited, (Kind.PREPARATION,), measured, ()].low_s == Decimal(180)
    assert told[inherited, (Kind.PREPARATION,), declared, ("CLINC150",)].labels == 15_000
    assert len(told) == len(everything.effort) == 7


def test_shares_sum_to_a_hundred_percent(everything: CardContent) -> None:
    direct, inherited = (Share.DIRECT,), (Share.INHERITED,)
    assert everything.parts() == {  # of 5382 s
        (direct, (Kind.PREPARATION,)): 892,
        (direct, (Kind.VERIFICATION,)): 34,
        (direct, (Kind.IMPERSONATION,)): 11,
        (inherited, (Kind.PREPARATION,)): 50,
        (direct, (Kind.FEEDBACK,)): 13,
    }


@given(st.dictionaries(st.integers(), st.decimals(0, 10**6, places=3), max_size=20))
def test_rounded_shares_sum_to_a_thousand_and_none_is_off_by_one_or_more(amounts: dict[int, Decimal]) -> None:
    shares, total = thousandths(amounts), sum(amounts.values(), Decimal(0))
    if not total:
        assert shares == {}
        return
    assert sum(shares.values()) == 1000
    assert all(abs(shares[key] - 1000 * amount / total) < 1 for key, amount in amounts.items())


def test_what_rests_on_too_few_people_is_told_together(books: Any, card_of: CardOf) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    books.answer("ada", "7", "9", kind=Kind.VERIFICATION)
    card = card_of(books)
    (line,) = card.effort
    assert line.kinds == (Kind.PREPARATION, Kind.VERIFICATION)
    assert (line.amounts.low_s, line.amounts.high_s, line.amounts.annotations) == (Decimal(307), Decimal(339), 4)
    assert card.parts() == {((Share.DIRECT,), (Kind.PREPARATION, Kind.VERIFICATION)): 1000}


def test_waste_of_too_few_people_is_told_with_what_was_used_and_is_no_part_of_the_total(
    books: Any, card_of: CardOf
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    books.answer("ada", "7", "9", unused="skipped")
    card = card_of(books)
    (line,) = card.undivided
    assert line.reasons == ("", "skipped")
    assert (line.amounts.low_s, line.amounts.annotations) == (Decimal(307), 4)
    assert (card.effort, card.unused, card.complete) == ((), (), False)
    assert (card.human.low_s, card.human.held_back, card.wasted.held_back) == (None, True, True)


def test_a_rule_is_named_without_the_seconds_of_the_one_answer_that_it_was_applied_to(
    books: Any, card_of: CardOf
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    undone = "lead-time/2 idle_cap_s=60"
    books.entries = [replace(entry, policy=f"{undone} less_s=4.217") for entry in books.entries]
    assert card_of(books).policies == (undone,)


def test_two_people_alone_are_held_back_and_this_is_said(books: Any, card_of: CardOf) -> None:
    books.opening()
    books.answer("ada", "100", "110")
    books.answer("ben", "100", "110", unused="skipped")
    books.answer("robot", "5", "6", simulated=True)
    card = card_of(books)
    assert [line.sources for line in card.effort] == [("CLINC150",)]
    assert card.held_back == ("preparation, direct, measured", "preparation, direct, measured, not used: skipped")
    assert (card.people, card.human.low_s, card.human.held_back) == (False, None, True)
    assert card.human_annotations == 0
    assert card.artificial.high_s == Decimal(6)


def test_another_versions_figures_do_not_hold_this_one_back(books: Any, card_of: CardOf) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110", version="2")
    books.answer("ada", "7", "9", version="3")
    assert card_of(books, "2").complete
    three = card_of(books, "3")
    assert three.held_back == ("preparation, direct, measured",)
    assert [(line.shares, line.charged_to) for line in three.effort] == [((Share.INHERITED,), ("2",))]


def test_checks_of_an_earlier_version_are_not_inherited(books: Any, card_of: CardOf) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110", version="1")
        books.answer(who, "7", "9", version="1", kind=Kind.VERIFICATION)
        books.answer(who, "1", "2", version="1", unused="rejected_challenger")
    card = card_of(books)
    assert [line.kinds for line in card.effort] == [(Kind.PREPARATION,)]
    # what a rejected challenger learned from is in the labels that version 2 learned from, too
    assert card.human.low_s == Decimal(303)


def test_a_cost_is_what_the_hours_on_the_card_come_to_by_the_offer(
    books: Any, card_of: CardOf, offered: Callable[..., PublicPay]
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
        books.answer(who, "20", "40", kind=Kind.VERIFICATION)
        books.answer(who, "60", "70", unused="skipped")
        books.answer(who, "500", "600", version="1")  # inherited, and paid for by version 1
    books.feedback(9, "90", "180")  # unpaid
    books.answer("robot", "5", "6", simulated=True)
    made = card_of(books, pay=offered("36"))
    (told,) = made.costs
    assert (told.total, made.cost_note) == (Range(low=Decimal("5.40"), high=Decimal("6.60")), None)  # a cent a second
    assert (told.pay, told.fee.high, told.beyond.high) == (told.total, 0, 0)


def test_of_hours_without_an_end_and_of_pay_that_may_still_rise_a_cost_has_none(
    books: Any, card_of: CardOf, offered: Callable[..., PublicPay]
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    assert card_of(books, pay=offered("36", certain=False)).costs[0].total == Range(low=Decimal(3), high=None)
    for who in ("ada", "ben", "cy"):
        books.answer(who, None)
    assert card_of(books, pay=offered("36")).costs[0].total == Range(low=Decimal(3), high=None)


@pytest.mark.parametrize(
    ("people", "pay", "note"),
    [
        (("ada", "ben", "cy"), PublicPay(), "not shown, because no single hourly offer says all of it"),
        (("ada", "ben"), PublicPay(), "not shown, because no single hourly offer says all of it"),
        (("ada", "ben"), None, "unknown: "),
    ],
)
def test_a_cost_that_does_not_follow_from_the_card_is_not_on_it(
    books: Any, card_of: CardOf, people: tuple[str, ...], pay: PublicPay | None, note: str
) -> None:
    for who in people:
        books.answer(who, "100", "110")
    card = card_of(books, pay=pay)
    assert (card.costs, card.cost_note.startswith(note)) == ((), True)


def test_where_effort_is_held_back_so_is_its_cost(
    books: Any, card_of: CardOf, offered: Callable[..., PublicPay]
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    books.answer("dee", "60", "70", unused="skipped")
    card = card_of(books, pay=offered("36"))
    assert (card.costs, card.cost_note) == ((), "held back, because it would tell of fewer than 3 people")


def test_work_of_persons_elsewhere_is_protected_like_any(books: Any, card_of: CardOf) -> None:
    for who in ("ada", "ben"):
        books.elsewhere(who, "0", "300")
    assert card_of(books).held_back == ("preparation, direct, declared",)
    books.elsewhere("cy", "0", "300")
    (line,) = card_of(books).effort
    assert (line.sources, line.provenances) == (("mechanical-turk",), (Provenance.DECLARED,))


def test_no_effort_is_zero_and_unknown_effort_is_not(books: Any, card_of: CardOf) -> None:
    books.answer("robot", "5", "6", simulated=True)
    robots = card_of(books).human
    assert (robots.low_s, robots.high_s, robots.unknown) == (Decimal(0), Decimal(0), False)
    books.opening()
    labels = card_of(books, "1").human
    assert (labels.low_s, labels.high_s, labels.unknown) == (None, None, True)


def test_a_late_answer_of_one_person_is_not_seen_arriving(books: Any, ledger: Ledger, engine: Engine) -> None:
    releases, noon = Releases(engine), datetime(2020, 1, 24, 12, tzinfo=UTC)

    def card_now() -> CardContent:
        ledger.book(books.entries)
        (found,) = labour(ledger, "intents", {}, "2")
        publication = releases.advance("intents", cards.parts(engine, "intents"), 3, at=noon)
        return cards.card_of(found, publication, earlier=())

    for who in ("ada", "ben", "cy"):
        books.answer(who, "100", "110")
    first = card_now()
    books.answer("dee", "55", "66")
    late = card_now()
    assert late.effort == first.effort
    assert (first.complete, late.complete) == (True, False)
    for who in ("eve", "flo"):
        books.answer(who, "55", "66")
    assert card_now().human.low_s == Decimal(465)


def test_a_cost_says_that_what_platforms_were_paid_comes_on_top(
    books: Any, card_of: CardOf, ledger: Ledger, offered: Callable[..., PublicPay]
) -> None:
    for who in ("ada", "ben", "cy"):
        books.answer(who, "10", "11")
    work = DeclaredWork(
        source="mechanical-turk",
        source_id="a1",
        annotator="w",
        item="i",
        label="health",
        submitted_at=NOON,
        effort=None,
        accepted=True,
        reward=Decimal(5),
        currency="USD",
    )
    facts: dict[str, Any] = {"pseudonym": "w", "kind": Kind.PREPARATION, "model": "intents", "version": "2", "at": NOON}
    ledger.book(posting_rules.rewards(work, payer="us", **facts))
    made = card_of(books, pay=offered("360"))
    assert words.costs(made) == ["3.00 to 3.30 EUR", "part of it is what platforms were paid, which is not shown"]
    assert "5" not in made.cost_note
