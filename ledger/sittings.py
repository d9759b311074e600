"""How long a person was at work in all: bounds over all answers, for nobody is at two of them at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

from kempelen.errors import LedgerError
from kempelen.records import Annotation, Effort
from ledger.effort import LONGEST_S, Clock, added, bounds, sent_s

ONE_PERSON = "one-person/1"

DELAY_S = Decimal(5)
"""So much later than the page sent it an answer may reach the server, whose clock says when."""

_MS, _NONE = Decimal("0.001"), Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One piece of work: its bounds, and when it ended. `placed` says whether all of it lies just before that."""

    low: Decimal
    high: Decimal
    last: Decimal
    placed: bool

    @property
    def first(self) -> Decimal:
        return self.last - self.high


def without_overlap(
    forms: Iterable[Annotation],
    idle_cap_s: float,
    *,
    sitting_gap_s: float = 0,
    clock: Clock = Clock.LABEL_STUDIO,
    longest_s: Decimal = LONGEST_S,
) -> Effort | None:
    """The effort of one person over all answers: who has two tabs open is at one of them. None when nothing is known.

    `forms` are the answers as they were first read, and again as they were read after each edit, in any order. All
    work that is known of a form lies in a stretch of the clock that is as long as its high bound and ends when it was
    sent. Single answers are not corrected: of two that overlap, nobody knows which one had the person's attention.

    * high: stretches that hang together take no longer than from the first's beginning to the last's end (and
      `DELAY_S`), nor than all of them one after the other. With `sitting_gap_s`, stretches no further apart hang
      together as well and the time between them counts: in it items may have been read that left no trace.
    * low: of a stretch, what is certain beyond its overlap with those that ended earlier.
    * An answer that was edited before it was first read lies in no known stretch: its high bound is added whole.
    * Of how many forms the effort is unknown, and therefore missing, the policy says: `unknown`.

    Time O(n log n). Raises LedgerError when the answers are of several people.
    """
    given = list(forms)
    people = {form.annotator for form in given}
    if len(people) > 1:
        raise LedgerError(f"These are the answers of {len(people)} people.", hint="Call it for each annotator alone.")
    works, unknown = _works(given, idle_cap_s, clock, longest_s)
    if not works:
        return None
    placed = sorted((work for work in works if work.placed), key=lambda work: (work.last, work.first))
    high = sum((work.high for work in works if not work.placed), _NONE) + _at_most(placed, Decimal(str(sitting_gap_s)))
    low = max(_at_least(placed), *(work.low for work in works))
    notes = {"idle_cap_s": idle_cap_s} | ({"sitting_gap_s": sitting_gap_s} if sitting_gap_s else {})
    return Effort(
        low_s=low.quantize(_MS, ROUND_FLOOR),
        high_s=high.quantize(_MS, ROUND_CEILING),
        policy=" ".join([ONE_PERSON, *(f"{name}={value:g}" for name, value in notes.items())])
        + (f" unknown={unknown}" if unknown else ""),
    )


def _works(forms: Sequence[Annotation], idle_cap_s: float, clock: Clock, longest_s: Decimal) -> tuple[list[_Work], int]:
    """The pieces of work whose bounds are known, and how many are not."""
    chains = defaultdict(list)
    for form in sorted(forms, key=sent_s):
        chains[form.source_id].append(form)
    found: list[tuple[Effort | None, Annotation, bool]] = []
    for first, *later in chains.values():
        found.append((bounds(first, idle_cap_s, clock=clock, longest_s=longest_s), first, first.changed_at is None))
        for before, after in pairwise([first, *later]):
            found.append((added(before, after, idle_cap_s, clock=clock, longest_s=longest_s), after, True))
    works = [
        _Work(low=effort.low_s, high=effort.high_s, last=sent_s(form), placed=placed)
        for effort, form, placed in found
        if effort is not None
    ]
    return works, len(found) - len(works)


def _at_most(works: Iterable[_Work], sitting_gap_s: Decimal) -> Decimal:
    """Seconds that the works took together at most; they come in the order of their ends."""
    groups: list[tuple[Decimal, Decimal, Decimal]] = []
    for work in works:
        first, total = work.first, work.high
        while groups and groups[-1][1] + sitting_gap_s >= first:
            start, _, before = groups.pop()
            first, total = min(first, start), total + before
        groups.append((first, work.last, total))
    stretches = [(last - first + DELAY_S, total) for first, last, total in groups]
    return sum((stretch if sitting_gap_s else min(stretch, total) for stretch, total in stretches), _NONE)


def _at_least(works: Iterable[_Work]) -> Decimal:
    """Seconds that the works took together at least; they come in the order of their ends."""
    sure, covered = _NONE, list[tuple[Decimal, Decimal]]()
    for work in works:
        first, overlap = work.first, _NONE
        while covered and covered[-1][1] > work.first:
            start, end = covered.pop()
            overlap += end - max(start, work.first)
            first = min(first, start)
        covered.append((first, work.last))
        sure += max(work.low - overlap - (DELAY_S if overlap else _NONE), _NONE)
    return sure
