"""Book what people did elsewhere, from the export of the place where they did it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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

STAGE = "connectors/labour_import"


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
    that name; what else is wrong with the file is the importer's to say, and nothing of it is booked then.
    """
    known = [one.version for one in app.store.versions(app.model)]
    if version not in known:
        raise BadData(
            f"There is no version {version} of {app.model}.", hint=f"Known: {', '.join(known) or 'none yet'}."
        )
    importer: LabourImporter = build(STAGE, form, params, section="--format")
    works, problems = importer.read(file)
    names = app.pseudonyms({_person(work) for work in works})
    booking = partial(_entries, model=app.model, version=version, kind=kind, payer=payer, now=now)
    entries = [entry for work in works for entry in booking(work, names[_person(work)])]
    new, refused = app.ledger.unbooked(entries)
    decided, refused = _decided_since(app, entries, refused, now)
    booked = app.ledger.book([*new, *decided])
    return Imported(
        file=str(file),
        version=version,
        pieces=len(works),
        people=len(names),
        new_entries=booked,
        problems=(*problems, *refused),
    )


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
    app: App, entries: Sequence[Entry], refused: Sequence[Problem], now: datetime
) -> tuple[list[Entry], list[Problem]]:
    """Work that was booked before anybody had refused it: taken back, and booked anew as waste. And other problems."""
    wanted = {entry.source_id: entry for entry in entries}
    decided, others = [], []
    for problem in refused:
        entry, booked = wanted[problem.subject], app.ledger.entry(problem.subject)
        if booked is None or replace(booked, receiver=entry.receiver, at=entry.at) != entry:
            others.append(problem)
            continue
        outcome = accounts.name(entry.receiver)
        decided.append(posting_rules.reversal(booked, at=now, reason=f"decided later: {outcome}"))
        decided.append(replace(entry, source_id=posting_rules.part_id(entry.source_id, outcome)))
    return decided, others
