"""Export the books as they stand at one moment, whatever is booked meanwhile."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, union_all

from ledger.database import reading
from ledger.export import beancount, tables
from ledger.rows import EntryRow, last_number
from ledger.tables import ENTRIES
from ledger.totals import all_rows
from ledger.units import Currency, Measure, Unit


class Form(StrEnum):
    """What the books can be exported as."""

    BEANCOUNT = "beancount"
    CSV = "csv"
    PARQUET = "parquet"


def export(engine: Engine, path: Path, form: Form) -> int:
    """Write all entries to `path`, in the order of their numbers; how many there were.

    The same books give the same text. The file is there as a whole or not at all, and its owner alone may read it.
    Memory stays the same however many entries there are. LedgerError when it cannot be written; the errors of
    `open_engine` when the database fails.
    """
    with reading(engine) as connection:
        last = last_number(connection)
        rows = _rows(connection, last)
        if form is Form.BEANCOUNT:
            beancount.write(path, rows, balances(connection, last))
        elif form is Form.CSV:
            tables.write_csv(path, rows)
        else:
            tables.write_parquet(path, rows)
    return last


def balances(connection: Connection, upto: int) -> dict[str, dict[Measure, int]]:
    """What lies on every account after the first `upto` entries, in smallest parts: summed up by the database."""
    columns = {unit: ENTRIES.c[unit.value] for unit in Unit} | {None: ENTRIES.c.money}
    sides = [
        select(account.label("account"), ENTRIES.c.currency, *(sign * c for c in columns.values())).where(
            ENTRIES.c.id <= upto
        )
        for account, sign in ((ENTRIES.c.giver, -1), (ENTRIES.c.receiver, 1))
    ]
    both = union_all(*sides).subquery()
    account, currency, *amounts = both.c
    query = select(account, currency, *map(func.sum, amounts)).group_by(account, currency)
    found: dict[str, dict[Measure, int]] = defaultdict(dict)
    for name, code, *sums in connection.execute(query).tuples():
        found[name] |= _measured(dict(zip(columns, sums, strict=True)), code)
    return dict(found)


def _measured(sums: Mapping[Unit | None, int | None], code: str | None) -> dict[Measure, int]:
    """The sums of what the entries speak of, money by its currency."""
    units: dict[Unit | None, Measure] = {unit: unit for unit in Unit}
    if code is not None:
        units[None] = Currency(code)
    return {units[unit]: int(total) for unit, total in sums.items() if total is not None}


def _rows(connection: Connection, last: int) -> Iterator[EntryRow]:
    """Numbers have no gaps and grow, so the first `last` rows are those that stood when it was read."""
    everything = chain.from_iterable(all_rows(connection))
    return (row for row, _ in zip(everything, range(last), strict=False))
