"""Amounts as the rules write them."""

from decimal import Decimal

from kempelen.records import Effort, Provenance
from ledger.units import Measure, Unit


def amounts(effort: Effort | None, *, annotations: int = 0, events: int = 0) -> dict[Measure, Decimal]:
    """Seconds where they are known, and counts above 0."""
    counts: dict[Measure, int] = {Unit.ANNOTATIONS: annotations, Unit.EVENTS: events}
    seconds: dict[Measure, Decimal] = {Unit.S_LOW: effort.low_s, Unit.S_HIGH: effort.high_s} if effort else {}
    return {unit: Decimal(n) for unit, n in counts.items() if n} | seconds


def measured(effort: Effort | None, *, simulated: bool) -> Provenance:
    """What an answer's seconds are: unknown is not zero."""
    if simulated:
        return Provenance.SIMULATED
    return Provenance.UNKNOWN if effort is None else Provenance.MEASURED
