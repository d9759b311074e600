"""Statements over small books, every figure computed by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st

from kempelen.records import Kind, Provenance
from ledger import posting_rules
from ledger.accounts import Unused
from ledger.entries import Entry
from ledger.labour import VersionLabour, apart
from ledger.statement import Books, labour
from ledger.store import Ledger, open_engine
from ledger.units import Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
Make = Callable[..., Entry]
Shelve = Callable[[list[Entry]], Books]


def opening(version: str = "1", labels: int = 15_000, source: str = "CLINC150") -> Entry:
    return posting_rules.opening_balance(model="intents", version=version, source=source, labels=labels, at=NOON)


@pytest.fixture
def two_cycles(given: Make, assigned: Make) -> list[Entry]:
    """Version 1 from declared labels; 2 from three answers, an audit and a skip; 3 from one more."""
    train = [given("a", low="10", high="12"), given("b", low="20.5", high="20.5", who="ben"), given("u", low=None)]
    audit = given("d", low="7", high="9", who="cy", kind=Kind.VERIFICATION)
    skip = given("e", low="2", high="2", skipped=True)
    later = given("f", low="30", high="90", who="ben", cycle="c2")
    return [
        opening(),
        *train,
        audit,
        skip,
        later,
        *(assigned(one, "2") for one in (*train, audit)),
        assigned(skip, "2", unused="skipped"),
        assigned(later, "3"),
    ]


LINEAGE = {"1": [], "2": ["1"], "3": ["1", "2"]}


def test_the_labour_of_each_version(shelf: Shelve, two_cycles: list[Entry]) -> None:
    first, second, third = [version.as_json() for version in labour(shelf(two_cycles), "intents", LINEAGE)]
    declared = {
        "kind": "preparation",
        "provenance": "declared",
        "low_s": None,
        "high_s": None,
        "labels": 15_000,
        "source": "CLINC150",
        "note": "who made these labels, and how long it took, is unknown",
        "charged_to": ["1"],
        "policies": [],
        "people": 0,
    }
    measured = {"kind": "preparation", "provenance": "measured", "policies": ["lead-time/1"], "people": 1}
    unknown: dict[str, object] = {
        "kind": "preparation",
        "provenance": "unknown",
        "low_s": None,
        "high_s": None,
        "policies": [],
        "people": 1,
    }
    assert first["effort"] == [declared | {"share": "direct"}]
    assert (first["annotations"], first["annotators"], first["unused"]) == (0, 0, [])
    own = {"annotations": 2, "low_s": 30.5, "high_s": 32.5, "charged_to": ["2"], "people": 2}
    assert second["effort"] == [
        measured | own | {"share": "direct"},
        unknown | {"share": "direct", "annotations": 1, "charged_to": ["2"]},
        measured
        | {"kind": "verification", "share": "direct", "annotations": 1, "low_s": 7.0, "high_s": 9.0}
        | {"charged_to": ["2"]},
        declared | {"share": "inherited"},
    ]
    assert second["unused"] == [
        {"reason": "skipped", "kind": "preparation", "provenance": "measured", "annotations": 1}
        | {"low_s": 2.0, "high_s": 2.0, "policies": ["lead-time/1"], "cycles": ["c1"], "people": 1}
    ]
    assert (second["annotations"], second["annotators"]) == (5, 3)
    assert third["effort"] == [
        measured | {"share": "direct", "annotations": 1, "low_s": 30.0, "high_s": 90.0, "charged_to": ["3"]},
        declared | {"share": "inherited"},
        measured | own | {"share": "inherited"},
        unknown | {"share": "inherited", "annotations": 1, "charged_to": ["2"]},
    ]
    assert (third["annotations"], third["annotators"]) == (1, 1)


def test_totals_add_what_is_known_and_say_that_something_is_not(shelf: Shelve, two_cycles: list[Entry]) -> None:
    first, second, third = labour(shelf(two_cycles), "intents", LINEAGE)
    assert (first.human_low_s, first.human_high_s, first.human_unknown) == (None, None, True)
    assert (second.human_low_s, second.human_high_s) == (Decimal("37.5"), Decimal("41.5"))
    assert (second.unused_human_low_s, second.unused_human_high_s) == (Decimal(2), Decimal(2))
    assert (third.human_low_s, third.human_high_s, third.human_unknown) == (Decimal("60.5"), Decimal("122.5"), True)
    assert {v.simulated_low_s for v in (first, second, third)} == {Decimal(0)}


def test_the_statement_has_the_keys_that_others_script_against(shelf: Shelve, two_cycles: list[Entry]) -> None:
    document = json.loads(json.dumps([v.as_json() for v in labour(shelf(two_cycles), "intents", LINEAGE)]))
    for version in document:
        assert {"model", "version", "annotations", "annotators", "effort", "unused", "cost", "digest"} <= set(version)
        assert (version["cost"], version["cost_note"]) == (None, "no pay contract is on record")
        assert all({"kind", "provenance", "share", "low_s", "high_s"} <= set(line) for line in version["effort"])
        assert all(
            {"reason", "kind", "provenance", "annotations", "low_s", "high_s"} <= set(line)
            for line in version["unused"]
        )


def test_whoever_annotated_and_reviewed_is_one_of_the_people(shelf: Shelve, given: Make, assigned: Make) -> None:
    answered = given("ls/1", who="ada", kind=Kind.VERIFICATION)
    reviewed = replace(
        assigned(answered), source_id="reviewed:1", giver="reviewer:ada", person="reviewer:ada", given=None
    )
    (version,) = labour(shelf([answered, assigned(answered), reviewed]), "intents", {})
    assert [line.people for line in version.effort] == [1]


def test_one_version_can_be_asked_for_and_an_unknown_one_has_no_statement(
    shelf: Shelve, two_cycles: list[Entry]
) -> None:
    books = shelf(two_cycles)
    assert labour(books, "intents", LINEAGE, version="2") == [labour(books, "intents", LINEAGE)[1]]
    assert labour(books, "intents", LINEAGE, version="9") == []
    assert labour(books, "another", {}) == []


def test_versions_come_in_the_order_of_their_numbers(shelf: Shelve) -> None:
    books = shelf([opening(version) for version in ("10", "9", "1")])
    assert [v.version for v in labour(books, "intents", {"11": ["10"]})] == ["1", "9", "10", "11"]


def test_a_version_does_not_inherit_from_itself_nor_twice_from_another(shelf: Shelve) -> None:
    (only,) = labour(shelf([opening()]), "intents", {"2": ["1", "1", "2"]}, version="2")
    assert [(line.share, line.amounts.labels) for line in only.effort] == [("inherited", 15_000)]


def test_the_checks_of_an_earlier_version_are_not_inherited(shelf: Shelve, given: Make, assigned: Make) -> None:
    audit = given("d", kind=Kind.VERIFICATION)
    first, second = labour(shelf([audit, assigned(audit, "1")]), "intents", {"2": ["1"]})
    assert [line.kind for line in first.effort] == [Kind.VERIFICATION]
    assert second.effort == ()


def test_labels_that_trained_a_rejected_challenger_are_inherited_by_who_learned_from_them_later(
    shelf: Shelve, given: Make, assigned: Make
) -> None:
    trained, skipped = given("a", low="10", high="12"), given("s", low="2", high="2", skipped=True)
    books = [trained, skipped, assigned(trained, "2", unused="rejected_challenger")]
    books.append(assigned(skipped, "2", unused="skipped"))
    rejected, third = labour(shelf(books), "intents", {"2": [], "3": ["2"]})
    assert rejected.effort == ()
    assert {line.reason for line in rejected.unused} == {"rejected_challenger", "skipped"}
    assert [(line.share, line.amounts.low_s, line.amounts.high_s) for line in third.effort] == [
        ("inherited", Decimal(10), Decimal(12))
    ]


def test_an_annotation_that_is_only_in_a_pool_changes_no_version(
    shelf: Shelve, two_cycles: list[Entry], given: Make
) -> None:
    before = labour(shelf(two_cycles), "intents", LINEAGE)
    assert labour(shelf([*two_cycles, given("z", high="999")]), "intents", LINEAGE) == before


# ---------------------------------------------------------------- any books at all

Figure = tuple[list[int] | None, str, str, Kind, bool, str]

Figures = st.lists(
    st.tuples(
        st.none() | st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)).map(sorted),
        st.sampled_from(["ada", "ben", "cy"]),
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(list(Kind)),
        st.booleans(),
        st.sampled_from(["1", "2", "3", "pool", *Unused]),
    ),
    max_size=12,
)


def books_of(figures: list[Figure], given: Make, assigned: Make) -> list[Entry]:
    booked = [opening()]
    for number, (span, who, cycle, kind, simulated, end) in enumerate(figures):
        low, high = (None, "0") if span is None else [str(Decimal(ms) / 1000) for ms in span]
        one = given(f"ls/{number}", low=low, high=high, who=who, cycle=cycle, kind=kind, simulated=simulated)
        booked.append(one)
        if end != "pool":
            booked.append(assigned(one, "2", unused=end) if end in set(Unused) else assigned(one, end))
    return booked


def seconds(entries: list[Entry], *, simulated: bool) -> tuple[Decimal, Decimal]:
    """What annotators gave to all but pools, straight from the entries."""
    mine = [e for e in entries if e.given and (e.provenance is Provenance.SIMULATED) is simulated]
    low, high = (sum((e.amounts.get(unit, Decimal(0)) for e in mine), Decimal(0)) for unit in (Unit.S_LOW, Unit.S_HIGH))
    return low, high


def shown(versions: list[VersionLabour], *, simulated: bool) -> tuple[Decimal, Decimal]:
    """What the statements show as direct or unused."""
    direct = [line for version in versions for line in version.effort if line.share == "direct"]
    unused = [line for version in versions for line in version.unused]
    lines = [line.amounts for line in apart(direct, simulated=simulated)]
    lines += [line.amounts for line in apart(unused, simulated=simulated)]
    return sum((n.low_s or Decimal(0) for n in lines), Decimal(0)), sum(
        (n.high_s or Decimal(0) for n in lines), Decimal(0)
    )


@settings(deadline=None, max_examples=50)
@draw(figures=Figures, data=st.data())
def test_the_order_of_booking_changes_neither_statement_nor_digest(
    shelf: Shelve, given: Make, assigned: Make, figures: list[Figure], data: st.DataObject
) -> None:
    booked = books_of(figures, given, assigned)
    shuffled = data.draw(st.permutations(booked))
    assert labour(shelf(shuffled), "intents", LINEAGE) == labour(shelf(booked), "intents", LINEAGE)


@settings(deadline=None, max_examples=20)
@draw(figures=Figures, data=st.data())
def test_a_database_that_heard_everything_twice_in_any_order_gives_the_same_statement(
    shelf: Shelve, given: Make, assigned: Make, figures: list[Figure], data: st.DataObject
) -> None:
    booked = books_of(figures, given, assigned)
    engine = open_engine(":memory:")
    ledger = Ledger(engine)
    try:
        new = sum(ledger.book([entry]) for entry in data.draw(st.permutations(booked * 2)))
        assert new == len(booked)
        assert labour(ledger, "intents", LINEAGE) == labour(shelf(booked), "intents", LINEAGE)
        assert ledger.check() == []
    finally:
        engine.dispose()


@settings(deadline=None, max_examples=50)
@draw(figures=Figures)
def test_statements_show_all_that_was_charged_once_and_never_mix_simulated_with_human(
    shelf: Shelve, given: Make, assigned: Make, figures: list[Figure]
) -> None:
    booked = books_of(figures, given, assigned)
    versions = labour(shelf(booked), "intents", LINEAGE)
    for simulated in (True, False):
        assert shown(versions, simulated=simulated) == seconds(booked, simulated=simulated)
    without = labour(shelf([e for e in booked if e.provenance is not Provenance.SIMULATED]), "intents", LINEAGE)
    for version, human in zip(versions, without, strict=True):
        for name in ("human_low_s", "human_high_s", "human_unknown", "unused_human_low_s", "unused_human_high_s"):
            assert getattr(version, name) == getattr(human, name)
        assert (version.human, human.simulated_high_s) == (human.human, Decimal(0))
