"""A correction is asked for with a reason, decided on once by somebody with a name, and booked once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from kempelen.errors import BadData, LedgerError
from kempelen.records import Effort, Kind, Provenance
from ledger import accounts, posting_rules
from ledger.entries import Entry
from ledger.people import corrections as rules
from ledger.people.corrections import Corrections, correction
from ledger.people.own import entries_of, statement
from ledger.store import Ledger
from ledger.units import Unit

Maker = Callable[..., Entry]
VERSION = accounts.model_version("intents", "2")


@pytest.fixture
def corrections(engine: Engine, ledger: Ledger, given: Maker, assigned: Maker) -> Corrections:
    """Ada gave two answers: one went into version 2, one lies in the pool of a cycle under way."""
    first = given("ls/1", "ada")
    ledger.book([first, assigned(first), given("ls/2", "ada", cycle="c2"), given("ls/3", "ben")])
    return Corrections(engine)


def accepted(corrections: Corrections, ledger: Ledger, annotation: str, seconds: str, at: datetime) -> None:
    request = corrections.ask("ada", annotation, Decimal(seconds), "I read it twice", at=at)
    corrections.decide(request.number, accepted=True, by="Grace", reason="plausible", at=at)
    corrections.book_accepted(ledger)


def test_what_is_accepted_is_booked_and_what_was_measured_stays_readable(
    corrections: Corrections, ledger: Ledger, engine: Engine, noon: datetime
) -> None:
    accepted(corrections, ledger, "given:ls/1", "90.5", noon)
    assert ledger.balance(VERSION)[Unit.S_HIGH] == Decimal("90.5")
    assert ledger.balance(VERSION)[Unit.ANNOTATIONS] == 1
    mine = statement(entries_of(engine, "ada"), "ada")
    work = next(one for one in mine.work if one.source_id == "given:ls/1")
    assert (work.low_s, work.high_s, work.provenance) == (Decimal("90.5"), Decimal("90.5"), Provenance.DECLARED)
    assert (work.corrected, work.first_high_s, work.end.version) == (True, Decimal(10), "2")
    assert list(ledger.check(())) == []


def test_no_word_of_the_person_goes_into_the_books(corrections: Corrections, ledger: Ledger, noon: datetime) -> None:
    accepted(corrections, ledger, "given:ls/1", "90", noon)
    said = [(entry.narration, entry.note) for entry in ledger.entries()]
    assert not [one for one in said if "read it twice" in str(one) or "plausible" in str(one)]
    assert ("corrected on request 1", None) in said


def test_a_refusal_is_on_record_and_books_nothing(corrections: Corrections, ledger: Ledger, noon: datetime) -> None:
    before = ledger.balances()
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "why", at=noon)
    corrections.decide(request.number, accepted=False, by="Grace", reason="the page was open over lunch", at=noon)
    assert corrections.book_accepted(ledger) == (0, [])
    assert ledger.balances() == before
    decision = corrections.of("ada")[0].decision
    assert decision is not None
    assert (decision.accepted, decision.by, decision.reason) == (False, "Grace", "the page was open over lunch")


def test_a_second_decision_is_refused_and_the_same_one_again_is_harmless(
    corrections: Corrections, noon: datetime
) -> None:
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "why", at=noon)
    first = corrections.decide(request.number, accepted=False, by="Grace", reason="no", at=noon)
    later = noon + timedelta(days=1)
    assert corrections.decide(request.number, accepted=False, by="Grace", reason="no", at=later) == first
    for other in ({"accepted": True, "by": "Grace"}, {"accepted": False, "by": "Alan"}):
        with pytest.raises(LedgerError, match="was refused by Grace already"):
            corrections.decide(request.number, reason="no", at=later, **other)  # type: ignore[arg-type]
    assert corrections.waiting() == []


def test_a_kill_between_decision_and_booking_is_mended_by_the_next_run(
    corrections: Corrections, ledger: Ledger, noon: datetime
) -> None:
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "why", at=noon)
    corrections.decide(request.number, accepted=True, by="Grace", reason="yes", at=noon)
    assert [one.number for one in corrections.unbooked()] == [request.number]
    assert corrections.book_accepted(ledger) == (1, [])
    assert corrections.book_accepted(ledger) == (0, [])
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 90


def test_two_processes_that_book_the_same_decision_book_it_once(
    corrections: Corrections, ledger: Ledger, engine: Engine, noon: datetime
) -> None:
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "why", at=noon)
    decided = corrections.decide(request.number, accepted=True, by="Grace", reason="yes", at=noon)
    seen_by_both = entries_of(engine, "ada")
    assert ledger.book(correction(decided, seen_by_both)) == 4
    assert ledger.book(correction(decided, seen_by_both)) == 0


def test_time_that_lies_in_a_pool_is_corrected_once_its_cycle_is_accounted_for(
    corrections: Corrections, ledger: Ledger, given: Maker, assigned: Maker, noon: datetime
) -> None:
    accepted(corrections, ledger, "given:ls/2", "45", noon)
    assert len(corrections.unbooked()) == 1
    pooled = given("ls/2", "ada", cycle="c2")
    ledger.book([assigned(pooled, "3")])
    assert corrections.book_accepted(ledger) == (1, [])
    assert ledger.balance(accounts.model_version("intents", "3"))[Unit.S_HIGH] == 45
    assert not any(ledger.balance(accounts.pool("c2")).values())


def test_a_time_can_be_corrected_twice_and_counts_up(corrections: Corrections, ledger: Ledger, noon: datetime) -> None:
    accepted(corrections, ledger, "given:ls/1", "90", noon)
    accepted(corrections, ledger, "given:ls/1", "60", noon)
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 60
    assert ledger.balance(VERSION)[Unit.ANNOTATIONS] == 1
    assert {"given:ls/1#corrected-1", "given:ls/1#corrected-2"} <= {e.source_id for e in ledger.entries()}


def book_edit(ledger: Ledger, answer: Callable[..., object], at: datetime) -> None:
    """Ada changed her answer an hour after noon, in one to five seconds; it was booked at that moment."""
    edit = posting_rules.edit_given(
        answer("ls/1", "ada", changed=True),  # type: ignore[arg-type]
        pseudonym="ada",
        effort=Effort(low_s=Decimal(1), high_s=Decimal(5), policy="added-time/1"),
        kind=Kind.PREPARATION,
        cycle="c1",
        model="intents",
        at=at,
    )
    moved = posting_rules.effort_assigned(
        edit, to=VERSION, kind=Kind.PREPARATION, version="2", at=at, reason="trained on"
    )
    ledger.book([edit, moved])


def test_what_a_person_does_after_they_asked_is_not_taken_back(
    corrections: Corrections, ledger: Ledger, engine: Engine, answer: Callable[..., object], noon: datetime
) -> None:
    evening = noon + timedelta(hours=9)
    request = corrections.ask("ada", "given:ls/1", Decimal(90), "I read it twice", at=noon)
    book_edit(ledger, answer, noon + timedelta(hours=2))
    corrections.decide(request.number, accepted=True, by="Grace", reason="plausible", at=evening)
    assert corrections.book_accepted(ledger) == (1, [])
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 95
    (work,) = (one for one in statement(entries_of(engine, "ada"), "ada").work if one.source_id == "given:ls/1")
    assert (work.high_s, work.provenance, work.what) == (95, Provenance.DECLARED, "labelled an item")
    accepted(corrections, ledger, "given:ls/1", "70", evening)  # now the edit is among what they speak of
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 70
    assert ledger.balance(VERSION)[Unit.ANNOTATIONS] == 1
    (work,) = (one for one in statement(entries_of(engine, "ada"), "ada").work if one.source_id == "given:ls/1")
    assert (work.high_s, work.first_high_s) == (70, 15)
    assert ledger.check() == []


def test_what_a_person_says_covers_the_edits_of_the_answer_too(
    corrections: Corrections, ledger: Ledger, answer: Callable[..., object], noon: datetime
) -> None:
    book_edit(ledger, answer, noon)
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 15
    accepted(corrections, ledger, "given:ls/1", "90", noon + timedelta(hours=2))
    assert ledger.balance(VERSION)[Unit.S_HIGH] == 90
    assert ledger.balance(accounts.pool("c1"))[Unit.S_HIGH] == 10  # another's, not yet assigned
    assert ledger.balance(accounts.annotator("ada"))[Unit.S_HIGH] == -100  # 90, and 10 of the other answer


def test_a_served_answer_is_corrected_where_it_stands(corrections: Corrections, ledger: Ledger, noon: datetime) -> None:
    served = posting_rules.answer_served(
        source_id="q1",
        pseudonym="ada",
        effort=Effort(low_s=Decimal(5), high_s=Decimal(5), policy="lead-time/2"),
        model="intents",
        version="7",
        item_id="i",
        at=noon,
        worked_at=noon,
    )
    ledger.book([served])
    accepted(corrections, ledger, "served:q1", "20", noon)
    assert ledger.balance(accounts.model_version("intents", "7"))[Unit.S_HIGH] == 20


def test_a_person_can_only_ask_about_their_own_work(corrections: Corrections, noon: datetime) -> None:
    for foreign in ("given:ls/3", "given:nothing", ""):
        with pytest.raises(BadData, match="No such work of yours"):
            corrections.ask("ada", foreign, Decimal(9), "why", at=noon)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seconds", ["-1", "86400.001", "NaN", "Infinity", "1e999"])
def test_a_time_that_cannot_be_one_is_refused(corrections: Corrections, noon: datetime, seconds: str) -> None:
    with pytest.raises(BadData, match="cannot be the time"):
        corrections.ask("ada", "given:ls/1", Decimal(seconds), "why", at=noon)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 2001, "a\0b", "a\x1b[2J"])
def test_a_reason_that_is_none_is_refused(corrections: Corrections, noon: datetime, reason: str) -> None:
    with pytest.raises(BadData, match="reason"):
        corrections.ask("ada", "given:ls/1", Decimal(9), reason, at=noon)


def test_a_second_request_about_the_same_work_waits_for_the_first(corrections: Corrections, noon: datetime) -> None:
    corrections.ask("ada", "given:ls/1", Decimal(9), "why", at=noon)
    with pytest.raises(LedgerError, match="still waiting"):
        corrections.ask("ada", "given:ls/1", Decimal(8), "again", at=noon)


def test_nobody_fills_the_database_by_a_link(
    corrections: Corrections, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_OPEN", 1)
    corrections.ask("ada", "given:ls/1", Decimal(9), "why", at=noon)
    with pytest.raises(LedgerError, match="1 of your requests are waiting"):
        corrections.ask("ada", "given:ls/2", Decimal(9), "why", at=noon)


def test_a_decision_needs_a_request_a_name_and_a_reason(corrections: Corrections, noon: datetime) -> None:
    number = corrections.ask("ada", "given:ls/1", Decimal(9), "why", at=noon).number
    with pytest.raises(BadData, match="no request 99"):
        corrections.decide(99, accepted=True, by="Grace", reason="yes", at=noon)
    with pytest.raises(BadData, match="Your name is missing"):
        corrections.decide(number, accepted=True, by=" ", reason="yes", at=noon)
    with pytest.raises(BadData, match="reason is missing"):
        corrections.decide(number, accepted=True, by="Grace", reason="", at=noon)


def test_a_statement_holds_nothing_of_anybody_else(engine: Engine, corrections: Corrections) -> None:  # noqa: ARG001
    mine = statement(entries_of(engine, "ada"), "ada")
    assert [one.source_id for one in mine.work] == ["given:ls/2", "given:ls/1"]
    assert (mine.low_s, mine.untimed, mine.models, mine.cycles) == (Decimal(20), 0, ("intents",), ("c2", "c1"))
    assert entries_of(engine, "simulated:annotator:ada") == []
