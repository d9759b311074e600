"""One person's own statement: what the books hold about them, annotation by annotation, and about nobody else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Engine

from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.database import reading
from ledger.entries import Entry
from ledger.people.privacy import total_s
from ledger.posting_rules import annotation_of
from ledger.rows import entries_query, entry_of
from ledger.tables import ENTRIES
from ledger.units import Currency, Unit

_CORRECTION = "#corrected-"

Lineage = Mapping[str, Mapping[str, Sequence[str]]]
"""By model and version, all earlier versions whose labels it also trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where the effort of one piece of work went: into a version, or nowhere, and then why; both None while it is open.

    `later` are versions that trained on the same label afterwards.
    """

    version: str | None = None
    unused: str | None = None
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One annotation, review or served answer, as the books hold it now.

    Seconds are None where nobody knows them. `first_low_s` and `first_high_s` are what had been recorded until it was
    `corrected`.
    """

    source_id: str
    what: str
    at: datetime
    model: str | None
    cycle: str | None
    item_id: str | None
    kind: Kind | None
    provenance: Provenance
    low_s: Decimal | None
    high_s: Decimal | None
    policies: tuple[str, ...]
    end: End
    corrected: bool
    first_low_s: Decimal | None
    first_high_s: Decimal | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that reached the person, as the books say."""

    at: datetime
    amount: Decimal
    currency: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPay:
    """What a person is owed for a period and has received for it, in one currency; None where it is unknown, and why.

    `top_up` is what the floor under every hour adds; `payable` is what is still to be paid in all.
    """

    first: date
    last: date
    currency: str | None
    owed: Decimal | None
    received: Decimal | None
    top_up: Decimal | None
    payable: Decimal | None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Everything in the books about one person, newest work first."""

    person: str
    work: tuple[Work, ...]
    payments: tuple[Payment, ...]

    @property
    def low_s(self) -> Decimal | None:
        """The known seconds, at least; None when none are."""
        return total_s(one.low_s for one in self.work)

    @property
    def high_s(self) -> Decimal | None:
        """The known seconds, at most."""
        return total_s(one.high_s for one in self.work)

    @property
    def untimed(self) -> int:
        """Pieces of work whose time nobody knows."""
        return sum(1 for one in self.work if one.high_s is None)

    @property
    def models(self) -> tuple[str, ...]:
        """The models worked for."""
        return tuple(sorted({one.model for one in self.work if one.model}))

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles worked in, the newest first."""
        return tuple(dict.fromkeys(one.cycle for one in self.work if one.cycle))


def entries_of(engine: Engine, person: str) -> list[Entry]:
    """Every entry about a person, by pseudonym, whatever they did; oldest first. Simulated ones are nobody's."""
    theirs = accounts.annotator(person), accounts.reviewer(person)
    with reading(engine) as connection:
        return [entry_of(row) for row in connection.execute(entries_query().where(ENTRIES.c.person.in_(theirs)))]


def statement(entries: Iterable[Entry], person: str, lineage: Lineage | None = None) -> Statement:
    """What the entries of a person say, those that were taken back left out; other people's entries are ignored."""
    theirs = {accounts.annotator(person), accounts.reviewer(person)}
    mine = [entry for entry in entries if entry.person in theirs]
    given, assigned = parted(mine)
    firsts = _as_first_recorded(mine)
    work = [_work(parts, firsts.get(name, parts), assigned, lineage or {}) for name, parts in given.items()]
    return Statement(
        person=person,
        work=tuple(sorted(work, key=lambda one: (one.at, one.source_id), reverse=True)),
        payments=tuple(payments_in(mine)),
    )


def parted(entries: Iterable[Entry]) -> tuple[dict[str, list[Entry]], dict[str, Entry]]:
    """What a person gave and still stands, by annotation; and what moved each of these entries on, by its source_id.

    Of an annotation the answer itself comes first, and then its edits, as they were booked.
    """
    known = list(entries)
    taken_back = {entry.reverses for entry in known if entry.reverses is not None}
    standing = [entry for entry in known if entry.reverses is None and entry.source_id not in taken_back]
    given: dict[str, list[Entry]] = defaultdict(list)
    for entry in standing:
        if entry.giver == entry.person:
            given[annotation_of(entry.source_id)].append(entry)
    for parts in given.values():  # a corrected answer may have been booked after an edit of it
        parts.sort(key=lambda part: not part.amounts.get(Unit.ANNOTATIONS))
    return given, {entry.given: entry for entry in standing if entry.given is not None}


def _work(parts: Sequence[Entry], firsts: Sequence[Entry], assigned: Mapping[str, Entry], lineage: Lineage) -> Work:
    first = parts[0]
    ends = [assigned.get(part.source_id, part) for part in parts]
    return Work(
        source_id=annotation_of(first.source_id),
        what=firsts[0].narration,
        at=min(part.worked_at or part.at for part in parts),
        model=first.model,
        cycle=first.cycle,
        item_id=first.item_id,
        kind=ends[0].kind,
        provenance=first.provenance,
        low_s=_seconds(parts, Unit.S_LOW),
        high_s=_seconds(parts, Unit.S_HIGH),
        policies=tuple(dict.fromkeys(part.policy for part in parts if part.policy)),
        end=_end(ends[0], lineage),
        corrected=any(_CORRECTION in part.source_id for part in parts),
        first_low_s=_seconds(firsts, Unit.S_LOW),
        first_high_s=_seconds(firsts, Unit.S_HIGH),
        source=first.source,
    )


def _as_first_recorded(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """By annotation, what was booked before any correction, whether or not it was taken back."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.giver == entry.person and entry.reverses is None and _CORRECTION not in entry.source_id:
            found[annotation_of(entry.source_id)].append(entry)
    return found


def _seconds(entries: Iterable[Entry], unit: Unit) -> Decimal | None:
    return total_s(entry.amounts.get(unit) for entry in entries)


def _end(entry: Entry, lineage: Lineage) -> End:
    match accounts.role(entry.receiver):
        case "unused":
            reason = accounts.name(entry.receiver)
            kept = reason == accounts.Unused.REJECTED_CHALLENGER  # its labels are there for later versions
            return End(unused=reason, version=entry.version, later=_later(entry, lineage) if kept else ())
        case "model_version":
            return End(version=entry.version, later=_later(entry, lineage))
    return End()


def _later(entry: Entry, lineage: Lineage) -> tuple[str, ...]:
    """Versions that learned from the same label; a check of one version says nothing of another."""
    if entry.kind is not Kind.PREPARATION or entry.model is None:
        return ()
    return tuple(v for v, earlier in lineage.get(entry.model, {}).items() if entry.version in earlier)


def payments_in(entries: Iterable[Entry]) -> list[Payment]:
    """The payments among a person's entries that stand, oldest first."""
    known = list(entries)
    taken_back = {entry.reverses for entry in known if entry.reverses is not None}
    found = [
        Payment(at=entry.worked_at or entry.at, amount=amount, currency=unit, what=entry.narration)
        for entry in known
        if entry.receiver == entry.person and entry.reverses is None and entry.source_id not in taken_back
        for unit, amount in entry.amounts.items()
        if isinstance(unit, Currency)
    ]
    return sorted(found, key=lambda one: one.at)
