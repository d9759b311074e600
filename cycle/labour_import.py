"""Book what people did elsewhere, from the export of the place where they did it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cycle.app import App
from kempelen.errors import BadData, Problem
from kempelen.plugins import build
from kempelen.protocols import LabourImporter
from kempelen.records import DeclaredWork, Kind
from kempelen.text import item_id
from ledger import accounts, posting_rules
from ledger.entries import Entry
from ledger.pay import currencies
from ledger.posting_rules.elsewhere import reward_id, work_id

STAGE = "connectors/labour_import"

_AT_ONCE = 20_000
"""Pieces of work whose entries are in memory together. A kill between two lots is mended by importing again."""

_CLOCKS_DIFFER = timedelta(days=1)
"""A place may date its work by a clock of its own, in a zone that its export does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file brought: pieces of work in it, entries that were new, and what could not be used."""

    file: str
    version: str
    pieces: int
    people: int
    new_entries: int
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        """The import for scripts."""
        counts = {name: getattr(self, name) for name in ("file", "version", "pieces", "people", "new_entries")}
        return counts | {"problems": [f"{one.subject}: {one.message} {one.hint}" for one in self.problems]}


def import_labour(  # noqa: PLR0913 - an import is exactly these things
    app: App, file: Path, *, form: str, version: str, kind: Kind, payer: str, params: dict[str, Any], now: datetime
) -> Imported:
    """Book every piece of work in a file for a version of the model, with what the place paid and kept.

    Importing a file again adds nothing. People become pseudonyms before anything is kept. BadData when no version has
    that name, LedgerError when the payer can have no account; what else is wrong with the file is the importer's to
    say, and nothing of it is booked then.
    """
    known = [one.version for one in app.store.versions(app.model)]
    if version not in known:
        raise BadData(
            f"There is no version {version} of {app.model}.", hint=f"Known: {', '.join(known) or 'none yet'}."
        )
    accounts.payer(payer)
    importer: LabourImporter = build(STAGE, form, params, section="--format")
    works, problems = importer.read(file)
    works, impossible = _bookable(works, now)
    names = app.pseudonyms({_person(work) for work in works})
    booking = partial(_entries, model=app.model, version=version, kind=kind, payer=payer, now=now)
    new_entries, others = 0, list[Problem]()
    for start in range(0, len(works), _AT_ONCE):
        some = works[start : start + _AT_ONCE]
        entries = [entry for work in some for entry in booking(work, names[_person(work)])]
        booked, refused = _book(app, some, entries, now)
        new_entries += booked
        others += refused
    return Imported(
        file=str(file),
        version=version,
        pieces=len(works),
        people=len(names),
        new_entries=new_entries,
        problems=(*problems, *impossible, *others),
    )


def _book(
    app: App, works: Sequence[DeclaredWork], entries: Sequence[Entry], now: datetime
) -> tuple[int, list[Problem]]:
    new, refused = app.ledger.unbooked(entries)
    given, added = {entry.source_id: entry for entry in entries}, {entry.source_id for entry in new}
    before = [work for work in works if work_id(work) not in added]
    decided, settled, others = _decided_since(app, before, given, {one.subject for one in refused}, now)
    return app.ledger.book([*new, *decided]), [*(one for one in refused if one.subject not in settled), *others]


def _bookable(works: Sequence[DeclaredWork], now: datetime) -> tuple[list[DeclaredWork], list[Problem]]:
    """The work that can have been done by now; money in a currency that there is not is left out of it."""
    bookable, problems = [], []
    for work in works:
        if work.submitted_at > now + _CLOCKS_DIFFER:
            found = f"{work.source_id} was handed in on {work.submitted_at:%Y-%m-%d}, which is still to come."
            problems.append(_problem(work, found, "Was a date changed? Export the file again."))
            continue
        try:
            bookable.append(work)
            currencies.known(work.currency or "EUR")
        except BadData as wrong:
            bookable[-1] = replace(work, reward=None, fee=None, currency=None)
            problems.append(_problem(work, f"{work.source_id}: {wrong} It counts without its money.", wrong.hint))
    return bookable, problems


def _person(work: DeclaredWork) -> str:
    return f"{work.source}:{work.annotator}"


def _entries(  # noqa: PLR0913 - as above
    work: DeclaredWork, pseudonym: str, *, model: str, version: str, kind: Kind, payer: str, now: datetime
) -> list[Entry]:
    given = posting_rules.declared_work(
        work, pseudonym=pseudonym, kind=kind, model=model, version=version, item_id=item_id(work.item), at=now
    )
    paid = posting_rules.rewards(
        work, pseudonym=pseudonym, payer=payer, kind=kind, model=model, version=version, at=now
    )
    return [given, *paid]


def _decided_since(
    app: App, works: Sequence[DeclaredWork], given: Mapping[str, Entry], refused: Collection[str], now: datetime
) -> tuple[list[Entry], set[str], list[Problem]]:
    """Work on which somebody decided, or decided otherwise, since it was booked: taken back, and booked anew.

    The entries, the names of the work that is settled by them, and what is to be told of it. Work that is open in the
    file stays as it was decided.
    """
    undone = _undone(app, [given[work_id(work)] for work in works], now)
    entries: list[Entry] = []
    settled, problems = set[str](), list[Problem]()
    for work in works:
        source_id = work_id(work)
        if source_id not in refused and source_id not in undone:
            continue
        wanted, (standing, times) = given[source_id], _standing(app, source_id)
        if standing is None or replace(standing, source_id=source_id, receiver=wanted.receiver, at=wanted.at) != wanted:
            continue
        settled.add(source_id)
        if work.accepted is False:
            problems += _paid_before(app, work)
        if standing.receiver == wanted.receiver or work.accepted is None or _is_undone(app, standing):
            continue
        outcome = accounts.name(wanted.receiver)
        entries.append(posting_rules.reversal(standing, at=now, reason=f"decided later: {outcome}"))
        entries.append(replace(wanted, source_id=_decision(source_id, times + 1)))
    return entries, settled, problems


def _undone(app: App, entries: Iterable[Entry], now: datetime) -> set[str]:
    """Which entries of these were taken back, for whatever reason."""
    names = {entry.source_id: posting_rules.reversal(entry, at=now, reason="") for entry in entries}
    _, booked = app.ledger.unbooked(names.values())
    taken_back = {one.subject for one in booked}
    return {name for name, reversal in names.items() if reversal.source_id in taken_back}


def _standing(app: App, source_id: str) -> tuple[Entry | None, int]:
    """The last entry about a piece of work, and how many decisions were booked since its first; None without any."""
    entry, times = app.ledger.entry(source_id), 0
    while (later := app.ledger.entry(_decision(source_id, times + 1))) is not None:
        entry, times = later, times + 1
    return entry, times


def _is_undone(app: App, entry: Entry) -> bool:
    return bool(_undone(app, [entry], entry.at))


def _decision(source_id: str, number: int) -> str:
    return posting_rules.part_id(source_id, f"decided-{number}")


def _paid_before(app: App, work: DeclaredWork) -> list[Problem]:
    reward = app.ledger.entry(reward_id(work))
    if reward is None:
        return []
    ((currency, amount),) = reward.amounts.items()
    found = f"{work.source_id} is refused, and {amount} {currency.upper()} was paid for it: that stays booked."
    return [_problem(work, found, "See with the platform whether the person kept it.")]


def _problem(work: DeclaredWork, message: str, hint: str) -> Problem:
    return Problem(stage="labour_import", subject=work_id(work), message=message, hint=hint)
