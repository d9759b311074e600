"""What each event means in the books: pure functions that make entries."""

from datetime import datetime
from decimal import Decimal

from kempelen.errors import LedgerError
from kempelen.records import Annotation, Effort, Kind, Provenance, Purpose
from ledger import accounts
from ledger.entries import Entry, Posting, Unit

UNKNOWN_NOTE = "who made these labels, and how long it took, is unknown"


def kind_of(purpose: Purpose) -> Kind:
    """Answers that train are preparation; answers that check the model, or other answers, are verification."""
    return Kind.PREPARATION if purpose is Purpose.TRAINING else Kind.VERIFICATION


def given_id(annotation: Annotation) -> str:
    """The `source_id` of the entry by which an annotation is booked."""
    return f"given:{annotation.source_id}"


def annotation_given(  # noqa: PLR0913 - the event is exactly these facts
    annotation: Annotation,
    *,
    pseudonym: str,
    effort: Effort | None,
    kind: Kind,
    cycle: str,
    model: str,
    at: datetime,
) -> Entry:
    """A person gave an answer, or skipped: annotator -> pool of the cycle. Booked at collection.

    Without `effort` one annotation moves and no seconds: how long it took is unknown, not zero.
    """
    giver, pool = accounts.annotator(pseudonym), accounts.pool(cycle)
    if annotation.simulated:
        giver, pool = accounts.simulated(giver), accounts.simulated(pool)
    return Entry(
        at=at,
        source_id=given_id(annotation),
        narration="skipped an item" if annotation.skipped else "labelled an item",
        kind=kind,
        provenance=_provenance(annotation, effort),
        postings=_moved(giver, pool, _amounts(effort)),
        model=model,
        cycle=cycle,
        item_id=annotation.item_id,
        policy=effort.policy if effort else None,
    )


def effort_assigned(  # noqa: PLR0913 - the event is exactly these facts
    given: Entry, *, to: str, kind: Kind, version: str, at: datetime, reason: str
) -> Entry:
    """What an annotation took is charged, once: pool -> a model version, or `unused:<why>`.

    `version` is the version that `to` names; for unused effort, the version beside which it is
    shown. Simulated effort goes to the simulated counterpart of `to`. LedgerError when `given` is
    no `annotation_given`, or `to` is no place where effort ends.
    """
    pools = given.accounts("pool")
    if given.given is not None or len(pools) != 1:
        raise LedgerError(
            f"Entry {given.source_id} is no annotation that can be assigned.", hint="Pass what annotation_given made."
        )
    ends = {accounts.model_version(given.model, version)} | {accounts.unused(why) for why in accounts.Unused}
    if to.removeprefix(accounts.SIMULATED) not in ends:
        raise LedgerError(
            f"Effort for version {version} of {given.model} cannot end in {to}.",
            hint=f"Use accounts.model_version({given.model!r}, {version!r}) or accounts.unused(reason).",
        )
    (pool,) = pools
    return Entry(
        at=at,
        source_id=f"assigned:{given.source_id}",
        narration=reason,
        kind=kind,
        provenance=given.provenance,
        postings=_moved(
            pool,
            accounts.simulated(to) if given.provenance is Provenance.SIMULATED else to,
            {p.unit: p.amount for p in given.postings if p.account == pool},
        ),
        model=given.model,
        version=version,
        cycle=given.cycle,
        item_id=given.item_id,
        policy=given.policy,
        given=given.source_id,
    )


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
        postings=_moved(
            accounts.declared(source), accounts.model_version(model, version), {Unit.LABELS: Decimal(labels)}
        ),
        model=model,
        version=version,
        note=note,
    )


def _provenance(annotation: Annotation, effort: Effort | None) -> Provenance:
    if annotation.simulated:
        return Provenance.SIMULATED
    return Provenance.UNKNOWN if effort is None else Provenance.MEASURED


def _amounts(effort: Effort | None) -> dict[Unit, Decimal]:
    one = {Unit.ANNOTATIONS: Decimal(1)}
    return one if effort is None else one | {Unit.S_LOW: effort.low_s, Unit.S_HIGH: effort.high_s}


def _moved(source: str, to: str, amounts: dict[Unit, Decimal]) -> tuple[Posting, ...]:
    """Two postings a unit. Amounts of zero are posted, too: zero seconds differ from unknown ones."""
    return tuple(
        Posting(account=account, unit=unit, amount=sign * amount)
        for unit, amount in amounts.items()
        for account, sign in ((source, -1), (to, 1))
    )
