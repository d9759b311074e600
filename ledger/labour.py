"""The labour behind one version as a value: lines that never mix human effort with simulated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from kempelen.records import Kind, Provenance

COST_NOTE = "no pay contract is on record"

Line = TypeVar("Line", "EffortLine", "UnusedLine")


class Share(StrEnum):
    """Whether effort was charged to this version, or to an earlier one that shares the labels."""

    DIRECT = "direct"
    INHERITED = "inherited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much; the seconds are None where nobody knows them, which is not zero."""

    annotations: int
    labels: int
    low_s: Decimal | None
    high_s: Decimal | None
    events: int = 0

    def as_json(self) -> dict[str, Any]:
        """Seconds as numbers with milliseconds or null, and the counts that are not zero."""
        counts = {"annotations": self.annotations, "labels": self.labels, "events": self.events}
        return {"low_s": _number(self.low_s), "high_s": _number(self.high_s)} | {k: n for k, n in counts.items() if n}


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortLine:
    """Effort of one kind and provenance. `charged_to` are the versions that carry it as direct.

    `people` is the number of persons, simulated ones not counted, who gave any of it and are known by name: a view
    that must show nobody alone needs it. `also` are further kinds told in the same figure, where each by itself would
    be of too few people.
    """

    share: Share
    kind: Kind
    provenance: Provenance
    amounts: Amounts
    source: str | None
    note: str | None
    charged_to: tuple[str, ...]
    policies: tuple[str, ...]
    people: int = 0
    also: tuple[Kind, ...] = ()

    @property
    def what(self) -> str:
        """What it was for."""
        return _all_kinds(self.kind, self.also)

    def as_json(self) -> dict[str, Any]:
        """The line of the `labour` command; `source` and `note` only where another place declares it."""
        line = {"kind": self.what, "provenance": self.provenance.value, "share": self.share.value}
        origin = {"source": self.source, "note": self.note} if self.source else {}
        trail = {"charged_to": list(self.charged_to), "policies": list(self.policies), "people": self.people}
        return line | self.amounts.as_json() | origin | trail


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedLine:
    """Effort that no version was trained on or checked with, for one reason, in these cycles."""

    reason: str
    kind: Kind
    provenance: Provenance
    amounts: Amounts
    policies: tuple[str, ...]
    source: str | None = None
    cycles: tuple[str, ...] = ()
    people: int = 0
    also: tuple[Kind, ...] = ()

    @property
    def what(self) -> str:
        """What it was for."""
        return _all_kinds(self.kind, self.also)

    def as_json(self) -> dict[str, Any]:
        """The line of the `labour` command."""
        line = {"reason": self.reason, "kind": self.what, "provenance": self.provenance.value}
        origin = {"source": self.source} if self.source else {}
        trail = {"policies": list(self.policies), "cycles": list(self.cycles), "people": self.people}
        return line | self.amounts.as_json() | origin | trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Givers:
    """How many annotations were given, skips included, and by how many pseudonyms."""

    annotations: int
    annotators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLabour:
    """All effort charged to a version, inherited by it, or unused beside it.

    `human` and `simulated` count the annotations that were charged to this version or are unused
    beside it, skips among them; inherited ones are counted by the version that carries them.
    `rewards_by_currency` is what other places say that they were paid for work on this version, fees included.
    `held_back` names what is in the books and not shown here, because too few people stand behind it.
    `digest` is that of the last card issued for the version, None before: see `Ledger.issue_card`.
    """

    model: str
    version: str
    effort: tuple[EffortLine, ...]
    unused: tuple[UnusedLine, ...]
    human: Givers
    simulated: Givers
    rewards_by_currency: Mapping[str, Decimal] = field(default_factory=dict)
    digest: str | None = None
    held_back: tuple[str, ...] = ()

    @property
    def annotations(self) -> int:
        """Annotations charged or unused here, human and simulated; `human` has people's alone."""
        return self.human.annotations + self.simulated.annotations

    @property
    def annotators(self) -> int:
        """Distinct pseudonyms behind them, human and simulated; `human` has people alone."""
        return self.human.annotators + self.simulated.annotators

    @property
    def human_low_s(self) -> Decimal | None:
        """Seconds that people gave, direct and inherited, as far as they are known; None if none is."""
        return _total([line.amounts.low_s for line in self._lines(simulated=False)])

    @property
    def human_high_s(self) -> Decimal | None:
        """The high bound of `human_low_s`."""
        return _total([line.amounts.high_s for line in self._lines(simulated=False)])

    @property
    def human_unknown(self) -> bool:
        """Whether people also gave effort here whose seconds nobody knows."""
        return any(line.amounts.high_s is None for line in self._lines(simulated=False))

    @property
    def simulated_low_s(self) -> Decimal | None:
        """Simulated seconds, direct and inherited: no human gave them."""
        return _total([line.amounts.low_s for line in self._lines(simulated=True)])

    @property
    def simulated_high_s(self) -> Decimal | None:
        """The high bound of `simulated_low_s`."""
        return _total([line.amounts.high_s for line in self._lines(simulated=True)])

    @property
    def unused_human_low_s(self) -> Decimal | None:
        """Seconds that people gave and no version used; not part of `human_low_s`."""
        return _total([line.amounts.low_s for line in apart(self.unused, simulated=False)])

    @property
    def unused_human_high_s(self) -> Decimal | None:
        """The high bound of `unused_human_low_s`."""
        return _total([line.amounts.high_s for line in apart(self.unused, simulated=False)])

    def shares(self) -> dict[tuple[Share, Kind], int] | None:
        """Tenths of a percent of `human_high_s`, by share and kind; they sum to 1000. None when nothing is known.

        Rounded by largest remainders (Hamilton's method); of equal ones the earlier share and kind goes first.
        """
        known: dict[tuple[Share, Kind], Decimal] = {}
        for line in self._lines(simulated=False):
            if line.amounts.high_s is not None:
                key = line.share, line.kind
                known[key] = known.get(key, Decimal(0)) + line.amounts.high_s
        total = sum(known.values(), Decimal(0))
        return _thousandths(known, total) if total else None

    def totals(self) -> dict[str, Any]:
        """The figures of the whole version, by name, as JSON values."""
        seconds = (
            "human_low_s",
            "human_high_s",
            "unused_human_low_s",
            "unused_human_high_s",
            "simulated_low_s",
            "simulated_high_s",
        )
        return {name: _number(getattr(self, name)) for name in seconds} | {
            "human_unknown": self.human_unknown,
            "human_annotations": self.human.annotations,
            "human_annotators": self.human.annotators,
            "simulated_annotations": self.simulated.annotations,
            "simulated_annotators": self.simulated.annotators,
        }

    def as_json(self) -> dict[str, Any]:
        """One element of what `kempelen labour --json` prints."""
        return {
            "model": self.model,
            "version": self.version,
            "annotations": self.annotations,
            "annotators": self.annotators,
            "effort": [line.as_json() for line in self.effort],
            "unused": [line.as_json() for line in self.unused],
            "totals": self.totals(),
            "held_back": list(self.held_back),
            "cost": None,
            "cost_note": COST_NOTE,
            "rewards_by_currency": {code: str(money) for code, money in sorted(self.rewards_by_currency.items())},
            "digest": self.digest,
        }

    def _lines(self, *, simulated: bool) -> list[EffortLine]:
        return apart(self.effort, simulated=simulated)


def _all_kinds(kind: Kind, also: Iterable[Kind]) -> str:
    return " and ".join([kind.value, *(one.value for one in also)])


def apart(lines: Iterable[Line], *, simulated: bool) -> list[Line]:
    """The simulated lines, or all others."""
    return [line for line in lines if (line.provenance is Provenance.SIMULATED) is simulated]


def _thousandths(known: Mapping[tuple[Share, Kind], Decimal], total: Decimal) -> dict[tuple[Share, Kind], int]:
    order = sorted(known, key=lambda key: (list(Share).index(key[0]), list(Kind).index(key[1])))
    exact = {key: 1000 * known[key] / total for key in order}
    shares = {key: int(share) for key, share in exact.items()}
    left = 1000 - sum(shares.values())
    for key in sorted(order, key=lambda key: shares[key] - exact[key])[:left]:
        shares[key] += 1
    return shares


def _total(seconds: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is known; 0 when there is no effort, None when there is and none of it is known."""
    known = [s for s in seconds if s is not None]
    return sum(known, Decimal(0)) if known or not seconds else None


def _number(seconds: Decimal | None) -> float | None:
    return None if seconds is None else float(round(seconds, 3))
