"""What each format of an export says: figures from its golden file, worked out by hand, and its own oddities."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kempelen.errors import BadData, ConfigError, Problem
from kempelen.plugins import available, build
from kempelen.records import DeclaredWork, Effort

GOLDEN = Path(__file__).parent / "golden"
FORMATS = {file.stem: file for file in GOLDEN.iterdir()}


def read(name: str, file: Path | None = None, **params: Any) -> tuple[list[DeclaredWork], list[Problem]]:
    outcome: tuple[list[DeclaredWork], list[Problem]]
    outcome = build("connectors/labour_import", name, params).read(file or FORMATS[name])
    return outcome


def changed(name: str, old: str, new: str, folder: Path) -> Path:
    """The golden export with one text exchanged for another."""
    text = FORMATS[name].read_bytes().decode()
    assert old in text
    file = folder / FORMATS[name].name
    file.write_bytes(text.replace(old, new).encode())
    return file


def upto(seconds: str, policy: str) -> Effort:
    return Effort(low_s=Decimal(0), high_s=Decimal(seconds), policy=policy)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]  # mypy cannot count unpacked arguments


# Mechanical Turk


def test_a_batch_result_is_read_as_it_stands_there() -> None:
    works, _ = read("mechanical_turk")
    assert works[0] == DeclaredWork(
        source="mechanical-turk",
        source_id="3ASG000000000000000000000001",
        annotator="A1EXAMPLE0001",
        item="3HIT000000000000000000000001",
        label="health",
        submitted_at=at(2020, 1, 20, 18, 12, 51),
        effort=upto("38", "accept-to-submit/1"),
        accepted=True,
        reward=Decimal("0.05"),
        fee=Decimal("0.01"),
        currency="USD",
    )


def test_rejected_turk_work_is_unpaid_and_undecided_work_shows_what_it_was_promised() -> None:
    works, _ = read("mechanical_turk")
    assert [(work.accepted, work.reward, work.fee) for work in works] == [
        (True, Decimal("0.05"), Decimal("0.01")),
        (False, Decimal(0), Decimal(0)),
        (None, Decimal("0.05"), Decimal("0.01")),
        (True, Decimal("0.13"), Decimal("0.05")),  # 12 assignments: 40 % of 0.13 are 0.052
        (True, Decimal("0.05"), Decimal("0.01")),
    ]


def test_turk_moments_know_summer_time_and_a_long_absence_is_cut_to_a_day() -> None:
    works, _ = read("mechanical_turk")
    assert works[3].submitted_at == at(2020, 7, 1, 17, 13, 13)
    assert works[4].effort == upto("86400", "accept-to-submit/1 cut_to_s=86400")
    assert works[4].label is None


def test_what_was_labelled_may_be_a_column_and_a_formula_in_it_stays_text() -> None:
    works, _ = read("mechanical_turk", item="Input.query", question="intent")
    assert [work.item for work in works] == ["corona", "corona", "corona", '=corona beer, "extra"', "covid"]


@pytest.mark.parametrize(
    ("params", "fee"),
    [
        ({"fee": "unknown"}, None),
        ({"fee": "0.4"}, Decimal("0.05")),
        ({"fee": 0.25}, Decimal("0.03")),
        ({"masters": True}, Decimal("0.06")),  # 45 % of 0.13 are 0.0585
    ],
)
def test_the_fee_of_a_turk_batch_is_by_its_rule_or_as_told(params: dict[str, Any], fee: Decimal | None) -> None:
    assert read("mechanical_turk", **params)[0][3].fee == fee


def test_the_published_fee_is_not_applied_to_work_before_it(tmp_path: Path) -> None:
    file = changed("mechanical_turk", "PST 2020", "PST 2014", tmp_path)
    assert read("mechanical_turk", file)[0][0].fee is None


def test_work_submitted_before_it_was_accepted_counts_with_the_time_that_the_place_counted(tmp_path: Path) -> None:
    file = changed("mechanical_turk", "Mon Jan 20 10:12:13 PST 2020", "Mon Jan 20 10:12:13 EST 2021", tmp_path)
    works, problems = read("mechanical_turk", file)
    assert works[0].effort == upto("38", "accept-to-submit/1")
    assert "before its start; the row counts without it" in problems[0].message


def test_a_time_that_is_none_is_unknown_and_not_zero(tmp_path: Path) -> None:
    file = tmp_path / "batch.csv"
    file.write_text(
        "HITId,AssignmentId,WorkerId,SubmitTime,WorkTimeInSeconds,Reward\n"
        "H1,S1,A1,Mon Jan 20 10:12:13 PST 2020,-36,$0.05\n"
        "H1,S2,A2,Mon Jan 20 10:12:13 PST 2020,NaN,€0.05\n"
        "H1,S3,A3,Mon Jan 20 10:12:13 PST 2020,,=0.05\n"
        "H1,S4,A4,Mon Foo 20 10:12:13 PST 2020,36,$0.05\n"
        "H1,S5,A5,Mon Jan 20 10:12:13 XYZ 2020,36,$0.05\n"
    )
    works, problems = read("mechanical_turk", file)
    assert [(work.effort, work.reward) for work in works] == [(None, Decimal("0.05")), (None, None), (None, None)]
    assert [(problem.subject, problem.message.split(" reads")[0]) for problem in problems] == [
        ("batch.csv line 2", "WorkTimeInSeconds"),
        ("batch.csv line 3", "Reward"),
        ("batch.csv line 3", "WorkTimeInSeconds"),
        ("batch.csv line 4", "Reward"),
        ("batch.csv line 5", "SubmitTime"),
        ("batch.csv line 6", "SubmitTime"),
    ]
    # Without MaxAssignments the published fee cannot be told.
    assert works[0].fee is None


def test_several_answers_of_one_assignment_are_one_label(tmp_path: Path) -> None:
    file = changed("mechanical_turk", "Approve,Reject", "Answer.sure,Answer.why", tmp_path)
    file.write_text(file.read_text().replace(",health,,", ",health,yes,"))
    assert read("mechanical_turk", file)[0][0].label == '{"intent": "health", "sure": "yes"}'
    assert read("mechanical_turk", file, question="Answer.sure")[0][0].label == "yes"
    with pytest.raises(BadData, match=r"no column colour and no Answer\.colour"):
        read("mechanical_turk", file, question="colour")


@pytest.mark.parametrize("params", [{"fee": "much"}, {"fee": 1.5}, {"fee": "NaN"}, {"masters": "yes"}])
def test_an_impossible_turk_fee_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read("mechanical_turk", **params)


# Toloka


def test_a_toloka_page_is_split_over_its_items_to_the_millisecond_and_the_millionth() -> None:
    works, _ = read("toloka", fee="0.3")
    page = works[:3]
    # 19:13:23.631 to 19:14:10.001 are 46.370 s; 0.01 and its 30 % over three.
    policy = "assigned-to-submitted/1 split_over=3"
    assert [work.effort for work in page] == [upto(s, policy) for s in ("15.457", "15.457", "15.456")]
    assert [work.reward for work in page] == [Decimal("0.003334"), Decimal("0.003333"), Decimal("0.003333")]
    assert [work.fee for work in page] == [Decimal("0.001")] * 3
    assert [work.label for work in page] == ["health", "food_and_drink", "health"]
    assert page[0].source_id == "0001a2b3c4--5e2600000000000000000001/0001a2b3c4--5e2500000000000000000001"
    assert page[0].submitted_at == datetime(2020, 1, 24, 19, 14, 10, 1000, tzinfo=UTC)


def test_refused_skipped_and_expired_toloka_pages_keep_their_time() -> None:
    works, _ = read("toloka", item="INPUT:query")
    assert [(work.item, work.accepted, work.label, work.reward, work.effort) for work in works[3:]] == [
        ("corona", False, "food_and_drink", 0, upto("1", "assigned-to-submitted/1 split_over=2")),
        ("wuhan", False, "travel", 0, upto("1", "assigned-to-submitted/1 split_over=2")),
        ("corona", False, None, 0, upto("600", "assigned-to-expired/1")),
        ("wuhan", False, None, 0, upto("30.5", "assigned-to-skipped/1")),
        ("wuhan", None, "news", Decimal("0.01"), upto("12.25", "assigned-to-submitted/1")),
    ]
    assert {work.fee for work in works} == {None}


def test_a_toloka_file_with_the_default_columns_has_no_time_and_no_money(tmp_path: Path) -> None:
    file = tmp_path / "assignments_from_pool_1__01-02-2020.tsv"
    file.write_text(
        "INPUT:query\tOUTPUT:intent\tGOLDEN:intent\tHINT:text\tASSIGNMENT:link\tASSIGNMENT:assignment_id\t"
        "ASSIGNMENT:worker_id\tASSIGNMENT:status\tASSIGNMENT:started\n"
        "corona\thealth\t\t\t\tpage-1\tw1\tAPPROVED\t2020-02-04T19:13:23.631\n"
        "wuhan\ttravel\t\t\t\tpage-1\tw1\tAPPROVED\t2020-02-04T19:13:23.631\n"
        "\t\t\t\t\t\t\t\t\n"
        "wuhan\ttravel\t\t\t\tpage-2\tw2\tACTIVE\t2020-02-04T19:13:23.631\n"
    )
    works, problems = read("toloka", file)
    assert [(w.item, w.effort, w.reward, w.currency) for w in works] == [
        ("corona", None, None, None),
        ("wuhan", None, None, None),
    ]
    assert [problem.message for problem in problems] == ["the person is still at it."]
    assert len({work.source_id for work in works}) == 2
    assert [work.reward for work in read("toloka", file, reward_per_page="0.05")[0]] == [Decimal("0.025")] * 2


def test_rows_of_a_toloka_page_that_disagree_do_not_count(tmp_path: Path) -> None:
    text = FORMATS["toloka"].read_text(encoding="utf-8")
    file = tmp_path / "toloka.tsv"
    file.write_text(text.replace("APPROVED", "REJECTED", 2).replace("REJECTED", "APPROVED", 1), encoding="utf-8")
    works, problems = read("toloka", file)
    assert "differs here from its first row in status" in problems[0].message
    assert [work.effort.high_s for work in works[:2] if work.effort] == [Decimal("23.185")] * 2  # all 46.370 s of it


def test_a_toloka_file_that_cannot_name_or_date_its_work_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pool.tsv"
    file.write_text("ASSIGNMENT:assignment_id\tASSIGNMENT:worker_id\tINPUT:query\n")
    with pytest.raises(BadData, match="no work in it has a date"):
        read("toloka", file)
    file.write_text("ASSIGNMENT:assignment_id\tASSIGNMENT:worker_id\tASSIGNMENT:started\n")
    with pytest.raises(BadData, match="its items have no names"):
        read("toloka", file)


# Prolific


def test_prolific_submissions_cost_what_the_study_pays() -> None:
    works, _ = read(
        "prolific", study="corona study", reward="3.00", currency="GBP", fee=0.428, screened_out_reward="0.10"
    )
    assert [(work.accepted, work.reward, work.fee, work.label) for work in works] == [
        (True, Decimal(3), Decimal("1.284"), ""),
        (False, Decimal(0), Decimal(0), ""),
        (False, Decimal(0), Decimal(0), None),
        (False, Decimal(0), Decimal(0), None),
        (None, Decimal(3), Decimal("1.284"), ""),
        (True, Decimal("0.1"), Decimal("0.0428"), None),
    ]
    assert {work.item for work in works} == {"corona study"}
    assert {work.currency for work in works} == {"GBP"}


def test_prolific_counts_whole_seconds_and_the_longer_figure_is_the_bound() -> None:
    works, _ = read("prolific")
    policy = "start-to-completion/1"
    assert [work.effort for work in works] == [
        upto("1150", policy),  # the moments lie 1149.361 s apart
        upto("120", policy),
        None,
        None,
        upto("601", policy),
        upto("30", policy),
    ]
    assert {(work.reward, work.fee, work.currency) for work in works} == {(None, None, None)}
    assert works[2].submitted_at == at(2020, 1, 24, 12, 28)


def test_a_study_is_named_by_its_file_unless_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "prolific_export_671b8ae84509b9a624b95e13.csv"
    file.write_bytes(FORMATS["prolific"].read_bytes())
    assert {work.item for work in read("prolific", file)[0]} == {"671b8ae84509b9a624b95e13"}


def test_older_names_other_statuses_and_people_still_at_it(tmp_path: Path) -> None:
    file = tmp_path / "prolific_export.csv"
    file.write_text(
        "session_id,participant_id,status,started_datetime,completed_date_time,time_taken,age\n"
        "s1,p1,APPROVED,2019-05-13 08:26:25.437000,2019-05-13 08:27:25.437000,60.0,31\n"
        "s2,p2,ACTIVE,2019-05-13 08:26:25.437000,,,31\n"
        "s3,p3,NEW STATUS,2019-05-13 08:26:25.437000,2019-05-13 08:26:20.000000,,31\n"
    )
    works, problems = read("prolific", file)
    assert [(work.source_id, work.accepted, work.effort) for work in works] == [
        ("s1", True, upto("60", "start-to-completion/1")),
        ("s3", None, None),
    ]
    assert [problem.message.split(";")[0] for problem in problems] == [
        "the person is still at it.",
        "Completed at lies 0:00:05.437000 before its start",
        "Status reads 'NEW STATUS'",
    ]


@pytest.mark.parametrize("params", [{"reward": "3.00"}, {"reward": "-3", "currency": "GBP"}, {"currency": "pounds"}])
def test_impossible_terms_of_a_study_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read("prolific", **params)


# Appen


def test_judgments_of_one_page_share_its_time_and_price_though_they_stand_apart() -> None:
    works, _ = read("appen", reward_per_page="0.10", fee="0.2")
    page = [work for work in works if work.annotator == "39664721"]
    # 03:05:59 to 03:06:55 are 56 s.
    policy = "page-start-to-submit/1 split_over=3"
    assert [work.effort for work in page] == [upto(s, policy) for s in ("18.667", "18.667", "18.666")]
    assert [work.reward for work in page] == [Decimal("0.033334"), Decimal("0.033333"), Decimal("0.033333")]
    assert [work.fee for work in page] == [Decimal("0.006667"), Decimal("0.006667"), Decimal("0.006666")]
    assert [(work.item, work.label) for work in page] == [
        ("917047426", "health"),
        ("917047427", "food_and_drink"),
        ("917047428", None),
    ]
    assert page[0].submitted_at == at(2020, 1, 24, 3, 6, 55)


def test_tainted_judgments_keep_their_time_and_their_pay_is_unknown() -> None:
    works, _ = read("appen", reward_per_page="0.10")
    tainted = [work for work in works if work.accepted is False]
    assert [(work.reward, work.effort) for work in tainted] == [
        (None, upto("1", "page-start-to-submit/1 split_over=2"))
    ] * 2


def test_a_job_without_test_questions_must_name_its_question(tmp_path: Path) -> None:
    file = changed("appen", "intent_gold", "intent_note", tmp_path)
    with pytest.raises(BadData, match="give its question"):
        read("appen", file)
    assert read("appen", file, question="intent")[0] == read("appen")[0]


def test_an_id_that_a_spreadsheet_rounded_is_a_problem(tmp_path: Path) -> None:
    works, problems = read("appen", changed("appen", "3221943890", "3.22E+09", tmp_path))
    assert len(works) == 5
    assert "a spreadsheet has rounded the number" in problems[0].message


def test_a_judgment_without_a_beginning_has_no_time_and_an_odd_taint_is_undecided(tmp_path: Path) -> None:
    file = changed("appen", "1/24/2020 04:10:00,false", ",perhaps", tmp_path)
    works, problems = read("appen", file)
    assert (works[1].effort, works[1].accepted) == (None, None)
    assert "_tainted reads 'perhaps'; the row counts without it" in problems[0].message


# The plain table


def test_the_plain_table_says_what_its_columns_say() -> None:
    works, _ = read("csv")
    assert works[0] == DeclaredWork(
        source="agency-x",
        source_id="a-1",
        annotator="anna",
        item="corona",
        label="health",
        submitted_at=at(2020, 1, 24, 10, 15),
        effort=Effort(
            low_s=Decimal("7.5"), high_s=Decimal("7.5"), policy="as-declared/1 opening to saving, by the tool"
        ),
        accepted=True,
        reward=Decimal("0.1"),
        fee=Decimal("0.02"),
        currency="EUR",
    )
    assert works[1].submitted_at == at(2020, 1, 24, 10, 15)
    assert works[1].label is None
    assert works[1].effort == Effort(low_s=Decimal(2), high_s=Decimal("9.25"), policy="as-declared/1")
    assert (works[2].accepted, works[2].reward) == (False, Decimal(0))
    assert works[3].effort == upto("30", "as-declared/1")
    assert (works[3].accepted, works[3].reward, works[3].currency) == (None, None, None)


def test_two_places_may_use_the_same_id() -> None:
    works, problems = read("csv")
    assert [(work.source, work.source_id) for work in works if work.source_id == "a-1"] == [
        ("agency-x", "a-1"),
        ("friends", "a-1"),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p,1,a,i,l,2020-01-24T10:15:00Z,5,1,2,,,,,", "there are seconds and bounds"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,3,2,,,,,", "is more than seconds_high"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,3,,,,,,", "without a seconds_high"),
        ('p,1,a,i,l,2020-01-24T10:15:00Z,"1,200",,,,,,,', "'1,200', which is no time"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,,,,maybe,,,", "accepted reads 'maybe'"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,,,,,1,,euros", "'euros', which is no currency"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,,,,,1,,", "'', which is no currency"),
        ("p,1,a,i,l,2020-01-24T10:15:00Z,,,,,,0.0000001,,EUR", "finer than a millionth"),
        (f"p,1,a,i,l,2020-01-24T10:15:00Z,,,,{'x' * 101},,,,", "time_definition"),
    ],
)
def test_what_is_wrong_in_a_plain_row_is_said_and_the_row_counts_without_it(
    row: str, said: str, tmp_path: Path
) -> None:
    works, problems = read("csv", plain(tmp_path, row))
    assert [work.source_id for work in works] == ["1"]
    assert said in problems[0].message
    assert problems[0].message.endswith("; the row counts without it.")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",1,a,i,l,2020-01-24T10:15:00Z,,,,,,,,", "source is empty"),
        ("p,,a,i,l,2020-01-24T10:15:00Z,,,,,,,,", "id is empty"),
        ("p,1,=cmd(),i,l,2020-01-24T10:15:00Z,,,,,,,,", "annotator reads '=cmd()'"),
        ("p,1,a,,l,2020-01-24T10:15:00Z,,,,,,,,", "item is empty"),
        ("p,1,a,i,l,24.01.2020,,,,,,,,", "submitted_at reads '24.01.2020'"),
        ("p,1,a,i,l,0001-01-01T00:00:00Z,,,,,,,,", "which is no moment"),
        ("p,1,a,i,l,2020-01-24,,,,,,,,", "which is no moment"),
    ],
)
def test_a_plain_row_that_nobody_could_book_is_a_problem(row: str, said: str, tmp_path: Path) -> None:
    works, problems = read("csv", plain(tmp_path, row))
    assert works == []
    assert said in problems[0].message


def plain(folder: Path, *rows: str) -> Path:
    file = folder / "work.csv"
    header = FORMATS["csv"].read_text(encoding="utf-8").splitlines()[0]
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def test_semicolons_excels_sep_line_and_other_capitals_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "work.csv"
    file.write_text("sep=;\n\nSource;ID;Annotator;Item;Submitted_at\nagency;1;anna;corona;2020-01-24T10:15:00Z\n;;\n")
    works, problems = read("csv", file)
    # Without a column of labels the file does not tell them: that is no skip.
    assert [(work.annotator, work.label) for work in works] == [("anna", "")]
    assert problems == []
    file.write_text(file.read_text() + "agency;2;anna;corona;soon\n")
    assert read("csv", file)[1][0].subject == "work.csv line 6"


def test_a_long_text_is_kept_as_its_digest(tmp_path: Path) -> None:
    work = read("csv", plain(tmp_path, f"p,1,a,{'x' * 100_000},l,2020-01-24T10:15:00Z,,,,,,,,"))[0][0]
    assert work.item.startswith("sha256:")
    assert len(work.item) == 71


def test_the_page_of_the_formats_names_each_and_its_example_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "labour_import.md").read_text(encoding="utf-8")
    for name in available("connectors/labour_import"):
        assert f"| `{name}` |" in page
    (example,) = re.findall(r"```csv\n(.*?)```", page, flags=re.DOTALL)
    file = tmp_path / "work.csv"
    file.write_text(example, encoding="utf-8")
    works, problems = read("csv", file)
    assert [work.source_id for work in works] == ["a-1", "a-2"]
    assert problems == []
    for column in example.splitlines()[0].split(","):
        assert f"`{column}`" in page
