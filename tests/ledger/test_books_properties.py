"""Whatever is booked, in whatever order and however often: nothing is lost, nothing is doubled, all adds up."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from kempelen.errors import LedgerError
from kempelen.records import DeclaredWork, Effort, Kind, Provenance
from ledger import accounts, posting_rules, totals
from ledger.accounts import Unused
from ledger.database import driver_rows, reading
from ledger.entries import Entry, digest
from ledger.rereading import _event_query
from ledger.rows import row_of
from ledger.seals import digest_over
from ledger.statement import labour
from ledger.store import Ledger, open_engine
from ledger.units import Currency, Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
LINEAGE = {"1": [], "2": ["1"], "3": ["1", "2"]}
Make = Callable[..., Entry]

milliseconds = st.integers(0, 10**8).map(lambda ms: Decimal(ms) / 1000)
efforts = st.tuples(milliseconds, milliseconds).map(
    lambda pair: Effort(low_s=min(pair), high_s=max(pair), policy="lead-time/2")
)
people = st.sampled_from(["ada", "ben", "cy"])
versions = st.sampled_from(["1", "2", "3"])
money = st.integers(1, 10**9).map(lambda parts: Decimal(parts) / 10**6)


@st.composite
def answer_books(draw: st.DrawFn, number: int, given: Make, assigned: Make) -> list[Entry]:
    """An answer and what became of it: left in its pool, edited, charged, wasted, corrected once or twice."""
    seconds = draw(st.none() | efforts)
    simulated = draw(st.booleans())
    first = given(
        f"ls/{number}",
        low=None if seconds is None else str(seconds.low_s),
        high="0" if seconds is None else str(seconds.high_s),
        who=draw(people),
        cycle=draw(st.sampled_from(["c1", "c2"])),
        kind=draw(st.sampled_from(list(Kind))),
        simulated=simulated,
    )
    booked, end = [first], draw(st.sampled_from(["pool", "1", "2", "3", *Unused]))
    moved = None
    if end != "pool":
        moved = assigned(first, "2", unused=end) if end in set(Unused) else assigned(first, end)
        booked.append(moved)
    for n in range(draw(st.integers(0, 0 if simulated else 2))):
        corrected = posting_rules.corrected(
            first, moved, effort=draw(efforts), number=n + 1, at=NOON + timedelta(days=2 + n), reason="it was otherwise"
        )
        booked += corrected
        first, moved = corrected[1], corrected[-1] if moved else None
    return booked


@st.composite
def other_books(draw: st.DrawFn, number: int) -> list[Entry]:
    """Work elsewhere with its reward, a review, an answer in service, or feedback."""
    version, effort = draw(versions), draw(st.none() | efforts)
    about = {"model": "intents", "version": version, "at": NOON}
    match draw(st.sampled_from(["work", "review", "served", "feedback", "paid"])):
        case "work":
            work = DeclaredWork(
                source="mechanical-turk",
                source_id=str(number),
                annotator="w",
                item="i",
                label=draw(st.sampled_from(["health", None])),
                submitted_at=NOON,
                effort=effort,
                accepted=draw(st.sampled_from([True, False, None])),
                reward=draw(money),
                fee=draw(money),
                currency=draw(st.sampled_from(["USD", "EUR"])),
            )
            who, kind = draw(people), Kind.PREPARATION
            done = posting_rules.declared_work(work, pseudonym=who, kind=kind, item_id="i", **about)
            return [done, *posting_rules.rewards(work, pseudonym=who, payer="us", kind=kind, **about)]
        case "review":
            return [
                posting_rules.reviewed(
                    source_id=str(number),
                    pseudonym=draw(people),
                    effort=draw(efforts),
                    provenance=Provenance.DECLARED,
                    what="approved",
                    worked_at=NOON,
                    **about,
                )
            ]
        case "served":
            simulated = draw(st.booleans())
            return [
                posting_rules.answer_served(
                    source_id=str(number),
                    pseudonym=draw(people),
                    effort=effort,
                    item_id="i",
                    worked_at=NOON,
                    simulated=simulated,
                    **about,
                )
            ]
        case "feedback":
            events = draw(st.integers(1, 99))
            return [
                posting_rules.feedback_given(
                    source_id=str(number), source="app", events=events, effort=effort, worked_at=NOON, **about
                )
            ]
    return [
        posting_rules.paid(
            source_id=str(number),
            person=accounts.annotator(draw(people)),
            payer="us",
            amount=draw(money),
            currency="EUR",
            what="wage",
            at=NOON,
            paid_at=NOON,
        )
    ]


@st.composite
def any_books(draw: st.DrawFn, given: Make, assigned: Make) -> list[Entry]:
    """Entries as the rules make them, in the order in which they happened."""
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=9, at=NOON)
    answers = [draw(answer_books(n, given, assigned)) for n in range(draw(st.integers(0, 5)))]
    others = [draw(other_books(n)) for n in range(draw(st.integers(0, 4)))]
    return [opening, *(entry for part in (*answers, *others) for entry in part)]


@contextmanager
def books(entries: list[Entry], at_once: int = 3) -> Iterator[Ledger]:
    engine = open_engine(":memory:")
    ledger = Ledger(engine)
    try:
        for start in range(0, len(entries), at_once):
            ledger.book(entries[start : start + at_once])
        yield ledger
    finally:
        engine.dispose()


@settings(deadline=None, max_examples=20)
@draw(data=st.data())
def test_order_and_repetition_change_neither_statement_nor_digest_nor_totals(
    given: Make, assigned: Make, data: st.DataObject
) -> None:
    booked = data.draw(any_books(given, assigned))
    shuffled = data.draw(st.permutations(booked * 2))
    with books(booked) as one, books(shuffled, at_once=1) as other:
        assert labour(one, "intents", LINEAGE) == labour(other, "intents", LINEAGE)
        assert one.check() == other.check() == []
        for version in LINEAGE:
            assert one.digest("intents", version, LINEAGE) == other.digest("intents", version, LINEAGE)
        assert one.last_entry() == other.last_entry() == len(booked)


@settings(deadline=None, max_examples=20)
@draw(data=st.data())
def test_what_was_given_is_what_pools_versions_and_waste_hold(given: Make, assigned: Make, data: st.DataObject) -> None:
    booked = data.draw(any_books(given, assigned))
    with books(booked) as ledger:
        balances = ledger.balances()
    for simulated in (True, False):
        mine = {a: held for a, held in balances.items() if accounts.is_simulated(a) is simulated}
        for unit in Unit:
            of_role: dict[str, Decimal] = {}
            for account, held in mine.items():
                role = accounts.role(account)
                of_role[role] = of_role.get(role, Decimal(0)) + held.get(unit, Decimal(0))
            gave = sum(of_role.pop(role, Decimal(0)) for role in ("annotator", "reviewer", "declared"))
            assert -gave == sum(of_role.values())
            assert all(held >= 0 for held in of_role.values())
    for currency in ("USD", "EUR"):
        assert sum(held.get(Currency(currency), Decimal(0)) for held in balances.values()) == 0


@settings(deadline=None, max_examples=20)
@draw(data=st.data())
def test_statements_show_direct_all_that_stands_and_nothing_that_was_taken_back(
    given: Make, assigned: Make, data: st.DataObject
) -> None:
    booked = data.draw(any_books(given, assigned))
    undone = {entry.reverses for entry in booked} | {entry.source_id for entry in booked if entry.reverses}
    ends = [e for e in booked if e.version is not None and e.source_id not in undone]
    effort = [e for e in ends if not any(isinstance(unit, Currency) for unit in e.amounts)]
    with books(booked) as ledger:
        statements = labour(ledger, "intents", LINEAGE)
        traced = [t for version in LINEAGE for t in ledger.trace("intents", version)]
    lines = [
        line for s in statements for line in (*s.effort, *s.unused) if getattr(line, "share", "direct") == "direct"
    ]
    for unit, shown in (
        (Unit.S_LOW, sum((line.amounts.low_s or Decimal(0) for line in lines), Decimal(0))),
        (Unit.S_HIGH, sum((line.amounts.high_s or Decimal(0) for line in lines), Decimal(0))),
        (Unit.ANNOTATIONS, sum(line.amounts.annotations for line in lines)),
        (Unit.EVENTS, sum(line.amounts.events for line in lines)),
        (Unit.LABELS, sum(line.amounts.labels for line in lines)),
    ):
        assert shown == sum((e.amounts.get(unit, Decimal(0)) for e in effort), Decimal(0))
    assert sum(t.high_s or Decimal(0) for t in traced) == sum(e.amounts.get(Unit.S_HIGH, Decimal(0)) for e in effort)
    assert len(traced) == len(effort)
    for s in statements:
        paid = [e for e in ends if e.version == s.version and e not in effort]
        for code, amount in s.rewards_by_currency.items():
            assert amount == sum(e.amounts.get(Currency(code), Decimal(0)) for e in paid)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@settings(deadline=None, max_examples=100)
@draw(narration=texts, item=texts, note=texts, worked=st.datetimes(timezones=st.just(UTC)))
def test_a_row_has_the_fingerprint_of_its_entry(narration: str, item: str, note: str, worked: datetime) -> None:
    entry = Entry(
        at=NOON,
        source_id="s",
        narration=narration,
        kind=None,
        provenance=Provenance.DECLARED,
        giver="payer:us",
        receiver="annotator:ada",
        amounts={Currency("EUR"): Decimal("0.000001")},
        model=None,
        item_id=item,
        worked_at=worked,
        note=note,
    )
    assert row_of(entry).fingerprint == entry.fingerprint()


def test_each_database_writes_an_event_as_the_entry_does(engine: Engine, ledger: Ledger, given: Make) -> None:
    """Or the check would be slow, for it then asks Python; letters that databases write otherwise are rare."""
    plain = given("a", low="1.5", high="2")
    odd = [
        replace(plain, source_id=f"given:{n}", narration=text, item_id=text, note=text)
        for n, text in enumerate(
            ['quote " and \\ back', "tab\tline\nfeed\r\b\f\x01\x1f", "\u00fc \u20ac \U0001f600", "]", "'"]
        )
    ]
    bare = replace(plain, source_id="given:x", amounts={Unit.LABELS: Decimal(0)})
    wage = replace(
        plain,
        source_id="w",
        kind=None,
        giver="payer:us",
        receiver="annotator:ada",
        amounts={Currency("JPY"): Decimal(5)},
    )
    ledger.book([plain, *odd, bare, wage])
    with reading(engine) as connection:
        rows = list(driver_rows(connection, _event_query(engine.dialect.name), (1, 99)))
        assert len(rows) == len(odd) + 3
        for _, _, fingerprint, event in rows:
            assert hashlib.sha256(event.encode("ascii", "kempelen-json")).digest() == fingerprint
    assert [p.subject for p in ledger.check() if "moved" not in p.message] == []


@draw(seals=st.lists(st.binary(min_size=32, max_size=32) | st.just(bytes(32)) | st.just(b"a" + bytes(31)), max_size=30))
def test_a_digest_over_seals_is_the_one_of_the_entries(seals: list[bytes]) -> None:
    assert digest_over(b"".join(seals)).hex() == digest(seals)


@pytest.mark.parametrize("text", ["zero \0 inside", "half \ud800 of a pair"])
def test_text_that_some_database_cannot_keep_is_refused_on_each(ledger: Ledger, given: Make, text: str) -> None:
    with pytest.raises(LedgerError, match="no text that a database keeps"):
        ledger.book([replace(given(), note=text)])
    assert ledger.entries() == []


def test_an_entry_cannot_move_money_and_effort_at_once(ledger: Ledger, given: Make) -> None:
    amounts = {Currency("EUR"): Decimal(1), Unit.ANNOTATIONS: Decimal(1)}
    with pytest.raises(LedgerError, match="at once"):
        ledger.book([replace(given(), amounts=amounts)])
    with pytest.raises(LedgerError, match="seconds from 2000 to 1000 ms"):
        ledger.book([replace(given(), amounts={Unit.S_LOW: Decimal(2), Unit.S_HIGH: Decimal(1)})])


def test_totals_derived_anew_are_those_that_were_kept(ledger: Ledger, given: Make, assigned: Make) -> None:
    entries = [given(f"ls/{n}", who=f"p{n % 3}") for n in range(20)]
    ledger.book([*entries, *(assigned(entry) for entry in entries)])
    kept = ledger.totals("intents")
    ledger.rebuild_totals()
    assert ledger.totals("intents") == kept
    assert kept == totals.lines_of(totals.of(row_of(entry) for entry in ledger.entries()))
