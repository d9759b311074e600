"""What the books hold of a version, reduced to what may be shown when no figure is of fewer than k people."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import Engine, select

from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.accounts import Unused
from ledger.card.content import CardContent, Line
from ledger.card.terms import Terms
from ledger.database import reading
from ledger.durations import interval
from ledger.labour import COST_NOTE, Amounts, EffortLine, Givers, Share, UnusedLine, VersionLabour
from ledger.pay.cost import Cost, PublicPay
from ledger.people.privacy import Cell, Key, Publication, total_s
from ledger.people.ratings import Summary
from ledger.people.releases import Part
from ledger.tables import LINES, TOTALS
from ledger.units import Unit

USED, UNUSED = "used", "unused"
_VERSION, _USE, _KIND, _PROVENANCE, _REASON, _SOURCE = range(6)

_NO_COST = f"unknown: {COST_NOTE}"
_REWARDS = "what platforms were paid, which is not shown"
_OWN_TERMS = "not shown, because no single hourly offer says all of it, and the rest could tell what one person is paid"
_HELD_COST = "held back, because it would tell of fewer than {k} people"


def parts(engine: Engine, model: str) -> list[Part]:
    """What each person gave to each version of a model, or to the waste beside it: what a release of figures rests on.

    A person is one, whatever their roles; nobody stands behind simulated effort. A part's key is its version, whether
    it was used, its kind, its provenance, why it was not used, and its source.
    """
    columns = (*LINES.c, TOTALS.c.person, TOTALS.c.s_low, TOTALS.c.s_high, TOTALS.c.annotations)
    query = select(*columns).join(TOTALS).where(LINES.c.model == model, LINES.c.currency.is_(None))
    with reading(engine) as connection:
        rows = connection.execute(query.where(TOTALS.c.entries != 0).order_by(LINES.c.id, TOTALS.c.person)).all()
    return [
        Part(
            key=_key(row.version, row.receiver, row.kind, row.provenance, row.source),
            person=accounts.name(row.person) if row.person and accounts.is_person(row.person) else None,
            low_s=Decimal(row.s_low) / Unit.S_LOW.per_unit if row.timed else None,
            high_s=Decimal(row.s_high) / Unit.S_HIGH.per_unit if row.timed else None,
            annotations=row.annotations,
        )
        for row in rows
    ]


def card_of(  # noqa: PLR0913 - a card is made of exactly these
    labour: VersionLabour,
    publication: Publication,
    *,
    earlier: Collection[str],
    pay: PublicPay | None = None,
    ratings: Summary | None = None,
    credits: Iterable[str] = (),  # noqa: A002 - the field's word
    terms: Terms | None = None,
) -> CardContent:
    """The card of a version: effort of persons as far as `publication` shows it, all other effort as it is.

    `publication` is of the model's `parts`; `earlier` are the versions whose labels it also trained on. What it cost is
    shown only where it follows from the figures of effort on the card; `pay` is None where nothing was agreed.
    """
    persons = _lines(publication, labour.version, earlier)
    recorded: list[EffortLine | UnusedLine] = [*labour.effort, *labour.unused]
    free = [_line(line) for line in recorded if not line.people]
    lines = [*persons, *(line for line in free if line.provenances != (Provenance.SIMULATED,))]
    dreamt = [line for line in free if line.provenances == (Provenance.SIMULATED,)]
    held = _held_back(publication, labour.version, earlier)
    undivided = tuple(line for line in lines if line.reasons and "" in line.reasons)
    complete = not held and not undivided
    cost = _cost(pay, [line for line in persons if Share.DIRECT in line.shares]) if pay and complete else None
    note = None if cost else _cost_note(pay, publication.k)
    if labour.rewards_by_currency:
        note = _REWARDS if note is None else f"{note}; {_REWARDS}"
    return CardContent(
        model=labour.model,
        version=labour.version,
        digest=labour.digest,
        min_people=publication.k,
        effort=tuple(line for line in lines if not line.reasons),
        unused=tuple(line for line in lines if line.reasons and "" not in line.reasons),
        undivided=undivided,
        simulated=tuple(line for line in dreamt if not line.reasons),
        simulated_unused=tuple(line for line in dreamt if line.reasons),
        people=bool(persons),
        held_back=held,
        policies=tuple(sorted({_rule(policy) for line in recorded for policy in line.policies})),
        costs=(cost,) if cost else (),
        cost_note=note,
        ratings=ratings or Summary(),
        credits=tuple(credits),
        terms=terms or Terms(),
    )


def _rule(policy: str) -> str:
    """A policy without the seconds of one answer that some name: `less_s`."""
    return " ".join(part for part in policy.split() if not part.startswith("less_s="))


def _key(version: str, receiver: str, kind: str | None, provenance: str, source: str | None) -> Key:
    unused = accounts.role(receiver) == "unused"
    reason = accounts.name(receiver) if unused else ""
    return version, UNUSED if unused else USED, kind or "", provenance, reason, source or ""


def _share(key: Key, version: str, earlier: Collection[str]) -> Share | None:
    """How the version has a part in it, or None if it has none."""
    if key[_VERSION] == version:
        return Share.DIRECT
    learned = key[_USE] == USED or key[_REASON] == Unused.REJECTED_CHALLENGER
    inherited = key[_VERSION] in earlier and key[_KIND] == Kind.PREPARATION and learned
    return Share.INHERITED if inherited else None


def _lines(publication: Publication, version: str, earlier: Collection[str]) -> list[Line]:
    """The sets of cells that concern the version and nothing else, those that agree in all but their number as one."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cells in publication.sets:
        shares = {_share(cell.key, version, earlier) for cell in cells}
        if None not in shares:
            told = sorted({_told(cell.key, version, earlier) for cell in cells})
            groups.setdefault((*told, cells[0].sort), []).extend(cells)
    lines = (_together(cells, version, earlier) for _, cells in sorted(groups.items(), key=lambda group: str(group[0])))
    return sorted(lines, key=_order)


def _told(key: Key, version: str, earlier: Collection[str]) -> tuple[str, ...]:
    """What a line says of a cell: not from which version it is inherited, nor what became of it there."""
    return _share(key, version, earlier) or "", key[_KIND], key[_PROVENANCE], _reason(key, version), key[_SOURCE]


def _together(cells: Sequence[Cell], version: str, earlier: Collection[str]) -> Line:
    reasons = {_reason(cell.key, version) for cell in cells}
    return Line(
        shares=tuple(s for s in Share if s in {_share(cell.key, version, earlier) for cell in cells}),
        kinds=tuple(kind for kind in Kind if kind in {cell.key[_KIND] for cell in cells}),
        provenances=tuple(each for each in Provenance if each in {cell.key[_PROVENANCE] for cell in cells}),
        amounts=Amounts(
            annotations=sum(cell.annotations for cell in cells),
            labels=0,
            low_s=total_s(cell.low_s for cell in cells),
            high_s=total_s(cell.high_s for cell in cells),
        ),
        reasons=() if reasons == {""} else tuple(sorted(reasons)),
        sources=tuple(sorted({cell.key[_SOURCE] for cell in cells} - {""})),
        charged_to=tuple(sorted({cell.key[_VERSION] for cell in cells}, key=_natural)),
    )


def _reason(key: Key, version: str) -> str:
    """Why it was not used. What a rejected challenger learned from and later versions inherit, was used by them."""
    return key[_REASON] if key[_VERSION] == version else ""


def _line(line: EffortLine | UnusedLine) -> Line:
    """A line with nobody behind it who could be recognised."""
    return Line(
        shares=(line.share if isinstance(line, EffortLine) else Share.DIRECT,),
        kinds=(line.kind,),
        provenances=(line.provenance,),
        amounts=line.amounts,
        reasons=() if isinstance(line, EffortLine) else (line.reason,),
        sources=(line.source,) if line.source else (),
        note=line.note if isinstance(line, EffortLine) else None,
        charged_to=line.charged_to if isinstance(line, EffortLine) else (),
    )


def _held_back(publication: Publication, version: str, earlier: Collection[str]) -> tuple[str, ...]:
    """What concerns the version and is in no line, in words."""
    hidden = list(publication.held_back)
    for cells in publication.sets:
        shares = {_share(cell.key, version, earlier) for cell in cells}
        hidden += cells if None in shares and len(shares) > 1 else ()
    named = {(_share(cell.key, version, earlier), cell.key) for cell in hidden}
    return tuple(sorted({_named(share, key) for share, key in named if share is not None}))


def _named(share: Share, key: Key) -> str:
    reason = f", not used: {key[_REASON].replace('_', ' ')}" if key[_REASON] and share is Share.DIRECT else ""
    origin = f" from version {key[_VERSION]}" if share is Share.INHERITED else ""
    return f"{key[_KIND]}, {share.value}{origin}, {key[_PROVENANCE]}{reason}"


def _cost(pay: PublicPay, lines: Sequence[Line]) -> Cost | None:
    """What the effort on the card cost; None where a line holds effort of other versions, too."""
    if any(Share.INHERITED in line.shares for line in lines):
        return None
    known = [line.amounts for line in lines if line.amounts.high_s is not None]
    high_s = total_s(amounts.high_s for amounts in known) if len(known) == len(lines) else None
    return pay.cost(total_s(amounts.low_s for amounts in known) or Decimal(0), high_s)


def _cost_note(pay: PublicPay | None, k: int) -> str:
    """Why no cost is shown."""
    if pay is None:
        return _NO_COST
    return _OWN_TERMS if pay.offer is None else _HELD_COST.format(k=k)


def _order(line: Line) -> tuple[object, ...]:
    return (
        [list(Share).index(share) for share in line.shares],
        [list(Kind).index(kind) for kind in line.kinds],
        [list(Provenance).index(each) for each in line.provenances],
        line.reasons,
        line.sources,
    )


def _natural(version: str) -> tuple[int, int, str]:
    """Registry numbers in the order of numbers, anything else behind them."""
    return (0, int(version), "") if version.isdecimal() else (1, 0, version)


def published(labour: VersionLabour, publication: Publication, *, earlier: Collection[str]) -> VersionLabour:
    """The labour of a version as anybody may see it: effort of persons only as far as `publication` shows it.

    What can only be told together with effort of another share or provenance is named in `held_back`, with its figure,
    beside what is held back altogether. Numbers of people are lower bounds, and money is none of it.
    """
    lines = _lines(publication, labour.version, earlier)
    plain = [line for line in lines if _is_plain(line)]
    held = [_in_words(line) for line in lines if not _is_plain(line)]
    told = sum(line.amounts.annotations for line in plain if line.shares == (Share.DIRECT,))
    recorded: list[EffortLine | UnusedLine] = [*labour.effort, *labour.unused]
    free = sum(one.amounts.annotations for one in recorded if _counts(one))
    effort = [line for line in labour.effort if not line.people]
    effort += [_effort(line, publication.k) for line in plain if not line.reasons]
    unused = [line for line in labour.unused if not line.people]
    unused += [_unused(line, publication.k) for line in plain if line.reasons]
    return replace(
        labour,
        effort=tuple(sorted(effort, key=lambda one: (one.share != Share.DIRECT, one.kind, one.provenance))),
        unused=tuple(unused),
        human=Givers(annotations=told + free, annotators=publication.k if told else 0),
        rewards_by_currency={},
        held_back=(*held, *_held_back(publication, labour.version, earlier)),
    )


def _is_plain(line: Line) -> bool:
    """Whether it is of one share, provenance and source, and used as a whole or not at all."""
    return len(line.shares) == len(line.provenances) == 1 and len(line.sources) <= 1 and "" not in line.reasons


def _in_words(line: Line) -> str:
    kinds, shares = (" and ".join(each.value for each in parts) for parts in (line.kinds, line.shares))
    used = ", used in part" if line.reasons else ""
    return f"{interval(line.amounts.low_s, line.amounts.high_s)} of {kinds}, {shares}{used}"


def _counts(line: EffortLine | UnusedLine) -> bool:
    """Whether its annotations are direct, and of people whom nobody could recognise by them."""
    inherited = isinstance(line, EffortLine) and line.share is Share.INHERITED
    return not (line.people or inherited or line.provenance is Provenance.SIMULATED)


def _effort(line: Line, k: int) -> EffortLine:
    return EffortLine(
        share=line.shares[0],
        kind=line.kinds[0],
        also=line.kinds[1:],
        provenance=line.provenances[0],
        amounts=line.amounts,
        source=next(iter(line.sources), None),
        note=None,
        charged_to=line.charged_to,
        policies=(),
        people=k,
    )


def _unused(line: Line, k: int) -> UnusedLine:
    return UnusedLine(
        reason=" and ".join(line.reasons),
        kind=line.kinds[0],
        also=line.kinds[1:],
        provenance=line.provenances[0],
        amounts=line.amounts,
        policies=(),
        source=next(iter(line.sources), None),
        people=k,
    )
