"""What every format of connectors/labour_import/ holds, shipped or yet to be written: a new file is tested by existing.

A format `name.py` has a whole export in `golden/name.*` that it reads without a problem.
"""

import codecs
import csv
import gc
import io
import itertools
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from kempelen.errors import BadData, KempelenError, Problem
from kempelen.plugins import available, build
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork

GOLDEN = Path(__file__).parent / "golden"
formats = pytest.mark.parametrize("name", available("connectors/labour_import"))

Outcome = tuple[list[DeclaredWork], list[Problem]]


def golden(name: str) -> Path:
    (file,) = GOLDEN.glob(f"{name}.*")
    return file


def importer(name: str) -> LabourImporter:
    built: LabourImporter = build("connectors/labour_import", name, {})
    return built


def read(name: str, content: bytes, folder: Path) -> Outcome:
    file = folder / golden(name).name
    file.write_bytes(content)
    return importer(name).read(file)


def cells(name: str) -> list[list[str]]:
    """The golden export as a table, its header first."""
    with golden(name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter(name)))


def written(name: str, rows: Iterable[Iterable[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter(name)).writerows(rows)
    return file.getvalue().encode()


def delimiter(name: str) -> str:
    return "\t" if golden(name).suffix == ".tsv" else ","


def total(works: list[DeclaredWork], of: Callable[[DeclaredWork], Decimal | None]) -> Decimal:
    return sum((of(work) or Decimal(0) for work in works), Decimal(0))


def high_s(work: DeclaredWork) -> Decimal | None:
    return work.effort.high_s if work.effort else None


@formats
def test_a_whole_export_is_read_without_a_problem(name: str) -> None:
    works, problems = importer(name).read(golden(name))
    assert problems == []
    assert len(works) >= 4


@formats
def test_what_is_read_is_told_apart_and_dated(name: str) -> None:
    works, _ = importer(name).read(golden(name))
    assert len({(work.source, work.source_id) for work in works}) == len(works)
    assert all(work.submitted_at.tzinfo is not None for work in works)
    assert all(work.annotator and work.item and work.source for work in works)


@formats
def test_seconds_are_whole_milliseconds_and_their_policy_is_versioned(name: str) -> None:
    works, _ = importer(name).read(golden(name))
    efforts = [work.effort for work in works if work.effort]
    assert efforts
    for effort in efforts:
        assert effort.low_s == effort.low_s.quantize(Decimal("0.001"))
        assert effort.high_s == effort.high_s.quantize(Decimal("0.001"))
        assert "/1" in effort.policy


@formats
def test_refused_work_keeps_its_time_and_costs_nothing_that_is_known(name: str) -> None:
    works, _ = importer(name).read(golden(name))
    refused = [work for work in works if work.accepted is False]
    assert refused
    assert any(work.effort for work in refused)
    assert all(not work.reward for work in refused)


@formats
def test_reading_twice_reads_the_same(name: str) -> None:
    assert importer(name).read(golden(name)) == importer(name).read(golden(name))


@formats
def test_wherever_an_export_is_cut_it_is_refused_or_read_as_far_as_it_goes(name: str, tmp_path: Path) -> None:
    content = golden(name).read_bytes()
    whole = importer(name).read(golden(name))[0]
    ids = [work.source_id for work in whole]
    refused = 0
    for end in range(0, len(content), 13):
        try:
            works, problems = read(name, content[:end], tmp_path)
        except BadData:
            refused += 1
            continue
        assert problems == []
        assert [work.source_id for work in works] == ids[: len(works)]
        assert total(works, high_s) <= total(whole, high_s)
        assert [(work.annotator, work.item, work.label) for work in works] == [
            (work.annotator, work.item, work.label) for work in whole[: len(works)]
        ]
    assert refused > 0


@formats
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_marks_and_encodings_of_spreadsheets_change_nothing(name: str, encoding: str, tmp_path: Path) -> None:
    text = golden(name).read_text(encoding="utf-8")
    assert read(name, text.encode(encoding), tmp_path) == importer(name).read(golden(name))


@formats
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_breaks_of_any_system_change_nothing(name: str, end: str, tmp_path: Path) -> None:
    whole = importer(name).read(golden(name))
    lines = golden(name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", end.encode())
    works, problems = read(name, lines, tmp_path)
    assert problems == []
    assert [work.source_id for work in works] == [work.source_id for work in whole[0]]
    assert total(works, high_s) == total(whole[0], high_s)


@formats
def test_utf_16_that_was_cut_within_a_letter_is_refused(name: str, tmp_path: Path) -> None:
    content = golden(name).read_text(encoding="utf-8").encode("utf-16")
    with pytest.raises(BadData, match="cut short"):
        read(name, content[:-1], tmp_path)


@formats
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\r\n\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (codecs.BOM_UTF16_LE, "is empty"),
        (b"colour,size\nred,3\n", "has no column"),
        ("colour,size\nred,3\n".encode("utf-16-le"), "is no text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "spreadsheet"),
        (b"\x1f\x8b\x08\x00rest", "compressed"),
        (b'"colour', "cut short"),
        (b"x" * ((1 << 23) + 1), "characters"),
    ],
    ids=[
        "nothing",
        "line breaks",
        "utf-8 mark",
        "utf-16 mark",
        "other",
        "unmarked",
        "zip",
        "gzip",
        "quote",
        "one line",
    ],
)
def test_what_is_none_of_the_format_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=said) as refused:
        read(name, content, tmp_path)
    assert refused.value.hint


@formats
def test_a_file_that_is_not_there_and_a_folder_are_refused(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadData, match="cannot be read"):
            importer(name).read(path)


@formats
def test_a_header_alone_is_no_work_unless_it_is_cut(name: str, tmp_path: Path) -> None:
    header = golden(name).read_bytes().splitlines(keepends=True)[0]
    assert read(name, header, tmp_path) == ([], [])
    with pytest.raises(BadData, match="cut short"):
        read(name, header.rstrip(), tmp_path)


@formats
def test_a_column_that_is_used_may_not_stand_there_twice(name: str, tmp_path: Path) -> None:
    header, *rows = cells(name)
    whole = importer(name).read(golden(name))
    refusals = list[tuple[str, str]]()
    for place, column in enumerate(header):
        doubled = written(name, ([*one, one[place]] for one in (header, *rows)))
        try:
            outcome = read(name, doubled, tmp_path)
        except BadData as refused:
            refusals.append((str(refused), column))
        else:
            assert outcome == whole
    assert all(f"2 columns {column}" in said for said, column in refusals)
    assert len(refusals) >= 3


@formats
def test_the_whole_file_twice_counts_once_and_says_so(name: str, tmp_path: Path) -> None:
    first, rest = golden(name).read_bytes().split(b"\n", 1)
    whole = importer(name).read(golden(name))[0]
    works, problems = read(name, first + b"\n" + rest + rest, tmp_path)
    assert works == whole
    assert len(problems) == len(whole)
    assert all("it counts once" in problem.message for problem in problems)


@formats
def test_a_row_of_other_length_is_a_problem_with_its_line_and_the_rest_counts(name: str, tmp_path: Path) -> None:
    whole = importer(name).read(golden(name))[0]
    works, problems = read(name, golden(name).read_bytes() + b"alone\n", tmp_path)
    assert works == whole
    lines = len(golden(name).read_bytes().splitlines()) + 1
    assert [problem.subject for problem in problems] == [f"{golden(name).name} line {lines}"]
    assert "1 cells" in problems[0].message
    assert problems[0].hint


@formats
@pytest.mark.parametrize(
    "cell",
    ["", "=cmd|'/c calc'!A1", "NaN", "-1", "1e400", "\u0663", "x" * 100_000, "\x00", "tomorrow", "13/13/2020", "1E+09"],
    ids=["empty", "formula", "nan", "negative", "huge", "arabic", "long", "nul", "word", "no day", "rounded"],
)
def test_no_cell_however_bad_loses_another_row_or_breaks_the_import(name: str, cell: str, tmp_path: Path) -> None:
    header, first, *rest = cells(name)
    whole = importer(name).read(golden(name))[0]
    own = [work for work in whole if work.annotator == whole[0].annotator]
    for place in range(len(header)):
        spoilt = written(name, (header, [*first[:place], cell, *first[place + 1 :]], *rest))
        works, problems = read(name, spoilt, tmp_path)
        assert [work for work in works if work.annotator not in {own[0].annotator, cell}] == [
            work for work in whole if work.annotator != own[0].annotator
        ]
        # What went missing is told: a page's rows that disagree with the spoilt one, each with its line.
        assert len(works) + len(problems) >= len(whole)
        assert all(len(problem.message) < 400 for problem in problems)


@formats
def test_letters_that_are_not_utf_8_matter_only_where_they_are_read(name: str, tmp_path: Path) -> None:
    header, first, *rest = cells(name)
    whole = importer(name).read(golden(name))
    unread = 0
    for place in range(len(header)):
        text = written(name, (header, [*first[:place], "Montr@al", *first[place + 1 :]], *rest))
        outcome = read(name, text.replace(b"Montr@al", b"Montr\xe9al"), tmp_path)
        if any("not UTF-8" in problem.message for problem in outcome[1]):
            assert all(problem.message.encode() for problem in outcome[1])
        else:
            assert outcome == whole
            unread += 1
    assert unread < len(header) - 3


@formats
def test_an_open_quotation_mark_never_swallows_rows_in_silence(name: str, tmp_path: Path) -> None:
    lines = golden(name).read_bytes().splitlines(keepends=True)
    for place in range(1, len(lines)):
        broken = [*lines[:place], b'"' + lines[place], *lines[place + 1 :]]
        with pytest.raises(BadData):
            read(name, b"".join(broken), tmp_path)


@formats
def test_a_parameter_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(KempelenError, match="does not fit"):
        build("connectors/labour_import", name, {"no_such_parameter": 1})


@formats
def test_what_is_read_is_freed_of_the_rows_it_was_read_from(name: str) -> None:
    works, _ = importer(name).read(golden(name))
    gc.collect()
    held = itertools.chain.from_iterable(gc.get_referents(work) for work in works)
    assert {type(one).__name__ for one in held} <= {"str", "datetime", "Effort", "Decimal", "NoneType", "bool", "type"}
