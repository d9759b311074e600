"""Who was in service when: the promotions of a model as a timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cycle.records import Promotion, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A version's time in service; without an end it is still there. `x` and `width` in per cent."""

    promotion: Promotion
    model_type: str
    examples: int
    until: datetime | None
    lasted: timedelta
    x: float
    width: float


def terms(promotions: Sequence[Promotion], versions: Sequence[Version], now: datetime) -> tuple[Term, ...]:
    """The terms in service, oldest first. `now` is the last moment the model's clock is known to have shown."""
    if not promotions:
        return ()
    known = {version.version: version for version in versions}
    ends = [*(p.at for p in promotions[1:]), None]
    start, end = promotions[0].at, max(now, promotions[-1].at)
    whole = (end - start) / timedelta(seconds=1) or 1.0
    found = []
    for promotion, until in zip(promotions, ends, strict=True):
        lasted = (until or end) - promotion.at
        version = known.get(promotion.version)
        found.append(
            Term(
                promotion=promotion,
                model_type=version.model_type if version else "unknown type",
                examples=version.examples if version else 0,
                until=until,
                lasted=lasted,
                x=round(100 * ((promotion.at - start) / timedelta(seconds=1)) / whole, 3),
                width=round(100 * (lasted / timedelta(seconds=1)) / whole, 3),
            )
        )
    return tuple(found)
