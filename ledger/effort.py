"""How long a person was at an answer: a low and a high bound, by a named policy."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from kempelen.records import Annotation, Effort

LEAD_TIME = "lead-time/1"
"""Both bounds rest on the time that the annotation system reported."""

FIRST_DRAFT = "first-draft/1"
"""No usable time was reported: the high bound is the time since the first draft, the low bound 0."""

LONGEST_S = Decimal(86_400)
"""A day. A longer report is a forgotten tab or a broken clock, and would drown every other figure."""

_MS = Decimal("0.001")


def bounds(annotation: Annotation, idle_cap_s: float) -> Effort | None:
    """The effort behind one answer, skips included; None when nothing at all is known of it.

    What is reported counts idle tabs (too high) and loses earlier sessions of the same answer (too
    low), and it is the browser's word. Hence two bounds:

    * low: the reported time, up to `idle_cap_s`. Longer stretches may have been idle.
    * high: the whole reported time, or the time from the first draft to the submission where that
      is longer, since earlier sessions lie in it. A careful reader's minutes are kept here.
    * Nothing reported, or what cannot be a time (negative, not a number): low 0, high since the
      first draft. Without a draft either, the answer is None: unknown is not zero, and a cap on
      idleness says nothing of how long somebody worked.
    * A bound over a day is cut to a day, and the policy then says `cut_to_s=86400`.

    Returns seconds in whole milliseconds, low rounded down and high up. The policy carries its
    version and its parameter, so that a figure can be computed again from the annotation.
    """
    reported, drafted = _reported(annotation), _since_draft(annotation)
    longest = max((s for s in (reported, drafted) if s is not None), default=None)
    if longest is None:
        return None
    low = min(reported or Decimal(0), Decimal(str(idle_cap_s)), LONGEST_S)
    high = min(longest, LONGEST_S)
    policy = FIRST_DRAFT if reported is None else f"{LEAD_TIME} idle_cap_s={idle_cap_s:g}"
    return Effort(
        low_s=low.quantize(_MS, ROUND_FLOOR),
        high_s=high.quantize(_MS, ROUND_CEILING),
        policy=policy if longest <= LONGEST_S else f"{policy} cut_to_s={LONGEST_S}",
    )


def _reported(annotation: Annotation) -> Decimal | None:
    seconds = annotation.lead_time_s
    return Decimal(str(seconds)) if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None


def _since_draft(annotation: Annotation) -> Decimal | None:
    """Seconds from the first draft to the submission; a draft after it is a wrong clock and says nothing."""
    if annotation.started_at is None or annotation.started_at > annotation.submitted_at:
        return None
    return Decimal(str((annotation.submitted_at - annotation.started_at).total_seconds()))
