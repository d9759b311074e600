"""Contracts on record: one is ended, corrected or annulled by a new row, and every old row stays."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select

from kempelen.errors import LedgerError
from ledger.database import reading, writing
from ledger.pay.contracts import Basis, Contract, Contracts
from ledger.pay.tables import CONTRACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One row of the book: the contract, and the row that it corrects, ends or (`annulled`) takes back."""

    number: int
    contract: Contract
    supersedes: int | None = None
    annulled: bool = False
    reason: str | None = None


class ContractBook:
    """The contracts in a database whose tables are made; threads and processes may write at the same time.

    BadData, and nothing is written, when two contracts of one person would hold on one day.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contracts(self) -> Contracts:
        """Those in force."""
        return Contracts(row.contract for row in self.in_force())

    def in_force(self) -> list[Recorded]:
        """The rows that no later row supersedes and that annul nothing, oldest first."""
        return _in_force(self.history())

    def history(self) -> list[Recorded]:
        """Every row there ever was, oldest first."""
        with reading(self._engine) as connection:
            return _rows(connection)

    def add(self, contracts: Iterable[Contract]) -> int:
        """Add contracts in one transaction; how many were new.

        A contract that was added before is known by all that it says, whoever recorded it and whatever became of it.
        """
        with writing(self._engine) as connection:
            rows = _rows(connection)
            known = {_source_id(row.contract, row.supersedes, annulled=row.annulled) for row in rows}
            new = {_source_id(contract, None): contract for contract in contracts}
            new = {source_id: contract for source_id, contract in new.items() if source_id not in known}
            Contracts([*(row.contract for row in _in_force(rows)), *new.values()])
            for number, contract in enumerate(new.values(), start=len(rows) + 1):
                _insert(
                    connection, Recorded(number=number, contract=contract, supersedes=None, annulled=False, reason=None)
                )
        return len(new)

    def correct(self, number: int, contract: Contract, *, reason: str) -> int:
        """Put `contract` in the place of a row; the number of the new row. Doing it twice is doing it once.

        LedgerError when there is no such row, or another row stands in its place already.
        """
        return self._supersede(number, contract, reason, annulled=False)

    def end(self, number: int, last: date, *, at: datetime, by: str, reason: str) -> int:
        """Let a contract hold up to `last` and no longer; the number of the new row.

        LedgerError when it had ended before that day anyhow, or for what `correct` raises.
        """
        held = self._row(number).contract
        if held.last is not None and last > held.last:
            raise LedgerError(f"Contract {number} ends on {held.last} already.", hint="To prolong it, correct it.")
        return self.correct(number, replace(held, last=last, recorded_at=at, recorded_by=by), reason=reason)

    def annul(self, number: int, *, at: datetime, by: str, reason: str) -> int:
        """Take back a contract that never was agreed; the number of the new row. Raises what `correct` does."""
        held = self._row(number).contract
        return self._supersede(number, replace(held, recorded_at=at, recorded_by=by), reason, annulled=True)

    def _row(self, number: int) -> Recorded:
        return _of_number(self.history(), number)

    def _supersede(self, number: int, contract: Contract, reason: str, *, annulled: bool) -> int:
        if not reason.strip():
            raise LedgerError(f"Nobody says why contract {number} changes.", hint="Give a reason: it is kept with it.")
        with writing(self._engine) as connection:
            rows = _rows(connection)
            _of_number(rows, number)
            after = next((row for row in rows if row.supersedes == number), None)
            if after is not None:
                return _same(after, contract, annulled=annulled)
            row = Recorded(
                number=len(rows) + 1, contract=contract, supersedes=number, annulled=annulled, reason=reason.strip()
            )
            Contracts(each.contract for each in _in_force([*rows, row]))
            _insert(connection, row)
        return row.number


def _in_force(rows: Iterable[Recorded]) -> list[Recorded]:
    rows = list(rows)
    gone = {row.supersedes for row in rows}
    return [row for row in rows if row.number not in gone and not row.annulled]


def _of_number(rows: Iterable[Recorded], number: int) -> Recorded:
    found = next((row for row in rows if row.number == number), None)
    if found is None:
        raise LedgerError(f"There is no contract {number}.", hint="See the numbers in the list of contracts.")
    return found


def _same(after: Recorded, contract: Contract, *, annulled: bool) -> int:
    """The row that says the same already. LedgerError when it says something else."""
    wanted = _source_id(contract, after.supersedes, annulled=annulled)
    if _source_id(after.contract, after.supersedes, annulled=after.annulled) != wanted:
        raise LedgerError(
            f"Contract {after.supersedes} was superseded by {after.number} on {after.contract.recorded_at:%Y-%m-%d}.",
            hint=f"Change contract {after.number} instead.",
        )
    return after.number


def _source_id(contract: Contract, supersedes: int | None, *, annulled: bool = False) -> str:
    """A name for all that a row says but when, by whom and why: two rows of one name are the same event."""
    facts = _terms(contract) | {"supersedes": supersedes, "annulled": annulled}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _terms(contract: Contract) -> dict[str, Any]:
    return {
        "person": contract.person,
        "basis": contract.basis.value,
        "amount": _plain(contract.amount),
        "currency": contract.currency,
        "region": contract.region,
        "first": contract.first.isoformat(),
        "last": contract.last.isoformat() if contract.last else None,
        "fee_share": _plain(contract.fee_share),
    }


def _plain(number: Decimal) -> str:
    """The same text for the same number: 12.5 and 12.50 are one contract."""
    digits = format(number, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _insert(connection: Connection, row: Recorded) -> None:
    facts = _terms(row.contract) | {
        "id": row.number,
        "source_id": _source_id(row.contract, row.supersedes, annulled=row.annulled),
        "supersedes": row.supersedes,
        "annulled": int(row.annulled),
        "reason": row.reason,
        "recorded_at": row.contract.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "recorded_by": row.contract.recorded_by,
    }
    connection.execute(insert(CONTRACTS).values(facts))


def _rows(connection: Connection) -> list[Recorded]:
    return [_recorded(row) for row in connection.execute(select(CONTRACTS).order_by(CONTRACTS.c.id)).mappings()]


def _recorded(row: RowMapping) -> Recorded:
    contract = Contract(
        person=row["person"],
        basis=Basis(row["basis"]),
        amount=Decimal(row["amount"]),
        currency=row["currency"],
        region=row["region"],
        first=date.fromisoformat(row["first"]),
        last=date.fromisoformat(row["last"]) if row["last"] else None,
        fee_share=Decimal(row["fee_share"]),
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        recorded_by=row["recorded_by"],
    )
    return Recorded(
        number=row["id"],
        contract=contract,
        supersedes=row["supersedes"],
        annulled=bool(row["annulled"]),
        reason=row["reason"],
    )
