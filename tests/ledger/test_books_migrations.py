"""Books of an older form come to the newest whole or not at all, and read as they were booked."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect

from kempelen.errors import LedgerError
from kempelen.records import Provenance
from ledger import migrations, posting_rules, tables
from ledger.entries import Entry
from ledger.migrations import STEPS
from ledger.statement import labour
from ledger.store import Ledger, open_engine
from ledger.units import Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
FORM_1 = (Path(__file__).parent / "books_of_form_1.sql").read_text()
Make = Callable[..., Entry]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file as the first Kempelen made it: seven answers, an opening balance, a pool that is open."""
    file = tmp_path / "kempelen.db"
    raw = sqlite3.connect(file)
    raw.executescript(FORM_1)
    raw.close()
    return file


def opened(file: Path) -> Ledger:
    return Ledger(open_engine(file))


def tables_of(file: Path) -> set[str]:
    raw = sqlite3.connect(file)
    found = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    return found


def test_every_old_entry_reads_as_a_transfer(old: Path, given: Make, assigned: Make) -> None:
    ledger = opened(old)
    was = {"worked_at": None}  # it was not kept
    a, b = given("ls/1", high="12.5"), given("ls/2", low="0", high="0", who="ben")
    u, skip = given("ls/3", low=None), given("ls/4", low="2.001", high="2.001", skipped=True)
    robot = given("ls/5", high="12.5", who="robot", simulated=True)
    wanted = [replace(entry, **was) for entry in (a, b, u, skip, robot)]
    wanted += [replace(assigned(entry), **was) for entry in (a, b, u, robot)]
    wanted.append(replace(assigned(skip, unused="skipped"), **was))
    found = {entry.source_id: entry for entry in ledger.entries()}
    assert len(found) == 12
    assert [found[entry.source_id] for entry in wanted] == wanted
    assert ledger.check(["c1"]) == []
    assert [p.subject for p in ledger.check(["c1", "c2"])] == ["pool:c2"] * 3


def test_what_the_old_books_held_is_booked_again_without_effect(old: Path) -> None:
    opening = posting_rules.opening_balance(
        model="intents", version="1", source="CLINC150 \u00fc", labels=15_000, at=NOON, note="n\u00f6te"
    )
    assert opened(old).book([opening]) == 0


def test_the_statement_of_old_books_is_the_same(old: Path) -> None:
    first, second = labour(opened(old), "intents", {"2": ["1"]})
    assert [(line.source, line.amounts.labels) for line in first.effort] == [("CLINC150 \u00fc", 15_000)]
    measured = [line.amounts for line in second.effort if line.provenance is Provenance.MEASURED]
    assert [(a.annotations, a.low_s, a.high_s) for a in measured] == [(2, 10, Decimal("12.5"))]
    assert (second.human.annotations, second.human.annotators, second.simulated.annotations) == (4, 2, 1)


def test_the_pool_that_was_open_can_be_charged(old: Path, assigned: Make) -> None:
    ledger = opened(old)
    (left,) = ledger.unassigned("c2")
    ledger.book([assigned(left)])
    assert ledger.balance("pool:c2") == {Unit.S_LOW: 0, Unit.S_HIGH: 0, Unit.ANNOTATIONS: 0}
    assert ledger.check(["c1", "c2"]) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entries SET narration = 'x' WHERE id = 2",
        "UPDATE ledger_postings SET parts = 2 * parts WHERE entry_id = 2",
        "DELETE FROM ledger_postings WHERE entry_id = 2",
    ],
)
def test_books_that_somebody_changed_are_left_as_they_are(old: Path, change: str) -> None:
    raw = sqlite3.connect(old)
    for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute(change)
    raw.commit()
    raw.close()
    with pytest.raises(LedgerError, match="given:ls/1 does not read as it was booked") as refused:
        opened(old)
    assert "Nothing was changed" in refused.value.hint
    assert tables_of(old) == {"ledger_schema", "ledger_entries", "ledger_postings"}


DIE = """
import os, signal, sys
from sqlalchemy import event
from ledger.store import Ledger, open_engine
engine = open_engine(sys.argv[1])
def die(*arguments):
    if MOMENT in arguments[2]:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(engine, "after_cursor_execute", die)
Ledger(engine)
"""


@pytest.mark.parametrize(
    "moment",
    ["ALTER TABLE ledger_entries RENAME", "INSERT INTO ledger_entries", "DROP TABLE ledger_entries_1", "ledger_totals"],
)
def test_a_kill_in_the_middle_leaves_the_old_form_and_the_next_start_goes_on(old: Path, moment: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE.replace("MOMENT", repr(moment)), str(old)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert tables_of(old) == {"ledger_schema", "ledger_entries", "ledger_postings"}
    ledger = opened(old)
    assert len(ledger.entries()) == 12
    assert ledger.check(["c1"]) == []


TOGETHER = """
import sys
from ledger.store import Ledger, open_engine
print("ready", flush=True); sys.stdin.read(1)
print(len(Ledger(open_engine(sys.argv[1])).entries()))
"""


def test_processes_that_bring_books_up_to_date_at_once_do_it_once(old: Path) -> None:
    command = [sys.executable, "-c", TOGETHER, str(old)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go")
        process.stdin.flush()
    assert [process.communicate()[0] for process in both] == ["12\n", "12\n"]
    assert opened(old).check(["c1"]) == []


def test_an_older_kempelen_is_told_to_update(old: Path) -> None:
    """It reads the highest number in `ledger_schema`, and stops above 1."""
    opened(old)
    raw = sqlite3.connect(old)
    assert raw.execute("SELECT max(version) FROM ledger_schema").fetchone() == (2,)
    raw.close()


# ---------------------------------------------------------------- the steps themselves


def test_the_steps_follow_each_other_and_are_named_like_their_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert tuple(step.revision for step in reversed([*script.walk_revisions()])) == STEPS
    assert script.get_heads() == [STEPS[-1]]
    for step in script.walk_revisions():
        assert Path(step.path).name == f"m{step.revision}.py"


def form(engine: Engine, table: str) -> dict[str, Any]:
    """What a table is, in words that both ways of making it share."""
    look = inspect(engine)
    return {
        "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)],
        "key": look.get_pk_constraint(table)["constrained_columns"],
        "unique": sorted(c["column_names"] for c in look.get_unique_constraints(table)),
        "checks": sorted((c["name"], " ".join(str(c["sqltext"]).split())) for c in look.get_check_constraints(table)),
        "indexes": sorted((i["name"], i["column_names"], i["unique"]) for i in look.get_indexes(table)),
        "references": [(c["referred_table"], c["constrained_columns"]) for c in look.get_foreign_keys(table)],
    }


OURS = ("ledger_entries", "ledger_lines", "ledger_totals", "ledger_lineage", "ledger_cards")


def test_the_steps_end_in_the_tables_that_the_code_reads(engine: Engine, ledger: Ledger) -> None:
    assert ledger.check() == []
    stepped = {table: form(engine, table) for table in OURS}
    with engine.begin() as connection:
        for table in reversed(OURS):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        tables.METADATA.create_all(connection, tables=[tables.METADATA.tables[table] for table in OURS])
    assert {table: form(engine, table) for table in OURS} == stepped


def test_up_to_date_books_open_without_the_machinery_of_migrations(tmp_path: Path) -> None:
    opened(tmp_path / "kempelen.db")
    script = "import sys; from ledger.store import Ledger, open_engine; Ledger(open_engine(sys.argv[1]));"
    script += "print('alembic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "kempelen.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_another_programs_migrations_in_the_same_database_are_left_alone(tmp_path: Path) -> None:
    """MLflow and Prefect keep theirs in `alembic_version`."""
    file = tmp_path / "kempelen.db"
    other = create_engine(f"sqlite:///{file}")
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('dc11669786a5')")
    assert opened(file).check() == []
    with other.begin() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").all() == [("dc11669786a5",)]
    other.dispose()
