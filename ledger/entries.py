"""One event in the books: amounts with a unit that move between accounts and sum to zero."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
from ledger import accounts

_LARGEST = Decimal(10) ** 15
"""Far above any effort, and sums of thousands of them still fit a 64-bit integer."""

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))


class Unit(StrEnum):
    """What an amount counts. Seconds come as a low and a high bound, which are two units."""

    S_LOW = "s_low"
    S_HIGH = "s_high"
    ANNOTATIONS = "annotations"
    LABELS = "labels"

    @property
    def per_unit(self) -> int:
        """Smallest parts in one: seconds are kept in whole milliseconds, counts in ones."""
        return _PER_UNIT[self]


_PER_UNIT = {Unit.S_LOW: 1000, Unit.S_HIGH: 1000, Unit.ANNOTATIONS: 1, Unit.LABELS: 1}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Posting:
    """An amount that reaches an account (positive) or leaves it (negative)."""

    account: str
    unit: Unit
    amount: Decimal

    def __post_init__(self) -> None:
        accounts.checked(self.account)
        parts = self.amount * self.unit.per_unit
        if not parts.is_finite() or abs(parts) > _LARGEST or Decimal(self.parts) / self.unit.per_unit != self.amount:
            raise LedgerError(
                f"{self.amount} {self.unit} cannot be posted to {self.account}.",
                hint="Seconds are finite and in whole milliseconds; annotations and labels are whole numbers.",
            )

    @property
    def parts(self) -> int:
        """The amount as a whole number: milliseconds of seconds, ones of counts."""
        return int(self.amount * self.unit.per_unit)


def posting_of_parts(account: str, unit: str, parts: int) -> Posting:
    """The posting with this whole number of smallest parts."""
    known = Unit(unit)
    return Posting(account=account, unit=known, amount=Decimal(parts) / known.per_unit)


def totals(postings: Iterable[Posting]) -> dict[Unit, Decimal]:
    """What the amounts sum to, by unit.

    >>> totals([Posting(account="pool:c1", unit=Unit.LABELS, amount=Decimal(2))])
    {<Unit.LABELS: 'labels'>: Decimal('2')}
    """
    sums: dict[Unit, Decimal] = {}
    for posting in postings:
        sums[posting.unit] = sums.get(posting.unit, Decimal(0)) + posting.amount
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event. `source_id` makes recording it twice harmless.

    `at` is when it was booked: an entry that differs in nothing else is the same event seen again.
    `given` is the `source_id` of the annotation's entry whose effort this entry moves on.
    Postings are kept sorted and `at` in UTC, so equal events are equal objects. Raises LedgerError
    when a unit does not sum to zero, and when simulated effort would meet a human account.
    """

    at: datetime
    source_id: str
    narration: str
    kind: Kind
    provenance: Provenance
    postings: tuple[Posting, ...]
    model: str
    version: str | None = None
    cycle: str | None = None
    item_id: str | None = None
    policy: str | None = None
    given: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise LedgerError(f"Entry {self.source_id} has a time without a zone.", hint="Give `at` in UTC.")
        if not self.source_id or not self.postings:
            raise LedgerError(
                f"Entry {self.source_id!r} has no source_id or no postings.",
                hint="Name the event that it records, and the amounts that moved.",
            )
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "postings", tuple(sorted(self.postings)))
        self._must_balance()
        self._must_keep_simulated_apart()

    def _must_balance(self) -> None:
        for unit, total in totals(self.postings).items():
            if total:
                raise LedgerError(
                    f"Entry {self.source_id} is off by {total} {unit}.",
                    hint="Every unit must sum to zero over its postings; check what is missing.",
                )

    def _must_keep_simulated_apart(self) -> None:
        simulated = self.provenance is Provenance.SIMULATED
        for posting in self.postings:
            if accounts.is_simulated(posting.account) is not simulated:
                raise LedgerError(
                    f"Entry {self.source_id} is {self.provenance} and would touch {posting.account}.",
                    hint=f"Simulated effort belongs to accounts that begin with {accounts.SIMULATED}, and only it.",
                )

    def amount(self, role: str, unit: Unit) -> Decimal | None:
        """What the accounts of a role receive of a unit; None when the entry does not speak of it."""
        found = [p.amount for p in self.postings if p.unit is unit and accounts.role(p.account) == role]
        return sum(found, Decimal(0)) if found else None

    def accounts(self, role: str) -> frozenset[str]:
        """The accounts of a role that the entry touches."""
        return frozenset(p.account for p in self.postings if accounts.role(p.account) == role)

    def event(self) -> dict[str, Any]:
        """All that the entry says but `at`, as plain JSON values."""
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"at", "postings"}}
        return facts | {"postings": [[p.account, p.unit, p.parts] for p in self.postings]}

    def fingerprint(self) -> bytes:
        """SHA-256 of the event: two entries with the same one record the same event."""
        return hashlib.sha256(_ENCODER.encode(self.event()).encode()).digest()

    def canonical(self) -> str:
        """The whole entry on one line, the same for the same content wherever it was made."""
        return _ENCODER.encode(self.event() | {"at": self.at.isoformat(timespec="microseconds")})


def digest(entries: Iterable[Entry]) -> str:
    """SHA-256, hexadecimal, over the sorted canonical lines of the entries, each line once.

    >>> digest([])
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return hashlib.sha256("\n".join(sorted({entry.canonical() for entry in entries})).encode()).hexdigest()
