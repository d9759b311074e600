"""Alarms as people deal with them: see them, say that they are seen, mute what is known."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, NUMBER, Common, app_of, books_of, models_of, show
from kempelen.errors import ConfigError
from kempelen.text import normalise

if TYPE_CHECKING:
    from cycle.alarms import Alarm
    from cycle.records import Acknowledgement, Mute
    from cycle.store import Store

EVERYTHING = "everything it reports"


def alarms(
    model: str | None = None,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Show the alarms that are on, who has seen them, and what was set aside. Ends with 3 if nobody has seen one.

    Parameters
    ----------
    model
        All models by default.
    every
        Alarms that are over, too.
    """
    from cycle.alarms import as_document

    store, _ = books_of(common.folder)
    names = models_of(store.models(), model)
    found = [alarm for name in names for alarm in _alarms(store, name, every=every)]
    aside = [one for name in names for one in _set_aside(store, name)]
    mutes = [one for name in names for one in _in_force(store, name).values()]

    def readable() -> None:
        output.show_table([_row(alarm) for alarm in found], right=("looks",))
        for alarm in found:
            output.say(f"  {alarm.alarm_id}: {alarm.report.summary}")
            if alarm.acknowledged:
                output.say(f"    seen by {alarm.acknowledged.by}: {alarm.acknowledged.reason}")
        if not found:
            output.say("No alarm on record." if every else "No alarm is on.")
        for one in aside:
            output.say(f"  {one['detector']} {one['subject'] or EVERYTHING}: changed, no alarm: {one['why']}")
        for muted in mutes:
            what = f"{muted.detector} {muted.subject or EVERYTHING}"
            output.say(f"  {what}: muted by {muted.by} until {muted.until}: {muted.reason}")

    document = {
        "alarms": [as_document(alarm) for alarm in found],
        "set_aside": aside,
        "muted": [asdict(one) for one in mutes],
    }
    show(document, common, readable)
    return NEEDS_A_PERSON if any(_waits(store, alarm) for alarm in found) else DONE


def acknowledge(
    alarm: str, *, by: str, reason: str, minutes: Annotated[Decimal | None, NUMBER] = None, common: Common = COMMON
) -> int:
    """Say that an alarm is seen, and what it is or who deals with it. The loop goes on as before.

    Parameters
    ----------
    alarm
        Its name, as `kempelen alarms` shows it.
    by
        Your name.
    reason
        What it is, or what is done about it.
    minutes
        What looking into it took you: booked as verification of the version that it is about.
    """
    from cycle.records import Acknowledgement

    store, _ = books_of(common.folder)
    known = {one.alarm_id: one for name in store.models() for one in _alarms(store, name, every=True)}
    if alarm not in known:
        raise ConfigError(
            f"There is no alarm {alarm}.",
            hint=f"Known: {', '.join(list(known)[-5:]) or 'none'} (`kempelen alarms --all`).",
        )
    note = Acknowledgement(
        model=known[alarm].model, alarm_id=alarm, by=_said(by, "--by"), reason=_said(reason, "--reason"), at=_now()
    )
    store.acknowledge(note)
    if minutes is not None:
        _book(known[alarm], note, minutes, common)
    return show(asdict(note), common, lambda: output.say(f"{alarm} is seen by {note.by}."))


def mute(  # noqa: PLR0913 - a mute is exactly these things
    detector: str,
    subject: str = "",
    *,
    until: date,
    by: str,
    reason: str,
    model: str | None = None,
    common: Common = COMMON,
) -> int:
    """Let a detector, or one word or label of it, raise no alarm before a day. Looks still report it, with the reason.

    Parameters
    ----------
    detector
        Its name, as term_surge.
    subject
        The word or label; everything that the detector reports, if left out.
    until
        The first day on which it may alarm again, as 2026-12-27; today ends a mute.
    by
        Your name.
    reason
        Why it is no alarm.
    model
        May be left out if there is only one.
    """
    from cycle.records import Mute

    store, _ = books_of(common.folder)
    names = models_of(store.models(), model)
    if len(names) != 1:
        raise ConfigError("There are several models.", hint=f"Add --model: {', '.join(names)}.")
    last = store.last_look(names[0])
    watching = sorted({r.detector for r in last.reports} | {p.subject for p in last.undecided}) if last else []
    if detector not in watching:
        raise ConfigError(
            f"No detector {detector} watches {names[0]}.",
            hint=f"The last look had: {', '.join(watching) or 'none yet'}.",
        )
    note = Mute(
        model=names[0],
        detector=detector,
        subject=subject,
        until=until,
        by=_said(by, "--by"),
        reason=_said(reason, "--reason"),
        at=_now(),
    )
    looked = last.at.date() if last else date.min
    ends = until <= looked and (detector, normalise(subject)) in _in_force(store, names[0])
    if until <= looked and not ends:
        raise ConfigError(
            f"--until {until} is over: the last look was on {looked}.", hint="Name a later day, as 2026-12-27."
        )
    store.mute(note)
    what = f"{detector} {subject or EVERYTHING}"
    said = f"{what} may alarm again." if ends else f"{what} raises no alarm before {until}."
    return show(asdict(note), common, lambda: output.say(said))


def _alarms(store: "Store", model: str, *, every: bool) -> list["Alarm"]:
    from cycle.alarms import alarms as of_looks

    looks = store.looks(model)
    found = of_looks(looks, store.acknowledgements(model))
    return [alarm for alarm in found if every or alarm.is_on(looks[-1].at)]


def _waits(store: "Store", alarm: "Alarm") -> bool:
    last = store.last_look(alarm.model)
    return alarm.acknowledged is None and last is not None and alarm.is_on(last.at)


def _set_aside(store: "Store", model: str) -> list[dict[str, Any]]:
    """What the last look saw and set aside."""
    last = store.last_look(model)
    return [
        {"model": model, "detector": one.detector, "subject": one.subject, "why": one.why}
        for one in (last.set_aside if last else ())
    ]


def _in_force(store: "Store", model: str) -> dict[tuple[str, str], "Mute"]:
    """The mutes that the next look would heed, by detector and subject."""
    from cycle.alarms import in_force

    last = store.last_look(model)
    return in_force(store.mutes(model), last.at.date() if last else date.min)


def _book(alarm: "Alarm", note: "Acknowledgement", minutes: Decimal, common: Common) -> None:
    """The minutes of who looked into an alarm, once for each person and alarm."""
    from cycle.reviews import record_review

    record_review(
        app_of(common),
        name=f"{alarm.alarm_id}/{note.by}",
        identity=note.by,
        what=f"looked into the alarm {alarm.alarm_id}",
        low_s=minutes * 60,
        high_s=minutes * 60,
        version=alarm.version,
        worked_at=note.at,
        now=note.at,
    )


def _row(alarm: "Alarm") -> dict[str, Any]:
    return {
        "alarm": alarm.alarm_id,
        "severity": alarm.severity.value,
        "first seen": f"{alarm.first_at:%Y-%m-%d %H:%M}",
        "last seen": f"{alarm.last_at:%Y-%m-%d %H:%M}",
        "looks": alarm.looks,
        "what": ", ".join(alarm.subjects[:5]) + (" ..." if len(alarm.subjects) > 5 else ""),  # noqa: PLR2004 - room
        "seen by": alarm.acknowledged.by if alarm.acknowledged else "nobody yet",
    }


def _said(text: str, option: str) -> str:
    if not text.strip():
        raise ConfigError(f"{option} is empty.", hint="An alarm is set aside only with a name and a reason.")
    return text.strip()


def _now() -> datetime:
    return datetime.now(UTC)


app = App(name="alarms", help="Alarms: see them, say that they are seen, mute what is known.")
app.default(alarms)
app.command(acknowledge)
app.command(mute)
