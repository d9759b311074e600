"""Contracts on record, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from kempelen.errors import BadData, LedgerError
from ledger.database import writing
from ledger.pay.contract_book import ContractBook
from ledger.pay.contracts import Contract, Contracts
from ledger.pay.tables import make_tables

LATER = datetime(2024, 6, 1, 9, tzinfo=UTC)
JUNE = date(2024, 6, 1)

MakeContract = Callable[..., Contract]


def test_a_contract_comes_back_as_it_was_agreed(book: ContractBook, contract: MakeContract) -> None:
    agreed = [
        contract("12.345678", fee_share="0.428", last="2024-02-29"),
        contract("0.005", person="*", region=None, currency="KWD"),
    ]
    assert book.add(agreed) == 2
    assert sorted(book.contracts(), key=str) == sorted(agreed, key=str)
    assert [row.number for row in book.in_force()] == [1, 2]


def test_adding_twice_adds_once_whoever_records_it(book: ContractBook, contract: MakeContract) -> None:
    assert book.add([contract("12.50"), contract("12.50")]) == 1
    assert book.add([replace(contract("12.5"), recorded_by="kim", recorded_at=LATER)]) == 0
    assert len(book.history()) == 1


def test_overlapping_contracts_are_refused_and_both_are_named(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12", last="2024-03-31")])
    with pytest.raises(BadData, match="2024-03-31") as refused:
        book.add([contract("13", first="2024-03-31"), contract("14", person="annotator:bob")])
    assert "12 EUR an hour from 2024-01-01 to 2024-03-31" in str(refused.value)
    assert "13 EUR an hour from 2024-03-31 on" in str(refused.value)
    assert len(book.history()) == 1


def test_a_contract_may_begin_the_day_after_another_ends(book: ContractBook, contract: MakeContract) -> None:
    assert book.add([contract("12", last="2024-02-29"), contract("13", first="2024-03-01")]) == 2


def test_ending_a_contract_keeps_the_old_row(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12")])
    number = book.end(1, JUNE, at=LATER, by="kim", reason="the project ends")
    (held,) = book.in_force()
    assert (held.number, held.supersedes, held.reason) == (number, 1, "the project ends")
    assert (held.contract.last, held.contract.recorded_by) == (JUNE, "kim")
    assert [row.contract.last for row in book.history()] == [None, JUNE]


def test_ending_twice_is_ending_once_and_ending_otherwise_is_refused(
    book: ContractBook, contract: MakeContract
) -> None:
    book.add([contract("12")])
    ended = [book.end(1, JUNE, at=LATER, by="kim", reason="over") for _ in range(2)]
    assert ended == [2, 2]
    with pytest.raises(LedgerError, match="superseded by 2") as refused:
        book.end(1, date(2024, 7, 1), at=LATER, by="kim", reason="over")
    assert "contract 2" in refused.value.hint


def test_a_contract_cannot_end_before_it_begins_or_after_its_end(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12", last="2024-03-31")])
    with pytest.raises(BadData, match="before 2024-01-01"):
        book.end(1, date(2023, 12, 31), at=LATER, by="kim", reason="over")
    with pytest.raises(LedgerError, match="ends on 2024-03-31 already"):
        book.end(1, JUNE, at=LATER, by="kim", reason="over")


def test_a_correction_takes_the_place_of_what_it_corrects(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12"), contract("20", person="annotator:bob")])
    book.correct(1, contract("21"), reason="digits were swapped")
    assert [row.contract.amount for row in book.in_force()] == [Decimal(20), Decimal(21)]


def test_a_correction_back_to_the_first_terms_is_a_row_of_its_own(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12")])
    number = book.correct(book.correct(1, contract("21"), reason="raised"), contract("12"), reason="it was not")
    assert (number, [row.contract.amount for row in book.in_force()]) == (3, [Decimal(12)])


def test_a_correction_must_not_overlap_either(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12", last="2024-02-29"), contract("13", first="2024-03-01")])
    with pytest.raises(BadData, match="Two contracts hold on 2024-03-01"):
        book.correct(1, contract("12", last="2024-03-01"), reason="one day longer")
    assert len(book.history()) == 2


def test_an_annulled_contract_holds_no_longer_and_can_be_agreed_after_all(
    book: ContractBook, contract: MakeContract
) -> None:
    book.add([contract("12")])
    annulled = book.annul(1, at=LATER, by="kim", reason="the wrong person")
    assert (list(book.contracts()), book.add([contract("12")])) == ([], 0)
    book.correct(annulled, contract("12"), reason="it was right")
    assert list(book.contracts()) == [contract("12")]


def test_what_is_not_there_or_unexplained_is_refused(book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12")])
    with pytest.raises(LedgerError, match="There is no contract 7"):
        book.annul(7, at=LATER, by="kim", reason="gone")
    with pytest.raises(LedgerError, match="Nobody says why"):
        book.annul(1, at=LATER, by="kim", reason=" ")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_contracts SET amount = '99'",
        "DELETE FROM ledger_contracts",
        "INSERT INTO ledger_contracts SELECT * FROM ledger_contracts",
    ],
)
def test_the_database_itself_refuses_to_change_a_contract(
    engine: Engine, book: ContractBook, contract: MakeContract, statement: str
) -> None:
    book.add([contract("12")])
    with pytest.raises((DBAPIError, LedgerError)), writing(engine) as connection:
        connection.execute(text(statement))
    assert list(book.contracts()) == [contract("12")]


def test_making_the_table_again_is_harmless(engine: Engine, book: ContractBook, contract: MakeContract) -> None:
    book.add([contract("12")])
    with writing(engine) as connection:
        make_tables(connection)
    assert len(book.history()) == 1


def test_of_several_writers_at_once_none_is_lost_and_one_of_those_that_overlap_wins(
    engine: Engine, contract: MakeContract
) -> None:
    refused: list[BadData] = []
    start = threading.Barrier(6)

    def write(number: int) -> None:
        mine = [contract(str(10 + number), person=f"annotator:p{number}"), contract(str(10 + number))]
        start.wait()
        ContractBook(engine).add(mine[:1])
        try:
            ContractBook(engine).add(mine[1:])
        except BadData as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    people = [row.contract.person for row in ContractBook(engine).in_force()]
    assert len(refused) == 5
    assert sorted(people) == ["annotator:ada", *(f"annotator:p{number}" for number in range(6))]


def test_what_holds_on_a_day_is_ones_own_contract_before_the_offer_to_everybody(contract: MakeContract) -> None:
    own = contract("15", first="2024-02-01", last="2024-02-29")
    offer = contract("9", person="*", first="2024-01-15")
    held = Contracts([offer, own])
    days = [date(2024, month, day) for month, day in ((1, 14), (1, 31), (2, 1), (2, 29), (3, 1))]
    assert [held.of(own.person, on) for on in days] == [None, offer, own, own, offer]
    assert held.of("annotator:bob", date(2024, 2, 10)) == offer


def test_an_offer_to_annotators_or_to_reviewers_holds_for_them_before_the_one_to_everybody(
    contract: MakeContract,
) -> None:
    own, anyone = contract("15", person="annotator:ada"), contract("9", person="*")
    annotators, reviewers = contract("12", person="annotator:*"), contract("60", person="reviewer:*")
    held, day = Contracts([own, anyone, annotators, reviewers]), date(2024, 2, 10)
    assert [held.of(person, day) for person in ("annotator:ada", "annotator:bob", "reviewer:ada")] == [
        own,
        annotators,
        reviewers,
    ]
    assert Contracts([anyone, annotators]).of("reviewer:ada", day) == anyone
    assert Contracts([annotators]).of("reviewer:ada", day) is None


def test_a_long_contract_overlaps_a_later_one_across_a_short_one_between(contract: MakeContract) -> None:
    contracts = [
        contract("1", last="2024-12-31"), contract("2", first="2024-02-01", last="2024-02-02"),
        contract("3", first="2024-06-01"),
    ]  # fmt: skip
    with pytest.raises(BadData, match="Two contracts hold on 2024-02-01"):
        Contracts(contracts)
    with pytest.raises(BadData, match="Two contracts hold on 2024-06-01"):
        Contracts([contracts[0], contracts[2]])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"person": "ada"}, "nobody who can be paid"),
        ({"person": "simulated:annotator:ada"}, "nobody who can be paid"),
        ({"currency": "EURO"}, "no currency"),
        ({"currency": "eur"}, "no currency"),
        ({"region": "Germany"}, "no region"),
        ({"amount": "-1"}, "no amount"),
        ({"amount": "NaN"}, "no amount"),
        ({"amount": "1e12"}, "no amount"),
        ({"fee_share": "42.8"}, "no share"),
        ({"last": "2023-12-31"}, "before 2024-01-01"),
    ],
)
def test_a_contract_that_cannot_be_one_is_refused(contract: MakeContract, wrong: dict[str, str], says: str) -> None:
    with pytest.raises(BadData, match=says):
        contract(**{"amount": "12"} | wrong)


def test_a_contract_says_who_recorded_it_and_when(contract: MakeContract) -> None:
    with pytest.raises(BadData, match="Nobody says"):
        replace(contract(), recorded_by=" ")
    with pytest.raises(BadData, match="Nobody says"):
        replace(contract(), recorded_at=datetime(2024, 1, 1))  # noqa: DTZ001 - a time without a zone is the point
