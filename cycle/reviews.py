"""The time of those who review: alarms looked into, promotions approved, answers adjudicated."""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cycle.app import App
from kempelen.errors import BadData
from kempelen.records import Effort, Provenance
from ledger import posting_rules
from ledger.entries import Entry

STATED = "stated/1"
"""Both bounds are what the person says."""

_MS = Decimal("0.001")

LONGEST_S = 86_400
"""A day: pay goes by the day of the work, and a slip of the keys makes hours of seconds."""


def record_review(  # noqa: PLR0913 - a review is exactly these facts
    app: App,
    *,
    name: str,
    identity: str,
    what: str,
    low_s: Decimal,
    high_s: Decimal,
    version: str | None,
    worked_at: datetime,
    now: datetime,
) -> Entry:
    """Book somebody's own time as verification of a version, by default of the one in service; once for each `name`.

    BadData for a version that there is not, for no time at all or more than a day, and for what was done in the
    future; LedgerError if `name` is booked with other facts.
    """
    about = version or app.champion
    if about not in {known.version for known in app.store.versions(app.model)}:
        raise BadData(f"There is no version {about} of {app.model}.", hint="See `kempelen labour`.")
    if not (low_s.is_finite() and high_s.is_finite() and 0 < low_s <= high_s):
        raise BadData(
            f"{low_s / 60:.6g} to {high_s / 60:.6g} minutes are no time.",
            hint="Give minutes above 0, the lower bound first.",
        )
    if high_s > LONGEST_S:
        raise BadData(
            f"{high_s / 60:.6g} minutes are more than a day.", hint="Book each day's minutes on their own day."
        )
    if worked_at > now:
        raise BadData(f"{worked_at:%Y-%m-%d %H:%M} is still to come.", hint="Book work when it is done.")
    # A third of a minute is no whole number of milliseconds, which is what the books hold: rounded outwards.
    low_s, high_s = low_s.quantize(_MS, ROUND_FLOOR), high_s.quantize(_MS, ROUND_CEILING)
    engineer = f"engineer:{identity}"
    entry = posting_rules.reviewed(
        source_id=f"{app.model}/{name}",
        pseudonym=app.pseudonyms([engineer])[engineer],
        effort=Effort(low_s=low_s, high_s=high_s, policy=STATED),
        provenance=Provenance.DECLARED,
        what=what,
        model=app.model,
        version=about,
        at=now,
        worked_at=worked_at,
    )
    app.ledger.book([entry])
    return entry
