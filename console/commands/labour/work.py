"""Effort that no cycle brings into the books: an engineer's own minutes, and work done elsewhere."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from cyclopts import Parameter

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, NUMBER, Common, app_of, show
from kempelen.errors import ConfigError
from kempelen.records import Kind
from kempelen.words import counted
from ledger.durations import interval

_SWITCHES: dict[str, str | bool] = {"true": True, "false": False}


def record(  # noqa: PLR0913 - work is exactly these things
    what: str,
    *,
    by: str,
    minutes: Annotated[Decimal, NUMBER],
    at_most: Annotated[Decimal | None, NUMBER] = None,
    version: str | None = None,
    at: datetime | None = None,
    name: str | None = None,
    common: Common = COMMON,
) -> int:
    """Book the time that somebody spent on reviewing: an alarm, a promotion, the answers of others. It is declared.

    Parameters
    ----------
    what
        What was done, as "looked into the alarm about corona".
    by
        Who did it; the books keep a pseudonym.
    minutes
        How long it took; with `--at-most`, how long at least.
    at_most
        How long it took at most, in minutes.
    version
        The version that it was about; the one in service by default.
    at
        When it was done; now by default. UTC unless it says otherwise.
    name
        Your own name for this piece of work: booked twice under one name, it counts once.
    """
    from cycle.reviews import record_review

    app, now = app_of(common), datetime.now(UTC)
    high = minutes if at_most is None else at_most
    if not what.strip() or not by.strip():
        raise ConfigError("WHAT or --by is empty.", hint="Name what was done, and who did it.")
    entry = record_review(
        app,
        name=name or uuid4().hex,
        identity=by.strip(),
        what=what.strip(),
        low_s=minutes * 60,
        high_s=high * 60,
        version=version,
        worked_at=(at.replace(tzinfo=at.tzinfo or UTC) if at else now),
        now=now,
    )
    document = {"booked": entry.source_id, "version": entry.version, "person": entry.person}
    took = interval(minutes * 60, high * 60)
    said = f"Booked for version {entry.version} as verification: {took} of {entry.person}, declared."
    return show(document, common, lambda: output.say(said))


def import_(  # noqa: PLR0913 - an import is exactly these things
    file: Path,
    *,
    form: Annotated[str, Parameter(name="--format")],
    version: str | None = None,
    kind: Kind = Kind.PREPARATION,
    payer: str = "us",
    param: Annotated[dict[str, str] | None, Parameter(name="--param")] = None,
    common: Common = COMMON,
) -> int:
    """Book work done elsewhere from the export of that place. Importing a file again adds nothing.

    Parameters
    ----------
    file
        What the place exported.
    form
        A file of connectors/labour_import/: appen, csv, mechanical_turk, prolific, toloka; or your own.
    version
        The version that it was for; the one in service by default.
    kind
        What it was for.
    payer
        Whose money it was, as the books name it.
    param
        What that format takes besides, as `--param.fee 0.4`; see docs/labour_import.md.
    """
    from cycle.labour_import import import_labour

    app = app_of(common)
    with output.progress(f"Reading {file.name}"):
        done = import_labour(
            app,
            file,
            form=form,
            version=version or app.champion,
            kind=kind,
            payer=payer,
            params={key: _SWITCHES.get(value, value) for key, value in (param or {}).items()},
            now=datetime.now(UTC),
        )

    def readable() -> None:
        pieces, people = counted(done.pieces, "piece"), counted(done.people, "person", "people")
        output.say(f"{file.name} declares {pieces} of work by {people}.")
        new = f"Booked for version {done.version}: {counted(done.new_entries, 'entry', 'entries')}."
        output.say(new if done.new_entries else "Nothing is new: it is in the books already.")
        for one in done.problems:
            output.say(f"  {one.subject}: {one.message} {one.hint}")

    show(done.as_json(), common, readable)
    return NEEDS_A_PERSON if done.problems else DONE
