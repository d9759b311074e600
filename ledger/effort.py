"""How long a person was at an answer: a low and a high bound, by a named policy.

Effort is the time that somebody gives to an item, reading and thinking included. A pause shorter than `idle_cap_s`
belongs to it, a longer one does not. A policy's name carries its version, and its parameters follow it:

* `lead-time/2`: what Label Studio's page reports. See `bounds`.
* `stated-time/1`: what a file states. See `Clock`.
* `added-time/1`: an edit of an answer that was booked before. See `added`.
* `one-person/1`: all answers of a person together. See `ledger/sittings.py`.
* `lead-time/1`, no longer used: low was the reported time up to `idle_cap_s`, high the longer of the reported time and
  the time since the first draft. The low bound could lie above the truth: eight seconds of work and five
  minutes of coffee gave 60 s. The high bound could lie below it: a stay can be lost after its last save.
* `first-draft/1`, no longer used: no time was reported; low 0, high the time since the first draft. The page was
  open before that draft, and nobody knows how long: such answers are unknown now.
"""

import math
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from kempelen.errors import LedgerError
from kempelen.records import Annotation, Effort

LEAD_TIME = "lead-time/2"
STATED_TIME = "stated-time/1"
ADDED_TIME = "added-time/1"
FORMER_LEAD_TIME = "lead-time/1"
FORMER_FIRST_DRAFT = "first-draft/1"
_OF_ONE_ANSWER = {LEAD_TIME, STATED_TIME, FORMER_LEAD_TIME, FORMER_FIRST_DRAFT}

LONGEST_S = Decimal(86_400)
"""A day. A longer report is a forgotten tab or a broken clock, and would drown every other figure."""

AUTOSAVE_S = Decimal(5)
"""Label Studio 1.23 saves a draft so long after a change, and counts these seconds whether or not somebody is there."""

_MS, _NONE = Decimal("0.001"), Decimal(0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(StrEnum):
    """Who measured, and what `started_at` and the time of an edited answer therefore mean.

    `label-studio`: the page. `started_at` is when the first draft was *saved*, the page was open before; an edit adds
    its own time to what was reported. `stated`: a file. `started_at` is when the item was *begun*, and the time of an
    edited answer may be the edit's own or that of both.
    """

    LABEL_STUDIO = "label-studio"
    STATED = "stated"


def bounds(
    annotation: Annotation, idle_cap_s: float, *, clock: Clock = Clock.LABEL_STUDIO, longest_s: Decimal = LONGEST_S
) -> Effort | None:
    """The effort behind one answer; None when it is unknown, which is not zero.

    The label, and what becomes of the answer later, change nothing: skipped, rejected and deleted work is work.

    * low: the reported time, if it is no longer than `idle_cap_s`: then no absence fits into it. Otherwise 0, for
      nobody knows how much of it was one. Where a draft was saved, `AUTOSAVE_S` less for each time that somebody may
      have walked away from a change before it was saved.
    * high: the reported time, which holds every stay at the item up to its last save. Where there is a draft, the time
      since it was first saved on top: in it lies what a stay lost after its last save.
    * A bound above `longest_s` is cut to it, and the policy then says `cut_to_s`.
    * Nothing reported, or what cannot be a time (negative, not a number): None. A file may still state when
      the item was begun: low 0, high the time since then.

    Seconds are whole milliseconds, low rounded down and high up. What this rests on and where it fails: docs/effort.md.
    """
    reported, since = _reported(annotation), _since_start(annotation)
    if clock is Clock.STATED:
        high = max((seconds for seconds in (reported, since) if seconds is not None), default=None)
        low, name = _certain(reported or _NONE, idle_cap_s), STATED_TIME
    else:
        high = None if reported is None else reported + (since or _NONE)
        low, name = _certain(reported or _NONE, idle_cap_s, since), LEAD_TIME
    return None if high is None else _effort(low, high, f"{name} idle_cap_s={idle_cap_s:g}", longest_s)


def added(
    before: Annotation,
    after: Annotation,
    idle_cap_s: float,
    *,
    clock: Clock = Clock.LABEL_STUDIO,
    longest_s: Decimal = LONGEST_S,
) -> Effort | None:
    """The further effort between two forms of an answer of which the first is booked; None when it is unknown.

    * An edit (the same `source_id`): the growth of the reported time, by the rules of `bounds`, and no more than the
      clock moved between the two. A time that did not move tells nothing of an edit: None. One that shrank was written
      over: low 0, high what is there now. So is any later time of `Clock.STATED`.
    * Work taken up again as another answer (see `taken_up`): the new answer's own bounds, its low one less what is
      booked as certain already.
    """
    if before.source_id != after.source_id:
        booked, whole = (bounds(form, idle_cap_s, clock=clock, longest_s=longest_s) for form in (before, after))
        return _less_what_is_booked(whole, booked)
    old, new, between = _reported(before), _reported(after), sent_s(after) - sent_s(before)
    if new is None or (new == old and between > 0):
        return None
    grew = clock is Clock.LABEL_STUDIO and old is not None and new >= old
    high = new - (old or _NONE) if grew else new
    low = _certain(high, idle_cap_s) if grew else _NONE
    longest_s = min(longest_s, between) if between > 0 else longest_s
    return _effort(low, high, f"{ADDED_TIME} idle_cap_s={idle_cap_s:g}", longest_s)


def taken_up(gone: Annotation, answer: Annotation) -> bool:
    """Whether an answer that is gone may live on in another: Label Studio makes a draft of a skip that is undone.

    The new answer then reports the time of both, and must be booked by `added`, not by `bounds`.
    """
    old, new = _reported(gone), _reported(answer)
    return (
        (gone.item_id, gone.annotator) == (answer.item_id, answer.annotator)
        and gone.source_id != answer.source_id
        and answer.started_at is not None
        and answer.started_at >= gone.submitted_at
        and new is not None
        and new >= (old or _NONE)
    )


def up_to_cap(annotation: Annotation, idle_cap_s: float) -> Decimal | None:
    """The reported seconds up to `idle_cap_s`, to plan with. It is no bound: see `lead-time/1`."""
    reported = _reported(annotation)
    return None if reported is None else min(reported, Decimal(str(idle_cap_s))).quantize(_MS, ROUND_FLOOR)


def again(annotation: Annotation, policy: str) -> Effort | None:
    """What a policy, as it stands in the books, makes of an answer: also one whose rule has changed since.

    Raises LedgerError for a policy that is none, or that one answer alone cannot tell.
    """
    name, *parameters = policy.split() or [""]
    try:
        said = {key: Decimal(value) for key, value in (part.split("=") for part in parameters)}
    except (ValueError, ArithmeticError):
        said = {"": _NONE}
    impossible = any(seconds.is_nan() or seconds <= 0 for seconds in said.values())
    if name not in _OF_ONE_ANSWER or said.keys() - {"idle_cap_s", "cut_to_s"} or impossible:
        raise LedgerError(
            f"{policy!r} cannot be computed from one answer.", hint="Policies are named in ledger/effort.py."
        )
    cap, longest = float(said.get("idle_cap_s", 1)), said.get("cut_to_s", LONGEST_S)
    if name in {FORMER_LEAD_TIME, FORMER_FIRST_DRAFT}:
        return _former(annotation, cap)
    clock = Clock.STATED if name == STATED_TIME else Clock.LABEL_STUDIO
    return bounds(annotation, cap, clock=clock, longest_s=longest)


def sent_s(annotation: Annotation) -> Decimal:
    """When the answer was sent, or last edited: seconds since 1970, exactly."""
    return _since_1970(annotation.changed_at or annotation.submitted_at)


def _former(annotation: Annotation, idle_cap_s: float) -> Effort | None:
    """The rule of lead-time/1 and first-draft/1."""
    reported, since = _reported(annotation), _since_start(annotation)
    longest = max((seconds for seconds in (reported, since) if seconds is not None), default=None)
    if longest is None:
        return None
    low = min(reported or _NONE, Decimal(str(idle_cap_s)))
    policy = FORMER_FIRST_DRAFT if reported is None else f"{FORMER_LEAD_TIME} idle_cap_s={idle_cap_s:g}"
    return _effort(low, longest, policy, LONGEST_S)


def _less_what_is_booked(whole: Effort | None, booked: Effort | None) -> Effort | None:
    if whole is None or booked is None:
        return whole
    low = max(whole.low_s - booked.low_s, _NONE)
    return Effort(low_s=low, high_s=whole.high_s, policy=f"{whole.policy} less_s={booked.low_s:f}")


def _certain(seconds: Decimal, idle_cap_s: float, since_draft: Decimal | None = None) -> Decimal:
    """What of these seconds was work for certain; so many absences as fit between draft and submission cost some."""
    cap = Decimal(str(idle_cap_s))
    if seconds > cap:
        return _NONE
    absences = _NONE if since_draft is None else (since_draft + AUTOSAVE_S) // cap
    return max(seconds - AUTOSAVE_S * absences, _NONE)


def _effort(low: Decimal, high: Decimal, policy: str, longest_s: Decimal) -> Effort:
    cut = min(high, longest_s).quantize(_MS, ROUND_CEILING)
    return Effort(
        low_s=min(low, cut).quantize(_MS, ROUND_FLOOR),
        high_s=cut,
        policy=policy if high <= longest_s else f"{policy} cut_to_s={longest_s.normalize():f}",
    )


def _reported(annotation: Annotation) -> Decimal | None:
    seconds = annotation.lead_time_s
    return Decimal(str(seconds)) if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None


def _since_start(annotation: Annotation) -> Decimal | None:
    """Seconds from `started_at` to the submission; one that is later than it is a wrong clock and says nothing."""
    if annotation.started_at is None or annotation.started_at > annotation.submitted_at:
        return None
    return _since_1970(annotation.submitted_at) - _since_1970(annotation.started_at)


def _since_1970(moment: datetime) -> Decimal:
    since = moment - _EPOCH
    return Decimal(since.days * 86_400 + since.seconds) + Decimal(since.microseconds) / 1_000_000
