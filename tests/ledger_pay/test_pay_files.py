"""Contracts, floors, rates and payments as files: read strictly, all of them or none."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from kempelen.errors import BadData, ConfigError, Problem
from ledger.pay.contract_book import ContractBook
from ledger.pay.contract_file import import_contracts, read_contracts
from ledger.pay.contracts import Basis, Contract
from ledger.pay.currencies import DECIMALS
from ledger.pay.floors import Floor, Floors, read_floors
from ledger.pay.rates import Rate, Rates, read_rates

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
HEADER = "person,basis,amount,currency,region,first,last,fee_share\n"
GOOD = (
    HEADER
    + "annotator:ada,hourly,15.00,EUR,DE,2024-01-01,2024-02-29,\n"
    + "annotator:ada,piece,0.12,EUR,DE,2024-03-01,,0.2\n"
    + "*,hourly,12.50,USD,US,2024-01-01,,\n"
)

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str | bytes) -> Path:
        file = tmp_path / "file.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return written


def test_contracts_are_read_with_their_terms(write: Write) -> None:
    contracts, problems = read_contracts(write(GOOD), at=NOON, by="eva")
    assert problems == []
    assert contracts[1] == Contract(
        person="annotator:ada", basis=Basis.PIECE, amount=Decimal("0.12"), currency="EUR", region="DE",
        first=date(2024, 3, 1), last=None, fee_share=Decimal("0.2"), recorded_at=NOON, recorded_by="eva",
    )  # fmt: skip


@pytest.mark.parametrize(
    "content", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD + "\n\n", GOOD + GOOD[len(HEADER) :]]
)
def test_a_file_is_imported_once_however_it_was_saved(book: ContractBook, write: Write, content: str) -> None:
    assert import_contracts(book, write(content), at=NOON, by="eva") == (3, [])
    assert import_contracts(book, write(content), at=NOON, by="kim") == (0, [])


def test_importing_again_does_not_undo_a_correction(book: ContractBook, write: Write) -> None:
    file = write(GOOD)
    import_contracts(book, file, at=NOON, by="eva")
    book.end(3, date(2024, 6, 30), at=NOON, by="eva", reason="over")
    assert import_contracts(book, file, at=NOON, by="eva") == (0, [])
    assert [row.contract.last for row in book.in_force()] == [date(2024, 2, 29), None, date(2024, 6, 30)]


def test_one_wrong_line_keeps_the_whole_file_out_and_every_wrong_line_is_named(
    book: ContractBook, write: Write
) -> None:
    wrong = GOOD + (
        "ada,hourly,15,EUR,DE,2024-01-01,,\n"
        "annotator:b,weekly,15,EUR,DE,2024-01-01,,\n"
        'annotator:c,hourly,"15,00",EUR,DE,2024-01-01,,\n'
        "annotator:d,hourly,15,XYZ,DE,2024-01-01,,\n"
        "annotator:e,hourly,15,EUR,DE,2023-02-29,,\n"
        "annotator:f,hourly,15,EUR,Germany,2024-01-01,,\n"
        "annotator:g,hourly,-15,EUR,DE,2024-01-01,,\n"
        "annotator:h,hourly,15,EUR,DE,2024-01-01,2023-01-01,\n"
        "annotator:i,hourly,15,EUR,DE,2024-01-01,,20\n"
        "annotator:j,hourly,15,,DE,2024-01-01,,\n"
        "annotator:ada,hourly,15,EUR,DE,2024-02-01,2024-02-02,\n"
    )
    added, problems = import_contracts(book, write(wrong), at=NOON, by="eva")
    assert (added, book.history()) == (0, [])
    assert [problem.subject for problem in problems] == [f"file.csv, line {line}" for line in range(5, 16)]
    assert all(problem.hint for problem in problems)
    assert "Two contracts hold on 2024-02-01" in problems[-1].message


def test_a_file_that_contradicts_the_book_changes_nothing(book: ContractBook, write: Write) -> None:
    import_contracts(book, write(GOOD), at=NOON, by="eva")
    added, (problem,) = import_contracts(book, write(GOOD.replace("15.00", "16.00")), at=NOON, by="eva")
    assert (added, len(book.history())) == (0, 3)
    assert "15 EUR" in problem.message
    assert "16.00 EUR" in problem.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "lacks columns"),
        (b"\n", "lacks columns"),
        (GOOD.encode("utf-16"), "not UTF-8"),
        (GOOD.replace("eva", "eva").replace("DE", "D\u00c9", 1).encode("latin-1"), "not UTF-8"),
        (GOOD[:-4].encode(), "ends within a line"),
        (GOOD.replace("region", "regoin").encode(), "unknown columns: 'regoin'"),
        (GOOD.replace("region", "first").encode(), "repeats columns: 'first'"),
        (GOOD.replace(",", ";").encode(), "lacks columns"),
        (GOOD.replace(",2024-02-29,", ",").encode(), "line 2 has 7 cells, not 8"),
        ((GOOD + '"annotator:x\n').encode(), "line 5"),
        ((GOOD + "x" * 200_000 + "\n").encode(), "field larger"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_as_a_whole(write: Write, content: bytes, says: str) -> None:
    with pytest.raises(BadData, match=says) as refused:
        read_contracts(write(content), at=NOON, by="eva")
    assert refused.value.hint


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_floors(tmp_path / "nowhere.csv")


def test_a_cell_that_would_be_a_formula_is_no_person(write: Write) -> None:
    _, (problem,) = read_contracts(write(HEADER + "=cmd(),hourly,15,EUR,DE,2024-01-01,,\n"), at=NOON, by="eva")
    assert "'=cmd()' is nobody" in problem.message


# Floors


@pytest.mark.parametrize(
    ("region", "on", "per_hour", "currency"),
    [
        ("US", "2009-07-24", "7.25", "USD"),
        ("US", "2020-02-29", "7.25", "USD"),
        ("US-CA", "2022-12-31", "15.00", "USD"),
        ("US-CA", "2023-01-01", "15.50", "USD"),
        ("DE", "2022-09-30", "10.45", "EUR"),
        ("DE", "2022-10-01", "12.00", "EUR"),
        ("DE", "2026-06-15", "13.90", "EUR"),
        ("GB", "2024-04-01", "11.44", "GBP"),
        ("FR", "2022-08-01", "11.07", "EUR"),
        ("KR", "2020-01-24", "8590", "KRW"),
    ],
)
def test_the_shipped_floors_are_the_statutory_ones(region: str, on: str, per_hour: str, currency: str) -> None:
    floor = read_floors().on(region, date.fromisoformat(on))
    assert isinstance(floor, Floor)
    assert (floor.per_hour, floor.currency) == (Decimal(per_hour), currency)
    assert floor.source


@pytest.mark.parametrize(("region", "on"), [("US", "2009-07-23"), ("US-TX", "2024-01-01"), ("GB", "2027-04-01")])
def test_beyond_the_shipped_floors_nothing_is_guessed(region: str, on: str) -> None:
    assert isinstance(read_floors().on(region, date.fromisoformat(on)), Problem)


def test_a_floor_without_an_end_holds_until_the_next_one(write: Write) -> None:
    floors = read_floors(
        write("region,first,per_hour,currency,source\nDE,2020-01-01,9,EUR,a\nDE,2021-01-01,10,EUR,b\n")
    )
    found = [floors.on("DE", date(year, 12, 31)) for year in (2020, 2021, 2060)]
    assert [floor.per_hour for floor in found if isinstance(floor, Floor)] == [9, 10, 10]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("DE,2020-01-01,2021-01-01,9,EUR,a\nDE,2021-01-01,,10,EUR,b\n", "Two floors hold in DE on 2021-01-01"),
        ("DE,2020-01-01,,9,EUR,a\nDE,2020-01-01,,10,EUR,b\n", "Two floors hold in DE"),
        ("DE,2020-01-01,,0,EUR,a\n", "line 2: 0 an hour is no floor"),
        ("DE,2020-01-01,2019-01-01,9,EUR,a\n", "before 2020-01-01"),
        ("DE,2020-01-01,,9,DEM,a\n", "'DEM' is no currency"),
        ("DE,2020-01-01,,9,EUR,\n", "source is empty"),
        ("DE,01.01.2020,,9,EUR,a\n" * 7, "2 more lines are wrong"),
    ],
)
def test_a_table_of_floors_with_a_wrong_line_is_refused_as_a_whole(write: Write, lines: str, says: str) -> None:
    with pytest.raises(BadData, match=says):
        read_floors(write("region,first,last,per_hour,currency,source\n" + lines))


def test_the_order_of_floors_changes_nothing() -> None:
    shipped = read_floors()
    rows = [
        floor
        for region in ("DE", "FR")
        for year in range(2019, 2026)
        if isinstance(floor := shipped.on(region, date(year, 1, 1)), Floor)
    ]
    assert Floors(rows[::-1]).on("DE", date(2021, 1, 1)) == Floors(rows).on("DE", date(2021, 1, 1))


# Exchange rates

RATES = "date,from,to,rate\n2024-01-10,EUR,USD,1.1\n2024-01-20,EUR,USD,1.2\n2024-01-25,USD,EUR,0.8\n"


@pytest.mark.parametrize(
    ("source", "target", "on", "worth"),
    [
        ("EUR", "USD", "2024-01-10", Fraction(11, 10)),
        ("EUR", "USD", "2024-01-19", Fraction(11, 10)),
        ("EUR", "USD", "2024-01-20", Fraction(12, 10)),
        ("USD", "EUR", "2024-01-19", Fraction(10, 11)),
        ("USD", "EUR", "2024-01-25", Fraction(8, 10)),
        ("EUR", "USD", "2024-01-26", Fraction(10, 8)),
        ("EUR", "EUR", "1999-01-01", Fraction(1)),
    ],
)
def test_the_latest_rate_on_or_before_the_day_is_used_exactly(
    write: Write, source: str, target: str, on: str, worth: Fraction
) -> None:
    assert read_rates(write(RATES)).converted(Fraction(1), source, target, date.fromisoformat(on)) == worth


@pytest.mark.parametrize(
    ("source", "target", "on", "says"),
    [
        ("EUR", "USD", "2024-01-09", "No rate from EUR to USD is known on or before 2024-01-09"),
        ("EUR", "GBP", "2024-01-20", "No rate from EUR to GBP"),
        ("EUR", "USD", "2024-02-26", "is of 2024-01-25, too old"),
    ],
)
def test_an_unknown_or_stale_rate_is_said(write: Write, source: str, target: str, on: str, says: str) -> None:
    answer = read_rates(write(RATES)).converted(Fraction(1), source, target, date.fromisoformat(on))
    assert isinstance(answer, Problem)
    assert says in answer.message


def test_nothing_is_nothing_in_every_currency() -> None:
    assert Rates().converted(Fraction(0), "EUR", "JPY", date(2024, 1, 1)) == 0


def test_rates_of_one_day_each_go_their_own_way() -> None:
    on = date(2024, 1, 1)
    rates = Rates(
        [
            Rate(on=on, source="EUR", target="USD", rate=Decimal("1.1")),
            Rate(on=on, source="USD", target="EUR", rate=Decimal("0.9")),
        ]
    )
    assert rates.converted(Fraction(10), "EUR", "USD", on) == 11
    assert rates.converted(Fraction(10), "USD", "EUR", on) == 9


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2024-01-10,EUR,USD,1.3\n", "Two rates from EUR to USD hold on 2024-01-10"),
        ("2024-01-11,EUR,USD,0\n", "is no rate"),
        ("2024-01-11,EUR,EUR,1\n", "is no rate"),
        ("2024-01-11,EUR,DEM,1\n", "'DEM' is no currency"),
        ("2024-01-11,EUR,USD,1.1e3\n", "is no amount"),
    ],
)
def test_a_table_of_rates_with_a_wrong_line_is_refused_as_a_whole(write: Write, line: str, says: str) -> None:
    with pytest.raises(BadData, match=says):
        read_rates(write(RATES + line))


def test_currencies_have_the_decimals_of_iso_4217() -> None:
    assert {DECIMALS[code] for code in ("JPY", "KRW", "CLP", "ISK", "VND", "XOF")} == {0}
    assert {DECIMALS[code] for code in ("EUR", "USD", "GBP", "INR", "HUF", "MGA", "HRK")} == {2}
    assert {DECIMALS[code] for code in ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")} == {3}
    assert len(DECIMALS) == 161
