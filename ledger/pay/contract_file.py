"""Contracts from a CSV file: all of them are added, or none is and every wrong line is named."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from kempelen.errors import BadData, Problem
from ledger.pay._rows import Row, each_row, problem, read_rows
from ledger.pay.contract_book import ContractBook
from ledger.pay.contracts import Basis, Contract, overlaps, two_at_once

REQUIRED = ("person", "basis", "amount", "currency", "first")
OPTIONAL = ("region", "last", "fee_share")


def import_contracts(
    book: ContractBook,
    file: Path,
    *,
    at: datetime,
    by: str,
    check: Callable[[Sequence[Contract]], None] = lambda _: None,
) -> tuple[int, list[Problem]]:
    """Add the contracts of a file; how many were new. With any problem, nothing was added, nor if `check` raises.

    Importing a file again is harmless: what the book has recorded before is known, also if it was corrected since.
    """
    contracts, problems = read_contracts(file, at=at, by=by)
    if problems:
        return 0, problems
    check(contracts)
    try:
        return book.add(contracts), []
    except BadData as error:
        return 0, [Problem(stage="pay", subject=file.name, message=str(error), hint=error.hint)]


def read_contracts(file: Path, *, at: datetime, by: str) -> tuple[list[Contract], list[Problem]]:
    """The contracts of a file and the lines that hold none, or one that overlaps an earlier one.

    A line that repeats another is one contract. BadData when it is no such file at all.
    """
    rows = read_rows(file, REQUIRED, OPTIONAL)
    found, problems = each_row(file, rows, lambda row: _contract(row, at=at, by=by))
    lines = {contract: line for line, contract in reversed(found)}
    problems += [
        problem(file, max(lines[one], lines[other]), two_at_once(one, other)) for one, other in overlaps(lines)
    ]
    return [contract for contract, _ in sorted(lines.items(), key=lambda each: each[1])], problems


def _contract(row: Row, *, at: datetime, by: str) -> Contract:
    if row["basis"] not in set(Basis):
        raise BadData(f"basis = {row['basis']!r} is none.", hint=f"Write {' or '.join(Basis)}.")
    return Contract(
        person=row.text("person"),
        basis=Basis(row["basis"]),
        amount=row.number("amount"),
        currency=row.text("currency"),
        region=row["region"] or None,
        first=row.day("first"),
        last=row.day_or_open("last"),
        fee_share=row.number("fee_share") if row["fee_share"] else Decimal(0),
        recorded_at=at,
        recorded_by=by,
    )
