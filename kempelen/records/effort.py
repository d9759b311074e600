"""Human effort: what it was for, where a figure of it comes from, and how long it took."""

from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredWork:
    """One piece of work that a person did elsewhere, as an export of that place tells it.

    `source` names the place (`mechanical-turk`); `source_id` is its own name of this piece, unique there. `annotator`
    is its own identifier of the person, and becomes a pseudonym before anything is kept. `label` is None for a skip.
    `effort` is None where no time is told; its policy says from when to when the place measures. `accepted` is None
    while nobody has decided whether the work is paid. `reward` goes to the person, `fee` to the place, in `currency`.
    """

    source: str
    source_id: str
    annotator: str
    item: str
    label: str | None
    submitted_at: datetime
    effort: Effort | None
    accepted: bool | None = None
    reward: Decimal | None = None
    fee: Decimal | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if (self.reward is not None or self.fee is not None) and self.currency is None:
            raise ValueError(f"{self.source_id} names money without a currency.")
