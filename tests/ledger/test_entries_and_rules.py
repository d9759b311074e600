"""Entries balance or do not exist, and simulated effort cannot meet a human account."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from kempelen.errors import LedgerError
from kempelen.records import Annotation, Effort, Kind, Provenance, Purpose
from ledger import accounts, posting_rules
from ledger.entries import Entry, digest, totals
from ledger.units import Currency, Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
Make = Callable[..., Entry]


def entry(**changes: Any) -> Entry:
    facts: dict[str, Any] = {
        "at": NOON,
        "source_id": "e1",
        "narration": "a test",
        "kind": Kind.PREPARATION,
        "provenance": Provenance.MEASURED,
        "giver": "annotator:ada",
        "receiver": "pool:c1",
        "amounts": {Unit.ANNOTATIONS: Decimal(1)},
        "model": "intents",
    }
    return Entry(**facts | changes)


def test_an_entry_moves_something_between_two_accounts() -> None:
    with pytest.raises(LedgerError, match="moves nothing"):
        entry(receiver="annotator:ada")
    with pytest.raises(LedgerError, match="no source_id or no amounts"):
        entry(amounts={})


def test_only_what_takes_an_entry_back_moves_less_than_nothing() -> None:
    with pytest.raises(LedgerError, match="cannot move -1 annotations"):
        entry(amounts={Unit.ANNOTATIONS: Decimal(-1)})
    assert entry(amounts={Unit.ANNOTATIONS: Decimal(-1)}, reverses="e0").reverses == "e0"


@pytest.mark.parametrize(
    "account", ["pool", "pool:", "tasks:1", "pool:a\nb", "pool: x", "unused:lost", "", "simulated:"]
)
def test_a_misspelt_account_is_refused(account: str) -> None:
    with pytest.raises(LedgerError):
        entry(receiver=account)


@pytest.mark.parametrize(
    ("amount", "unit"),
    [
        ("0.0001", Unit.S_LOW),
        ("1.0000000000000000000000000000000001", Unit.S_LOW),
        ("0.5", Unit.LABELS),
        ("NaN", Unit.S_LOW),
        ("sNaN", Unit.S_LOW),
        ("Infinity", Unit.S_HIGH),
        ("1E+999999", Unit.S_HIGH),
        ("1E-999999", Unit.S_HIGH),
        ("1e16", Unit.LABELS),
        ("0.0000001", Currency("EUR")),
    ],
)
def test_an_amount_that_the_books_cannot_keep_exactly_is_refused(amount: str, unit: Unit) -> None:
    with pytest.raises(LedgerError, match="cannot move"):
        entry(amounts={unit: Decimal(amount)})


def test_simulated_effort_cannot_reach_a_human_account_nor_human_effort_a_simulated_one() -> None:
    for giver, receiver, provenance in [
        ("annotator:ada", "pool:c1", Provenance.SIMULATED),
        ("simulated:annotator:ada", "pool:c1", Provenance.SIMULATED),
        ("simulated:annotator:ada", "pool:c1", Provenance.MEASURED),
        ("simulated:annotator:ada", "simulated:pool:c1", Provenance.DECLARED),
    ]:
        with pytest.raises(LedgerError, match="would touch"):
            entry(giver=giver, receiver=receiver, provenance=provenance)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(LedgerError, match="without a zone"):
        entry(at=datetime(2020, 1, 24))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(LedgerError, match="without a zone"):
        entry(worked_at=datetime(2020, 1, 24))  # noqa: DTZ001


def test_effort_says_what_it_was_for_and_a_payment_need_not() -> None:
    with pytest.raises(LedgerError, match="does not say what its effort was for"):
        entry(kind=None)
    assert entry(kind=None, amounts={Currency("EUR"): Decimal(1)}).kind is None


def test_a_time_that_utc_cannot_say_is_refused() -> None:
    with pytest.raises(LedgerError, match="which UTC cannot say"):
        entry(worked_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))


def test_the_order_of_amounts_and_the_time_zone_do_not_make_another_event() -> None:
    amounts = {Unit.S_LOW: Decimal(1), Unit.ANNOTATIONS: Decimal(1)}
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    one = entry(amounts=amounts, worked_at=NOON)
    other = entry(amounts=dict(reversed(amounts.items())), at=elsewhere, worked_at=elsewhere)
    assert one == other
    assert one.seal() == other.seal()


def test_a_digest_covers_every_field(given: Make) -> None:
    one = given()
    changes: dict[str, Any] = {
        "at": NOON + timedelta(microseconds=1),
        "source_id": "x",
        "narration": "x",
        "kind": Kind.FEEDBACK,
        "provenance": Provenance.DECLARED,
        "giver": "annotator:x",
        "receiver": "pool:x",
        "amounts": one.amounts | {Unit.LABELS: Decimal(0)},
        "person": "annotator:x",
        "worked_at": NOON + timedelta(microseconds=1),
        "reverses": "x",
        "source": "x",
        "model": "x",
        "version": "9",
        "cycle": "x",
        "item_id": "x",
        "policy": "x",
        "given": "x",
        "note": "x",
    }
    assert set(changes) == {field.name for field in dataclasses.fields(Entry)}
    digests = {digest([dataclasses.replace(one, **{name: value}).seal()]) for name, value in changes.items()}
    assert len(digests | {digest([one.seal()])}) == len(changes) + 1


def test_an_annotation_moves_from_its_annotator_to_the_pool(given: Make) -> None:
    booked = given("ls/7", low="10", high="12.5")
    assert {(p.account, p.unit.value, p.amount) for p in booked.postings} == {
        ("annotator:ada", "s_low", Decimal(-10)),
        ("pool:c1", "s_low", Decimal(10)),
        ("annotator:ada", "s_high", Decimal("-12.5")),
        ("pool:c1", "s_high", Decimal("12.5")),
        ("annotator:ada", "annotations", Decimal(-1)),
        ("pool:c1", "annotations", Decimal(1)),
    }
    assert (booked.source_id, booked.provenance, booked.version) == ("given:ls/7", Provenance.MEASURED, None)


def test_an_annotation_of_unknown_length_moves_no_seconds(given: Make) -> None:
    booked = given(low=None)
    assert booked.provenance is Provenance.UNKNOWN
    assert {p.unit for p in booked.postings} == {Unit.ANNOTATIONS}


def test_simulated_annotations_stay_in_simulated_accounts_to_the_end(given: Make, assigned: Make) -> None:
    for end in (assigned(given(simulated=True)), assigned(given(simulated=True, low=None), unused="skipped")):
        assert end.provenance is Provenance.SIMULATED
        assert all(accounts.is_simulated(p.account) for p in end.postings)


def test_an_annotation_is_assigned_under_one_name_wherever_it_goes(given: Make, assigned: Make) -> None:
    booked = given("ls/7")
    assert (
        assigned(booked, "2").source_id == assigned(booked, "3", unused="abandoned").source_id == "assigned:given:ls/7"
    )


def reviewed(name: str) -> Entry:
    effort = Effort(low_s=Decimal(60), high_s=Decimal(60), policy="stated/1")
    about = {"provenance": Provenance.DECLARED, "what": "w", "model": "m", "version": "1", "at": NOON}
    return posting_rules.reviewed(source_id=name, pseudonym="ada", effort=effort, worked_at=NOON, **about)  # type: ignore[arg-type]


def feedback(source: str, name: str) -> Entry:
    about = {"events": 1, "effort": None, "model": "m", "version": "1", "at": NOON, "worked_at": NOON}
    return posting_rules.feedback_given(source_id=name, source=source, **about)  # type: ignore[arg-type]


def test_names_that_others_chose_are_told_apart_in_the_books() -> None:
    """A `#` would make two reviews parts of one answer; a `/` would give two users' corrections one name."""
    one, other = reviewed("ticket #12"), reviewed("ticket #13")
    assert posting_rules.annotation_of(one.source_id) != posting_rules.annotation_of(other.source_id)
    assert posting_rules.annotation_of(posting_rules.part_id(one.source_id, "corrected-1")) == one.source_id
    assert feedback("app/intents", "x").source_id != feedback("app", "intents/x").source_id
    assert reviewed("100%").source_id != reviewed("100%25").source_id


def test_effort_ends_in_the_version_it_names_or_in_a_reason(given: Make, assigned: Make) -> None:
    booked = given()
    for to in ("model_version:intents/3", "model_version:other/2", "pool:c1", "annotator:ada"):
        with pytest.raises(LedgerError, match="cannot end in"):
            posting_rules.effort_assigned(booked, to=to, kind=Kind.PREPARATION, version="2", at=NOON, reason="x")
    with pytest.raises(LedgerError, match="no annotation that can be assigned"):
        assigned(assigned(booked))


def test_declared_labels_have_a_count_and_no_seconds() -> None:
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=15_000, at=NOON)
    assert {(p.account, p.unit, p.amount) for p in opening.postings} == {
        ("declared:CLINC150", Unit.LABELS, Decimal(-15_000)),
        ("model_version:intents/1", Unit.LABELS, Decimal(15_000)),
    }
    assert "seconds unknown" in opening.narration
    with pytest.raises(LedgerError, match="says nothing"):
        posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=0, at=NOON)


def test_an_audit_is_verification_and_training_is_preparation() -> None:
    assert posting_rules.kind_of(Purpose.AUDIT) is Kind.VERIFICATION
    assert posting_rules.kind_of(Purpose.TRAINING) is Kind.PREPARATION


milliseconds = st.integers(0, 86_400_000).map(lambda ms: Decimal(ms) / 1000)


@draw(
    seconds=st.none() | st.tuples(milliseconds, milliseconds).map(sorted),
    simulated=st.booleans(),
    unused=st.none() | st.sampled_from(list(accounts.Unused)),
)
def test_every_entry_that_a_rule_makes_balances(
    *, seconds: list[Decimal] | None, simulated: bool, unused: str | None
) -> None:
    annotation = Annotation(
        source_id="s",
        item_id="i",
        annotator="a",
        label=None,
        lead_time_s=None,
        started_at=None,
        submitted_at=NOON,
        simulated=simulated,
    )
    given = posting_rules.annotation_given(
        annotation,
        pseudonym="a",
        effort=Effort(low_s=seconds[0], high_s=seconds[1], policy="p") if seconds else None,
        kind=Kind.PREPARATION,
        cycle="c",
        model="m",
        at=NOON,
    )
    to = accounts.unused(unused) if unused else accounts.model_version("m", "1")
    assigned = posting_rules.effort_assigned(given, to=to, kind=Kind.PREPARATION, version="1", at=NOON, reason="r")
    for made in (given, assigned):
        assert set(totals(made.postings).values()) == {Decimal(0)}
    assert totals(
        p for e in (given, assigned) for p in e.postings if accounts.role(p.account) == "pool"
    ) == dict.fromkeys({p.unit for p in given.postings}, Decimal(0))
