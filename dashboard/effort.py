"""The human effort behind each version as rows and bars; what is simulated has rows and bars of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from dashboard.words import REASONS
from kempelen.records import Kind, Provenance
from kempelen.words import counted
from ledger.durations import duration, interval
from ledger.labour import Amounts, EffortLine, Givers, Share, UnusedLine, VersionLabour, apart

STEPS_S = (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 72000, 180000, 360000, 900000, 3600000)
"""Distances of an axis' marks that people can count in: seconds, minutes, hours."""

MOST_MARKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar, in per cent of the axis. Not certain: between the low and the high bound."""

    kind: str
    provenance: str
    certain: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Effort of one share, all kinds stacked: first what is certain, then what may come on top."""

    share: str
    span: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the exact figures."""

    what: str
    share: str
    provenance: str
    span: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version: its bars, its exact figures, what nobody knows, what was given and not used, what is held back."""

    version: str
    span: str
    givers: str
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    unknown: tuple[str, ...]
    unused: tuple[Line, ...]
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark on the axis, in per cent."""

    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The versions that have effort of one sort, newest first, on one axis."""

    simulated: bool
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    kinds: tuple[str, ...]
    uncertain: bool
    declared: bool

    @property
    def wasted(self) -> tuple[Row, ...]:
        """The versions beside which unused effort is on record."""
        return tuple(row for row in self.rows if row.unused)


def chart(statements: Sequence[VersionLabour], *, simulated: bool) -> Chart:
    """The human chart, or the simulated one. A version without anything of that sort has no row in it."""
    parts = [(s, apart(s.effort, simulated=simulated), apart(s.unused, simulated=simulated)) for s in statements]
    shown = [
        (s, effort, unused)
        for s, effort, unused in reversed(parts)
        if effort or unused or (s.held_back and not simulated)
    ]
    longest = max((_high(group) for _, effort, _ in shown for group in _shares(effort).values()), default=Decimal(0))
    end, marks = axis(longest)
    timed = [line for _, effort, _ in shown for line in effort if line.amounts.high_s is not None]
    present = {line.kind for line in timed}
    return Chart(
        simulated=simulated,
        rows=tuple(_row(s, effort, unused, end, simulated=simulated) for s, effort, unused in shown),
        marks=marks,
        kinds=tuple(kind.value for kind in Kind if kind in present),
        uncertain=any(line.amounts.low_s != line.amounts.high_s for line in timed),
        declared=any(line.provenance is Provenance.DECLARED for line in timed),
    )


def axis(longest_s: Decimal) -> tuple[Decimal, tuple[Mark, ...]]:
    """Where an axis for `longest_s` ends, and its marks; no marks when there is nothing to measure.

    >>> [mark.text for mark in axis(Decimal(5170))[1]]
    ['0', '30 min', '1 h', '1 h 30 min']
    """
    if not longest_s:
        return Decimal(1), ()
    step = next((s for s in STEPS_S if longest_s / s <= MOST_MARKS), STEPS_S[-1])
    steps = ceil(longest_s / step)
    marks = (Mark(x=round(100 * i / steps, 3), text=_mark(step * i)) for i in range(steps + 1))
    return Decimal(step * steps), tuple(marks)


def _mark(seconds: int) -> str:
    return duration(Decimal(seconds)) if seconds else "0"


def in_short(labour: VersionLabour) -> str:
    """What people gave for a version, in one phrase. Simulated effort is not part of it."""
    lines = apart(labour.effort, simulated=False)
    timed = [line for line in lines if line.amounts.high_s is not None]
    known = [interval(labour.human_low_s, labour.human_high_s)] if timed else []
    held = ["effort of too few people to be shown"] if labour.held_back else []
    return " and ".join([*known, *_unknown(lines), *held]) or "none on record"


def _row(
    labour: VersionLabour, effort: Sequence[EffortLine], unused: Sequence[UnusedLine], end: Decimal, *, simulated: bool
) -> Row:
    low, high = (
        (labour.simulated_low_s, labour.simulated_high_s) if simulated else (labour.human_low_s, labour.human_high_s)
    )
    return Row(
        version=labour.version,
        span=interval(low, high) if effort else "none",
        givers=_givers(labour.simulated if simulated else labour.human, simulated=simulated),
        bars=tuple(_bar(share, group, end) for share, group in _shares(effort).items() if _high(group)),
        lines=tuple(_line(line) for line in effort),
        unknown=_unknown(effort),
        unused=tuple(_unused_line(line) for line in unused),
        held_back=() if simulated else labour.held_back,
    )


def _givers(givers: Givers, *, simulated: bool) -> str:
    """Counts only: no name, and no figure of one person. How many people it were is told as a lower bound."""
    if not givers.annotations:
        return ""
    who = f"{givers.annotators} or more annotators" if givers.annotators else "people of whom nothing is known"
    who = counted(givers.annotators, "simulated annotator") if simulated else who
    return f"{counted(givers.annotations, 'annotation')} by {who}, with skipped and unused ones"


def _bar(share: Share, lines: Sequence[EffortLine], end: Decimal) -> Bar:
    segments: list[Segment] = []
    reached = Decimal(0)
    for certain in (True, False):
        for line in sorted(lines, key=_order):
            low, high = line.amounts.low_s or Decimal(0), line.amounts.high_s or Decimal(0)
            length = low if certain else high - low
            if length:
                segments.append(_segment(line, reached, length, end, certain=certain))
            reached += length
    low_s = sum((line.amounts.low_s or Decimal(0) for line in lines), Decimal(0))
    return Bar(share=share.value, span=interval(low_s, reached), segments=tuple(segments))


def _segment(line: EffortLine, start: Decimal, length: Decimal, end: Decimal, *, certain: bool) -> Segment:
    return Segment(
        kind=line.kind.value,
        provenance=line.provenance.value,
        certain=certain,
        x=round(float(100 * start / end), 3),
        width=round(float(100 * length / end), 3),
    )


def _order(line: EffortLine) -> tuple[int, int]:
    """Kinds in their fixed order, so that a colour has its place; of one kind the measured before the declared."""
    return list(Kind).index(line.kind), list(Provenance).index(line.provenance)


def _shares(lines: Iterable[EffortLine]) -> dict[Share, list[EffortLine]]:
    groups: dict[Share, list[EffortLine]] = {Share.DIRECT: [], Share.INHERITED: []}
    for line in lines:
        groups[line.share].append(line)
    return {share: group for share, group in groups.items() if group}


def _high(lines: Iterable[EffortLine]) -> Decimal:
    return sum((line.amounts.high_s or Decimal(0) for line in lines), Decimal(0))


def _unknown(lines: Iterable[EffortLine]) -> tuple[str, ...]:
    """What was given and never timed, in words; a figure of zero would be a lie."""
    return tuple(_untimed(line) for line in lines if line.amounts.high_s is None)


def _untimed(line: EffortLine) -> str:
    if line.amounts.labels:
        return f"{counted(line.amounts.labels, 'label')} from {line.source}: people and hours unknown{_from_whom(line)}"
    return f"{_counted(line.amounts) or 'edits'} of unknown length{_from_whom(line)}"


def _from_whom(line: EffortLine) -> str:
    return "" if line.share is Share.DIRECT else f" ({_share(line)})"


def _share(line: EffortLine) -> str:
    return "direct" if line.share is Share.DIRECT else f"inherited from version {', '.join(line.charged_to)}"


def _line(line: EffortLine) -> Line:
    return Line(
        what=line.what,
        share=_share(line),
        provenance=f"{line.provenance.value} ({line.source})" if line.source else line.provenance.value,
        span=interval(line.amounts.low_s, line.amounts.high_s),
        quantity=_quantity(line),
    )


def _unused_line(line: UnusedLine) -> Line:
    return Line(
        what=REASONS.get(line.reason, line.reason),
        share=line.what,
        provenance=line.provenance.value,
        span=interval(line.amounts.low_s, line.amounts.high_s),
        quantity=_quantity(line),
    )


def _quantity(line: EffortLine | UnusedLine) -> str:
    return counted(line.amounts.labels, "label") if line.amounts.labels else _counted(line.amounts)


def _counted(amounts: Amounts) -> str:
    """Answers or corrections, whichever were counted; reviews are neither."""
    if amounts.events:
        return counted(amounts.events, "correction by a user", "corrections by users")
    return counted(amounts.annotations, "annotation") if amounts.annotations else ""
