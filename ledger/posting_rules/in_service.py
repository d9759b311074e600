"""Work for a version in service: checks of it, answers given in its place, and corrections by its users."""

from datetime import datetime

from kempelen.errors import LedgerError
from kempelen.records import Effort, Kind, Provenance
from ledger import accounts
from ledger.accounts import Unused
from ledger.entries import Entry
from ledger.posting_rules._amounts import amounts, measured
from ledger.posting_rules._names import event_name


def reviewed(  # noqa: PLR0913 - the event is exactly these facts
    *,
    source_id: str,
    pseudonym: str,
    effort: Effort,
    provenance: Provenance,
    what: str,
    model: str,
    version: str,
    at: datetime,
    worked_at: datetime,
    cycle: str | None = None,
) -> Entry:
    """Somebody approved, adjudicated or looked into an alarm: reviewer -> the version that it was about.

    The engineer's own minutes count like anybody's. Their time is measured or declared, never simulated.
    """
    if provenance not in {Provenance.MEASURED, Provenance.DECLARED}:
        raise LedgerError(f"A review cannot be {provenance}.", hint="Say whether its time was measured or declared.")
    person = accounts.reviewer(pseudonym)
    return Entry(
        at=at,
        source_id=event_name("reviewed", source_id),
        narration=what,
        kind=Kind.VERIFICATION,
        provenance=provenance,
        giver=person,
        receiver=accounts.model_version(model, version),
        amounts=amounts(effort),
        model=model,
        version=version,
        cycle=cycle,
        policy=effort.policy,
        person=person,
        worked_at=worked_at,
    )


def answer_served(  # noqa: PLR0913 - the event is exactly these facts
    *,
    source_id: str,
    pseudonym: str,
    effort: Effort | None,
    model: str,
    version: str,
    item_id: str,
    at: datetime,
    worked_at: datetime,
    simulated: bool = False,
    unused: Unused | None = None,
) -> Entry:
    """A person answered in the model's place: annotator -> the version in service, or the waste beside it.

    It served the version if the client was given that answer; `unused` says why it was not.
    """
    person = accounts.annotator(pseudonym)
    to = accounts.unused(unused) if unused else accounts.model_version(model, version)
    if simulated:
        person, to = accounts.simulated(person), accounts.simulated(to)
    return Entry(
        at=at,
        source_id=event_name("served", source_id),
        narration="was asked in the model's place" if unused else "answered in the model's place",
        kind=Kind.IMPERSONATION,
        provenance=measured(effort, simulated=simulated),
        giver=person,
        receiver=to,
        amounts=amounts(effort, annotations=1),
        model=model,
        version=version,
        item_id=item_id,
        policy=effort.policy if effort else None,
        person=person,
        worked_at=worked_at,
    )


def feedback_given(  # noqa: PLR0913 - the event is exactly these facts
    *,
    source_id: str,
    source: str,
    events: int,
    effort: Effort | None,
    model: str,
    version: str,
    at: datetime,
    worked_at: datetime,
    item_id: str | None = None,
) -> Entry:
    """Users corrected an answer, unpaid: the events are counted, their seconds declared for all of them together.

    They come from a place (`declared:<source>`), not from persons: nobody keeps who a user was. Without `effort` their
    seconds are unknown.
    """
    return Entry(
        at=at,
        source_id=event_name("feedback", source, source_id),
        narration="corrected an answer of the model",
        kind=Kind.FEEDBACK,
        provenance=Provenance.DECLARED if effort else Provenance.UNKNOWN,
        giver=accounts.declared(source),
        receiver=accounts.model_version(model, version),
        amounts=amounts(effort, events=events),
        model=model,
        version=version,
        item_id=item_id,
        policy=effort.policy if effort else None,
        worked_at=worked_at,
        source=source,
    )
