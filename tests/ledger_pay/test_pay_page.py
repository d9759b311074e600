"""The example on the page about pay runs, and comes to the amounts that it tells."""

import doctest
from pathlib import Path

from ledger.pay.floors import Floor, read_floors
from ledger.pay.period import Period

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pay.md"


def test_the_example_of_the_page_comes_to_its_amounts() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


def test_the_floor_of_the_example_is_the_shipped_one() -> None:
    floor = read_floors().on("DE", Period.of("2024-02-29..2024-02-29").first)
    assert isinstance(floor, Floor)
    assert f"Germany's floor is {floor.per_hour} EUR" in PAGE.read_text(encoding="utf-8")
