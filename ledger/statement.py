"""What people gave for each version of a model: added up from totals that are kept beside the entries."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.labour import Amounts, EffortLine, Givers, Share, UnusedLine, VersionLabour
from ledger.totals import NOTHING, LineTotal, Sums
from ledger.units import Currency, Unit


class Books(Protocol):
    """Where a statement reads; `ledger.store.Ledger` is one."""

    def totals(self, model: str, version: str | None = None, earlier: Collection[str] = ()) -> list[LineTotal]:
        """The totals of a version, and what it inherits from earlier ones; of all versions without `version`."""
        ...

    def card_digests(self, model: str) -> Mapping[str, str]:
        """The digest of the last card that was issued for each version."""
        ...


def labour(
    books: Books, model: str, lineage: Mapping[str, Sequence[str]], version: str | None = None
) -> list[VersionLabour]:
    """The labour behind each version, oldest version first; or behind one, empty if nobody knows it.

    `lineage` maps a version to *all* earlier versions whose labels it also trained on. Effort is
    direct where it was charged, and inherited by the versions that trained on the same labels; only
    preparation is inherited, since a check of one version says nothing of another. What was booked
    and taken back is in no line.
    """
    by_version = grouped(books.totals(model, version, lineage.get(version, ()) if version else ()))
    asked = [v for v in sorted({*by_version, *lineage}, key=_natural) if version in {None, v}]
    digests = books.card_digests(model) if asked else {}
    return [of_version(model, v, lineage.get(v, ()), by_version, digests.get(v)) for v in asked]


def grouped(totals: Iterable[LineTotal]) -> Mapping[str, Sequence[LineTotal]]:
    """The totals that stand, by version."""
    found: dict[str, list[LineTotal]] = defaultdict(list)
    for total in totals:
        if total.sums != NOTHING:
            found[total.line.version].append(total)
    return found


def of_version(
    model: str,
    version: str,
    earlier: Sequence[str],
    by_version: Mapping[str, Sequence[LineTotal]],
    digest: str | None,
) -> VersionLabour:
    """The labour behind one version, from the totals of it and of the earlier ones."""
    own = by_version.get(version, ())
    effort = [total for total in own if total.line.currency is None]
    inherited = [t for v in {*earlier} - {version} for t in by_version.get(v, ()) if is_inherited(t)]
    return VersionLabour(
        model=model,
        version=version,
        effort=(
            *_effort_lines(Share.DIRECT, [t for t in effort if _role(t) == "model_version"]),
            *_effort_lines(Share.INHERITED, inherited),
        ),
        unused=_unused_lines([t for t in effort if _role(t) == "unused"]),
        human=_givers(effort, simulated=False),
        simulated=_givers(effort, simulated=True),
        rewards_by_currency=_rewards(own),
        digest=digest,
    )


def is_inherited(total: LineTotal) -> bool:
    """Whether later versions inherit it: a model learned from it, even if as a challenger that was rejected."""
    line = total.line
    rejected = accounts.unused(accounts.Unused.REJECTED_CHALLENGER)
    learned = _role(total) == "model_version" or line.receiver.removeprefix(accounts.SIMULATED) == rejected
    return line.currency is None and line.kind == Kind.PREPARATION and learned


def _effort_lines(share: Share, totals: Iterable[LineTotal]) -> tuple[EffortLine, ...]:
    """A line for all that agrees in kind, provenance and origin, and in whether its seconds are known."""
    groups = _groups(totals, lambda line: (line.kind, line.provenance, line.source, line.note, str(line.timed)))
    return tuple(
        EffortLine(
            share=share,
            kind=Kind(group[0].line.kind or ""),
            provenance=Provenance(group[0].line.provenance),
            amounts=_amounts(group),
            source=group[0].line.source,
            note=group[0].line.note,
            charged_to=tuple(sorted({t.line.version for t in group}, key=_natural)),
            policies=_policies(group),
            people=_people(group),
        )
        for group in groups
    )


def _unused_lines(totals: Iterable[LineTotal]) -> tuple[UnusedLine, ...]:
    groups = _groups(
        totals,
        lambda line: (accounts.name(line.receiver), line.kind, line.provenance, line.source, str(line.timed)),
    )
    return tuple(
        UnusedLine(
            reason=accounts.name(group[0].line.receiver),
            kind=Kind(group[0].line.kind or ""),
            provenance=Provenance(group[0].line.provenance),
            amounts=_amounts(group),
            policies=_policies(group),
            source=group[0].line.source,
            cycles=tuple(sorted({t.line.cycle for t in group if t.line.cycle})),
            people=_people(group),
        )
        for group in groups
    )


def _groups(totals: Iterable[LineTotal], by: Callable[..., tuple[str | None, ...]]) -> list[list[LineTotal]]:
    found: dict[tuple[str, ...], list[LineTotal]] = defaultdict(list)
    for total in totals:
        found[tuple(part or "" for part in by(total.line))].append(total)
    return [found[key] for key in sorted(found)]


def _amounts(group: Sequence[LineTotal]) -> Amounts:
    sums = _sum(group)
    timed = group[0].line.timed
    return Amounts(
        annotations=sums.annotations,
        labels=sums.labels,
        events=sums.events,
        low_s=Decimal(sums.s_low) / Unit.S_LOW.per_unit if timed else None,
        high_s=Decimal(sums.s_high) / Unit.S_HIGH.per_unit if timed else None,
    )


def _givers(totals: Sequence[LineTotal], *, simulated: bool) -> Givers:
    mine = [t for t in totals if (t.line.provenance == Provenance.SIMULATED) is simulated]
    people = {who for t in mine for who in t.people if accounts.role(who) == "annotator"}
    return Givers(annotations=_sum(mine).annotations, annotators=len(people))


def _people(group: Iterable[LineTotal]) -> int:
    """How many persons; whoever both annotated and reviewed is one."""
    return len({accounts.name(who) for total in group for who in total.people if accounts.is_person(who)})


def _rewards(totals: Iterable[LineTotal]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for total in totals:
        if total.line.currency is not None:
            money = Decimal(total.sums.money) / Currency(total.line.currency).per_unit
            found[total.line.currency] = found.get(total.line.currency, Decimal(0)) + money
    return found


def _sum(totals: Iterable[LineTotal]) -> Sums:
    sums = NOTHING
    for total in totals:
        sums = sums.plus(total.sums)
    return sums


def _policies(group: Iterable[LineTotal]) -> tuple[str, ...]:
    return tuple(sorted({t.line.policy for t in group if t.line.policy}))


def _role(total: LineTotal) -> str:
    return accounts.role(total.line.receiver)


def _natural(version: str) -> tuple[int, int, str]:
    """Registry numbers in the order of numbers, anything else behind them."""
    return (0, int(version), "") if version.isdecimal() else (1, 0, version)
