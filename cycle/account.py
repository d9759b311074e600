"""Charge what people gave in a cycle to the version it made, or by name to what it was wasted on."""

from collections.abc import Mapping
from datetime import datetime

from cycle.answers import fetch
from cycle.app import App
from cycle.labour import Issued, issue_card, registry_documents
from cycle.records import Cycle, Version
from cycle.training_data import base_examples
from kempelen.errors import Problem
from kempelen.records import Annotation, ConsensusLabel
from kempelen.states import State
from ledger import accounts, card, posting_rules
from ledger.accounts import Unused
from ledger.card import CardContent
from ledger.entries import Entry
from ledger.labour import VersionLabour
from ledger.people.corrections import Corrections
from ledger.statement import labour


def account(app: App, cycle: Cycle, now: datetime) -> None:
    """Assign the effort of a cycle that has ended, write the labour card, and close the cycle.

    A cycle is charged to its own version; an audit, and a cycle that made none, to the champion it watched.
    Nobody is asked any more from here on, and answers that came in late are booked before it is closed.
    """
    app.annotators.close(cycle.cycle_id)
    fetch(app, cycle, now)
    _charge(app, cycle)
    app.move(cycle, State.CLOSED, now, "accounted for")


def charge_late_answers(app: App, cycle: Cycle, now: datetime) -> None:
    """Book answers that came in after a cycle was closed, and charge them as the cycle was; its labels stay.

    What decides is effort that nothing was charged with yet, not whether an answer is new: a kill after the
    answers were remembered would hide them for ever.
    """
    fetch(app, cycle, now)
    if app.ledger.unassigned(cycle.cycle_id):
        _charge(app, cycle)


def _charge(app: App, cycle: Cycle) -> None:
    """Assign what is in the cycle's pool, and write the card of the version that is charged."""
    events = app.store.events(cycle.cycle_id)
    states = {event.state for event in events}
    version = _charged_to(app, cycle)
    consensus = app.store.consensus(cycle.cycle_id)
    standing = {posting_rules.given_id(answer): answer for answer in app.store.answers(cycle.cycle_id)}
    app.ledger.book(
        [
            _assigned(app, entry, version, _waste(entry, states, standing, consensus), events[-1].at)
            for entry in app.ledger.unassigned(cycle.cycle_id)
        ]
    )
    # What was accepted while the effort still lay in the pool.
    Corrections(app.ledger.engine).book_accepted(app.ledger)
    attach_card(app, version, events[-1].at)


def book_opening_balance(app: App, version: Version) -> None:
    """Declare the base labels, those kept for the gate too: their number is known, people and time are not."""
    settings = app.settings.training
    app.ledger.book(
        [
            posting_rules.opening_balance(
                model=app.model,
                version=version.version,
                source=settings.base_source,
                labels=len(base_examples(app.settings)),
                at=version.trained_at,
                note=settings.base_note,
            )
        ]
    )


def statement(app: App, version: str) -> VersionLabour:
    """The human effort behind one version."""
    return labour(app.ledger, app.model, app.store.lineage(app.model), version)[0]


def card_of(app: App, version: str, at: datetime) -> CardContent:
    """What the labour card of a version says; it is issued if the books have moved since the last one."""
    return issue_card(app.settings, app.store, app.ledger, version, at).content


def attach_card(app: App, version: str, at: datetime) -> Issued:
    """Issue the labour card and write it to the version in the registry; repeatable, the newest card stands."""
    issued = issue_card(app.settings, app.store, app.ledger, version, at)
    app.registry.attach(
        version,
        documents=registry_documents(issued),
        tags=card.tags(issued.content),
        description=card.markdown(issued.content),
    )
    app.registry.log_metrics(version, card.metrics(issued.content), at)
    return issued


def compare_copies(app: App) -> list[Problem]:
    """Where the registry's copies of the labour cards say otherwise than the cards that were issued last."""
    last = {issued.version: issued for issued in app.ledger.cards(app.model)}
    tags = {version.version: version.tags for version in app.registry.versions()}
    return [
        problem
        for version, issued in last.items()
        for problem in card.compare_copy(
            issued,
            document=app.registry.document(version, "labour_card.json") if version in tags else None,
            tag=tags.get(version, {}).get("labour.digest"),
        )
    ]


def _charged_to(app: App, cycle: Cycle) -> str:
    own = [v.version for v in app.store.versions(app.model) if v.cycle_id == cycle.cycle_id]
    return own[0] if own else cycle.champion


def _waste(
    entry: Entry,
    states: set[State],
    standing: Mapping[str, Annotation],
    consensus: Mapping[str, ConsensusLabel],
) -> Unused | None:
    """Why this effort served no version, or None because it did."""
    answer = standing.get(posting_rules.annotation_of(entry.source_id))
    if answer is None:
        return Unused.WITHDRAWN
    if answer.skipped:
        return Unused.SKIPPED
    if State.ABANDONED in states:
        return Unused.ABANDONED
    if entry.item_id not in consensus:
        return Unused.NO_CONSENSUS
    return Unused.REJECTED_CHALLENGER if State.REJECTED in states else None


def _assigned(app: App, entry: Entry, version: str, waste: Unused | None, at: datetime) -> Entry:
    to = accounts.unused(waste) if waste else accounts.model_version(app.model, version)
    reason = f"not used: {waste.value}" if waste else f"went into version {version}"
    return posting_rules.effort_assigned(entry, to=to, kind=entry.kind, version=version, at=at, reason=reason)
