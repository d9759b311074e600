"""What was booked wrongly is taken back by an entry and booked anew by another; nothing is ever changed."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from kempelen.errors import LedgerError
from kempelen.records import Effort, Provenance
from ledger.entries import Entry
from ledger.posting_rules._amounts import amounts
from ledger.posting_rules.annotations import part_id
from ledger.units import Measure, Unit


def reversal(entry: Entry, *, at: datetime, reason: str) -> Entry:
    """Take an entry back, amount by amount. LedgerError for what is a reversal itself."""
    if entry.reverses is not None:
        raise LedgerError(
            f"Entry {entry.source_id} takes another one back already.", hint="Book what is right under its own name."
        )
    return replace(
        entry,
        at=at,
        source_id=f"reversed:{entry.source_id}",
        narration=reason,
        amounts={unit: -amount for unit, amount in entry.amounts.items()},
        reverses=entry.source_id,
    )


def corrected(  # noqa: PLR0913 - the event is exactly these facts
    given: Entry, assigned: Entry | None, *, effort: Effort, number: int, at: datetime, reason: str
) -> list[Entry]:
    """The seconds of an answer were others: both of its entries are taken back, and booked anew as declared.

    `assigned` is what moved it on, None while it lies in a pool. `number` counts the corrections of one annotation
    from 1. What was measured stays readable beside what is declared instead. LedgerError when `assigned` is not of
    `given`, and for simulated effort.
    """
    if given.provenance is Provenance.SIMULATED or (assigned is not None and assigned.given != given.source_id):
        raise LedgerError(
            f"Entry {given.source_id} cannot be corrected so.", hint="Pass a person's entry, and what moved it on."
        )
    anew = replace(
        given,
        at=at,
        source_id=part_id(given.source_id, f"corrected-{number}"),
        narration=reason,
        provenance=Provenance.DECLARED,
        amounts=_counts(given) | amounts(effort),
        policy=effort.policy,
    )
    books = [reversal(given, at=at, reason=reason), anew]
    if assigned is None:
        return books
    moved = replace(
        assigned,
        at=at,
        source_id=f"assigned:{anew.source_id}",
        provenance=Provenance.DECLARED,
        amounts=anew.amounts,
        policy=effort.policy,
        given=anew.source_id,
    )
    return [*books, reversal(assigned, at=at, reason=reason), moved]


def _counts(entry: Entry) -> dict[Measure, Decimal]:
    return {unit: amount for unit, amount in entry.amounts.items() if unit not in {Unit.S_LOW, Unit.S_HIGH}}
