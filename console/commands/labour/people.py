"""The rights of those who gave the effort: their own page, corrections, being forgotten; and the keys of pseudonyms."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, books_of, show
from console.commands.labour.office import office_of
from kempelen.errors import ConfigError, KempelenError
from kempelen.words import counted
from ledger.durations import interval
from ledger.posting_rules import GIVEN
from ledger.units import Unit

_LONGEST_DAYS = 3650

if TYPE_CHECKING:
    from decimal import Decimal

    from sqlalchemy import Engine

    from ledger.entries import Entry
    from ledger.people.corrections import Request
    from ledger.people.pseudonyms import Pseudonyms


def link(
    person: str,
    *,
    by: str,
    days: int = 90,
    revoke: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Make a person's own link: what was recorded of their work, for which models, what is paid, and forms to object.

    Whoever has the link is the person: hand it to nobody else. It is shown once.

    Parameters
    ----------
    person
        Their pseudonym, or how the annotation system calls them, as `label-studio:7`.
    by
        Who issues it.
    days
        How long it holds.
    revoke
        Let none of the person's links hold any longer instead.
    """
    from ledger.people.booked import is_simulated
    from ledger.people.links import Links

    engine, names = _people(common)
    pseudonym, now = _pseudonym(names, person), datetime.now(UTC)
    if revoke:
        ended = Links(engine).revoke_all(pseudonym, at=now)
        return show({"revoked": ended}, common, lambda: output.say(f"Withdrawn: {counted(ended, 'link')}."))
    if is_simulated(engine, pseudonym):
        raise ConfigError(
            f"{person} is simulated: nobody has such a page.",
            hint="Links are for people; `labour trace` shows its work.",
        )
    if not 1 <= days <= _LONGEST_DAYS:
        raise ConfigError(f"{days} days are no time for a link.", hint=f"Choose 1 to {_LONGEST_DAYS}.")
    expires = now + timedelta(days=days)
    token = Links(engine).issue(pseudonym, by=by, at=now, expires=expires)
    dashboard = _dashboard(common)
    if not dashboard:
        output.remark("The dashboard does not run here: put the address by which they reach it before this path.")
    output.remark(f"It holds until {expires:%Y-%m-%d}, and is shown only now. Whoever has it is the person.")
    address = f"{dashboard}/me/{token}"
    document = {"link": address, "days": days, "expires": expires.isoformat()}
    return show(document, common, lambda: output.document(address))


def requests(*, common: Common = COMMON) -> int:
    """Show the corrections that people have asked for and nobody has decided on. Ends with 3 if there are some."""
    from ledger.people.corrections import Corrections

    _, ledger = books_of(common.folder)
    waiting = [(one, ledger.entry(one.annotation)) for one in Corrections(ledger.engine).waiting()]

    def readable() -> None:
        output.show_table([_row(*one) for one in waiting], right=("number",), whole=("person", "asked"))
        if waiting:
            output.say("To decide: kempelen labour decide NUMBER --accept --by NAME --reason WHY, or with --refuse.")
        else:
            output.say("No correction waits for a decision.")

    show([_as_json(*one) for one in waiting], common, readable)
    return NEEDS_A_PERSON if waiting else DONE


def decide(
    number: int,
    *,
    accept: Annotated[bool, Parameter(negative="--refuse")],
    by: str,
    reason: str,
    common: Common = COMMON,
) -> int:
    """Accept or refuse a correction that a person has asked for. The person sees the decision, the name and the reason.

    Parameters
    ----------
    number
        Its number, as `kempelen labour requests` shows it.
    accept
        `--accept` or `--refuse`.
    by
        Your name.
    reason
        Why.
    """
    from ledger.people.corrections import Corrections

    engine, _ = _people(common)
    _, ledger = books_of(common.folder)
    corrections = Corrections(engine)
    decided = corrections.decide(number, accepted=accept, by=by, reason=reason, at=datetime.now(UTC))
    _, problems = corrections.book_accepted(ledger)
    if problems:
        raise KempelenError(f"{problems[0].subject}: {problems[0].message}", hint=problems[0].hint)
    done = "accepted" if accept else "refused"
    in_books = bool(corrections.booked([decided]))
    later = "" if in_books or not accept else " It is booked once its cycle is accounted for."
    document = {"number": decided.number, "accepted": accept, "booked": in_books}
    return show(document, common, lambda: output.say(f"Request {number} is {done}.{later}"))


def ratings(*, common: Common = COMMON) -> int:
    """Show what annotators said of each cycle: means and comments, of so many people that nobody stands out."""
    from cycle.labour import min_people
    from ledger.people.ratings import Ratings

    store, ledger = books_of(common.folder)
    said = Ratings(ledger.engine)
    found = [
        {"cycle": cycle.cycle_id, **asdict(summary), "comments": said.comments(cycle.cycle_id, k)}
        for model in store.models()
        for k in (min_people(store, model),)
        for cycle in store.cycles(model)
        if (summary := said.summary(k, cycle=cycle.cycle_id)).ratings
    ]

    def readable() -> None:
        rows = [{name: value for name, value in one.items() if name != "comments"} for one in found]
        output.show_table(rows, right=("ratings", "clarity", "pay", "load"))
        for one in found:
            for comment in one["comments"]:
                output.say(f"{one['cycle']}: {comment}")
        if not found:
            output.say("No cycle has been rated by enough people.")

    return show(found, common, readable)


def forget(
    person: str, *, by: str, unpaid: Annotated[bool, Parameter(negative="")] = False, common: Common = COMMON
) -> int:
    """Forget a person: nobody can connect them with their work any more. What they gave stays in the books.

    It cannot be undone. What they are still owed has to be paid before: afterwards nobody can say to whom.

    Parameters
    ----------
    person
        Their pseudonym, or how the annotation system calls them, as `label-studio:7`.
    by
        Who does it.
    unpaid
        Forget them although something is still to be paid to them.
    """
    from ledger.people.erasure import forget as erase

    _, names = _people(common)
    pseudonym = _pseudonym(names, person)
    if not unpaid:
        _must_be_paid(common, pseudonym)
    erased = erase(names, pseudonym, by=by, at=datetime.now(UTC))

    def readable() -> None:
        output.say(f"{erased.pseudonym} is nobody any more. What they gave stays in the books.")
        output.say(
            "Delete their account in the annotation system, too, and exports of the books that were made before."
        )
        if erased.waits_for:
            output.say(
                "It was made from a master key: `kempelen labour rotate`, and later `--drop-old`, complete this."
            )

    return show({"pseudonym": erased.pseudonym, "waits_for": erased.waits_for}, common, readable)


def rotate(*, drop_old: Annotated[bool, Parameter(negative="")] = False, lose: int = 0, common: Common = COMMON) -> int:
    """Put a new key before those of the pseudonyms; pseudonyms stay. Ends with 3 while people were not seen since.

    Parameters
    ----------
    drop_old
        Destroy the old keys instead, once everybody was seen under the new one.
    lose
        With `--drop-old`: so many people who were not seen since may lose the connection to their pseudonym.
    """
    from ledger.people.booked import booked_people

    engine, names = _people(common)
    booked = booked_people(engine)
    if drop_old:
        unseen = names.unseen(booked)
        if unseen > lose:
            raise ConfigError(
                f"{counted(unseen, 'person', 'people')} not seen since the newest key was made: with the old "
                "key nobody could say any more whose pseudonym is whose, and they would get another one.",
                hint=f"Wait until they answer again, or give up so many: `rotate --drop-old --lose {unseen}`.",
            )
        lost = names.drop_old_keys(lose=lose, booked=booked)
        who = f"{counted(lost, 'person', 'people')} can no longer be connected with their pseudonyms."
        return show({"lost": lost}, common, lambda: output.say(f"The old keys are gone. {who}"))
    names.rotate()
    unseen = names.unseen(booked)

    def readable() -> None:
        output.say("A new key is in use; the old ones still find everybody.")
        if unseen:
            who = counted(unseen, "person", "people")
            output.say(f"{who} not seen since: `kempelen collect` sees those who answer, an import those of its file.")
        output.say("To destroy the old ones: kempelen labour rotate --drop-old")

    show({"unseen": unseen}, common, readable)
    return NEEDS_A_PERSON if unseen else DONE


def _people(common: Common) -> "tuple[Engine, Pseudonyms]":
    from cycle.wiring import pseudonyms

    _, ledger = books_of(common.folder)
    return ledger.engine, pseudonyms(common.settings, ledger.engine)


def _pseudonym(names: "Pseudonyms", person: str) -> str:
    bare = person.partition(":")[2] if person.startswith(("annotator:", "reviewer:")) else person
    found = bare if names.in_books(bare) else names.known(person)
    if found is None:
        raise ConfigError(
            f"Nobody is known as {person}.",
            hint="Give a pseudonym, as `kempelen labour payroll` shows it, or the system's name, as label-studio:7.",
        )
    return found


def _dashboard(common: Common) -> str:
    """The address of the dashboard if it runs; without it, the path alone."""
    try:
        return common.stack.addresses(["dashboard"]).dashboard_url.rstrip("/")
    except KempelenError:
        return ""


def _row(request: "Request", entry: "Entry | None") -> dict[str, Any]:
    return {
        "number": request.number,
        "person": request.person,
        "answer": request.annotation.removeprefix(GIVEN),
        "the books say": interval(*_bounds(entry)),
        "they say": interval(request.seconds, request.seconds),
        "because": request.reason,
        "asked": f"{request.at:%Y-%m-%d}",
    }


def _as_json(request: "Request", entry: "Entry | None") -> dict[str, Any]:
    low_s, high_s = _bounds(entry)
    return {
        "number": request.number,
        "person": request.person,
        "answer": request.annotation.removeprefix(GIVEN),
        "low_s": low_s,
        "high_s": high_s,
        "seconds": request.seconds,
        "reason": request.reason,
        "asked_at": request.at.isoformat(),
    }


def _bounds(entry: "Entry | None") -> "tuple[Decimal | None, Decimal | None]":
    """What the answer is booked with, its edits apart."""
    amounts = entry.amounts if entry else {}
    return amounts.get(Unit.S_LOW), amounts.get(Unit.S_HIGH)


def _must_be_paid(common: Common, pseudonym: str) -> None:
    open_ = [
        f"{pay.payable} {pay.currency} for {pay.period}"
        for pay in office_of(common).months_of(pseudonym)
        if pay.payable
    ]
    if open_:
        raise ConfigError(
            f"Still to be paid to {pseudonym}: {', '.join(open_)}. Once they are forgotten nobody can say to whom.",
            hint="Pay it first (`kempelen labour topups`), or forget them all the same: add --unpaid.",
        )
