"""The list of what is to be paid: complete, safe in a spreadsheet, and paid once."""

import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from kempelen.errors import BadData
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.floors import read_floors
from ledger.pay.payable import Payable, Why, payables, payables_csv, read_payables
from ledger.pay.payroll import payroll
from ledger.pay.period import Period
from ledger.pay.terms import Terms
from ledger.pay.worked import Received, Worked

JANUARY = Period.of("2024-01-01..2024-01-31")
PAYDAY = date(2024, 2, 5)

MakeContract = Callable[..., Contract]
MakeWorked = Callable[..., Worked]
MakeReceived = Callable[..., Received]


@pytest.fixture
def terms(contract: MakeContract) -> Terms:
    pieces = contract("0.50", person="*", basis=Basis.PIECE)
    return Terms(contracts=Contracts([pieces, contract("15", person="annotator:bob")]), floors=read_floors())


def _list(work: list[Worked], received: list[Received], terms: Terms) -> list[Payable]:
    return payables(payroll(work, received, terms, JANUARY), received)


def test_pay_and_top_up_are_two_payments(terms: Terms, worked: MakeWorked) -> None:
    rows = _list([worked(pieces=10), worked(person="annotator:bob")], [], terms)
    assert [(row.person, row.what, row.amount) for row in rows] == [
        ("annotator:ada", Why.PAY, Decimal("5.00")),
        ("annotator:ada", Why.TOP_UP, Decimal("7.41")),
        ("annotator:bob", Why.PAY, Decimal("15.00")),
    ]


def test_the_csv_is_to_the_cent(terms: Terms, worked: MakeWorked) -> None:
    assert payables_csv(_list([worked(pieces=10)], [], terms)) == (
        "person,amount,currency,period,why,payment\r\n"
        "annotator:ada,5.00,EUR,2024-01-01..2024-01-31,agreed pay,pay/annotator:ada/2024-01-01..2024-01-31/1\r\n"
        "annotator:ada,7.41,EUR,2024-01-01..2024-01-31,top-up to the floor for 1.00 h,"
        "top-up/annotator:ada/2024-01-01..2024-01-31/1\r\n"
    )


def test_once_paid_nothing_more_is_payable(terms: Terms, worked: MakeWorked) -> None:
    work, received = [worked(pieces=10), worked(person="annotator:bob")], list[Received]()
    received += [row.paid(PAYDAY) for row in _list(work, received, terms)]
    assert len(received) == 3
    assert _list(work, received, terms) == []
    assert payables_csv(_list(work, received, terms)) == "person,amount,currency,period,why,payment\r\n"


def test_work_that_is_booked_late_is_paid_under_the_next_number(terms: Terms, worked: MakeWorked) -> None:
    work = [worked(pieces=10)]
    received = [row.paid(PAYDAY) for row in _list(work, [], terms)]
    (row,) = _list([*work, worked("2024-01-30", "1800", pieces=4)], received, terms)
    # 14 answers are 7.00 and an hour and a half is 18.615, of which 12.41 were paid.
    assert (row.what, row.amount, row.number) == (Why.TOP_UP, Decimal("6.21"), 2)


def test_two_lists_that_say_different_things_name_the_same_payment(terms: Terms, worked: MakeWorked) -> None:
    (first, _), (second, _) = (_list([worked(pieces=pieces)], [], terms) for pieces in (10, 12))
    assert first.source_id == second.source_id == "pay/annotator:ada/2024-01-01..2024-01-31/1"
    assert first.amount != second.amount


def test_what_is_partly_unknown_is_paid_as_far_as_it_is_certain(terms: Terms, worked: MakeWorked) -> None:
    rows = _list([worked(person="annotator:bob"), worked(low=None, person="annotator:bob", pieces=1)], [], terms)
    (row,) = rows
    assert (row.amount, row.why) == (Decimal("15.00"), "agreed pay, or the floor (as far as it is known)")


def test_of_whom_nothing_is_known_nothing_is_listed(terms: Terms, worked: MakeWorked, received: MakeReceived) -> None:
    assert _list([worked("2024-01-10")], [received("1", currency="USD")], terms) == []


def test_no_cell_is_a_formula_and_the_file_reads_back(tmp_path: Path) -> None:
    rows = [
        Payable(
            person=person, amount=Decimal("0.10"), currency="EUR", period=JANUARY, what=Why.TOP_UP, why="=1+1", number=3
        )
        for person in ("annotator:a;=cmd()", 'annotator:a,"@x', "reviewer:r|+1", "annotator:k7qx")
    ]
    text = payables_csv(rows)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    for separator in ",;|\t":
        assert not [part for cell in cells for part in cell.split(separator) if part.strip()[:1] in {*"=+-@"} - {""}]
    file = tmp_path / "payable.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert [row.person for row in read_payables(file)] == [row.person for row in rows]
    assert [row.source_id for row in read_payables(file)] == [row.source_id for row in rows]


@pytest.fixture
def one_row(terms: Terms, worked: MakeWorked) -> str:
    return payables_csv(_list([worked(pieces=10)], [], terms)[1:])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("7.41", "7.415", "cannot be paid"),
        ("7.41", "-7.41", "is no amount"),
        ("7.41", "0", "cannot be paid"),
        ("EUR", "XXX", "is no currency"),
        ("top-up/annotator:ada", "top-up/annotator:bob", "is none of annotator:ada"),
        ("01-31/1", "01-31/0", "is none of"),
        ("01-31/1", "01-30/1", "is none of"),
        ("top-up/annotator", "gift/annotator", "is none of"),
    ],
)
def test_a_list_that_somebody_changed_is_refused(one_row: str, tmp_path: Path, old: str, new: str, says: str) -> None:
    file, text = tmp_path / "payable.csv", one_row
    file.write_text(text.replace(old, new, 1) if old != "EUR" else text.replace(old, new), encoding="utf-8", newline="")
    with pytest.raises(BadData, match=says):
        read_payables(file)
