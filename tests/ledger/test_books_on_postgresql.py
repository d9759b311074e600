"""PostgreSQL holds the same books as a file, waits as patiently, and its troubles are told in plain words."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from benchmarks._postgresql import Server
from cycle.records import Cycle, CycleEvent, Promotion, Reason, Version
from cycle.store import Store
from kempelen.errors import ConfigError, ConnectorUnavailable, IllegalMove, LedgerError
from kempelen.records import Annotation
from kempelen.states import State
from ledger import _postgresql
from ledger.entries import Entry
from ledger.statement import labour
from ledger.store import Ledger, open_engine, reading, writing

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
Make = Callable[..., Entry]


def test_both_databases_hold_the_same_books(
    postgresql_address: str, tmp_path: Path, given: Make, assigned: Make
) -> None:
    entries = [
        given(f"ls/{n}", who=f"\u00e4 {n % 3}", simulated=n % 5 == 0, low=None if n % 7 == 0 else "10")
        for n in range(40)
    ]
    entries += [assigned(entry, str(1 + n % 3)) for n, entry in enumerate(entries)]
    lineage = {"2": ["1"], "3": ["1", "2"]}
    engines = [open_engine(where) for where in (postgresql_address, tmp_path / "kempelen.db")]
    shelves = [Ledger(engine) for engine in engines]
    for ledger in shelves:
        ledger.book(entries)
        ledger.record_lineage("intents", lineage)
    one, other = shelves
    assert one.entries() == other.entries()
    assert one.balances() == other.balances()
    assert labour(one, "intents", lineage) == labour(other, "intents", lineage)
    assert [*one.trace("intents", "3")] == [*other.trace("intents", "3")]
    assert one.where_went("ls/3") == other.where_went("ls/3")
    for version in "123":
        assert one.digest("intents", version, lineage) == other.digest("intents", version, lineage)
    assert one.check(["c1"]) == other.check(["c1"]) == []
    for engine in engines:
        engine.dispose()


def test_the_state_of_the_loop_lives_beside_the_books(postgresql_address: str) -> None:
    engine = open_engine(postgresql_address)
    Ledger(engine)
    store = Store(engine)
    cycle = Cycle(cycle_id="c1", model="intents", reason=Reason.MANUAL, champion="1", opened_at=NOON, rounds=1)
    for _ in range(2):  # as a flow that was killed and started again
        store.open_cycle(cycle)
        store.record_event(CycleEvent(cycle_id="c1", state=State.LABELLING, at=NOON, note="asked"))
    assert (store.cycles("intents"), store.state("c1")) == ([cycle], State.LABELLING)
    answer = Annotation(
        source_id="ls/1",
        item_id="i",
        annotator="ada",
        label="x",
        lead_time_s=1.0,
        started_at=None,
        submitted_at=NOON,
        simulated=False,
    )
    store.record_answers("c1", [answer], cursor="7")
    store.record_answers("c1", [answer], cursor="8")
    assert (store.answers("c1"), store.cursor("c1")) == ([answer], "8")
    made = Version(
        model="intents",
        version="1",
        model_type="linear",
        mlflow_run_id="r",
        trained_at=NOON,
        training_digest="d" * 64,
        examples=1,
        cycle_id=None,
        trained_on_cycles=(),
    )
    store.record_version(made)
    promotion = Promotion(model="intents", sequence=1, version="1", at=NOON, cycle_id=None, note="first")
    store.promote(promotion, over=None)
    assert (store.champion("intents"), store.promotions("intents"), store.models()) == ("1", [promotion], ["intents"])
    with pytest.raises(IllegalMove):
        store.promote(replace(promotion, version="2"), over=None)
    engine.dispose()


def test_processes_that_make_the_tables_at_once_make_them_once(postgresql_address: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            engine = open_engine(postgresql_address)
            Store(engine)
            Ledger(engine)
            engine.dispose()
        except BaseException as error:  # noqa: BLE001 - a thread would swallow it
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# ---------------------------------------------------------------- waiting


def test_a_writer_that_waits_in_vain_is_told_to_try_again_and_readers_do_not_wait(
    postgresql_address: str, given: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(postgresql_address)
    ledger = Ledger(engine)
    impatient = _postgresql.WRITE.replace("'30s'", "'100ms'")
    monkeypatch.setattr(_postgresql, "WRITE", impatient)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE held (id INTEGER)"))
        with pytest.raises(ConnectorUnavailable, match="kept locked"):
            ledger.book([given()])
        assert ledger.entries() == []
    assert ledger.book([given()]) == 1
    engine.dispose()


def test_what_a_writer_reads_is_what_the_one_before_it_wrote(postgresql_address: str, given: Make) -> None:
    """Whoever saw the state from before it waited would number an entry as another is numbered."""
    engine = open_engine(postgresql_address)
    ledger = Ledger(engine)
    batches = [[given(f"ls/{n}") for n in range(start, start + 20)] for start in range(0, 200, 10)]
    threads = [threading.Thread(target=ledger.book, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.entries()) == 210 == ledger.last_entry()
    assert ledger.check() == []
    engine.dispose()


def test_a_reader_sees_one_state_and_cannot_write(postgresql_address: str, given: Make) -> None:
    engine = open_engine(postgresql_address)
    ledger = Ledger(engine)
    count = text("SELECT count(*) FROM ledger_entries")
    with reading(engine) as connection:
        assert connection.execute(count).scalar() == 0
        ledger.book([given()])
        assert connection.execute(count).scalar() == 0
    with pytest.raises(ConfigError, match="read-only"), reading(engine) as connection:
        connection.execute(text("CREATE TABLE forbidden (id INTEGER)"))
    engine.dispose()


def test_a_connection_that_the_server_closed_is_made_anew(postgresql_address: str, given: Make) -> None:
    engine = open_engine(postgresql_address)
    ledger = Ledger(engine)
    with psycopg.connect(postgresql_address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert ledger.book([given()]) == 1
    engine.dispose()


# ---------------------------------------------------------------- what is wrong, in plain words


def test_a_server_that_is_not_there_can_be_tried_again_and_its_password_is_not_told() -> None:
    with pytest.raises(
        ConnectorUnavailable, match=r"postgresql://ada:\*\*\*@127\.0\.0\.1:1/books cannot be reached"
    ) as told:
        open_engine("postgresql://ada:sesame@127.0.0.1:1/books")
    assert "sesame" not in str(told.value) + told.value.hint


def test_a_database_that_is_not_there_is_named(postgresql: Server) -> None:
    with pytest.raises(ConfigError, match=r"nowhere cannot be opened: .*does not exist"):
        open_engine(postgresql.address("nowhere"))


def test_an_account_that_may_not_write_is_told_so(postgresql: Server, postgresql_address: str, given: Make) -> None:
    engine = open_engine(postgresql_address)
    Ledger(engine).book([given()])
    with writing(engine) as connection:
        connection.execute(text("DROP ROLE IF EXISTS onlooker"))
        connection.execute(text("CREATE ROLE onlooker LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"))
    onlooker = open_engine(postgresql_address.replace("kempelen@", "onlooker@"))
    reader = Ledger(onlooker)
    assert len(reader.entries()) == 1
    with pytest.raises(ConfigError, match="permission denied") as refused:
        reader.book([given("b")])
    assert "right to write" in refused.value.hint
    onlooker.dispose()
    with writing(engine) as connection:
        connection.execute(text("DROP OWNED BY onlooker"))
        connection.execute(text("DROP ROLE onlooker"))
    engine.dispose()
    assert postgresql.version >= "15"


def test_what_somebody_removed_by_other_means_is_a_defect_that_is_told(postgresql_address: str, given: Make) -> None:
    engine = open_engine(postgresql_address)
    ledger = Ledger(engine)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE ledger_totals"))
        connection.execute(text("ALTER TABLE ledger_entries DROP COLUMN note CASCADE"))
    with pytest.raises(LedgerError, match="refused"):
        ledger.book([given()])
    engine.dispose()
