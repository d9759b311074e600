"""Answers given in a cycle: from the person to the cycle's pool, and from there to a version, or to waste by name."""

from datetime import datetime
from decimal import Decimal

from kempelen.errors import LedgerError
from kempelen.records import Annotation, Effort, Kind, Provenance, Purpose
from ledger import accounts
from ledger.entries import Entry
from ledger.posting_rules._amounts import amounts, measured
from ledger.posting_rules._names import PART
from ledger.units import Unit

GIVEN = "given:"
"""Begins the `source_id` of every entry about an annotation."""

SKIPPED = "skipped an item"
"""What the books tell of an answer that is none."""


def kind_of(purpose: Purpose) -> Kind:
    """Answers that train are preparation; answers that check the model, or other answers, are verification."""
    return Kind.PREPARATION if purpose is Purpose.TRAINING else Kind.VERIFICATION


def given_id(annotation: Annotation) -> str:
    """The `source_id` of the entry by which an annotation is booked."""
    return f"{GIVEN}{annotation.source_id}"


def annotation_of(source_id: str) -> str:
    """The `source_id` of the annotation's own entry, for whatever effort of it was booked later.

    >>> annotation_of("given:ls/7#edit-2020-01-24T12:00:00+00:00")
    'given:ls/7'
    """
    return source_id.partition(PART)[0]


def part_id(source_id: str, what: str) -> str:
    """The `source_id` of something that is booked about an annotation later."""
    return f"{annotation_of(source_id)}{PART}{what}"


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
    giver, pool = _between(annotation, pseudonym, cycle)
    return Entry(
        at=at,
        source_id=given_id(annotation),
        narration=SKIPPED if annotation.skipped else "labelled an item",
        kind=kind,
        provenance=measured(effort, simulated=annotation.simulated),
        giver=giver,
        receiver=pool,
        amounts=amounts(effort, annotations=1),
        model=model,
        cycle=cycle,
        item_id=annotation.item_id,
        policy=effort.policy if effort else None,
        person=giver,
        worked_at=annotation.submitted_at,
    )


def edit_given(  # noqa: PLR0913 - the event is exactly these facts
    annotation: Annotation,
    *,
    pseudonym: str,
    effort: Effort | None,
    kind: Kind,
    cycle: str,
    model: str,
    at: datetime,
) -> Entry:
    """A person changed an answer after it was booked: what the change took, annotator -> pool. No further answer.

    Without `effort` nothing is known but that somebody worked. LedgerError when the annotation was never edited.
    """
    if annotation.changed_at is None:
        raise LedgerError(f"{annotation.source_id} was never edited.", hint="Book it as an annotation.")
    giver, pool = _between(annotation, pseudonym, cycle)
    return Entry(
        at=at,
        source_id=part_id(given_id(annotation), f"edit-{annotation.changed_at.isoformat()}"),
        narration="changed an answer",
        kind=kind,
        provenance=measured(effort, simulated=annotation.simulated),
        giver=giver,
        receiver=pool,
        amounts={**amounts(effort), Unit.ANNOTATIONS: Decimal(0)},
        model=model,
        cycle=cycle,
        item_id=annotation.item_id,
        policy=effort.policy if effort else None,
        person=giver,
        worked_at=annotation.changed_at,
    )


def effort_assigned(  # noqa: PLR0913 - the event is exactly these facts
    given: Entry, *, to: str, kind: Kind | None, version: str, at: datetime, reason: str
) -> Entry:
    """What an annotation took is charged, once: pool -> a model version, or `unused:<why>`.

    `version` is the version that `to` names; for unused effort, the version beside which it is
    shown. Simulated effort goes to the simulated counterpart of `to`. LedgerError when `given` is
    nothing that lies in a pool, or `to` is no place where effort ends.
    """
    if given.reverses is not None or accounts.role(given.receiver) != "pool" or given.model is None:
        raise LedgerError(
            f"Entry {given.source_id} is no annotation that can be assigned.", hint="Pass what annotation_given made."
        )
    ends = {accounts.model_version(given.model, version)} | {accounts.unused(why) for why in accounts.Unused}
    if to.removeprefix(accounts.SIMULATED) not in ends:
        raise LedgerError(
            f"Effort for version {version} of {given.model} cannot end in {to}.",
            hint=f"Use accounts.model_version({given.model!r}, {version!r}) or accounts.unused(reason).",
        )
    return Entry(
        at=at,
        source_id=f"assigned:{given.source_id}",
        narration=reason,
        kind=kind,
        provenance=given.provenance,
        giver=given.receiver,
        receiver=accounts.simulated(to) if given.provenance is Provenance.SIMULATED else to,
        amounts=given.amounts,
        model=given.model,
        version=version,
        cycle=given.cycle,
        item_id=given.item_id,
        policy=given.policy,
        person=given.person,
        worked_at=given.worked_at,
        given=given.source_id,
        source=given.source,
    )


def _between(annotation: Annotation, pseudonym: str, cycle: str) -> tuple[str, str]:
    giver, pool = accounts.annotator(pseudonym), accounts.pool(cycle)
    return (accounts.simulated(giver), accounts.simulated(pool)) if annotation.simulated else (giver, pool)
