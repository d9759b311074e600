"""Issued cards hold whatever is booked later, and both ways lead through the books in one query each."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, event

from kempelen.errors import LedgerError
from kempelen.records import Effort, Kind, Provenance
from ledger import posting_rules, rereading_apart
from ledger.database import reading
from ledger.entries import Entry, digest
from ledger.labour import Share, VersionLabour
from ledger.rereading import reread
from ledger.rereading_apart import read_all
from ledger.store import Ledger

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
LINEAGE = {"1": [], "2": ["1"], "3": ["1", "2"]}
Make = Callable[..., Entry]


@pytest.fixture
def story(ledger: Ledger, given: Make, assigned: Make) -> dict[str, Entry]:
    """Version 1 from declared labels, version 2 from an answer, an edit of it, an audit and a skip; 3 from one more."""
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=9, at=NOON)
    a, skip = given("a", low="10", high="12"), given("s", low="2", high="2", skipped=True)
    audit = given("d", low="7", high="9", who="cy", kind=Kind.VERIFICATION)
    edit = replace(a, source_id="given:a#edit-1", amounts={u: v for u, v in a.amounts.items() if u != "annotations"})
    later = given("z", low="30", high="90", who="ben", cycle="c2")
    told = {"opening": opening, "a": a, "edit": edit, "audit": audit, "skip": skip, "later": later}
    ends = {f"{name} charged": assigned(told[name], "2") for name in ("a", "edit", "audit")}
    ends["skip charged"] = assigned(skip, "2", unused="skipped")
    ends["later charged"] = assigned(later, "3")
    ledger.book([*told.values(), *ends.values()])
    ledger.record_lineage("intents", LINEAGE)
    return told | ends


# ---------------------------------------------------------------- digests and cards


def part(*entries: Entry) -> str:
    return digest(entry.seal() for entry in entries)


def whole(*parts: str) -> str:
    """By hand: SHA-256 over the sorted digests of the parts."""
    return hashlib.sha256(b"".join(sorted({bytes.fromhex(one) for one in parts}))).hexdigest()


def test_the_digest_of_a_version_is_over_what_it_rests_on(ledger: Ledger, story: dict[str, Entry]) -> None:
    trained = [story[name] for name in ("a", "edit", "a charged", "edit charged")]
    own = [*trained, *(story[name] for name in ("audit", "skip", "audit charged", "skip charged"))]
    assert ledger.digest("intents", "1", LINEAGE) == whole(part(story["opening"]))
    assert ledger.digest("intents", "2", LINEAGE) == whole(part(*own), part(story["opening"]))
    assert ledger.digest("intents", "3", LINEAGE) == whole(
        part(story["later"], story["later charged"]), part(story["opening"]), part(*trained)
    )
    assert ledger.digest("intents", "9", LINEAGE) == whole(part())


def issued(ledger: Ledger, version: str, wrote: list[VersionLabour] | None = None) -> str:
    def document(labour: VersionLabour) -> str:
        if wrote is not None:
            wrote.append(labour)
        return f"{labour.human_high_s} s, digest {labour.digest}"

    return ledger.issue_card("intents", version, LINEAGE, at=NOON, document=document)[0].digest


def test_a_card_is_written_from_the_labour_that_carries_its_digest(ledger: Ledger, story: dict[str, Entry]) -> None:
    wrote: list[VersionLabour] = []
    assert issued(ledger, "2", wrote) == wrote[0].digest == ledger.digest("intents", "2", LINEAGE)
    (card,) = ledger.cards("intents", "2")
    assert (card.sequence, card.upto, card.earlier, card.at) == (1, len(story), ("1",), NOON)
    assert card.document == f"33 s, digest {card.digest}"
    assert ledger.card_digests("intents") == {"2": card.digest}


@pytest.mark.usefixtures("story")
def test_issuing_the_same_card_again_adds_none(ledger: Ledger) -> None:
    assert issued(ledger, "2") == issued(ledger, "2")
    assert len(ledger.cards()) == 1


def test_a_card_still_holds_after_later_entries_and_a_new_one_is_another(
    ledger: Ledger, story: dict[str, Entry], given: Make, assigned: Make
) -> None:
    first = issued(ledger, "2")
    corrected = posting_rules.corrected(
        story["a"],
        story["a charged"],
        effort=Effort(low_s=Decimal(5), high_s=Decimal(5), policy="stated"),
        number=1,
        at=NOON + timedelta(days=3),
        reason="I was away",
    )
    late = given("late")
    ledger.book([*corrected, late, assigned(late, "2")])
    second = issued(ledger, "2")
    assert first != second
    assert [(card.sequence, card.digest) for card in ledger.cards("intents", "2")] == [(1, first), (2, second)]
    assert ledger.digest("intents", "2", LINEAGE, upto=ledger.cards()[0].upto) == first
    assert ledger.check(["c1", "c2"]) == []


def test_large_books_are_read_in_several_processes_to_the_same_end(
    engine: Engine, ledger: Ledger, given: Make, assigned: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [given(f"ls/{n}", who=f"p{n % 3}") for n in range(20)]
    ledger.book([*entries, *(assigned(entry) for entry in entries)])
    monkeypatch.setattr(rereading_apart, "WORTH_A_PROCESS", 15)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    with reading(engine) as connection:
        assert read_all(connection) == reread(connection, 1, 40)
    assert ledger.check(["c1"]) == []


# ---------------------------------------------------------------- both ways


def statements_of(engine: Engine, act: Callable[[], object]) -> list[str]:
    sent: list[str] = []

    def note(*arguments: object) -> None:
        sent.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    act()
    event.remove(engine, "before_cursor_execute", note)
    return [words for words in sent if "ledger_" in words]


def test_from_a_version_to_every_answer_person_and_second(
    engine: Engine, ledger: Ledger, story: dict[str, Entry]
) -> None:
    assert len(statements_of(engine, lambda: [*ledger.trace("intents", "3")])) == 1
    found = [
        (t.answer, t.item_id, t.person, t.high_s, t.kind, t.share, t.charged_to) for t in ledger.trace("intents", "3")
    ]
    prepared = Kind.PREPARATION
    assert found == [
        ("given:z", "item-of-z", "annotator:ben", 90, prepared, Share.DIRECT, "3"),
        ("opening:intents/1:CLINC150", None, None, None, prepared, Share.INHERITED, "1"),
        ("given:a", "item-of-a", "annotator:ada", 12, prepared, Share.INHERITED, "2"),
        ("given:a", "item-of-a", "annotator:ada", 12, prepared, Share.INHERITED, "2"),
    ]
    of_two = {t.booked_as: t for t in ledger.trace("intents", "2")}
    assert (of_two["given:s"].unused, of_two["given:d"].kind) == ("skipped", Kind.VERIFICATION)
    assert (of_two["given:a#edit-1"].annotations, of_two["given:a"].annotations) == (0, 1)
    assert of_two["opening:intents/1:CLINC150"].labels == 9
    assert len(of_two) == 5 == len([name for name in story if name.endswith("charged")])


@pytest.mark.usefixtures("story")
def test_from_an_answer_to_every_version_it_went_into(engine: Engine, ledger: Ledger) -> None:
    assert len(statements_of(engine, lambda: ledger.where_went("a"))) == 1
    found = [(t.booked_as, t.version, t.share) for t in ledger.where_went("a")]
    assert found == [
        ("given:a", "2", Share.DIRECT),
        ("given:a#edit-1", "2", Share.DIRECT),
        ("given:a", "3", Share.INHERITED),
        ("given:a#edit-1", "3", Share.INHERITED),
    ]
    assert ledger.where_went("given:a") == ledger.where_went("given:a#edit-1") == ledger.where_went("a")
    assert [(t.version, t.share) for t in ledger.where_went("given:d")] == [("2", Share.DIRECT)]
    assert [(t.version, t.unused) for t in ledger.where_went("s")] == [("2", "skipped")]
    assert [t.version for t in ledger.where_went("opening:intents/1:CLINC150")] == ["1", "2", "3"]
    assert ledger.where_went("unheard-of") == []


def test_what_was_corrected_is_traced_as_it_stands(ledger: Ledger, story: dict[str, Entry]) -> None:
    effort = Effort(low_s=Decimal(5), high_s=Decimal(6), policy="stated")
    at = NOON + timedelta(days=3)
    ledger.book(
        posting_rules.corrected(story["a"], story["a charged"], effort=effort, number=1, at=at, reason="I was away")
    )
    found = [(t.booked_as, t.high_s, t.provenance) for t in ledger.where_went("a") if t.version == "2"]
    assert found == [
        ("given:a#edit-1", 12, Provenance.MEASURED),
        ("given:a#corrected-1", 6, Provenance.DECLARED),
    ]


def test_work_of_other_kinds_that_was_corrected_is_traced_as_well(ledger: Ledger) -> None:
    review = posting_rules.reviewed(
        source_id="intents/cycle 7",
        pseudonym="ada",
        effort=Effort(low_s=Decimal(60), high_s=Decimal(90), policy="stated/1"),
        provenance=Provenance.DECLARED,
        what="approved",
        model="intents",
        version="3",
        at=NOON,
        worked_at=NOON,
    )
    effort = Effort(low_s=Decimal(5), high_s=Decimal(6), policy="stated")
    ledger.book([review, *posting_rules.corrected(review, None, effort=effort, number=1, at=NOON, reason="a slip")])
    name = "reviewed:intents/cycle 7"
    assert [(t.booked_as, t.version, t.high_s) for t in ledger.where_went(name)] == [(f"{name}#corrected-1", "3", 6)]


def test_lineage_is_only_added_to_and_has_no_loop(ledger: Ledger) -> None:
    ledger.record_lineage("intents", LINEAGE)
    ledger.record_lineage("intents", LINEAGE)
    ledger.record_lineage("intents", {"2": ["0"], "4": ["1", "1"]})
    with pytest.raises(LedgerError, match="inherit from itself"):
        ledger.record_lineage("intents", {"2": ["2"]})


# ---------------------------------------------------------------- what the check says of corrections


def test_a_pool_that_was_corrected_can_be_charged(ledger: Ledger, given: Make, assigned: Make) -> None:
    lying = given("p", low="10", high="10")
    ledger.book([lying])
    effort = Effort(low_s=Decimal(4), high_s=Decimal(4), policy="stated")
    ledger.book(posting_rules.corrected(lying, None, effort=effort, number=1, at=NOON, reason="r"))
    (left,) = ledger.unassigned("c1")
    assert (left.source_id, left.amounts["s_high"]) == ("given:p#corrected-1", 4)  # type: ignore[index]
    ledger.book([assigned(left)])
    assert ledger.unassigned("c1") == []
    assert ledger.check(["c1"]) == []


def test_a_charge_that_was_taken_back_lies_in_the_pool_again(ledger: Ledger, given: Make, assigned: Make) -> None:
    one = given("p")
    charged = assigned(one)
    ledger.book([one, charged, posting_rules.reversal(charged, at=NOON, reason="the wrong version")])
    assert ledger.unassigned("c1") == [one]
    assert {p.subject for p in ledger.check(["c1"])} == {"pool:c1"}
    ledger.book([replace(assigned(one, "3"), source_id="assigned-anew:given:p")])
    assert ledger.check(["c1"]) == []


def test_the_check_names_what_is_taken_back_wrongly(ledger: Ledger, given: Make, assigned: Make) -> None:
    one, other = given("a"), given("b")
    charged = assigned(one)
    half = {unit: -amount / 2 for unit, amount in other.amounts.items() if unit != "annotations"}
    ledger.book(
        [
            one,
            other,
            charged,
            posting_rules.reversal(one, at=NOON, reason="x"),  # and still charged
            replace(posting_rules.reversal(other, at=NOON, reason="x"), amounts=half),
            posting_rules.reversal(given("nowhere"), at=NOON, reason="x"),
        ]
    )
    found = {p.subject: p.message for p in ledger.check()}
    assert found == {
        "given:a": "It was taken back, and assigned:given:a still assigns its effort.",
        "reversed:given:b": "It takes back given:b, but is not its exact opposite.",
        "reversed:given:nowhere": "It takes back given:nowhere, which is not in the books.",
    }


def test_the_check_names_effort_that_is_charged_as_anothers(ledger: Ledger, given: Make, assigned: Make) -> None:
    one = given("a")
    ledger.book([one, replace(assigned(one), person="annotator:ben")])
    assert [(p.subject, p.message) for p in ledger.check()] == [("given:a", "Its effort is assigned as another's.")]


@pytest.mark.parametrize("version", ["3", None])
def test_the_check_names_effort_of_one_version_that_is_told_of_another(
    ledger: Ledger, given: Make, assigned: Make, version: str | None
) -> None:
    one = given("a")
    ledger.book([one, replace(assigned(one, "2"), version=version)])
    assert [p.subject for p in ledger.check()] == ["model_version:intents/2"]


def test_an_entry_is_taken_back_once(ledger: Ledger, given: Make) -> None:
    one = given("a")
    undone = posting_rules.reversal(one, at=NOON, reason="x")
    ledger.book([one, undone])
    with pytest.raises(LedgerError, match="refused"):
        ledger.book([replace(undone, source_id="reversed-again")])


def test_the_check_names_what_moves_as_no_rule_has_it(ledger: Ledger, given: Make) -> None:
    ledger.book([replace(given("a"), giver="unused:skipped", receiver="pool:c1")])
    assert [p.subject for p in ledger.check()] == ["unused:skipped"]
