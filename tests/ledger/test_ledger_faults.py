"""Many writers, killed writers, and databases that cannot be used: nothing is lost, doubled or half there."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text

from kempelen.errors import BadData, ConfigError, ConnectorUnavailable, LedgerError
from ledger.entries import Entry
from ledger.migrations import STEPS
from ledger.store import Ledger, open_engine, reading, writing
from ledger.units import Unit

Make = Callable[..., Entry]

MAKER = """
import sys
from datetime import UTC, datetime
from decimal import Decimal
from kempelen.records import Annotation, Effort, Kind
from ledger.posting_rules import annotation_given
from ledger.migrations import STEPS
from ledger.store import Ledger, open_engine

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)

def entry(n):
    answer = Annotation(source_id=f"ls/{n}", item_id=f"i{n}", annotator="ada", label="x", lead_time_s=1.0,
                        started_at=None, submitted_at=NOON, simulated=False)
    return annotation_given(answer, pseudonym="ada", effort=Effort(low_s=Decimal(1), high_s=Decimal(2), policy="p"),
                            kind=Kind.PREPARATION, cycle="c1", model="intents", at=NOON)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A file: PostgreSQL's own troubles are in test_books_on_postgresql.py."""
    made = open_engine(tmp_path / "kempelen.db")
    yield made
    made.dispose()


# ---------------------------------------------------------------- many writers, and killed ones


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKER + script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_processes_that_book_overlapping_entries_book_each_once(tmp_path: Path) -> None:
    """They also make the file and its tables at the same moment."""
    script = "print('ready', flush=True); sys.stdin.read(1); ledger = Ledger(open_engine(sys.argv[1]));"
    script += "print(sum(ledger.book(entry(n) for n in range(k, k + 40)) for k in range(0, 200, 20)))"
    writers = [run(script, str(tmp_path / "kempelen.db")) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go")
        writer.stdin.flush()
    new = [int(writer.communicate()[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    engine = open_engine(tmp_path / "kempelen.db")
    ledger = Ledger(engine)
    assert sum(new) == 220 == len(ledger.entries())
    assert ledger.balance("annotator:ada")[Unit.ANNOTATIONS] == -220
    assert ledger.check() == []
    engine.dispose()


def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself answers "locked" at once to whoever turns on the write-ahead log then."""
    file = tmp_path / "kempelen.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.close)
    release.start()
    open_engine(file).dispose()
    release.join()


def test_threads_share_one_ledger(ledger: Ledger, given: Make) -> None:
    batches = [[given(f"ls/{n}") for n in range(start, start + 20)] for start in range(0, 80, 10)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ledger.book, batches)) == 90
    assert len(ledger.entries()) == 90


# Before and after each part of 500 entries is sent, and when all are there but the commit.
@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute", "commit"])
def test_a_writer_killed_while_it_books_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "kempelen.db"
    script = f"""
import os, signal
from sqlalchemy import event
engine = open_engine(sys.argv[1])
ledger = Ledger(engine)
ledger.book([entry(0)])
def die(*args):
    if len(args) == 1 or "INSERT INTO ledger_entries" in args[2]:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(engine, {moment!r}, die)
ledger.book(entry(n) for n in range(1, 1200))
"""
    killed = run(script, str(file))
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    engine = open_engine(file)
    ledger = Ledger(engine)
    assert [e.source_id for e in ledger.entries()] == ["given:ls/0"]
    assert ledger.check() == []
    engine.dispose()


# ---------------------------------------------------------------- a database that cannot be used


def opened(file: Path) -> Ledger:
    engine = open_engine(file)
    try:
        return Ledger(engine)
    finally:
        engine.dispose()


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("dear diary, " * 500)
    with pytest.raises(BadData, match=r"notes\.txt is no database") as refused:
        opened(file)
    assert "Name another file" in refused.value.hint
    assert file.read_text() == "dear diary, " * 500


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    file = tmp_path / "100% of a?b=c #1.db"
    assert opened(file).check() == []
    assert file.exists()


def test_new_books_are_for_their_owner_alone_and_others_stay_as_they_are(tmp_path: Path) -> None:
    """Reasons and names that people wrote stand beside the entries; SQLite gives its log the mode of the file."""
    file = tmp_path / "kempelen.db"
    engine = open_engine(file)
    Ledger(engine)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("kempelen.db*")} == {0o600}
    file.chmod(0o640)
    opened(file)
    assert file.stat().st_mode & 0o777 == 0o640
    engine.dispose()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        opened(tmp_path / "nowhere" / "kempelen.db")


@pytest.mark.parametrize("address", ["mysql://localhost/books", "://", "postgresql://localhost:x/books"])
def test_an_address_that_is_none_of_a_database_is_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        open_engine(address)


def test_books_that_may_only_be_read_can_be_read_and_say_so_when_written(
    engine: Engine, ledger: Ledger, given: Make
) -> None:
    ledger.book([given("a")])
    read_only = open_engine(f"sqlite:///file:{engine.url.database}?mode=ro&uri=true")
    reader = Ledger(read_only)
    assert len(reader.entries()) == 1
    with pytest.raises(ConfigError, match="cannot be written") as refused:
        reader.book([given("b")])
    assert "write access" in refused.value.hint
    read_only.dispose()


def test_an_empty_file_that_may_only_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kempelen.db"
    open_engine(file).dispose()
    engine = open_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    with pytest.raises(ConfigError, match="cannot be written"):
        Ledger(engine)
    engine.dispose()


def test_a_full_disk_undoes_the_batch_and_says_what_to_do(engine: Engine, ledger: Ledger, given: Make) -> None:
    ledger.book([given("a")])

    @event.listens_for(engine, "begin")
    def no_more_pages(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(ConnectorUnavailable, match="full") as refused:
        ledger.book([given(f"ls/{n}") for n in range(500)])
    assert "Make room" in refused.value.hint
    assert [e.source_id for e in ledger.entries()] == ["given:a"]
    assert ledger.check() == []


def test_a_writer_that_waits_in_vain_is_told_to_try_again(engine: Engine, given: Make) -> None:
    other = open_engine(str(engine.url.database))
    event.listen(other, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 1"))
    other.dispose()
    ledger = Ledger(other)
    with writing(engine), pytest.raises(ConnectorUnavailable, match="kept locked"):
        ledger.book([given()])
    with writing(engine):
        assert ledger.entries() == []  # a reader does not wait
    assert ledger.book([given()]) == 1
    other.dispose()


def test_books_of_a_newer_kempelen_are_not_touched(engine: Engine, ledger: Ledger) -> None:
    assert ledger.check() == []
    with writing(engine) as connection:
        connection.execute(text("UPDATE ledger_migration SET version_num = '9999_wonders'"))
    with pytest.raises(LedgerError, match=f"form 9999_wonders; this Kempelen knows up to {STEPS[-1]}") as refused:
        Ledger(engine)
    assert "Update Kempelen" in refused.value.hint


def test_another_store_can_share_the_file(engine: Engine, ledger: Ledger, given: Make) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE cycle_events (id INTEGER PRIMARY KEY)"))
    ledger.book([given()])
    with reading(engine) as connection:
        tables = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
        settings = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert {"cycle_events", "ledger_entries"} < tables
    assert settings == ["wal", 2, 1, 30_000]


def test_an_unfinished_transaction_of_the_caller_is_undone(engine: Engine, ledger: Ledger) -> None:
    assert ledger.entries() == []
    create = text("CREATE TABLE cycle_events (id INTEGER PRIMARY KEY)")

    def stumble() -> None:
        with writing(engine) as connection:
            connection.execute(create)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    with writing(engine) as connection:
        connection.execute(create)
