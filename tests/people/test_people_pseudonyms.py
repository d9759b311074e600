"""Pseudonyms are stable, made once, cut for good by erasure, and unmoved by a change of the master key."""

import base64
import hashlib
import hmac
import math
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text, update

from kempelen.errors import BadData, ConfigError, LedgerError
from ledger.database import open_engine, reading, writing
from ledger.people import keys as keys_file
from ledger.people.keys import add_key, name_of, read_keys, remove_keys
from ledger.people.pseudonyms import PSEUDONYM_BITS, Pseudonyms, keyed, lookup
from ledger.people.tables import ANNOTATOR_KEYS, LOOKUPS, prepared
from ledger.store import Ledger

NobodyKnown = Callable[[str], bool]


def made(folder: Path, in_books: Iterable[str] = ()) -> Pseudonyms:
    known = set(in_books)
    return Pseudonyms(open_engine(folder / "kempelen.db"), folder / "key", in_books=known.__contains__)


def count(engine: Engine, table: object) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_pseudonym_is_the_keyed_hash_cut_to_at_least_80_bits(tmp_path: Path) -> None:
    names = made(tmp_path)
    pseudonym = names.of("ada")
    with reading(names.engine) as connection:
        key = connection.scalars(select(ANNOTATOR_KEYS.c.person_key)).one()
    code = hmac.new(key, b"kempelen annotator\0ada", hashlib.sha256).digest()
    assert base64.b32encode(code).decode().lower().startswith(pseudonym)
    assert len(pseudonym) * math.log2(32) == PSEUDONYM_BITS >= 80


def test_a_person_keeps_their_pseudonym_and_others_have_others(tmp_path: Path) -> None:
    names = made(tmp_path)
    assert names.of("ada") == names.of("ada") == made(tmp_path).of("ada") == names.known("ada")
    assert names.of("ada") != names.of("ben")
    assert names.many(["ada", "ben", "ada"]) == {"ada": names.of("ada"), "ben": names.of("ben")}


def test_a_pseudonym_cannot_be_computed_from_the_master_key(tmp_path: Path) -> None:
    pseudonym = made(tmp_path).of("ada")
    assert pseudonym != keyed(read_keys(tmp_path / "key")[0], "ada")


def test_to_look_is_not_to_make(tmp_path: Path) -> None:
    names = made(tmp_path)
    assert names.known("ada") is None
    assert count(names.engine, ANNOTATOR_KEYS) == 0


def test_an_annotation_without_an_annotator_gets_no_pseudonym(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="names no annotator"):
        made(tmp_path).of("")


def test_two_thousand_people_are_seen_at_once(tmp_path: Path) -> None:
    names = made(tmp_path)
    everybody = [f"ls:{n}" for n in range(2000)]
    assert len(set(names.many(everybody).values())) == 2000
    assert names.many(everybody[500:600]) == {one: names.of(one) for one in everybody[500:600]}


def test_rows_that_somebody_exchanged_are_refused(tmp_path: Path) -> None:
    names = made(tmp_path)
    names.of("ada")
    stranger = names.of("mallory")
    with writing(names.engine) as connection:
        mine = LOOKUPS.c.lookup == lookup(read_keys(tmp_path / "key")[0], "ada")
        connection.execute(update(LOOKUPS).where(mine).values(pseudonym=stranger))
    with pytest.raises(LedgerError, match="not of the person") as refused:
        names.of("ada")
    assert "backup" in refused.value.hint


PROCESS = """
import sys, pathlib
from ledger.database import open_engine
from ledger.people.pseudonyms import Pseudonyms
folder = pathlib.Path(sys.argv[1])
names = Pseudonyms(open_engine(folder / "kempelen.db"), folder / "key", in_books=lambda name: False)
print("ready", flush=True); sys.stdin.read(1)
for number in range(int(sys.argv[2])):
    print(names.of(f"ls:{number}"), flush=True)
"""


def started(folder: Path, people: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), str(people)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go")
    process.stdin.flush()


def test_processes_that_start_together_agree_on_key_and_names(tmp_path: Path) -> None:
    processes = [started(tmp_path, 20) for _ in range(3)]
    for process in processes:
        go(process)
    assert len({process.communicate()[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert count(made(tmp_path).engine, ANNOTATOR_KEYS) == 20


def test_a_process_that_is_killed_takes_no_name_back(tmp_path: Path) -> None:
    process = started(tmp_path, 100_000)
    go(process)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(5)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    names = made(tmp_path)
    assert [names.of(f"ls:{number}") for number in range(5)] == said
    assert count(names.engine, LOOKUPS) == count(names.engine, ANNOTATOR_KEYS)


# --- books from before persons had keys ------------------------------------------------------------------------------


def test_books_from_before_go_on_with_their_pseudonyms(tmp_path: Path) -> None:
    old = keyed(read_keys(tmp_path / "key")[0], "ada")
    names = made(tmp_path, in_books=[old])
    assert names.known("ada") == old
    assert names.of("ada") == old
    assert names.of("ben") != keyed(read_keys(tmp_path / "key")[0], "ben")


def test_a_kept_pseudonym_outlives_the_master_key_it_was_made_from(tmp_path: Path) -> None:
    old = keyed(read_keys(tmp_path / "key")[0], "ada")
    names = made(tmp_path, in_books=[old])
    names.rotate(["ada"])
    names.drop_old_keys()
    assert names.of("ada") == old
    assert old not in {keyed(key, "ada") for key in read_keys(tmp_path / "key")}


def test_who_from_before_was_not_seen_is_counted_before_their_key_is_dropped(tmp_path: Path) -> None:
    old = keyed(read_keys(tmp_path / "key")[0], "ada")
    names = made(tmp_path, in_books=[old])
    names.rotate()
    assert names.unseen([old]) == 1
    with pytest.raises(LedgerError, match="1 people were not seen"):
        names.drop_old_keys(booked=[old])
    assert names.known("ada") == old


# --- rotation --------------------------------------------------------------------------------------------------------


def test_a_rotation_changes_no_pseudonym_and_counts_who_was_not_seen_since(tmp_path: Path) -> None:
    names = made(tmp_path)
    before = names.many(["ada", "ben", "cy"])
    assert names.rotate(["ada"]).unseen == 2
    assert names.of("ben") == before["ben"]
    assert names.unseen() == 1
    with pytest.raises(LedgerError, match="1 people were not seen") as refused:
        names.drop_old_keys()
    assert "give up" in refused.value.hint
    assert names.of("cy") == before["cy"]
    assert names.drop_old_keys() == 0
    assert names.many(["ada", "ben", "cy"]) == before
    assert len(read_keys(tmp_path / "key")) == 1


def test_who_is_given_up_gets_another_pseudonym(tmp_path: Path) -> None:
    names = made(tmp_path)
    before = names.of("ada")
    names.rotate()
    assert names.drop_old_keys(lose=1) == 1
    assert names.of("ada") != before
    assert count(names.engine, ANNOTATOR_KEYS) == 1


def test_with_a_single_key_there_is_nothing_to_drop(tmp_path: Path) -> None:
    names = made(tmp_path)
    before = names.of("ada")
    assert names.drop_old_keys() == 0
    assert names.of("ada") == before


def test_a_kill_between_the_mark_and_the_file_leaves_a_key_that_nobody_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = made(tmp_path)
    before = names.of("ada")
    names.rotate(["ada"])
    monkeypatch.setattr("ledger.people.pseudonyms.remove_keys", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        names.drop_old_keys()
    monkeypatch.undo()
    assert len(read_keys(tmp_path / "key")) == 2
    assert names.of("ada") == before
    assert names.of("ben") == names.of("ben")
    assert names.drop_old_keys() == 0
    assert len(read_keys(tmp_path / "key")) == 1
    assert names.of("ada") == before


def test_a_kill_after_the_new_key_is_in_the_file_loses_nobody(tmp_path: Path) -> None:
    names = made(tmp_path)
    before = names.of("ada")
    add_key(tmp_path / "key")
    assert names.of("ada") == before
    assert names.unseen() == 0


def test_a_process_that_began_before_the_rotation_finds_the_same_people(tmp_path: Path) -> None:
    early = started(tmp_path, 5)
    names = made(tmp_path)
    mine = [names.of(f"ls:{number}") for number in range(5)]
    names.rotate([f"ls:{number}" for number in range(5)])
    names.drop_old_keys()
    go(early)
    assert early.communicate()[0].split() == mine


def test_the_oldest_of_three_keys_goes_with_the_second(tmp_path: Path) -> None:
    names = made(tmp_path)
    before = names.of("ada")
    names.rotate()
    names.rotate()
    assert len(read_keys(tmp_path / "key")) == 3
    assert names.of("ada") == before
    names.drop_old_keys()
    assert len(read_keys(tmp_path / "key")) == 1
    assert names.of("ada") == before


# --- the key file ----------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    first = read_keys(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert read_keys(key_file) == first
    add_key(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert read_keys(key_file)[1:] == first
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_key_file_of_before_is_read_as_it_is(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("ab" * 32 + "\n")
    key_file.chmod(0o600)
    assert read_keys(key_file) == (b"\xab" * 32,)


def test_a_key_that_another_process_made_in_the_meantime_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = read_keys(tmp_path / "key")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert read_keys(tmp_path / "key") == theirs
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_draft_that_a_kill_left_is_swept_up_with_the_next_change(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    old = read_keys(key_file)[0]
    keys_file._written(key_file, [old])  # noqa: SLF001 - what a kill before the rename leaves
    add_key(key_file)
    remove_keys(key_file, {name_of(old)})
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
    assert old.hex() not in key_file.read_text()


def test_the_newest_key_cannot_be_taken_away(tmp_path: Path) -> None:
    key = read_keys(tmp_path / "key")
    remove_keys(tmp_path / "key", {name_of(key[0])})
    assert read_keys(tmp_path / "key") == key


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "00" * 31, "00" * 32 + "\nabc", ("00" * 32 + "\n") * 2])
def test_a_damaged_key_file_is_refused_and_never_replaced(tmp_path: Path, content: str) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(content)
    key_file.chmod(0o600)
    with pytest.raises(BadData, match="holds no key") as refused:
        read_keys(key_file)
    assert "backup" in refused.value.hint
    assert key_file.read_text() == content


@pytest.mark.parametrize("other", [None, "0" * 64 + "\n"])
def test_books_without_the_key_they_were_made_with_are_refused(tmp_path: Path, other: str | None) -> None:
    """As after a copy to another machine: a new key would give everybody a second pseudonym, in silence."""
    key, database = tmp_path / "pseudonyms.key", tmp_path / "kempelen.db"
    assert Ledger(open_engine(database)).check() == []
    ada = Pseudonyms(open_engine(database), key).of("ls:ada")
    kept = key.read_text()
    key.unlink()
    if other is not None:
        key.write_text(other)
        key.chmod(0o600)
    with pytest.raises(BadData, match="is not the key file of these books") as refused:
        Pseudonyms(open_engine(database), key)
    assert "Restore" in refused.value.hint
    assert key.exists() is (other is not None)
    key.write_text(kept)
    key.chmod(0o600)
    assert Pseudonyms(open_engine(database), key).of("ls:ada") == ada


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    read_keys(key_file)
    key_file.chmod(0o640)
    with pytest.raises(ConfigError, match="may be read by others"):
        read_keys(key_file)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        read_keys(tmp_path / "nowhere" / "key")


def test_the_tables_of_persons_are_strict(tmp_path: Path) -> None:
    engine = prepared(open_engine(tmp_path / "kempelen.db"))
    with reading(engine) as connection:
        made_by = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'annotator_keys'")).scalar_one()
    assert "STRICT" in made_by
