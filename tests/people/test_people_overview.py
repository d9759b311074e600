"""The sums that the database makes of a person's work are those of their statement, corrections and edits included."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from kempelen.records import Annotation, Effort, Kind, Provenance
from ledger import posting_rules
from ledger.entries import Entry
from ledger.people.corrections import Corrections
from ledger.people.overview import annotations_of, entries_about, last_payments, overview
from ledger.people.own import Statement, entries_of, statement
from ledger.store import Ledger

Maker = Callable[..., Entry]
EFFORT = Effort(low_s=Decimal("1.5"), high_s=Decimal("2.25"), policy="added-time/1")


@pytest.fixture
def mine(  # noqa: PLR0917 - one fixture a part of the story
    ledger: Ledger, engine: Engine, given: Maker, assigned: Maker, answer: Callable[..., Annotation], noon: datetime
) -> Statement:
    """Ada gave four answers: one corrected, one edited, one untimed, one skipped and lying in a pool; and reviewed."""
    one, two, three = given("ls/1", "ada"), given("ls/2", "ada", s="20.001"), given("ls/3", "ada", s=None)
    edit = posting_rules.edit_given(
        answer("ls/2", "ada", changed=True), pseudonym="ada", effort=EFFORT, kind=Kind.PREPARATION, cycle="c1",
        model="intents", at=noon,
    )  # fmt: skip
    pooled = given("ls/4", "ada", cycle="c2", label=None)
    review = posting_rules.reviewed(
        source_id="r1", pseudonym="ada", effort=EFFORT, provenance=Provenance.DECLARED, what="approved",
        model="other", version="1", at=noon, worked_at=noon + timedelta(hours=3),
    )  # fmt: skip
    wage = posting_rules.paid(
        source_id="p", person="annotator:ada", payer="us", amount=Decimal("10.50"), currency="EUR", what="wage",
        at=noon, paid_at=noon,
    )  # fmt: skip
    ledger.book([one, two, three, edit, pooled, review, wage, given("ls/9", "ben")])
    ledger.book([assigned(entry) for entry in (one, two, three, edit)])
    corrections = Corrections(engine)
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "why", at=noon)
    corrections.decide(request.number, accepted=True, by="Grace", reason="yes", at=noon)
    corrections.book_accepted(ledger)
    return statement(entries_of(engine, "ada"), "ada")


def test_the_sums_are_those_of_the_statement(mine: Statement, engine: Engine) -> None:
    seen = overview(engine, "ada")
    assert (seen.entries, seen.untimed) == (len(mine.work), mine.untimed) == (5, 1)
    assert (seen.low_s, seen.high_s) == (mine.low_s, mine.high_s)
    assert seen.high_s == 90 + Decimal("20.001") + 10 + 2 * Decimal("2.25")
    assert seen.models == mine.models == ("intents", "other")
    assert seen.paid == {"EUR": Decimal("10.50")}
    assert seen.cycles == {"c1": "intents", "c2": "intents"}


def test_pages_of_names_are_the_statement_in_pieces(mine: Statement, engine: Engine) -> None:
    names = [work.source_id for work in mine.work]
    pieces = [annotations_of(engine, "ada", first=first, most=2) for first in (0, 2, 4, 6)]
    assert [name for piece in pieces for name in piece] == names
    assert names[0] == "reviewed:r1"


def test_entries_about_a_few_annotations_say_of_them_what_all_entries_say(mine: Statement, engine: Engine) -> None:
    for work in mine.work:
        some = statement(entries_about(engine, "ada", [work.source_id]), "ada")
        assert next(one for one in some.work if one.source_id == work.source_id) == work


def test_payments_come_newest_first(mine: Statement, engine: Engine) -> None:
    assert tuple(last_payments(engine, "ada", 5)) == mine.payments[::-1]
    assert [one.amount for one in mine.payments] == [Decimal("10.50")]


def test_of_somebody_unknown_there_is_nothing(mine: Statement, engine: Engine) -> None:
    assert mine.person == "ada"
    seen = overview(engine, "nobody")
    assert (seen.entries, seen.low_s, seen.models, seen.paid) == (0, None, (), {})
    assert entries_about(engine, "nobody", ["given:ls/1"]) == []
    assert entries_about(engine, "ada", ["given:ls/9"]) == []
