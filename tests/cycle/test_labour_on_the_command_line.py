"""The books on the command line: a cycle that three people answered, their pay, their rights, and the proofs."""

import csv
import hashlib
import io
import json
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from console import main
from console.commands.common import DONE, ERROR, NEEDS_A_PERSON, WRONG_USAGE, Common
from console.commands.labour import checking
from cycle.account import attach_card
from cycle.collect import collect
from cycle.retrain import retrain
from cycle.watch import watch
from cycle.wiring import human_answers, wire
from kempelen.settings import load
from ledger.database import open_engine
from ledger.people.booked import booked_people
from ledger.people.corrections import Corrections
from ledger.people.pseudonyms import Pseudonyms
from ledger.people.ratings import Rating, Ratings
from ledger.posting_rules import GIVEN

START = datetime(2019, 12, 20, tzinfo=UTC)
NIGHT = datetime(2020, 1, 21, 23, tzinfo=UTC)
CYCLE = "queries-20200121-alarm"
GOLDEN = Path(__file__).resolve().parents[1] / "labour_import" / "golden"

SETTINGS = """
state = "."
[model]
name = "queries"
labels = ["food", "health"]
types = ["linear"]
[training]
base = "base.csv"
base_source = "a list"
validation_share = 0.3
[selection]
rounds = 1
round_items = 60
audit_fraction = 0.5
audit_every_days = 30
[drift]
reference_days = 5
[annotation]
pay_per_hour = 3.00
platform_fee = 0.2
[pay]
region = "DE"
"""

ITEMS = 65
"""Each person answers all of them in 8, 11, 9, 12, 10, 8, ... seconds: 13 times 50 s. Cem skips the sixth in 17.125."""
WHOLE_S, CEMS_S = Decimal(650), Decimal("659.125")
SKIP = "17.125"
USED_S = 1942
"""All of the three but the skip."""
FLOOR = Decimal("9.35")
"""Germany's minimum wage of 2020."""

WORK = """source,id,annotator,item,label,submitted_at,seconds_low,seconds_high,accepted,reward,fee,currency
agency-x,a-1,anna,corona,health,2020-01-24T10:15:00Z,7,8,yes,0.10,0.02,EUR
agency-x,a-2,bruno,corona,,2020-01-24T10:15:09Z,2,9.25,yes,0.10,,EUR
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command ended with, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """All of it, however lines were broken."""
        return " ".join((self.out + self.err).split())

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Office:
    """A folder with books, and the command line in it."""

    folder: Path
    run: Callable[..., Ran]
    open: Callable[[], Engine]

    def __call__(self, *words: str) -> Ran:
        return self.run(*words)

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def pseudonym(self, who: str) -> str:
        known = Pseudonyms(self.open(), self.folder / "pseudonyms.key").known(who)
        assert known is not None
        return known

    def content(self) -> str:
        """All that the books hold."""
        with closing(sqlite3.connect(self.folder / "kempelen.db")) as books:
            return hashlib.sha256("\n".join(books.iterdump()).encode()).hexdigest()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the books of the story are kept once they are written."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def books(kept: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of its own, with a cycle that was asked, answered, learned from and promoted."""
    if not (kept / "kempelen.toml").exists():
        played(request.getfixturevalue("loop"), tmp_path)
        for name in ("base.csv", "kempelen.db", "pseudonyms.key"):
            shutil.copy2(tmp_path / name, kept)
        (kept / "kempelen.toml").write_text(SETTINGS, encoding="utf-8")
    return Path(shutil.copytree(kept, tmp_path / "books"))


def played(loop: Any, folder: Path) -> None:
    names = Pseudonyms(loop.app.ledger.engine, folder / "pseudonyms.key")
    loop.app = replace(loop.app, pseudonyms=names.many, known_pseudonym=names.known)
    retrain(loop.app, START)
    loop.detector.alarm = True
    opened = watch(loop.app, NIGHT).opened
    assert opened is not None
    assert (opened.cycle_id, len(loop.annotators.asked[CYCLE])) == (CYCLE, ITEMS)
    for number, asked in enumerate(loop.annotators.asked[CYCLE].values()):
        label = "health" if "corona" in asked.query else "food"
        for who in ("ann", "ben"):
            loop.annotators.say(CYCLE, asked.item_id, who, label, seconds=8 + 3 * number % 5)
        skips = number == 5
        seconds = float(SKIP) if skips else 8 + 3 * number % 5
        loop.annotators.say(CYCLE, asked.item_id, "cem", None if skips else label, seconds=seconds)
    collect(loop.app, NIGHT)
    retrain(loop.app, NIGHT)
    assert (loop.states(), loop.registry.alias) == (["closed"], "2")
    loop.app.ledger.engine.dispose()


@pytest.fixture
def kempelen(
    books: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Any]]:
    """`kempelen("labour", "--json")` as a person types it in the folder of the books, without a process of its own."""
    engines, app = list[Engine](), main.app

    def opening(where: str | Path) -> Engine:
        engines.append(open_engine(where))
        return engines[-1]

    for module in ("cycle.database", "cycle.wiring"):
        monkeypatch.setattr(f"{module}.open_engine", opening)
    monkeypatch.chdir(books)

    def run(*words: str) -> Ran:
        monkeypatch.setattr(main, "app", partial(app, words))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(code=ended.value.code, out=printed.out, err=printed.err)

    yield Office(folder=books, run=run, open=lambda: opening(books / "kempelen.db"))
    for engine in engines:
        engine.dispose()


def cents_up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), "ROUND_CEILING")


def lines_of(document: Any, version: str = "2") -> Any:
    (found,) = [one for one in document if one["version"] == version]
    return found


# ---------------------------------------------------------------- the statement


def test_everybody_sees_the_effort_of_three_people_and_payroll_alone_the_skip_of_one(kempelen: Office) -> None:
    ran = kempelen("labour", "queries/2")
    assert ran.code == DONE
    for words in ("preparation measured direct", "declared by a list inherited from 1", "unknown 600 labels"):
        assert words in ran.words
    assert "too few people stand behind it: queries/2: preparation, direct, measured, not used: skipped" in ran.words
    exact = kempelen("labour", "queries/2", "--exact")
    assert "measured unused: skipped 17 s to 18 s 1 answer" in exact.words
    assert "too few people" not in exact.words


def test_as_json_a_statement_has_the_same_lines_and_holds_back_the_same(kempelen: Office) -> None:
    shown, exact = (lines_of(kempelen("labour", *how, "--json").json) for how in ((), ("--exact",)))
    assert [line["share"] for line in shown["effort"]] == ["direct", "direct", "inherited"]
    assert shown["totals"]["human_high_s"] == USED_S
    assert (shown["unused"], shown["totals"]["unused_human_high_s"], len(shown["held_back"])) == ([], 0, 1)
    (skip,) = exact["unused"]
    assert (skip["reason"], skip["high_s"], skip["people"]) == ("skipped", float(SKIP), 1)
    assert sum(line["high_s"] or 0 for line in exact["effort"]) == USED_S


@pytest.mark.parametrize(
    "words", [("labour",), ("labour", "queries"), ("labour", "card", "2"), ("asked",), ("asked", CYCLE)]
)
def test_what_anybody_may_see_tells_the_time_of_nobody_alone_in_either_form(
    kempelen: Office, words: tuple[str, ...]
) -> None:
    own = (SKIP, str(CEMS_S), str(2 * WHOLE_S + CEMS_S), "17 s to 18 s", "10 min 59 s", "32 min 39 s", "32 min 40 s")
    for form in ((), ("--json",)):
        ran = kempelen(*words, *form)
        assert ran.code == DONE
        assert not [figure for figure in own if figure in ran.words]


def test_how_people_were_asked_tells_their_time_and_its_price_to_payroll_alone(kempelen: Office) -> None:
    assert kempelen("asked", "--json").json["human"] == {
        "answers": 195,
        "annotators": None,
        "skips": None,
        "low_s": None,
        "high_s": None,
    }
    exact = kempelen("asked", CYCLE, "--exact")
    assert "195 answers by 3 people, 1 skip among them: 32 min 39 s to 32 min 40 s." in exact.words
    assert "1 item has 2, 64 items have 3" in exact.words
    assert kempelen("asked", "--exact", "--json").json["human"]["high_s"] == float(2 * WHOLE_S + CEMS_S)


def test_a_version_is_traced_to_every_answer_and_an_answer_to_every_version(kempelen: Office) -> None:
    ann = kempelen.pseudonym("ann")
    traced = kempelen("labour", "trace", "queries/2")
    assert traced.code == DONE
    assert ann in traced.out  # in one piece, to be copied
    assert "not used: skipped" in traced.words
    rows = kempelen("labour", "trace", "2", "--json").json
    anns = [row for row in rows if row["person"] == f"annotator:{ann}"]
    assert (len(anns), sum(Decimal(row["high_s"]) for row in anns)) == (ITEMS, WHOLE_S)
    name = anns[0]["answer"].removeprefix(GIVEN)
    went = kempelen("labour", "went", name)
    assert (went.code, ann in went.out) == (DONE, True)
    assert [row["version"] for row in kempelen("labour", "went", anns[0]["answer"], "--json").json] == ["2"]


# ---------------------------------------------------------------- what no cycle brings


def test_work_from_elsewhere_is_booked_once_however_often_its_file_is_imported(kempelen: Office) -> None:
    kempelen.file("work.csv", WORK)
    for file, form, pieces, entries in (
        ("work.csv", "csv", 2, 5),
        (str(GOLDEN / "mechanical_turk.csv"), "mechanical_turk", 5, 11),
    ):
        first = kempelen("labour", "import", file, "--format", form, "--json")
        assert (first.code, first.json["pieces"], first.json["new_entries"]) == (DONE, pieces, entries)
        before = kempelen.content()
        again = kempelen("labour", "import", file, "--format", form)
        assert (again.code, "Nothing is new" in again.words) == (DONE, True)
        assert kempelen.content() == before
    cut = kempelen("labour", "import", kempelen.file("half.csv", WORK[:-20]), "--format", "csv")
    assert (cut.code, "cut short" in cut.words, kempelen.content() == before) == (ERROR, True, True)
    (held,) = [one["held_back"] for one in kempelen("labour", "--json").json if one["version"] == "2"]
    assert "preparation, direct, declared" in held  # five people in all, no cell of them has three
    assert "0.10" not in kempelen("labour", "--json").out


def test_rows_that_cannot_be_used_need_a_person_and_the_rest_counts(kempelen: Office) -> None:
    broken = WORK.replace("2020-01-24T10:15:09Z", "someday")
    ran = kempelen("labour", "import", kempelen.file("work.csv", broken), "--format", "csv")
    assert ran.code == NEEDS_A_PERSON
    assert "declares 1 piece of work by 1 person. Booked for version 2: 3 entries." in ran.words
    assert "someday" in ran.words


def test_minutes_of_an_engineer_are_booked_under_a_pseudonym_once_for_a_name(kempelen: Office) -> None:
    said = (
        "labour",
        "record",
        "looked into corona",
        "--by",
        "ada",
        "--minutes",
        "12",
        "--at-most",
        "15",
        "--name",
        "a",
    )
    ran = kempelen(*said)
    assert (ran.code, "ada" not in ran.words) == (DONE, True)
    assert "Booked for version 2 as verification: 12 min to 15 min of reviewer:" in ran.words
    other = kempelen(*said[:-3], "16", *said[-2:])
    assert (other.code, "contradicts" in other.words) == (ERROR, True)
    (line,) = [
        line
        for line in lines_of(kempelen("labour", "--exact", "--json").json)["effort"]
        if line["provenance"] == "declared" and line["kind"] == "verification"
    ]
    assert (line["low_s"], line["high_s"]) == (720.0, 900.0)
    third = kempelen("labour", "record", "approved it", "--by", "ada", "--minutes", "0.33333")
    assert (third.code, "Traceback" in third.err) == (DONE, False)  # no whole number of milliseconds


def test_an_answer_in_the_models_place_reaches_the_client_and_the_books(
    kempelen: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = human_answers(load(kempelen.folder / "kempelen.toml").model_copy(update={"state": kempelen.folder}))
    with ThreadPoolExecutor(1) as service:
        client = service.submit(answers.serve, "corona symptoms", suggestion="food", confidence=0.4, wait_s=20)
        while not answers.queue.waiting("queries", datetime.now(UTC)):
            assert not client.done()
        monkeypatch.setattr(sys, "stdin", io.StringIO("seven\n2\n"))
        ran = kempelen("answer", "--as", "ada", "--once", "--json")
        assert client.result(timeout=60) == "health"
    assert (ran.code, ran.json) == (DONE, {"answers": 1})  # nothing else on standard output, no prompt either
    for words in ("corona symptoms", "1 food", "2 health", "Type 1 to 2"):
        assert words in ran.words
    (row,) = [row for row in kempelen("labour", "trace", "2", "--json").json if row["kind"] == "impersonation"]
    assert row["person"] == f"annotator:{kempelen.pseudonym('fallback:ada')}"
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    nothing = kempelen("answer", "--as", "ada", "--once")
    assert (nothing.out, "Nothing waits." in nothing.err) == ("You gave 0 answers.\n", True)


# ---------------------------------------------------------------- pay


def test_a_month_is_paid_to_the_cent_once_and_then_nothing_is_open(kempelen: Office) -> None:
    names = {who: f"annotator:{kempelen.pseudonym(who)}" for who in ("ann", "ben", "cem")}
    hours = {"ann": WHOLE_S, "ben": WHOLE_S, "cem": CEMS_S}
    pays = {pay["person"]: pay for pay in kempelen("labour", "payroll", "2020-01", "--json").json}
    for who, seconds in hours.items():
        owed, floor = (cents_up(seconds * an_hour / 3600) for an_hour in (Decimal(3), FLOOR))
        pay = pays[names[who]]
        assert [Decimal(pay[what]) for what in ("owed", "floor", "payable")] == [owed, floor, floor]
    shown = kempelen("labour", "payroll", "2020-01")
    assert f"{names['cem']} 10 min 59 s to 11 min 0.55 0.00 1.72 3.00" in shown.words
    assert "kempelen labour topups 2020-01-01..2020-01-31" in shown.words

    listed = kempelen("labour", "topups", "2020-01", "--csv", "pay.csv")
    total = 2 * cents_up(WHOLE_S * FLOOR / 3600) + cents_up(CEMS_S * FLOOR / 3600)
    assert listed.code == NEEDS_A_PERSON
    assert f"6 payments of {total} EUR in all are still to be made" in listed.words
    assert stat.S_IMODE((kempelen.folder / "pay.csv").stat().st_mode) == 0o600  # who earns what is nobody else's affair
    with (kempelen.folder / "pay.csv").open(encoding="utf-8", newline="") as file:
        assert sum(Decimal(row["amount"]) for row in csv.DictReader(file)) == total

    paid = ("labour", "topups", "--paid", "pay.csv", "--on", "2020-02-03")
    assert "Booked: 6 payments, made on 2020-02-03." in kempelen(*paid).words
    before = kempelen.content()
    assert "6 payments of pay.csv had been booked before." in kempelen(*paid).words
    assert kempelen(*paid, "--json").json == {"booked": 0}
    assert kempelen.content() == before
    nothing = kempelen("labour", "topups", "2020-01", "--json")
    assert (nothing.code, nothing.json["payable"]) == (DONE, [])


def test_a_month_without_work_says_when_there_was_some(kempelen: Office) -> None:
    assert "The books hold work of 2020-01-21 to 2020-01-21." in kempelen("labour", "payroll", "2019-07").words


def test_contracts_are_imported_once_listed_ended_and_annulled(kempelen: Office) -> None:
    assert (
        "Annotators without one are paid by the settings: 3.0 EUR an hour, fee 20 %"
        in kempelen("labour", "contracts").words
    )
    ann = f"annotator:{kempelen.pseudonym('ann')}"
    head = "person,basis,amount,currency,region,first,last\n"
    kempelen.file("contracts.csv", f"{head}{ann},hourly,12.00,EUR,DE,2020-01-01,\n*,piece,0.05,EUR,DE,2020-01-01,\n")
    take = ("labour", "contracts", "import", "contracts.csv", "--by", "eva")
    assert [kempelen(*take, "--json").json for _ in range(2)] == [{"new": 2}, {"new": 0}]
    assert f"{ann} 12 EUR an hour DE 2020-01-01" in kempelen("labour", "contracts").words
    pays = {pay["person"]: pay["owed"] for pay in kempelen("labour", "payroll", "2020-01", "--json").json}
    assert Decimal(pays[ann]) == cents_up(WHOLE_S * 12 / 3600)
    assert Decimal(pays[f"annotator:{kempelen.pseudonym('ben')}"]) == Decimal("0.05") * ITEMS

    why = ("--by", "eva", "--reason", "another offer")
    assert "see number 3" in kempelen("labour", "contracts", "end", "1", "--last", "2020-06-30", *why).words
    assert "see number 4" in kempelen("labour", "contracts", "annul", "2", *why).words
    (only,) = kempelen("labour", "contracts", "--json").json
    assert (only["person"], only["last"]) == (ann, "2020-06-30")
    every = kempelen("labour", "contracts", "--every").words
    assert "replaces number 1: another offer" in every
    assert "annuls number 2: another offer" in every

    rows = f"{ann},weekly,1,EUR,DE,2021-01-01,\nannotator:nobody,hourly,1,EUR,DE,2020-01-01,\n"
    wrong = kempelen("labour", "contracts", "import", kempelen.file("wrong.csv", head + rows), "--by", "eva")
    assert (wrong.code, "1 wrong row" in wrong.words, "line 2: basis = 'weekly'" in wrong.words) == (ERROR, True, True)


def test_what_a_version_cost_is_told_with_each_gained_point(kempelen: Office) -> None:
    every = kempelen("labour", "cost")
    assert every.code == DONE
    (cost,) = kempelen("labour", "cost", "queries/2", "--json").json
    (euros,) = cost["costs"]
    agreed = (2 * WHOLE_S + CEMS_S) * 3 / 3600
    assert abs(Decimal(euros["pay"][1]) - agreed) < Decimal("0.01")
    paid_out = 2 * cents_up(WHOLE_S * FLOOR / 3600) + cents_up(CEMS_S * FLOOR / 3600)
    assert abs(Decimal(euros["pay"][1]) + Decimal(euros["beyond"][1]) - paid_out) < Decimal("0.02")
    assert euros["per_point"]["cost"] is not None
    assert f"{euros['total'][1]} EUR" in every.words


# ---------------------------------------------------------------- people's rights


def test_a_person_gets_a_link_that_can_be_withdrawn(kempelen: Office) -> None:
    ran = kempelen("labour", "link", "ann", "--by", "eva")
    assert (ran.code, ran.out.startswith("/me/"), len(ran.out.split())) == (DONE, True, 1)
    assert "put the address by which they reach it before this path" in ran.words
    assert (
        kempelen("labour", "link", f"annotator:{kempelen.pseudonym('ann')}", "--by", "eva", "--json").json["days"] == 90
    )
    assert "Withdrawn: 2 links." in kempelen("labour", "link", "ann", "--by", "eva", "--revoke").words


def test_a_correction_is_shown_beside_the_books_decided_once_and_booked(kempelen: Office) -> None:
    ann = kempelen.pseudonym("ann")
    rows = kempelen("labour", "trace", "2", "--json").json
    first, second = [row["booked_as"] for row in rows if row["person"] == f"annotator:{ann}"][:2]
    corrections = Corrections(kempelen.open())
    corrections.ask(ann, first, Decimal(90), "I looked it up", at=datetime.now(UTC))
    corrections.ask(ann, second, Decimal(91), "the telephone rang", at=datetime.now(UTC))
    waiting = kempelen("labour", "requests")
    assert waiting.code == NEEDS_A_PERSON
    assert "8 s 1 min 30 s I looked it up" in waiting.words
    assert "kempelen labour decide NUMBER" in waiting.words
    assert [one["seconds"] for one in kempelen("labour", "requests", "--json").json] == ["90", "91"]

    accept = ("labour", "decide", "1", "--accept", "--by", "eva", "--reason", "plausible")
    assert [kempelen(*accept).words for _ in range(2)] == ["Request 1 is accepted."] * 2
    refused = kempelen("labour", "decide", "2", "--refuse", "--by", "eva", "--reason", "it did not", "--json")
    assert refused.json == {"number": 2, "accepted": False, "booked": False}
    other = kempelen("labour", "decide", "1", "--refuse", "--by", "eva", "--reason", "no")
    assert (other.code, "was accepted by eva already" in other.words) == (ERROR, True)
    assert (kempelen("labour", "requests").code, kempelen("labour", "requests", "--json").json) == (DONE, [])
    anns = [row for row in kempelen("labour", "trace", "2", "--json").json if row["person"] == f"annotator:{ann}"]
    assert sum(Decimal(row["high_s"]) for row in anns) == WHOLE_S - 8 + 90
    assert kempelen("labour", "verify").code == DONE


def test_who_is_still_owed_something_is_not_forgotten_by_a_slip(kempelen: Office) -> None:
    cem, before = kempelen.pseudonym("cem"), kempelen("labour", "--exact", "--json").json
    refused = kempelen("labour", "forget", "cem", "--by", "eva")
    assert refused.code == ERROR
    assert f"Still to be paid to {cem}: 1.72 EUR for 2020-01-01..2020-01-31." in refused.words
    assert kempelen.pseudonym("cem") == cem
    kempelen("labour", "topups", "2020-01", "--csv", "pay.csv")
    kempelen("labour", "topups", "--paid", "pay.csv", "--on", "2020-02-03")
    forgotten = kempelen("labour", "forget", "cem", "--by", "eva")
    assert (forgotten.code, f"{cem} is nobody any more" in forgotten.words) == (DONE, True)
    assert kempelen("labour", "forget", cem, "--by", "eva", "--json").json == {"pseudonym": cem, "waits_for": None}
    assert "Nobody is known as cem" in kempelen("labour", "link", "cem", "--by", "eva").words
    assert kempelen("labour", "--exact", "--json").json == before
    assert kempelen("labour", "forget", "ben", "--by", "eva", "--unpaid").code == DONE


def test_keys_are_rotated_and_old_ones_dropped_only_if_nobody_is_lost_unsaid(kempelen: Office) -> None:
    ann = kempelen.pseudonym("ann")
    turned = kempelen("labour", "rotate")
    assert (turned.code, "3 people not seen since" in turned.words) == (NEEDS_A_PERSON, True)
    assert kempelen.pseudonym("ann") == ann
    kept_back = kempelen("labour", "rotate", "--drop-old")
    assert (kept_back.code, "--lose 3" in kept_back.words) == (ERROR, True)
    assert kempelen.pseudonym("ann") == ann
    Pseudonyms(kempelen.open(), kempelen.folder / "pseudonyms.key").many(["ann", "ben"])  # as `collect` sees them
    dropped = kempelen("labour", "rotate", "--drop-old", "--lose", "1")
    assert (dropped.code, "1 person can no longer be connected" in dropped.words) == (DONE, True)
    assert kempelen.pseudonym("ann") == ann
    assert kempelen("labour", "verify", "--json").json["problems"] == []


def test_what_people_said_of_a_cycle_is_shown_once_three_have(kempelen: Office) -> None:
    said = Ratings(kempelen.open())
    people = sorted(booked_people(kempelen.open()))[:3]
    for person, pay in zip(people, (1, 2, 3), strict=True):
        assert "rated by enough people" in kempelen("labour", "ratings").out
        said.rate(
            Rating(model="queries", cycle=CYCLE, person=person, clarity=4, pay=pay, load=5, comment=person, at=NIGHT), 3
        )
    (told,) = kempelen("labour", "ratings", "--json").json
    assert told == {"cycle": CYCLE, "ratings": 3, "clarity": 4, "pay": 2, "load": 5, "comments": people}
    assert f"{CYCLE}: {people[0]}" in kempelen("labour", "ratings").out


# ---------------------------------------------------------------- proofs


def test_the_card_has_four_forms_of_one_content(kempelen: Office) -> None:
    forms = {form: kempelen("labour", "card", "2", "--format", form) for form in ("markdown", "json", "html", "badge")}
    assert {ran.code for ran in forms.values()} == {DONE}
    document = json.loads(forms["json"].out)
    assert document == kempelen("labour", "card", "queries/2", "--json").json
    assert document["people"]["held_back"] == ["preparation, direct, measured, not used: skipped"]
    for form, begins in (("markdown", "# Human labour behind queries"), ("html", "<!doctype html>"), ("badge", "<svg")):
        assert forms[form].out.lower().startswith(begins.lower())
    assert document["digest"] in forms["markdown"].out
    assert document["digest"] in forms["html"].out


def test_the_whole_books_can_be_taken_out_in_three_forms_by_their_owner(kempelen: Office) -> None:
    entries = kempelen("labour", "verify", "--json").json["entries"]
    for form in ("csv", "parquet", "beancount"):
        ran = kempelen("labour", "export", f"books.{form}", "--format", form, "--json")
        assert (ran.code, ran.json["entries"]) == (DONE, entries)
        assert stat.S_IMODE((kempelen.folder / f"books.{form}").stat().st_mode) == 0o600
    with (kempelen.folder / "books.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(kempelen.folder / "books.parquet").to_pylist()
    assert [row["source_id"] for row in rows] == [row["source_id"] for row in table]
    assert len(rows) == entries
    assert "balance" in (kempelen.folder / "books.beancount").read_text(encoding="utf-8")
    assert "bean-check again" in kempelen("labour", "export", "again", "--format", "beancount").words


def test_verify_finds_what_somebody_changed_behind_the_books_back(kempelen: Office) -> None:
    sound = kempelen("labour", "verify")
    assert (sound.code, "nothing is wrong" in sound.words) == (DONE, True)
    with closing(sqlite3.connect(kempelen.folder / "kempelen.db")) as database:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entries'"
        for (name,) in database.execute(triggers).fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE ledger_entries SET s_high = s_high + 1000 WHERE id = 5")
        database.commit()
    found = kempelen("labour", "verify")
    assert found.code == NEEDS_A_PERSON
    document = kempelen("labour", "verify", "--json").json
    assert f"{len(document['problems'])} problems" in found.words
    assert all(one["message"] and one["hint"] for one in document["problems"])


def test_verify_compares_the_registrys_copies_of_the_cards(
    kempelen: Office, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = wire(load(kempelen.folder / "kempelen.toml").model_copy(update={"state": kempelen.folder}))
    registry = type(loop.registry)(model="queries")
    for version in ("1", "2"):
        registry.register("run", key=version, model_type="linear", tags={})
    app = replace(app, connectors=replace(app.connectors, registry=lambda: registry))
    for version in ("1", "2"):
        attach_card(app, version, datetime.now(UTC))
    monkeypatch.setattr(checking, "app_of", lambda _: app)
    monkeypatch.setattr(Common, "with_servers", lambda _: None)
    assert kempelen("labour", "verify", "--registry").code == DONE
    registry.cards["2"]["labour_card.json"] = registry.cards["2"]["labour_card.json"].replace("1942.0", "942.0")
    changed = kempelen("labour", "verify", "--registry")
    assert (changed.code, "queries/2" in changed.words) == (NEEDS_A_PERSON, True)
    assert kempelen("labour", "verify").code == DONE


# ---------------------------------------------------------------- what cannot be meant


@pytest.mark.parametrize(
    ("words", "found", "hint"),
    [
        (("labour", "nothing"), "no model nothing", "queries"),
        (("labour", "queries/9"), "no version 9", "kempelen labour queries"),
        (("labour", "card", "9"), "no version 9", "Known: 1, 2"),
        (("labour", "card", "other/2"), "no model other", "queries"),
        (("labour", "card", "2", "--publish"), "not running", "kempelen up"),
        (("labour", "verify", "--registry"), "not running", "kempelen up"),
        (("labour", "trace", "queries/9"), "no version 9", "Known: 1, 2"),
        (("labour", "trace", "other/2"), "no model other", "queries"),
        (("labour", "went", "nothing"), "no answer nothing", "kempelen labour trace"),
        (("labour", "cost", "9"), "no version 9", "Known: 1, 2"),
        (("labour", "export", "nowhere/books.csv"), "cannot be written", "folder that exists"),
        (("labour", "payroll", "2020-13"), "'2020-13' is no month", "2020-01"),
        (("labour", "payroll", "2020-02-01..2020-01-01"), "ends before it begins", "Swap"),
        (("labour", "topups", "January"), "'January' is no month", "2020-01"),
        (("labour", "topups", "2020-01", "--csv", "nowhere/pay.csv"), "cannot be written", "folder that exists"),
        (("labour", "topups", "--paid", "pay.csv", "--csv", "pay.csv"), "--csv writes", "book it"),
        (("labour", "topups", "--paid", "none.csv"), "none.csv cannot be read", "file that is there"),
        (("labour", "topups", "--paid", "pay.csv", "--on", "2999-01-01"), "still to come", "once they are made"),
        (("labour", "topups", "--paid", "pay.csv"), "not in the books: annotator:nobody", "kempelen labour payroll"),
        (("labour", "topups", "--paid", "half.csv"), "ends within a line", "line break"),
        (("labour", "contracts", "import", "contracts.csv", "--by", "eva"), "annotator:nobody", "labour payroll"),
        (("labour", "contracts", "import", "half.csv", "--by", "eva"), "ends within a line", "line break"),
        (
            ("labour", "contracts", "end", "7", "--last", "2020-01-01", "--by", "eva", "--reason", "x"),
            "contract 7",
            "list",
        ),
        (("labour", "contracts", "annul", "7", "--by", "eva", "--reason", "x"), "contract 7", "list"),
        (("labour", "import", "none.csv", "--format", "csv"), "none.csv cannot be read", "path"),
        (("labour", "import", "half.csv", "--format", "csv"), "cut short", "Export or copy it again"),
        (("labour", "import", "work.csv", "--format", "crowd"), "'crowd'", "mechanical_turk"),
        (("labour", "import", "work.csv", "--format", "csv", "--version", "9"), "no version 9", "Known: 1, 2"),
        (("labour", "import", "work.csv", "--format", "csv", "--param.x", "1"), "'x'", "build()"),
        (("labour", "import", "work.csv", "--format", "csv", "--payer", " "), "payer", "name"),
        (
            ("labour", "record", "x", "--by", "ada", "--minutes", "1", "--version", "9"),
            "no version 9",
            "kempelen labour",
        ),
        (("labour", "record", "x", "--by", "ada", "--minutes", "-1"), "-1 to -1 minutes are no time", "above 0"),
        (("labour", "record", "x", "--by", "ada", "--minutes", "9", "--at-most", "8"), "9 to 8 minutes", "lower bound"),
        (("labour", "record", "x", "--by", "ada", "--minutes", "1441"), "1441 minutes are more than a day", "each day"),
        (("labour", "record", "x", "--by", "ada", "--minutes", "1", "--at", "2999-01-01"), "still to come", "is done"),
        (("labour", "record", " ", "--by", "ada", "--minutes", "1"), "is empty", "who did it"),
        (("labour", "link", "nobody", "--by", "eva"), "Nobody is known as nobody", "labour payroll"),
        (("labour", "link", "ann", "--by", " "), "names nobody", "who issues it"),
        (("labour", "link", "ann", "--by", "eva", "--days", "0"), "0 days", "1 to 3650"),
        (("labour", "link", "ann", "--by", "eva", "--days", "999999999"), "999999999 days", "1 to 3650"),
        (("labour", "forget", "nobody", "--by", "eva"), "Nobody is known as nobody", "labour payroll"),
        (("labour", "forget", "ann", "--by", " ", "--unpaid"), "Nobody is named who erases", "who does it"),
        (("labour", "decide", "9", "--accept", "--by", "eva", "--reason", "x"), "no request 9", "requests that wait"),
        (("asked", "nothing"), "no cycle nothing", CYCLE),
        (("answer", "--as", " "), "--as is empty", "--as ada"),
        (("labour", "--state", "nowhere"), "no books in", "kempelen demo"),
        (("labour", "payroll", "--config", "none.toml"), "no settings file none.toml", "kempelen init"),
    ],
)
def test_what_cannot_be_meant_is_a_clear_error_and_changes_nothing(
    kempelen: Office, words: tuple[str, ...], found: str, hint: str
) -> None:
    kempelen.file("work.csv", WORK)
    kempelen.file("half.csv", WORK[:-20])
    kempelen.file("contracts.csv", "person,basis,amount,currency,first\nannotator:nobody,hourly,12,EUR,2020-01-01\n")
    name = "pay/annotator:nobody/2020-01-01..2020-01-31/1"
    row = f"annotator:nobody,1.00,EUR,2020-01-01..2020-01-31,agreed pay,{name}\n"
    kempelen.file("pay.csv", f"person,amount,currency,period,why,payment\n{row}")
    kempelen("asked")  # from now on the settings are on record
    before = kempelen.content()
    ran = kempelen(*words, "--json")
    assert (ran.code, ran.out) == (ERROR, "")
    said, _, todo = ran.words.partition("What to do: ")
    assert found in said
    assert hint in todo
    assert kempelen.content() == before


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("labour", "record", "x", "--by", "ada", "--minutes", "ten"), "'ten' is no number"),
        (("labour", "record", "x", "--by", "ada", "--minutes", "NaN"), "'NaN' is no number"),
        (("alarms", "acknowledge", "x", "--by", "ada", "--reason", "x", "--minutes", "ten"), "'ten' is no number"),
        (("labour", "record", "x", "--by", "ada"), "--minutes"),
        (("labour", "import", "work.csv"), "--format"),
        (("labour", "import", "work.csv", "--format", "csv", "--kind", "play"), "play"),
        (("labour", "card", "2", "--format", "pdf"), "pdf"),
        (("labour", "export", "books", "--format", "pdf"), "pdf"),
        (("labour", "decide", "1", "--by", "eva", "--reason", "x"), "--accept"),
        (("labour", "decide", "one", "--accept", "--by", "eva", "--reason", "x"), "one"),
        (("labour", "topups", "--on", "yesterday"), "yesterday"),
        (("labour", "forget", "ann"), "--by"),
    ],
)
def test_wrong_usage_is_said_on_standard_error_with_exit_code_2(
    kempelen: Office, words: tuple[str, ...], found: str
) -> None:
    before = kempelen.content()
    ran = kempelen(*words)
    assert (ran.code, ran.out) == (WRONG_USAGE, "")
    assert found in ran.err
    assert kempelen.content() == before


@pytest.mark.parametrize(
    "command",
    [
        *("card", "contracts", "cost", "decide", "export", "forget", "import", "link", "payroll", "reconcile"),
        *("ratings", "record", "requests", "rotate", "topups", "trace", "verify", "went"),
    ],
)
def test_every_command_of_the_books_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main.app(["labour", command, "--help"], exit_on_error=False, result_action="return_value")
    shown = capsys.readouterr().out
    assert f"kempelen labour {command}" in shown
    assert "--json" in shown
