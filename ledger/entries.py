"""One event in the books: amounts that move from one account to another, so that it cannot but balance."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.units import Currency, Measure, Unit

_LARGEST = 10**15
"""Far above any effort, and sums of thousands of them still fit a 64-bit integer."""

_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Posting:
    """An amount that reaches an account (positive) or leaves it (negative)."""

    account: str
    unit: Measure
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: `amounts` move from `giver` to `receiver`. `source_id` makes recording it twice harmless.

    Attributes
    ----------
    kind
        What the effort was for; None for a payment.
    at
        When it was booked: an entry that differs in nothing else is the same event seen again.
    person
        The account of the person whose effort it is, or who was paid; None when that is nobody known by name.
    worked_at
        When the person did it, if that is known: what pay and floors go by.
    given
        The `source_id` of the entry whose effort this one moves on.
    reverses
        The `source_id` of the entry that this one takes back, amount by amount; only then are amounts negative.
    source
        Where the figures come from, as a platform's name; None for the annotation connector.

    Moments are kept in UTC, so equal events are equal objects. Raises LedgerError when an account or an amount cannot
    be one, and when simulated effort would meet a human account.
    """

    at: datetime
    source_id: str
    narration: str
    kind: Kind | None
    provenance: Provenance
    giver: str
    receiver: str
    amounts: Mapping[Measure, Decimal]
    model: str | None
    version: str | None = None
    cycle: str | None = None
    item_id: str | None = None
    policy: str | None = None
    person: str | None = None
    worked_at: datetime | None = None
    given: str | None = None
    reverses: str | None = None
    source: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if not self.source_id or not self.amounts:
            raise LedgerError(
                f"Entry {self.source_id!r} has no source_id or no amounts.",
                hint="Name the event that it records, and the amounts that moved.",
            )
        if self.kind is None and not all(isinstance(unit, Currency) for unit in self.amounts):
            raise LedgerError(
                f"Entry {self.source_id} does not say what its effort was for.", hint="Name its kind, as preparation."
            )
        for account in (self.giver, self.receiver):
            accounts.checked(account)
        self._must_be_between_two()
        object.__setattr__(self, "at", self._utc(self.at))
        object.__setattr__(self, "worked_at", self._utc(self.worked_at) if self.worked_at else None)
        object.__setattr__(self, "amounts", {unit: self._kept(unit) for unit in sorted(self.amounts)})

    @property
    def postings(self) -> tuple[Posting, ...]:
        """The entry by account, two postings a unit. Amounts of zero, too: zero seconds differ from unknown ones."""
        return tuple(
            Posting(account=account, unit=unit, amount=sign * amount)
            for unit, amount in self.amounts.items()
            for account, sign in ((self.giver, -1), (self.receiver, 1))
        )

    @property
    def timed(self) -> bool:
        """Whether it says anything of seconds."""
        return Unit.S_HIGH in self.amounts

    def parts(self) -> dict[Measure, int]:
        """The amounts as whole numbers of smallest parts."""
        return {unit: int(amount * unit.per_unit) for unit, amount in self.amounts.items()}

    def event(self) -> list[Any]:
        """All that the entry says but `at`, as JSON values in the order of its fields."""
        worked = self.worked_at.isoformat(timespec="microseconds") if self.worked_at else None
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "at"}
        return [*(facts | {"amounts": sorted(self.parts().items()), "worked_at": worked}).values()]

    def fingerprint(self) -> bytes:
        """SHA-256 of the event: two entries with the same one record the same event."""
        return hashlib.sha256(_ENCODER.encode(self.event()).encode()).digest()

    def seal(self) -> bytes:
        """SHA-256 of the event and of when it was booked."""
        return sealed(self.fingerprint(), self.at)

    def _utc(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise LedgerError(f"Entry {self.source_id} has a time without a zone.", hint="Give moments in UTC.")
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise LedgerError(
                f"Entry {self.source_id} has the time {moment}, which UTC cannot say.", hint="See which clock said it."
            ) from error

    def _must_be_between_two(self) -> None:
        if self.giver == self.receiver:
            raise LedgerError(f"Entry {self.source_id} moves nothing.", hint="Name two accounts.")
        for account in (self.giver, self.receiver):
            if accounts.is_simulated(account) is not (self.provenance is Provenance.SIMULATED):
                raise LedgerError(
                    f"Entry {self.source_id} is {self.provenance} and would touch {account}.",
                    hint=f"Simulated effort belongs to accounts that begin with {accounts.SIMULATED}, and only it.",
                )

    def _kept(self, unit: Measure) -> Decimal:
        amount = self.amounts[unit]
        if not _is_exact(amount, unit) or (amount < 0 and self.reverses is None):
            raise LedgerError(
                f"Entry {self.source_id} cannot move {amount} {unit}.",
                hint="Seconds are in whole milliseconds, counts whole, money in whole millionths; none is below zero.",
            )
        return amount


def _is_exact(amount: Decimal, unit: Measure) -> bool:
    """Whether it is a whole number of smallest parts, and not beyond all measure."""
    try:
        parts = amount * unit.per_unit
    except ArithmeticError:  # a signalling NaN, or more digits in the exponent than there are
        return False
    return parts.is_finite() and abs(parts) <= _LARGEST and Decimal(int(parts)) / unit.per_unit == amount


def sealed(fingerprint: bytes, at: datetime) -> bytes:
    """SHA-256 of an entry's fingerprint and the moment (UTC) at which it was booked."""
    return hashlib.sha256(fingerprint + at.isoformat(timespec="microseconds").encode()).digest()


def digest(seals: Iterable[bytes]) -> str:
    """SHA-256, hexadecimal, over sorted seals, each once: the same for the same entries in any order.

    >>> digest([])
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return hashlib.sha256(b"".join(sorted(set(seals)))).hexdigest()


def totals(postings: Iterable[Posting]) -> dict[Measure, Decimal]:
    """What the amounts sum to, by unit.

    >>> totals([Posting(account="pool:c1", unit=Unit.LABELS, amount=Decimal(2))])
    {<Unit.LABELS: 'labels'>: Decimal('2')}
    """
    sums: dict[Measure, Decimal] = {}
    for posting in postings:
        sums[posting.unit] = sums.get(posting.unit, Decimal(0)) + posting.amount
    return sums
