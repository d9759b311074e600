"""Work that was done elsewhere: labels that were there before the books, and what another place's export declares."""

from datetime import datetime
from decimal import Decimal

from kempelen.errors import LedgerError
from kempelen.records import DeclaredWork, Kind, Provenance
from ledger import accounts
from ledger.accounts import Unused
from ledger.entries import Entry
from ledger.posting_rules._amounts import amounts
from ledger.posting_rules._names import event_name
from ledger.units import Currency, Unit

_REWARD = "reward"

UNKNOWN_NOTE = "who made these labels, and how long it took, is unknown"


def opening_balance(  # noqa: PLR0913 - the event is exactly these facts
    *, model: str, version: str, source: str, labels: int, at: datetime, note: str = UNKNOWN_NOTE
) -> Entry:
    """Labels that were there before the books: declared, with a count and without seconds."""
    if labels <= 0:
        raise LedgerError(f"An opening balance of {labels} labels says nothing.", hint="Count the labels of the data.")
    return Entry(
        at=at,
        source_id=f"opening:{model}/{version}:{source}",
        narration=f"{labels} labels from {source}, seconds unknown: {note}",
        kind=Kind.PREPARATION,
        provenance=Provenance.DECLARED,
        giver=accounts.declared(source),
        receiver=accounts.model_version(model, version),
        amounts={Unit.LABELS: Decimal(labels)},
        model=model,
        version=version,
        source=source,
        note=note,
    )


def declared_work(  # noqa: PLR0913 - the event is exactly these facts
    work: DeclaredWork, *, pseudonym: str, kind: Kind, model: str, version: str, item_id: str, at: datetime
) -> Entry:
    """A person worked elsewhere: annotator -> the version, or the waste beside it if it was rejected or skipped.

    Without a time it is unknown, whatever else the export says.
    """
    person, waste = accounts.annotator(pseudonym), _waste(work)
    return Entry(
        at=at,
        source_id=work_id(work),
        narration=f"labelled an item at {work.source}",
        kind=kind,
        provenance=Provenance.DECLARED if work.effort else Provenance.UNKNOWN,
        giver=person,
        receiver=accounts.unused(waste) if waste else accounts.model_version(model, version),
        amounts=amounts(work.effort, annotations=1),
        model=model,
        version=version,
        item_id=item_id,
        policy=work.effort.policy if work.effort else None,
        person=person,
        worked_at=work.submitted_at,
        source=work.source,
    )


def work_id(work: DeclaredWork) -> str:
    """The `source_id` of the entry by which work done elsewhere is booked."""
    return event_name("work", work.source, work.source_id)


def reward_id(work: DeclaredWork) -> str:
    """The `source_id` of the entry by which the person's reward for it is booked."""
    return event_name(_REWARD, work.source, work.source_id)


def rewards(  # noqa: PLR0913 - the event is exactly these facts
    work: DeclaredWork, *, pseudonym: str, payer: str, kind: Kind, model: str, version: str, at: datetime
) -> list[Entry]:
    """What that place paid the person and kept as its fee: payer -> annotator, payer -> platform. None if it was 0.

    While nobody has decided whether the work is accepted, nothing was paid.
    """
    if work.currency is None or work.accepted is None:
        return []
    person, currency = accounts.annotator(pseudonym), Currency(work.currency)
    to = {_REWARD: (person, work.reward), "fee": (accounts.platform(work.source), work.fee)}
    return [
        Entry(
            at=at,
            source_id=event_name(what, work.source, work.source_id),
            narration=f"{what} of {work.source}",
            kind=kind,
            provenance=Provenance.DECLARED,
            giver=accounts.payer(payer),
            receiver=receiver,
            amounts={currency: amount},
            model=model,
            version=version,
            person=person,
            worked_at=work.submitted_at,
            source=work.source,
            note=work_id(work),
        )
        for what, (receiver, amount) in to.items()
        if amount
    ]


def _waste(work: DeclaredWork) -> Unused | None:
    if work.accepted is False:
        return Unused.REJECTED_ANSWER
    return Unused.SKIPPED if work.label is None else None
