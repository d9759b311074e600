"""What people gave for each version of a model: computed from the entries, never stored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.entries import Entry, Unit, digest
from ledger.labour import Amounts, EffortLine, Givers, Share, UnusedLine, VersionLabour


class Books(Protocol):
    """Where a statement reads; `ledger.store.Ledger` is one."""

    def entries(self, model: str | None = None) -> list[Entry]:
        """The entries of a model, in any order."""
        ...


def labour(
    books: Books, model: str, lineage: Mapping[str, Sequence[str]], version: str | None = None
) -> list[VersionLabour]:
    """The labour behind each version, oldest version first; or behind one, empty if nobody knows it.

    `lineage` maps a version to *all* earlier versions whose labels it also trained on. Effort is
    direct where it was charged, and inherited by the versions that trained on the same labels; only
    preparation is inherited, since a check of one version says nothing of another.
    """
    booked = {entry.source_id: entry for entry in books.entries(model=model)}
    by_version: dict[str, list[Entry]] = defaultdict(list)
    for entry in booked.values():
        if entry.version is not None:
            by_version[entry.version].append(entry)
    asked = [v for v in sorted({*by_version, *lineage}, key=_natural) if version in {None, v}]
    return [_of_version(model, v, lineage.get(v, ()), by_version, booked) for v in asked]


def _of_version(
    model: str,
    version: str,
    earlier: Sequence[str],
    by_version: Mapping[str, Sequence[Entry]],
    booked: Mapping[str, Entry],
) -> VersionLabour:
    own = by_version.get(version, ())
    earlier_ones = (e for v in {*earlier} - {version} for e in by_version.get(v, ()))
    inherited = [e for e in earlier_ones if e.kind is Kind.PREPARATION and _trained_on(e)]
    rests_on = [*own, *inherited]
    return VersionLabour(
        model=model,
        version=version,
        effort=(
            *_effort_lines(Share.DIRECT, [e for e in own if e.accounts("model_version")]),
            *_effort_lines(Share.INHERITED, inherited),
        ),
        unused=_unused_lines(own),
        human=_givers(own, booked, simulated=False),
        simulated=_givers(own, booked, simulated=True),
        digest=digest([*rests_on, *_given(rests_on, booked)]),
    )


def _effort_lines(share: Share, entries: Iterable[Entry]) -> tuple[EffortLine, ...]:
    """A line for all that agrees in kind, provenance and origin, and in whether its seconds are known."""
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        key = entry.kind, entry.provenance, _source(entry) or "", entry.note or "", str(_is_timed(entry))
        groups[key].append(entry)
    return tuple(_effort_line(share, groups[key]) for key in sorted(groups))


def _effort_line(share: Share, group: Sequence[Entry]) -> EffortLine:
    return EffortLine(
        share=share,
        kind=group[0].kind,
        provenance=group[0].provenance,
        amounts=_amounts(("model_version", "unused"), group),
        source=_source(group[0]),
        note=group[0].note,
        charged_to=tuple(sorted({e.version for e in group if e.version}, key=_natural)),
        policies=_policies(group),
    )


def _unused_lines(entries: Iterable[Entry]) -> tuple[UnusedLine, ...]:
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        for account in entry.accounts("unused"):
            key = accounts.name(account), entry.kind, entry.provenance, str(_is_timed(entry))
            groups[key].append(entry)
    return tuple(
        UnusedLine(
            reason=key[0],
            kind=group[0].kind,
            provenance=group[0].provenance,
            amounts=_amounts(("unused",), group),
            policies=_policies(group),
        )
        for key, group in sorted(groups.items())
    )


def _trained_on(entry: Entry) -> bool:
    """Whether a model learned from it: also a challenger that was rejected, whose labels later versions keep."""
    rejected = accounts.unused(accounts.Unused.REJECTED_CHALLENGER)
    ends = {account.removeprefix(accounts.SIMULATED) for account in entry.accounts("unused")}
    return bool(entry.accounts("model_version")) or rejected in ends


def _amounts(roles: Sequence[str], group: Sequence[Entry]) -> Amounts:
    timed = _is_timed(group[0])
    low, high, annotations, labels = (
        sum((entry.amount(role, unit) or Decimal(0) for entry in group for role in roles), Decimal(0))
        for unit in (Unit.S_LOW, Unit.S_HIGH, Unit.ANNOTATIONS, Unit.LABELS)
    )
    return Amounts(
        annotations=int(annotations),
        labels=int(labels),
        low_s=low if timed else None,
        high_s=high if timed else None,
    )


def _givers(entries: Sequence[Entry], booked: Mapping[str, Entry], *, simulated: bool) -> Givers:
    mine = [entry for entry in entries if (entry.provenance is Provenance.SIMULATED) is simulated]
    counted = (entry.amount(role, Unit.ANNOTATIONS) for entry in mine for role in ("model_version", "unused"))
    people = {account for entry in _given(mine, booked) for account in entry.accounts("annotator")}
    return Givers(annotations=int(sum(n or 0 for n in counted)), annotators=len(people))


def _given(entries: Iterable[Entry], booked: Mapping[str, Entry]) -> Iterator[Entry]:
    """The annotations whose effort the entries assign."""
    return (booked[entry.given] for entry in entries if entry.given is not None and entry.given in booked)


def _policies(group: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(sorted({entry.policy for entry in group if entry.policy}))


def _source(entry: Entry) -> str | None:
    return next((accounts.name(account) for account in entry.accounts("declared")), None)


def _is_timed(entry: Entry) -> bool:
    return any(posting.unit is Unit.S_HIGH for posting in entry.postings)


def _natural(version: str) -> tuple[int, int, str]:
    """Registry numbers in the order of numbers, anything else behind them."""
    return (0, int(version), "") if version.isdecimal() else (1, 0, version)
