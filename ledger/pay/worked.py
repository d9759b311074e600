"""What a person worked and received, by day: all that pay is computed from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, Inexact, localcontext

from kempelen.errors import BadData
from kempelen.records import Kind
from ledger.pay import currencies
from ledger.pay.contracts import checked_person
from ledger.pay.period import Period

_EXACT = Context(prec=60, traps=[Inexact])


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Effort of one person on one day: one answer, or a sum of many. BadData when it cannot be.

    `pieces` are accepted answers and `rejected_pieces` refused ones; skips are neither, and take seconds all the same.
    Both bounds are None where nobody knows how long it took, which is not zero. Feedback is none: users give it unpaid.
    """

    person: str
    on: date
    low_s: Decimal | None
    high_s: Decimal | None
    pieces: int
    rejected_pieces: int
    kind: Kind

    def __post_init__(self) -> None:
        checked_person(self.person)
        if (self.low_s is None) is not (self.high_s is None) or not _is_interval(self.low_s, self.high_s):
            raise BadData(
                f"{self.person} on {self.on}: from {self.low_s} s to {self.high_s} s is no interval.",
                hint="Give two bounds of at least 0, or None for both.",
            )
        if self.pieces < 0 or self.rejected_pieces < 0:
            raise BadData(
                f"{self.person} on {self.on}: {self.pieces} accepted and {self.rejected_pieces} rejected answers.",
                hint="Counts are 0 or more.",
            )
        if self.kind is Kind.FEEDBACK:
            raise BadData(f"{self.person} on {self.on}: feedback has no contract.", hint="Leave feedback out of pay.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Money that reached a person; negative where it was taken back. BadData when it cannot be.

    Without `period` it pays for work of the day `on`, as a platform's reward does. A payment made afterwards names the
    `period` that it pays for, however late it was made: a top-up of January paid in February belongs to January.
    """

    person: str
    on: date
    amount: Decimal
    currency: str
    what: str
    period: Period | None = None

    def __post_init__(self) -> None:
        checked_person(self.person)
        currencies.known(self.currency)
        if not self.amount.is_finite():
            raise BadData(f"{self.person} on {self.on}: {self.amount} is no amount.", hint="Write what was paid.")

    @property
    def pays_for(self) -> Period:
        """The days that it pays for."""
        return self.period or Period(first=self.on, last=self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one person worked on one day. The seconds are those that are known; `untimed` answers come on top."""

    low_s: Decimal
    high_s: Decimal
    untimed: int
    accepted: int
    rejected: int


def by_person_and_day(worked: Iterable[Worked], period: Period | None = None) -> dict[str, dict[date, Day]]:
    """The sums of each person's days, those outside the period left out. The order of `worked` changes nothing."""
    sums: dict[tuple[str, date], list[Worked]] = {}
    for each in worked:
        if period is None or period.holds(each.on):
            sums.setdefault((each.person, each.on), []).append(each)
    days: dict[str, dict[date, Day]] = {}
    for (person, on), parts in sorted(sums.items()):
        days.setdefault(person, {})[on] = _day(parts)
    return days


def total_of(seconds: Iterable[Decimal]) -> Decimal:
    """The sum, exactly: in the usual context, 28 digits are kept and the rest is lost without a word."""
    with localcontext(_EXACT):
        return sum(seconds, Decimal(0))


def _day(parts: list[Worked]) -> Day:
    return Day(
        low_s=total_of(each.low_s for each in parts if each.low_s is not None),
        high_s=total_of(each.high_s for each in parts if each.high_s is not None),
        untimed=sum(max(1, each.pieces + each.rejected_pieces) for each in parts if each.high_s is None),
        accepted=sum(each.pieces for each in parts),
        rejected=sum(each.rejected_pieces for each in parts),
    )


def _is_interval(low_s: Decimal | None, high_s: Decimal | None) -> bool:
    if low_s is None or high_s is None:
        return True
    return low_s.is_finite() and high_s.is_finite() and 0 <= low_s <= high_s
