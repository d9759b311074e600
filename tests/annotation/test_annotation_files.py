"""Files that people save in every way there is, and that we write so that nothing happens to anybody."""

import csv
import io
import json
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.annotation import _files_disk, files
from connectors.annotation._files_cells import shielded
from connectors.annotation._files_items import COLUMNS
from connectors.annotation._files_rows import COLUMNS as ANSWER_COLUMNS
from kempelen.errors import ConfigError, ConnectorRefused
from kempelen.records import Annotation, Briefing, Collection, LabelRequest, Queue

ROOT = Path(__file__).resolve().parents[2]
SAVED = datetime(2020, 1, 21, 12, 0, tzinfo=UTC)
HEADER = "item_id,annotator,label,skip,seconds,started_at,submitted_at,simulated\n"

Ask = Callable[..., list[LabelRequest]]


class Cycle:
    """A cycle with some items, and people who drop files."""

    def __init__(self, folder: Path, briefing: Briefing, requests: list[LabelRequest]) -> None:
        self.connector = files.build(folder, experts=["Eve"])
        self.briefing, self.folder = briefing, folder / briefing.cycle_id
        self.connector.submit(briefing, requests)
        self.ids = [request.item_id for request in requests]

    def drop(self, content: str | bytes, name: str = "ada.csv", saved: datetime = SAVED) -> Path:
        path = self.folder / "answers" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (saved.timestamp(), saved.timestamp()))
        return path

    def read(self, since: str | None = None) -> Collection:
        return self.connector.collect(self.briefing.cycle_id, since)

    def said(self) -> list[tuple[str, str, str | None]]:
        return sorted((each.annotator, self._query(each), each.label) for each in self.read().annotations)

    def _query(self, answer: Annotation) -> str:
        return ["corona", "virus", "lime"][self.ids.index(answer.item_id)]


@pytest.fixture
def cycle(tmp_path: Path, briefing: Briefing, ask: Ask) -> Cycle:
    return Cycle(tmp_path / "annotation", briefing, ask("corona", "virus", "lime"))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


# What people find


def test_people_find_items_a_briefing_the_labels_and_a_template(cycle: Cycle) -> None:
    found = {path.name for path in cycle.folder.iterdir()}
    assert found == {"answers", "answers-template.csv", "briefing.md", "cycle.json", "items.csv", "labels.txt"}
    assert (cycle.folder / "labels.txt").read_text().splitlines() == list(cycle.briefing.labels)
    assert (cycle.folder / "answers-template.csv").read_bytes() == HEADER.replace("\n", "\r\n").encode("utf-8-sig")


def test_an_item_is_a_row_with_all_that_its_annotator_should_know(cycle: Cycle) -> None:
    first = rows_of(cycle.folder / "items.csv")[0]
    asked_by = (
        "The search team of Example Ltd, for the model query-classifier: choosing which results stand on top. "
        "Contact: Jane <jane@example.org>"
    )
    note = "The model hesitates between two labels."
    expected = (cycle.ids[0], "corona", "food_and_drink", note, "", "2", "", asked_by)
    assert first == dict(zip(COLUMNS, expected, strict=True))


def test_the_items_file_is_one_that_spreadsheets_show_as_it_is(cycle: Cycle, ask: Ask) -> None:
    cycle.connector.submit(cycle.briefing, ask("müller 'x'", 'a "quoted" query', "a,b"))
    content = (cycle.folder / "items.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\n") == content.count(b"\r\n") == 7
    assert [row["query"] for row in rows_of(cycle.folder / "items.csv")][3:] == [
        "müller 'x'",
        'a "quoted" query',
        "a,b",
    ]


def test_hazards_and_asking_again_are_told_at_the_item(cycle: Cycle, ask: Ask) -> None:
    (item,) = ask("blood", hazards=("violence", "self_harm"))
    cycle.connector.submit(cycle.briefing, [item])
    cycle.connector.ask_again(cycle.briefing, {item.item_id: 3})
    row = rows_of(cycle.folder / "items.csv")[3]
    assert (row["hazards"], row["answers_wanted"], row["asked_again"]) == ("violence; self_harm", "3", "yes")


def test_the_briefing_says_who_asks_on_what_terms_and_how_to_answer(cycle: Cycle) -> None:
    told = (cycle.folder / "briefing.md").read_text()
    briefing = cycle.briefing
    for part in (briefing.asker, briefing.model, briefing.use, briefing.contact, briefing.pay, briefing.data_handling):
        assert part in told
    for part in ("may skip", "time counts", "2 people", "answer to some items is known", "violence", "25 minutes"):
        assert part in told
    assert all(f"- `{label}`" in told for label in briefing.labels)
    experts = replace(briefing, queue=Queue.EXPERTS, pay="", hazards=(), known_answers=False)
    cycle.connector.open(experts)
    asked = (cycle.folder / "experts" / "briefing.md").read_text()
    assert "as an expert" in asked
    assert not any(part in asked for part in ("violence", "is known", "$18.50"))


def test_experts_answer_into_the_same_folder(cycle: Cycle, ask: Ask) -> None:
    cycle.connector.submit(replace(cycle.briefing, queue=Queue.EXPERTS), ask("only for experts"))
    (row,) = rows_of(cycle.folder / "experts" / "items.csv")
    cycle.drop(f"item_id,annotator,label\n{row['item_id']}, EVE ,health\n")
    (answer,) = cycle.read().annotations
    assert (answer.annotator, answer.expert) == ("eve", True)


def test_a_closed_cycle_says_so_where_people_look(cycle: Cycle) -> None:
    cycle.connector.close(cycle.briefing.cycle_id)
    assert "nobody is asked any more" in (cycle.folder / files.CLOSED).read_text()


# Spreadsheets

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@sum(a1)",
    " =x",
    "\t=x",
    "\uff1dx",
    "a;=cmd()",
    'a;"=cmd()',
    "a,@x",
    "a|-x",
    "x\r\n=y",
)


def cells_in_any_language(content: bytes) -> list[str]:
    """Every cell as spreadsheets cut the lines, whatever separator their language has."""
    text = content.decode("utf-8-sig")
    lines = [io.StringIO(text, newline="") for _ in ",;\t|"]
    return [
        cell
        for file, separator in zip(lines, ",;\t|", strict=True)
        for row in csv.reader(file, delimiter=separator)
        for cell in row
    ]


def is_formula(cell: str) -> bool:
    return cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


@pytest.mark.parametrize("query", FORMULAS)
def test_a_query_that_is_a_formula_is_harmless_and_is_answered_by_its_id(cycle: Cycle, ask: Ask, query: str) -> None:
    (item,) = ask(query)
    cycle.connector.submit(cycle.briefing, [item])
    content = (cycle.folder / "items.csv").read_bytes()
    assert not [cell for cell in cells_in_any_language(content) if is_formula(cell)]
    (row,) = [row for row in rows_of(cycle.folder / "items.csv") if row["item_id"] == item.item_id]
    cycle.drop(f"{HEADER}{row['item_id']},ada,health,,,,,\n")
    assert [each.item_id for each in cycle.read().annotations] == [item.item_id]


@given(text=st.text(st.sampled_from("=+-@;,|\t\"' \r\na1"), max_size=12), column=st.sampled_from(["query", "note"]))
def test_no_text_becomes_a_formula_in_any_language(text: str, column: str) -> None:
    cell = shielded(column, text)
    file = io.StringIO(newline="")
    csv.writer(file).writerow(["id", cell, "end"])
    assert not [each for each in cells_in_any_language(file.getvalue().encode()) if is_formula(each)]
    assert shielded(column, cell) == cell


@pytest.mark.parametrize("item_id", ["1234567890123456", "000000000012e345", "0000000000000001"])
def test_an_id_that_looks_like_a_number_survives_a_spreadsheet(cycle: Cycle, ask: Ask, item_id: str) -> None:
    (item,) = ask("corona")
    cycle.connector.submit(cycle.briefing, [replace(item, item_id=item_id)])
    assert f"'{item_id}" in (cycle.folder / "items.csv").read_text()
    assert cycle.connector.items(cycle.briefing.cycle_id)[3] == item_id
    cycle.drop(f"item_id,annotator,label\n'{item_id},ada,health\n{item_id},bruno,news\n")
    assert {(each.item_id, each.annotator) for each in cycle.read().annotations} == {
        (item_id, "ada"),
        (item_id, "bruno"),
    }


def test_an_items_file_that_a_spreadsheet_saved_again_is_still_one(cycle: Cycle, ask: Ask) -> None:
    requests = ask("corona", "virus", "lime", "grün")
    cycle.connector.submit(cycle.briefing, requests)
    path = cycle.folder / "items.csv"
    table = [row | {"for": "me"} for row in reversed(rows_of(path))]
    spoilt = io.StringIO(newline="")
    writer = csv.DictWriter(spoilt, table[0].keys(), delimiter=";")
    writer.writeheader()
    writer.writerows(table)
    path.write_bytes(spoilt.getvalue().encode("cp1252"))
    assert cycle.connector.items(cycle.briefing.cycle_id) == [each.item_id for each in reversed(requests)]
    assert cycle.connector.submit(cycle.briefing, requests) == 0
    assert cycle.connector.ask_again(cycle.briefing, {requests[0].item_id: 3}) == 1
    assert cycle.connector.submit(cycle.briefing, [*requests, *ask("new")]) == 1
    now = rows_of(path)
    assert [row["query"] for row in now] == ["grün", "lime", "virus", "corona", "new"]
    assert [row["for"] for row in now] == ["me"] * 4 + [""]
    assert [row["answers_wanted"] for row in now] == ["2", "2", "2", "3", "2"]


def test_rows_that_somebody_doubled_in_the_items_file_are_removed(cycle: Cycle, ask: Ask) -> None:
    path = cycle.folder / "items.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[1]]))
    assert len(cycle.connector.items(cycle.briefing.cycle_id)) == 4
    assert cycle.connector.submit(cycle.briefing, ask("corona", "virus", "lime")) == 0
    assert cycle.connector.items(cycle.briefing.cycle_id) == cycle.ids


# The ways in which answers are saved


def dialects() -> dict[str, Callable[[list[list[str]]], bytes]]:
    def written(separator: str, encoding: str = "utf-8", end: str = "\n", **more: Any) -> Callable[..., bytes]:
        def save(table: list[list[str]]) -> bytes:
            file = io.StringIO(newline="")
            csv.writer(file, delimiter=separator, lineterminator=end, **more).writerows(table)
            return file.getvalue().encode(encoding)

        return save

    return {
        "comma": written(","),
        "semicolon": written(";"),
        "tab": written("\t"),
        "byte order mark": written(",", "utf-8-sig"),
        "Excel's CSV UTF-8": written(";", "utf-8-sig", "\r\n"),
        "Excel's Unicode text": written("\t", "utf-16", "\r\n"),
        "old Macintosh": written(",", end="\r"),
        "everything quoted": written(",", quoting=csv.QUOTE_ALL),
        "Excel's sep line": lambda table: b"sep=;\r\n" + written(";", end="\r\n")(table),
        "empty lines and columns": lambda table: b"\n\n" + written(",")([[*row, "", ""] for row in table]) + b",,,\n\n",
        "two files in one": lambda table: written(",", "utf-8-sig")(table) + written(",", "utf-8-sig")(table),
        "JSON Lines": lambda table: "".join(
            json.dumps(dict(zip(table[0], row, strict=True))) + "\n" for row in table[1:]
        ).encode(),
    }


@pytest.mark.parametrize("dialect", dialects())
def test_the_same_answers_are_read_however_they_were_saved(cycle: Cycle, dialect: str) -> None:
    table = [
        ["Item ID", "annotator", "comment", "Label", "Skip", "seconds", "submitted-at"],
        [cycle.ids[0], "Ada", 'a, b; "c"\nd', "health", "", "7.5", "2020-01-21T10:15:00Z"],
        [cycle.ids[1], "Ada", "", "", "yes", "", "2020-01-21T12:15:00+02:00"],
        [cycle.ids[2], "Zoë", "", "food_and_drink", "no", "3", "2020-01-21 10:15"],
    ]
    cycle.drop(dialects()[dialect](table), "all.jsonl" if dialect == "JSON Lines" else "all.csv")
    found = cycle.read()
    assert found.problems == ()
    assert sorted((a.annotator, a.label or "", a.lead_time_s, a.submitted_at) for a in found.annotations) == [
        ("ada", "", None, datetime(2020, 1, 21, 10, 15, tzinfo=UTC)),
        ("ada", "health", 7.5, datetime(2020, 1, 21, 10, 15, tzinfo=UTC)),
        ("zoë", "food_and_drink", 3.0, datetime(2020, 1, 21, 10, 15, tzinfo=UTC)),
    ]


def test_a_copy_of_the_items_file_with_answers_is_an_answer_file(cycle: Cycle) -> None:
    table = [row | {"annotator": "ada", "label": "health"} for row in rows_of(cycle.folder / "items.csv")]
    table[2]["label"] = ""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, table[0].keys())
    writer.writeheader()
    writer.writerows(table)
    cycle.drop(file.getvalue())
    found = cycle.read()
    assert (len(found.annotations), found.problems, found.drafts) == (2, (), 0)


def test_latin_1_is_a_problem_that_names_the_line_and_spoils_no_other(cycle: Cycle) -> None:
    rows = f"{cycle.ids[0]};ada;health;grün\n{cycle.ids[1]};Zoë;news;\n{cycle.ids[2]};ada;news;\n"
    cycle.drop(("item_id;annotator;label;comment\n" + rows).encode("latin-1"))
    (problem,) = cycle.read().problems
    assert "answers/ada.csv, line 3" in problem.message
    assert "UTF-8" in problem.hint
    assert cycle.said() == [("ada", "corona", "health"), ("ada", "lime", "news")]


@pytest.mark.parametrize(
    ("row", "says", "hint"),
    [
        (
            "{corona},ada,Health,,,,,",
            "'Health' is none of food_and_drink, health, news, travel (did you mean 'health'",
            "",
        ),
        ("{corona},ada,food and drink,,,,,", "did you mean 'food_and_drink'", "effort, not as an answer"),
        ("{corona},ada,beer,,,,,", "its label 'beer' is none of", ""),
        ("{corona},ada,health,perhaps,,,,", "its skip is 'perhaps', neither yes nor no", "Write yes"),
    ],
)
def test_an_answer_without_a_usable_label_counts_as_effort(cycle: Cycle, row: str, says: str, hint: str) -> None:
    cycle.drop(f"{HEADER}{row.format(corona=cycle.ids[0])}\n{cycle.ids[1]},ada,news,,,,,\n")
    (problem,) = cycle.read().problems
    assert problem.message.startswith("answers/ada.csv, line 2: ")
    assert says in problem.message
    assert hint in problem.hint
    assert cycle.said() == [("ada", "corona", None), ("ada", "virus", "news")]


@pytest.mark.parametrize(
    ("row", "says", "hint"),
    [
        ("{corona},,health,,,,,", "does not say who answered", "column annotator"),
        (",ada,health,,,,,", "does not say which item", "item_id"),
        ("{corona}x,ada,health,,,,,", "is none of this cycle", "did you mean '{corona}'"),
        ("1.23457E+15,ada,health,,,,,", "is none of this cycle", "Copy the item_id"),
        ("{corona},ada,health,,,,,,more", "9 cells where the first line has 8", "quotation marks"),
        ('{corona},ada,"health,,,,,', "quotation mark", "Double each"),
    ],
)
def test_a_row_that_says_too_little_waits_until_it_is_mended(cycle: Cycle, row: str, says: str, hint: str) -> None:
    cycle.drop(f"{HEADER}{row.format(corona=cycle.ids[0])}\n{cycle.ids[1]},ada,news,,,,,\n")
    (problem,) = cycle.read().problems
    assert problem.message.startswith("answers/ada.csv, line 2: ")
    assert says in problem.message
    assert hint.format(corona=cycle.ids[0]) in problem.hint
    assert cycle.said() == [("ada", "virus", "news")]


@pytest.mark.parametrize(
    ("seconds", "read", "faults"),
    [
        ("7.5", 7.5, 0),
        ('"7,5"', 7.5, 0),
        ("0", 0.0, 0),
        ("86400", 86400.0, 0),
        ("", None, 0),
        ("-3", None, 1),
        ("86401", None, 1),
        ("nan", None, 1),
        ("inf", None, 1),
        ("1e400", None, 1),
        ("0:12", None, 1),
        ("+", None, 1),
    ],
)
def test_seconds_that_cannot_be_are_unknown_and_not_zero(
    cycle: Cycle, seconds: str, read: float | None, faults: int
) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,health,,{seconds},,,\n")
    found = cycle.read()
    assert [each.lead_time_s for each in found.annotations] == [read]
    assert len(found.problems) == faults


@pytest.mark.parametrize(
    ("submitted", "read", "faults"),
    [
        ("", SAVED, 0),
        ("2020-01-21T10:15:00+01:00", datetime(2020, 1, 21, 9, 15, tzinfo=UTC), 0),
        ("2020-01-21T10:15:00", datetime(2020, 1, 21, 10, 15, tzinfo=UTC), 0),
        ("2020-01-22T11:00:00", datetime(2020, 1, 22, 11, 0, tzinfo=UTC), 0),
        ("2020-01-22T12:00:01Z", SAVED, 1),
        ("2120-01-21T10:15:00Z", SAVED, 1),
        ("21.01.2020 10:15", SAVED, 1),
        ("0001-01-01T00:00:00+14:00", SAVED, 1),
        ("1900-01-00", SAVED, 1),
    ],
)
def test_a_moment_that_cannot_be_is_replaced_by_that_of_the_file(
    cycle: Cycle, submitted: str, read: datetime, faults: int
) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,health,,,,{submitted},\n")
    found = cycle.read()
    assert [each.submitted_at for each in found.annotations] == [read]
    assert len(found.problems) == faults


def test_an_answer_that_began_after_its_end_has_no_known_beginning(cycle: Cycle) -> None:
    rows = f"{cycle.ids[0]},ada,news,,,2020-01-21T10:16:00Z,2020-01-21T10:15:00Z,\n"
    rows += f"{cycle.ids[1]},ada,news,,,2020-01-21T10:14:00Z,2020-01-21T10:15:00Z,\n"
    cycle.drop(HEADER + rows)
    found = cycle.read()
    assert [each.started_at for each in sorted(found.annotations, key=lambda each: cycle.ids.index(each.item_id))] == [
        None,
        datetime(2020, 1, 21, 10, 14, tzinfo=UTC),
    ]
    assert len(found.problems) == 1


def test_simulated_effort_is_told_apart_and_in_doubt_is_nobodys(cycle: Cycle) -> None:
    rows = [f"{cycle.ids[0]},p{n},news,,,,,{said}\n" for n, said in enumerate(["", "no", "yes", "true", "perhaps"])]
    cycle.drop(HEADER + "".join(rows) + f"{cycle.ids[0]},ada@simulated.invalid,news,,,,,\n")
    found = cycle.read()
    by_name = {each.annotator: each.simulated for each in found.annotations}
    assert by_name == {
        "p0": False,
        "p1": False,
        "p2": True,
        "p3": True,
        "p4": True,
        "ada@simulated.invalid": True,
    }
    assert len(found.problems) == 1


def test_an_answer_that_was_begun_and_not_given_is_a_draft(cycle: Cycle) -> None:
    begun = f"{cycle.ids[0]},ada,,,4,,,\n{cycle.ids[1]},ada,,,,2020-01-21T10:14:00Z,,\n{cycle.ids[2]},ada,,,,,,\n"
    cycle.drop(HEADER + begun)
    found = cycle.read()
    assert (found.annotations, found.drafts, found.problems) == ((), 2, ())
    cycle.drop(HEADER + begun + f"{cycle.ids[0]},ada,news,,,,,\n")
    assert (len(cycle.read().annotations), cycle.read().drafts) == (1, 1)


# Files that are not what they should be


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"item_id,annotator\n", "no column label"),
        ("a.csv", b"corona,ada,health\n", "no column item_id and no annotator and no label"),
        ("a.csv", b"item_id,annotator,label,Label\n", "label twice"),
        ("a.csv", b"item_id,annotator,label", "no line break"),
        ("a.csv", b"x" * 70_000 + b"\n", "longer than 65,536"),
        ("a.jsonl", b"[1]\n", "no JSON object"),
        ("a.jsonl", b"[" * 60_000 + b"\n", "no JSON object"),
        ("a.jsonl", b'{"item_id": "x", "annot', "no whole JSON object"),
        ("a.xlsx", b"PK", "neither .csv nor .jsonl"),
    ],
)
def test_a_file_that_is_none_of_ours_is_a_problem_and_the_others_are_read(
    cycle: Cycle, name: str, content: bytes, says: str
) -> None:
    cycle.drop(content, name)
    cycle.drop(f"{HEADER}{cycle.ids[0]},bruno,health,,,,,\n", "bruno.csv")
    (problem,) = cycle.read().problems
    assert f"answers/{name}" in problem.message
    assert says in problem.message
    assert cycle.said() == [("bruno", "corona", "health")]


@pytest.mark.parametrize(
    "name", [".~lock.ada.csv#", "~$ada.xlsx", "ada.csv~", "ada.csv.part", "Thumbs.db", ".DS_Store"]
)
def test_what_programs_leave_lying_about_is_no_problem(cycle: Cycle, name: str) -> None:
    cycle.drop("x", name)
    assert cycle.read().problems == ()


def test_a_line_that_is_being_written_is_read_when_it_is_whole(cycle: Cycle) -> None:
    rows = f"{cycle.ids[0]},ada,news,,,,,\n{cycle.ids[1]},ada,health,,,,,"
    cycle.drop(HEADER + rows[:-12])
    first = cycle.read()
    assert [each.item_id for each in first.annotations] == [cycle.ids[0]]
    assert "line 3: the last line has no line break" in first.problems[0].message
    cycle.drop(HEADER + rows + "\n")
    second = cycle.read(first.cursor)
    assert (len(second.annotations), second.problems) == (2, ())


def test_a_quotation_mark_that_is_never_closed_spoils_one_line(cycle: Cycle) -> None:
    rows = [f'{cycle.ids[0]},ada,"health,,,,,\n'] + [f"{cycle.ids[1]},p{n},news,,,,,\n" for n in range(100)]
    cycle.drop(HEADER + "".join(rows))
    found = cycle.read()
    assert (len(found.annotations), len(found.problems)) == (100, 1)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), header=st.booleans(), suffix=st.sampled_from(["csv", "jsonl"]))
def test_no_file_stops_the_others_from_being_read(cycle: Cycle, content: bytes, header: bool, suffix: str) -> None:  # noqa: FBT001 - drawn
    path = cycle.drop(HEADER.encode() * header + content, f"any.{suffix}")
    cycle.drop(f"{HEADER}{cycle.ids[0]},bruno,health,,,,,\n", "bruno.csv")
    first = cycle.read()
    assert ("bruno", "health") in {(each.annotator, each.label) for each in first.annotations}
    assert cycle.read(first.cursor).annotations == ()
    assert all((problem.subject + problem.message + problem.hint).encode() for problem in first.problems)
    path.unlink()


def test_problems_of_one_kind_are_told_a_few_times_and_then_counted(cycle: Cycle) -> None:
    rows = "".join(f"{cycle.ids[0]},p{n},beer,,-1,,,\n" for n in range(1_000))
    cycle.drop(HEADER + rows)
    found = cycle.read()
    assert len(found.annotations) == 1_000
    assert len(found.problems) == 2 * 6
    assert sum("995 more lines have the same fault, the last is line 1001" in p.message for p in found.problems) == 2


def test_memory_does_not_grow_with_the_file(cycle: Cycle) -> None:
    row = f"{cycle.ids[0]},ada,news,{'x' * 3_000}\n"
    cycle.drop(f"item_id,annotator,label,comment\n{row * 4_000}")
    tracemalloc.start()
    try:
        assert len(cycle.read().annotations) == 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000 < 4_000 * len(row)


# Changes


def test_a_later_row_changes_the_answer_and_keeps_the_time_that_it_leaves_out(cycle: Cycle) -> None:
    rows = f"{cycle.ids[0]},ada,news,,9,,2020-01-21T10:15:00Z,\n{cycle.ids[0]},ADA,health,,,,2020-01-21T11:00:00Z,\n"
    cycle.drop(HEADER + rows)
    (answer,) = cycle.read().annotations
    assert (answer.label, answer.lead_time_s) == ("health", 9.0)
    assert answer.submitted_at == datetime(2020, 1, 21, 10, 15, tzinfo=UTC)
    assert answer.changed_at == datetime(2020, 1, 21, 11, 0, tzinfo=UTC)


def test_the_moment_decides_which_row_is_the_later_one(cycle: Cycle) -> None:
    newest_first = (
        f"{cycle.ids[0]},ada,health,,,,2020-01-21T11:00:00Z,\n{cycle.ids[0]},ada,news,,,,2020-01-21T10:15:00Z,\n"
    )
    cycle.drop(HEADER + newest_first)
    assert cycle.said() == [("ada", "corona", "health")]


def test_without_moments_the_last_row_counts_also_when_it_takes_a_change_back(cycle: Cycle) -> None:
    cycle.drop(HEADER + "".join(f"{cycle.ids[0]},ada,{label},,,,,\n" for label in ("news", "health", "news")))
    (answer,) = cycle.read().annotations
    assert (answer.label, answer.submitted_at, answer.changed_at) == ("news", SAVED, SAVED)


def test_the_same_file_under_another_name_changes_nothing(cycle: Cycle) -> None:
    content = HEADER + "".join(f"{cycle.ids[0]},ada,{label},,3,,,\n" for label in ("news", "health"))
    cycle.drop(content)
    before = cycle.read()
    cycle.drop(content, "another.csv", saved=datetime(2020, 2, 1, tzinfo=UTC))
    cycle.drop(content.replace("news", "news").encode("utf-8-sig"), "third.csv", saved=datetime(2020, 2, 2, tzinfo=UTC))
    now = {each.source_id: (each.label, each.submitted_at) for each in cycle.read().annotations}
    assert now == {each.source_id: (each.label, each.submitted_at) for each in before.annotations}
    (cycle.folder / "answers" / "third.csv").unlink()
    assert cycle.read().annotations == before.annotations


def test_an_answer_that_moves_to_another_file_stays_the_same_answer(cycle: Cycle) -> None:
    row = f"{cycle.ids[0]},ada,news,,3,,2020-01-21T10:15:00Z,\n"
    old = cycle.drop(HEADER + row)
    before = cycle.read().annotations
    old.unlink()
    cycle.drop(json.dumps(dict(zip(HEADER.strip().split(","), row.strip().split(","), strict=True))), "vendor.jsonl")
    assert cycle.read().annotations == before


def test_nothing_is_read_again_when_nothing_changed(cycle: Cycle) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,beer,,,,,\n")
    first = cycle.read()
    second = cycle.read(first.cursor)
    assert (second.annotations, second.read, second.problems) == ((), frozenset(), ())
    assert second.cursor == first.cursor


def test_a_new_file_is_read_and_with_it_all_answers_to_its_items(cycle: Cycle) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news,,,,,\n{cycle.ids[1]},ada,news,,,,,\n")
    cursor = cycle.read().cursor
    cycle.drop(f"{HEADER}{cycle.ids[0]},bruno,health,,,,,\n", "bruno.csv")
    found = cycle.read(cursor)
    assert found.read == {cycle.ids[0]}
    assert sorted(each.annotator for each in found.annotations) == ["ada", "bruno"]


def test_a_row_that_was_deleted_takes_its_answer_with_it(cycle: Cycle) -> None:
    rows = [f"{item_id},ada,news,,,,,\n" for item_id in cycle.ids]
    cycle.drop(HEADER + "".join(rows))
    cursor = cycle.read().cursor
    cycle.drop(HEADER + rows[0] + rows[2])
    found = cycle.read(cursor)
    assert found.read == set(cycle.ids)
    assert {each.item_id for each in found.annotations} == {cycle.ids[0], cycle.ids[2]}


def test_an_edit_that_leaves_size_and_date_as_they_were_is_seen(cycle: Cycle) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news__,,,,,\n".replace("news__", "health"))
    cursor = cycle.read().cursor
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,travel,,,,,\n")
    assert [each.label for each in cycle.read(cursor).annotations] == ["travel"]


def test_a_file_that_is_gone_is_a_problem(cycle: Cycle) -> None:
    path = cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news,,,,,\n")
    cursor = cycle.read().cursor
    path.unlink()
    found = cycle.read(cursor)
    assert (found.annotations, found.read) == ((), frozenset(cycle.ids))
    assert "answers/ada.csv is gone" in found.problems[0].message
    assert cycle.read(found.cursor).problems == ()


def test_a_folder_that_is_gone_takes_no_answer_with_it(cycle: Cycle) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news,,,,,\n")
    cursor = cycle.read().cursor
    (cycle.folder / "answers").rename(cycle.folder / "elsewhere")
    found = cycle.read(cursor)
    assert (found.annotations, found.read, found.cursor) == ((), frozenset(), None)
    assert "is gone" in found.problems[0].message


# Writing


def killed_after(steps: int, doing: Callable[[], object]) -> bool:
    """Whether a process that dies at so many steps of writing gets that far: no `finally` runs, as with kill -9."""
    child = os.fork()
    if child == 0:
        left = [steps]

        def step(_path: Path) -> None:
            if not left[0]:
                os._exit(9)
            left[0] -= 1

        _files_disk._sync = step  # noqa: SLF001 - called before and after each file takes its place
        doing()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_being_killed_at_any_step_of_writing_is_harmless(tmp_path: Path, briefing: Briefing, ask: Ask) -> None:
    first, both = ask("corona", "virus"), ask("corona", "virus", "lime")
    for steps in range(60):
        folder = tmp_path / str(steps)
        connector = files.build(folder)

        def everything(connector: files.Files = connector, shelf: Path = folder / "shelf") -> None:
            connector.submit(briefing, first)
            connector.submit(briefing, both)
            connector.ask_again(briefing, {both[0].item_id: 3})
            connector.close(briefing.cycle_id)
            connector.archive(briefing.cycle_id, shelf)

        died = killed_after(steps, everything)
        items = folder / briefing.cycle_id / "items.csv"
        assert not items.exists() or items.read_bytes().endswith(b"\r\n")
        for packed in (folder / "shelf").glob("*.tar.gz"):
            with tarfile.open(packed) as tar:
                assert f"{items.parent.name}/items.csv" in tar.getnames()
        everything()
        assert connector.items(briefing.cycle_id) == [each.item_id for each in both]
        assert rows_of(items)[0]["answers_wanted"] == "3"
        assert connector.submit(briefing, both) == 0
        if not died:
            assert steps > 20
            break
    else:
        pytest.fail("60 steps were not enough")


def test_several_who_submit_at_once_put_each_item_there_once(tmp_path: Path, briefing: Briefing, ask: Ask) -> None:
    requests = ask(*(f"query {n}" for n in range(50)))
    connectors = [files.build(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda connector: connector.submit(briefing, requests), connectors))
    assert sum(new) == 50
    assert connectors[0].items(briefing.cycle_id) == [each.item_id for each in requests]


def test_nothing_is_written_again_that_is_there(cycle: Cycle, ask: Ask) -> None:
    before = {path: path.stat().st_ino for path in cycle.folder.rglob("*") if path.is_file()}
    cycle.connector.submit(cycle.briefing, ask("corona", "virus", "lime"))
    cycle.connector.open(cycle.briefing)
    assert {path: path.stat().st_ino for path in before} == before


def test_items_as_json_lines_are_unchanged_and_the_format_stays_that_of_the_cycle(
    tmp_path: Path, briefing: Briefing, ask: Ask
) -> None:
    first = ask("=1+1", hazards=("violence",))
    files.build(tmp_path, format="jsonl").submit(briefing, first)
    assert files.build(tmp_path).submit(briefing, [*first, *ask("march 3")]) == 1
    lines = (tmp_path / briefing.cycle_id / "items.jsonl").read_text().splitlines()
    items = [json.loads(line) for line in lines]
    assert [(item["query"], item["hazards"], item["answers_wanted"]) for item in items] == [
        ("=1+1", ["violence"], 2),
        ("march 3", [], 2),
    ]
    assert not (tmp_path / briefing.cycle_id / "items.csv").exists()


@pytest.mark.parametrize(
    "cycle_id", ["../out", "/abs", "", ".", "..", "a//b", ".hidden", "a/answers", "a/experts", "ü %"]
)
def test_a_cycle_lies_within_the_folder_whatever_it_is_called(
    tmp_path: Path, briefing: Briefing, ask: Ask, cycle_id: str
) -> None:
    root = tmp_path / "annotation"
    connector = files.build(root)
    for each in ("a", cycle_id):
        requests = [replace(request, cycle_id=each) for request in ask(f"query of {each}")]
        assert connector.submit(replace(briefing, cycle_id=each), requests) == 1
        assert connector.items(each) == [requests[0].item_id]
        (root / "a" / "answers" / "ada.csv").write_text(HEADER)
    assert [path.name for path in tmp_path.iterdir()] == ["annotation"]
    assert connector.collect("a").problems == ()
    assert len(connector.items("a")) == 1


def test_a_folder_that_belongs_to_another_cycle_is_refused(cycle: Cycle) -> None:
    path = cycle.folder / "cycle.json"
    path.write_text(path.read_text().replace("queries/", "Queries/"))
    with pytest.raises(ConnectorRefused, match="belongs to the cycle Queries/"):
        cycle.read()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cycle_id": 1}'])
def test_a_cycle_whose_own_file_is_spoilt_is_mended_by_the_next_submission(
    cycle: Cycle, ask: Ask, content: str
) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news,,,,,\n")
    before = cycle.read()
    (cycle.folder / "cycle.json").write_text(content)
    spoilt = cycle.read(before.cursor)
    assert (spoilt.annotations, spoilt.read, len(spoilt.problems)) == ((), frozenset(), 1)
    assert cycle.connector.submit(cycle.briefing, ask("corona", "virus", "lime")) == 0
    assert cycle.read() == before


def test_a_disk_that_cannot_be_written_is_refused_in_our_words(tmp_path: Path, briefing: Briefing, ask: Ask) -> None:
    (tmp_path / "file").write_text("no folder")
    connector = files.build(tmp_path / "file")
    for call in (lambda: connector.submit(briefing, ask("corona")), lambda: connector.open(briefing)):
        with pytest.raises(ConnectorRefused, match="cannot be used") as caught:
            call()
        assert "another folder" in caught.value.hint


def test_a_format_that_we_do_not_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="xlsx") as caught:
        files.build(tmp_path, format="xlsx")
    assert "csv or jsonl" in caught.value.hint


# Who answered


def test_source_ids_do_not_tell_who_answered(cycle: Cycle, tmp_path: Path, ask: Ask) -> None:
    row = f"{HEADER}{cycle.ids[0]},ada@example.org,news,,,,,\n"
    cycle.drop(row)
    (answer,) = cycle.read().annotations
    assert "ada" not in answer.source_id
    other = Cycle(tmp_path / "other", cycle.briefing, ask("corona"))
    other.drop(row)
    assert other.read().annotations[0].source_id != answer.source_id
    key = tmp_path / "annotation" / "source-ids.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [None, "", "00" * 32])
def test_without_its_key_nothing_is_read_and_nothing_is_written(
    cycle: Cycle, ask: Ask, tmp_path: Path, content: str | None
) -> None:
    key = tmp_path / "annotation" / "source-ids.key"
    kept = key.read_text()
    key.unlink() if content is None else key.write_text(content)
    for call in (cycle.read, lambda: cycle.connector.submit(cycle.briefing, ask("new"))):
        with pytest.raises(ConnectorRefused, match=r"source-ids\.key") as caught:
            call()
        assert "backup" in caught.value.hint
    key.write_text(kept)
    assert cycle.connector.submit(cycle.briefing, ask("new")) == 1


def test_an_archive_holds_everything_and_not_whose_files_they_were(cycle: Cycle, tmp_path: Path) -> None:
    cycle.drop(f"{HEADER}{cycle.ids[0]},ada,news,,,,,\n")
    cycle.drop("x", ".~lock.ada.csv#")
    cycle.connector.close(cycle.briefing.cycle_id)
    (packed,) = cycle.connector.archive(cycle.briefing.cycle_id, tmp_path / "shelf")
    with tarfile.open(packed) as tar:
        members = {member.name.partition("/")[2]: member for member in tar.getmembers()}
    assert set(members) == {
        str(path.relative_to(cycle.folder)) for path in cycle.folder.rglob("*") if not path.name.startswith(".")
    }
    assert {"answers/ada.csv", "items.csv", files.CLOSED} <= set(members)
    assert {(member.uid, member.uname) for member in members.values()} == {(0, "")}


# The page that describes it


def test_the_page_names_every_column(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "annotation_files.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert named == [*COLUMNS, *ANSWER_COLUMNS.required, *ANSWER_COLUMNS.optional]
    assert not list(tmp_path.iterdir())


def test_the_examples_of_the_page_are_read_without_a_problem(tmp_path: Path, briefing: Briefing, ask: Ask) -> None:
    page = (ROOT / "docs" / "annotation_files.md").read_text(encoding="utf-8")
    items, answers = (page.split("```csv\n")[n].split("```")[0] for n in (1, 2))
    lines = page.split("```json\n")[1].split("```")[0]
    table = list(csv.DictReader(io.StringIO(items)))
    (request,) = ask("any")
    requests = [replace(request, item_id=row["item_id"], query=row["query"]) for row in table]
    connector = files.build(tmp_path, experts=["eve"])
    connector.submit(briefing, requests)
    folder = tmp_path / briefing.cycle_id / "answers"
    (folder / "examples.csv").write_text(answers)
    (folder / "examples.jsonl").write_text(lines)
    found = connector.collect(briefing.cycle_id)
    assert found.problems == ()
    assert len(found.annotations) == len(answers.splitlines()) - 1 - 1 + len(lines.splitlines())
    assert {each.item_id for each in found.annotations} == {row["item_id"] for row in table}
