"""The database keeps each entry once and unchanged, and the check finds what somebody changed anyway."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kempelen.errors import LedgerError
from kempelen.records import Kind
from ledger import posting_rules
from ledger.checks import problems_in
from ledger.entries import Entry
from ledger.store import Ledger
from ledger.units import Unit

Make = Callable[..., Entry]


def test_what_was_booked_is_read_back_equal(ledger: Ledger, given: Make, assigned: Make) -> None:
    opening = posting_rules.opening_balance(
        model="intents", version="1", source="CLINC150 \u00fc", labels=15_000, at=given().at, note="n\u00f6te"
    )
    booked = [opening, given("a", low="10.001", high="12.5"), given("b", simulated=True)]
    booked += [assigned(entry) for entry in booked[1:]]
    assert ledger.book(booked) == 5
    assert sorted(ledger.entries(), key=lambda e: e.source_id) == sorted(booked, key=lambda e: e.source_id)


def test_entries_can_be_asked_for_by_model_cycle_and_version(ledger: Ledger, given: Make, assigned: Make) -> None:
    one, other = given("a"), given("b", cycle="c2")
    ledger.book([one, other, assigned(one, "2"), assigned(other, "3")])
    assert {e.source_id for e in ledger.entries(cycle="c2")} == {"given:b", "assigned:given:b"}
    assert [e.source_id for e in ledger.entries(version="2")] == ["assigned:given:a"]
    assert len(ledger.entries(model="intents")) == 4
    assert ledger.entries(model="another") == ledger.entries(model="intents", cycle="c1", version="3") == []


def test_booking_the_same_again_is_harmless_even_at_another_time(ledger: Ledger, given: Make) -> None:
    entry = given()
    later = dataclasses.replace(entry, at=entry.at + timedelta(days=1))
    assert [ledger.book([entry, entry]), ledger.book([later]), ledger.book([])] == [1, 0, 0]
    assert ledger.entries() == [entry]


def test_a_contradiction_is_refused_and_nothing_of_its_batch_is_booked(ledger: Ledger, given: Make) -> None:
    ledger.book([given("a", high="10")])
    with pytest.raises(LedgerError, match="given:a contradicts what is booked") as refused:
        ledger.book([given("b"), given("a", high="11")])
    assert "under its own name" in refused.value.hint
    assert [e.source_id for e in ledger.entries()] == ["given:a"]


def test_a_contradiction_inside_one_batch_is_refused(ledger: Ledger, given: Make) -> None:
    with pytest.raises(LedgerError, match="contradicts"):
        ledger.book([given("a", high="10"), given("a", high="11")])
    assert ledger.entries() == []


def test_an_annotation_cannot_be_charged_to_two_versions(ledger: Ledger, given: Make, assigned: Make) -> None:
    entry = given()
    ledger.book([entry, assigned(entry, "2")])
    with pytest.raises(LedgerError, match="contradicts"):
        ledger.book([assigned(entry, "3")])


def test_contradictions_can_be_set_aside_so_that_the_rest_goes_on(ledger: Ledger, given: Make) -> None:
    ledger.book([given("a", high="10"), given("b")])
    new, problems = ledger.unbooked([given("a", high="11"), given("b"), given("c")])
    assert [entry.source_id for entry in new] == ["given:c"]
    assert [problem.subject for problem in problems] == ["given:a"]
    assert ledger.book(new) == 1


def test_balances_and_what_is_left_in_a_pool(ledger: Ledger, given: Make, assigned: Make) -> None:
    one, other, robot = given("a", low="1.5", high="2"), given("b", low="3", high="4"), given("r", simulated=True)
    ledger.book([one, other, robot, assigned(one)])
    assert ledger.balance("annotator:ada") == {
        Unit.ANNOTATIONS: Decimal(-2),
        Unit.S_HIGH: Decimal(-6),
        Unit.S_LOW: Decimal("-4.5"),
    }
    assert ledger.balance("pool:c1") == {Unit.ANNOTATIONS: 1, Unit.S_HIGH: 4, Unit.S_LOW: 3}
    assert ledger.balance("simulated:pool:c1") == {Unit.ANNOTATIONS: 1, Unit.S_HIGH: 10, Unit.S_LOW: 10}
    assert ledger.balance("pool:unheard-of") == {}
    assert [e.source_id for e in ledger.unassigned("c1")] == ["given:b", "given:r"]


def test_what_annotators_gave_is_in_pools_versions_and_unused(ledger: Ledger, given: Make, assigned: Make) -> None:
    entries = [given(f"ls/{n}", low=f"{n}.25", high=f"{2 * n}.5", who=f"p{n % 3}") for n in range(30)]
    ends = [assigned(e, str(2 + n % 2)) for n, e in enumerate(entries[:20])]
    ends += [assigned(e, "2", unused="no_consensus", kind=Kind.PREPARATION) for e in entries[20:25]]
    ledger.book([*entries, *ends])
    of_role: dict[str, Decimal] = {}
    for account, held in ledger.balances().items():
        role = account.partition(":")[0]
        of_role[role] = of_role.get(role, Decimal(0)) + held[Unit.S_HIGH]
    assert of_role == {
        "annotator": Decimal(-885),  # 2 * (0 + ... + 29) + 30 * 0.5
        "pool": Decimal("272.5"),  # 2 * (25 + ... + 29) + 5 * 0.5
        "unused": Decimal("222.5"),  # 2 * (20 + ... + 24) + 5 * 0.5
        "model_version": Decimal(390),  # 2 * (0 + ... + 19) + 20 * 0.5
    }


# ---------------------------------------------------------------- append-only


COLUMN = {"ledger_entries": "narration", "ledger_lineage": "earlier", "ledger_cards": "document"}
KEY = {"ledger_entries": "id", "ledger_lineage": "model, version, earlier", "ledger_cards": "model, version, sequence"}
CHANGES = {
    "sqlite": ["INSERT OR REPLACE INTO {table} SELECT * FROM {table}"],
    "postgresql": ["TRUNCATE {table}", "UPDATE {table} SET {column} = {column} WHERE 1 = 0"],
    "both": [
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 1 ON CONFLICT ({key}) DO UPDATE SET {column} = 'x'",
    ],
}


@pytest.mark.parametrize("table", COLUMN)
def test_the_database_itself_refuses_to_change_or_remove(
    engine: Engine, ledger: Ledger, given: Make, table: str
) -> None:
    ledger.book([given()])
    ledger.record_lineage("intents", {"2": ["1"]})
    ledger.issue_card("intents", "2", {}, at=given().at, document=str)
    for statement in [*CHANGES["both"], *CHANGES[engine.dialect.name]]:
        words = statement.format(table=table, column=COLUMN[table], key=KEY[table])
        with engine.begin() as connection, pytest.raises(DBAPIError, match=f"{table} is append-only"):
            connection.execute(text(words))
    assert ledger.check() == []


def test_no_key_of_a_guarded_table_lets_a_row_be_replaced(engine: Engine, ledger: Ledger) -> None:
    """SQLite removes a row that holds a key of a new one without a DELETE that a trigger would see."""
    assert ledger.check() == []
    if engine.dialect.name == "postgresql":
        return  # knows no INSERT OR REPLACE
    with engine.connect() as connection:
        triggers = text("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%guards_insert'")
        guards = {table: sql for table, sql in connection.execute(triggers).tuples() if table != "ledger_schema"}
        look = inspect(connection)
        keys = {
            (table, column)
            for table in guards
            for names in [
                look.get_pk_constraint(table)["constrained_columns"],
                *(unique["column_names"] for unique in look.get_unique_constraints(table)),
                *(index["column_names"] for index in look.get_indexes(table) if index["unique"]),
            ]
            for column in names
        }
    assert set(guards) == {"ledger_entries", "ledger_lineage", "ledger_cards", "ledger_contracts"}
    assert ("ledger_entries", "reverses") in keys
    assert [key for key in sorted(keys) if f"{key[1]} = NEW.{key[1]}" not in guards[key[0]]] == []


def test_a_reversal_cannot_be_replaced_by_another_one(engine: Engine, ledger: Ledger, given: Make) -> None:
    one = given()
    undone = posting_rules.reversal(one, at=one.at, reason="x")
    ledger.book([one, undone])
    verb = "INSERT OR REPLACE" if engine.dialect.name == "sqlite" else "INSERT"
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE copied AS SELECT * FROM ledger_entries WHERE id = 2"))
        connection.execute(text("UPDATE copied SET id = 3, source_id = 'another'"))
        with pytest.raises(DBAPIError):
            connection.execute(text(f"{verb} INTO ledger_entries SELECT * FROM copied"))  # noqa: S608 - a word of two
    assert ledger.entries() == [one, undone]


NO_TRANSFERS = (
    "receiver = giver",
    "s_high = NULL",
    "s_low = s_high + 1",
    "s_low = -1, s_high = -1",
    "annotations = NULL, s_low = NULL, s_high = NULL",
    "currency = 'EUR'",
    "currency = 'EUR', money = 1",
    "provenance = 'simulated'",
    "giver = 'simulated:annotator:ada'",
    "fingerprint = NULL",
    "id = 0",
)


def test_the_database_itself_refuses_what_is_no_transfer(engine: Engine, ledger: Ledger, given: Make) -> None:
    ledger.book([given()])
    for wrong in NO_TRANSFERS:
        with engine.connect() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE copied AS SELECT * FROM ledger_entries"))
            connection.execute(text("UPDATE copied SET id = 2, source_id = 'another'"))
            connection.execute(text(f"UPDATE copied SET {wrong}"))  # noqa: S608 - from the list above
            with pytest.raises(IntegrityError):
                connection.execute(text("INSERT INTO ledger_entries SELECT * FROM copied"))
    assert len(ledger.entries()) == 1


def test_an_amount_that_is_no_whole_number_is_refused(engine: Engine, ledger: Ledger, given: Make) -> None:
    """PostgreSQL would round it: there the type of the column is what protects, and what is kept is whole."""
    ledger.book([given()])
    insert = "INSERT INTO ledger_totals SELECT 1, 'x', 1, 0.5, 1, 1, 1, 1, 1"
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection, pytest.raises(IntegrityError, match="cannot store REAL value"):
            connection.execute(text(insert))
    with engine.connect() as connection:
        kinds = {c["name"]: str(c["type"]) for c in inspect(connection).get_columns("ledger_entries")}
    assert {kinds[name] for name in ("s_low", "s_high", "money")} <= {"INTEGER", "BIGINT"}


# ---------------------------------------------------------------- checks


def unguard(connection: Connection) -> None:
    """Somebody who may do anything to the database."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER ledger_entries_guards_update"))
        connection.execute(text("DROP TRIGGER ledger_entries_guards_delete"))
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    else:
        connection.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER ALL"))
        for constraint in inspect(connection).get_check_constraints("ledger_entries"):
            connection.execute(text(f"ALTER TABLE ledger_entries DROP CONSTRAINT {constraint['name']}"))


def test_good_books_have_no_problems(ledger: Ledger, given: Make, assigned: Make) -> None:
    entries = [given("a"), given("r", simulated=True), given("u", low=None)]
    ledger.book([*entries, *(assigned(entry) for entry in entries)])
    assert ledger.check(closed_cycles=["c1", "c2"]) == []


def test_effort_left_in_a_closed_cycle_is_found_simulated_or_not(ledger: Ledger, given: Make) -> None:
    ledger.book([given("a", low="1", high="2"), given("r", simulated=True), given("b", cycle="open")])
    found = ledger.check(closed_cycles=["c1"])
    assert [(p.subject, p.message.split(", and ")[1]) for p in found[:3]] == [
        ("pool:c1", "1 annotations are left in it."),
        ("pool:c1", "2 s_high are left in it."),
        ("pool:c1", "1 s_low are left in it."),
    ]
    assert {p.subject for p in found} == {"pool:c1", "simulated:pool:c1"}
    assert ledger.check() == []


TAMPERED = (
    (
        "UPDATE ledger_entries SET narration = 'x' WHERE source_id = 'given:a'",
        "given:a",
        "not read as it was booked",
    ),
    ("UPDATE ledger_entries SET s_high = s_high + 1 WHERE id = 1", "given:a", "not read as it was booked"),
    ("UPDATE ledger_entries SET receiver = 'lost:x' WHERE id = 1", "given:a", "is no account"),
    ("UPDATE ledger_entries SET at = 'yesterday' WHERE id = 1", "given:a", "cannot be read"),
    ("UPDATE ledger_entries SET kind = 'play' WHERE id = 1", "given:a", "cannot be read"),
    ("UPDATE ledger_entries SET given = 'given:z' WHERE id = 3", "given:z", "not in the books"),
    ("UPDATE ledger_entries SET given = 'given:a' WHERE id = 4", "given:a", "assigned 2 times"),
    ("UPDATE ledger_entries SET s_high = 2 * s_high WHERE id = 3", "given:a", "assigned in part"),
    ("UPDATE ledger_totals SET s_high = s_high + 1", "totals of intents/2", "the entries say"),
    ("DELETE FROM ledger_totals", "totals of intents/2", "nothing are kept"),
    (
        "UPDATE ledger_entries SET at = replace(at, '12:', '13:') WHERE id = 1",
        "card 1 of intents/2",
        "digest is not",
    ),
    ("UPDATE ledger_entries SET id = 9 WHERE id = 2", "all entries", "4 entries, numbered up to 9"),
)


def test_tampering_is_found(engine: Engine, ledger: Ledger, given: Make, assigned: Make) -> None:
    entries = [given("a"), given("b")]
    ledger.book([*entries, *(assigned(entry) for entry in entries)])
    ledger.issue_card("intents", "2", {}, at=entries[0].at, document=str)
    assert ledger.check() == []
    for statement, subject, message in TAMPERED:
        with engine.connect() as connection:  # never committed
            unguard(connection)
            connection.execute(text(statement))
            found = problems_in(connection, ())
        assert (subject, True) in {(p.subject, message in p.message) for p in found}, statement
