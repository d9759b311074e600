"""The exported books are judged by bean-check, a program that knows nothing of us."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kempelen.errors import LedgerError
from ledger import accounts
from ledger.entries import Entry
from ledger.export import beancount
from ledger.rows import EntryRow, row_of
from ledger.units import Measure, Unit

Events = Callable[[int, int], Iterator[Entry]]
Balances = dict[str, dict[Measure, int]]


class Judge(Protocol):
    def verdict(self, file: Path) -> tuple[bool, str]: ...
    def runs(self, script: str, *arguments: str) -> str: ...


def balances_of(entries: list[Entry]) -> Balances:
    """By whole numbers of smallest parts, as no decimal number can round them."""
    sums: Balances = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        for unit, parts in entry.parts().items():
            sums[entry.giver][unit] -= parts
            sums[entry.receiver][unit] += parts
    return sums


def written(folder: Path, entries: list[Entry], balances: Balances | None = None) -> Path:
    file = folder / "books.beancount"
    beancount.write(file, map(row_of, entries), balances_of(entries) if balances is None else balances)
    return file


def test_bean_check_accepts_a_hundred_thousand_random_entries(tmp_path: Path, judge: Judge, events: Events) -> None:
    entries = list(events(100_000, 1))
    file = written(tmp_path, entries)
    assert file.read_text(encoding="utf-8").count(" * ") >= 100_000
    assert judge.verdict(file) == (True, "")


@pytest.mark.parametrize("by", [1, -1])
def test_a_balance_that_is_off_by_the_smallest_part_is_refused(
    tmp_path: Path, judge: Judge, events: Events, by: int
) -> None:
    entries = list(events(200, 2))
    wrong = balances_of(entries)
    account = max(wrong, key=lambda name: len(wrong[name]))
    for unit in list(wrong[account]):
        wrong[account][unit] += by
    accepted, said = judge.verdict(written(tmp_path, entries, wrong))
    assert not accepted
    assert said.count("Balance failed") == len(wrong[account])


def test_an_entry_that_was_lost_on_the_way_is_refused(tmp_path: Path, judge: Judge, events: Events) -> None:
    entries = [entry for entry in events(200, 3) if any(entry.parts().values())]
    accepted, said = judge.verdict(written(tmp_path, entries[1:], balances_of(entries)))
    assert not accepted
    assert "Balance failed" in said


def test_an_entry_whose_sides_differ_by_a_millisecond_is_refused(tmp_path: Path, judge: Judge, events: Events) -> None:
    file = written(tmp_path, list(events(50, 4)))
    text = file.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("  ") and line.endswith("9 S_LOW"))
    file.write_text(text.replace(line, line.replace("9 S_LOW", "8 S_LOW"), 1), encoding="utf-8")
    accepted, said = judge.verdict(file)
    assert not accepted
    assert "Transaction does not balance: (" in said
    assert "0.001 S_LOW" in said


READ_BACK = """
import json, sys
from beancount import loader
entries, errors, options = loader.load_file(sys.argv[1])
assert not errors, errors
booked = [e for e in entries if type(e).__name__ == "Transaction"]
moved = [[[p.account, str(p.units)] for p in e.postings] for e in booked]
print(json.dumps([[e.narration, e.meta["source_id"], e.meta.get("note"), m] for e, m in zip(booked, moved)]))
"""


def test_what_beancount_reads_is_what_was_booked(tmp_path: Path, judge: Judge, events: Events) -> None:
    entries = list(events(300, 5))
    read = json.loads(judge.runs(READ_BACK, str(written(tmp_path, entries))))
    found = {source_id: (narration, note, postings) for narration, source_id, note, postings in read}
    assert len(found) == len(entries)
    for entry in entries:
        narration, note, postings = found[entry.source_id]
        assert (narration, note) == (entry.narration, entry.note)
        moved = {(beancount.original(account), *units.split()) for account, units in postings}
        assert {account for account, *_ in moved} == {entry.giver, entry.receiver}
        assert len(moved) == 2 * len(entry.amounts)


def test_the_file_as_people_read_it(events: Events) -> None:
    (entry,) = events(1, 8)
    row = row_of(entry)._replace(
        at="2020-01-24T12:00:00.000000+00:00", giver="annotator:k7qx", receiver="pool:c1", narration='an "answer"',
        kind="preparation", provenance="measured", s_low=4_320_000, s_high=4_799_500, annotations=1, labels=None,
        events=None, currency=None, money=None, source_id="given:ls/1", model="intents", version=None, cycle="c1",
        policy="lead-time/1", person=None, worked_at=None, reverses=None, note=None,
    )  # fmt: skip
    balances: Balances = {"pool:c1": {Unit.S_LOW: 4_320_000, Unit.S_HIGH: 4_799_500, Unit.ANNOTATIONS: 1}}
    assert "".join(beancount.directives([row], balances)).split("\n\n", 2)[2].splitlines() == [
        "1900-01-01 open Income:Annotator:K7qx",
        "1900-01-01 open Assets:Pool:C1",
        '2020-01-24 * "an \\"answer\\""',
        '  source_id: "given:ls/1"',
        '  at: "2020-01-24T12:00:00.000000+00:00"',
        '  kind: "preparation"',
        '  provenance: "measured"',
        '  policy: "lead-time/1"',
        '  model: "intents"',
        '  cycle: "c1"',
        "  Income:Annotator:K7qx  -4320.000 S_LOW",
        "  Assets:Pool:C1  4320.000 S_LOW",
        "  Income:Annotator:K7qx  -4799.500 S_HIGH",
        "  Assets:Pool:C1  4799.500 S_HIGH",
        "  Income:Annotator:K7qx  -1 ANNOTATIONS",
        "  Assets:Pool:C1  1 ANNOTATIONS",
        "",
        "2020-01-25 balance Assets:Pool:C1  1 ~ 0 ANNOTATIONS",
        "2020-01-25 balance Assets:Pool:C1  4799.500 ~ 0 S_HIGH",
        "2020-01-25 balance Assets:Pool:C1  4320.000 ~ 0 S_LOW",
    ]


NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name.isprintable() and name == name.strip())
MADE = [accounts.annotator, accounts.pool, accounts.payer, accounts.declared, accounts.platform, accounts.reviewer]


@given(name=NAMES, make=st.sampled_from(MADE), simulated=st.booleans())
@settings(derandomize=True, deadline=None)
def test_every_account_comes_back_from_its_beancount_name(
    name: str,
    make: Callable[[str], str],
    simulated: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    ours = accounts.simulated(make(name)) if simulated else make(name)
    theirs = beancount.account(ours)
    assert theirs.isascii()
    assert beancount.original(theirs) == ours


def test_names_that_differ_in_a_capital_or_a_sign_have_accounts_of_their_own() -> None:
    names = [
        "ab",
        "Ab",
        "AB",
        "a-b",
        "a-2db",
        "A-b",
        "X--ab",
        "x--ab",
        "x-2d-2dab",
        "2ab",
        "-ab",
        "\u00e4b",
        "a/b",
        "a:b",
    ]
    assert len({beancount.account(accounts.annotator(name)) for name in names}) == len(names)


def test_an_account_of_others_is_refused() -> None:
    with pytest.raises(LedgerError, match="is no account of the books"):
        beancount.original("Assets:Bank:Checking")


def test_the_same_books_give_the_same_bytes(tmp_path: Path, events: Events) -> None:
    first = written(tmp_path, list(events(200, 6))).read_bytes()
    assert written(tmp_path, list(events(200, 6))).read_bytes() == first


def test_an_error_on_the_way_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path, events: Events) -> None:
    before = written(tmp_path, list(events(5, 6))).read_bytes()

    def broken() -> Iterator[EntryRow]:
        yield from map(row_of, events(5, 7))
        raise LedgerError("the books cannot be read.", hint="Restore a backup.")

    with pytest.raises(LedgerError, match="cannot be read"):
        beancount.write(tmp_path / "books.beancount", broken(), {})
    assert [file.name for file in tmp_path.iterdir()] == ["books.beancount"]
    assert (tmp_path / "books.beancount").read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere/books.beancount cannot be written: No such file"):
        beancount.write(tmp_path / "nowhere" / "books.beancount", [], {})


@pytest.mark.parametrize("odd", ["\x1a", "\x1b", "\x85", "\u2028", "\ufeff", "{}", "#tag ^link", "\U0001f600"])
def test_no_sign_in_a_text_ends_the_file(tmp_path: Path, judge: Judge, events: Events, odd: str) -> None:
    told = [replace(entry, narration=f"a{odd}b", note=odd) for entry in events(5, 9)]
    assert judge.verdict(written(tmp_path, told)) == (True, "")


@pytest.mark.parametrize(
    "odd", ["9lives", "-x", "Ünï ködé", "a b  c", "日本語", "x:y", "\u0660", "X--Ada", "_", "a" * 300]
)
def test_a_name_of_any_letters_is_an_account_and_comes_back(
    tmp_path: Path, judge: Judge, events: Events, odd: str
) -> None:
    model = accounts.model_version(odd, "v 1/ü")
    told = [replace(e, receiver=accounts.simulated(model) if accounts.is_simulated(e.giver) else model)
            for e in events(20, 4) if accounts.role(e.giver) != "model_version"]  # fmt: skip
    assert judge.verdict(written(tmp_path, told)) == (True, "")
    assert all(beancount.original(beancount.account(name)) == name for e in told for name in (e.giver, e.receiver))
