"""Human effort: what it was for, where a figure of it comes from, and how long it took."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What human effort was for (after Tubaro, Casilli & Coville 2020, Big Data & Society 7(1))."""

    PREPARATION = "preparation"
    VERIFICATION = "verification"
    IMPERSONATION = "impersonation"
    FEEDBACK = "feedback"


class Provenance(StrEnum):
    """Where a figure of effort comes from. Only `measured` and `declared` effort is human effort."""

    MEASURED = "measured"
    DECLARED = "declared"
    SIMULATED = "simulated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Seconds that a person gave, between a low and a high bound, by a named policy."""

    low_s: Decimal
    high_s: Decimal
    policy: str

    def __post_init__(self) -> None:
        if not Decimal(0) <= self.low_s <= self.high_s:
            raise ValueError(f"Effort from {self.low_s} s to {self.high_s} s is no interval.")
