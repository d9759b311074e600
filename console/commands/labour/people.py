"""The rights of those who gave the effort: their own page, corrections, being forgotten; and the keys of pseudonyms."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from console import output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, books_of, show
from kempelen.errors import ConfigError, KempelenError

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
    from ledger.people.links import Links

    engine, names = _people(common)
    pseudonym, now = _pseudonym(names, person), datetime.now(UTC)
    if revoke:
        ended = Links(engine).revoke_all(pseudonym, at=now)
        return show({"revoked": ended}, common, lambda: output.say(f"{ended} links hold no longer."))
    token = Links(engine).issue(pseudonym, by=by, at=now, expires=now + timedelta(days=days))
    address = f"{_dashboard(common)}/me/{token}"
    return show({"link": address, "days": days}, common, lambda: output.say(address))


def requests(*, common: Common = COMMON) -> int:
    """Show the corrections that people have asked for and nobody has decided on. Ends with 3 if there are some."""
    from ledger.people.corrections import Corrections

    waiting = Corrections(_people(common)[0]).waiting()

    def readable() -> None:
        output.show_table([_row(one) for one in waiting], right=("number",))
        if not waiting:
            output.say("No correction waits for a decision.")

    show([_row(one) for one in waiting], common, readable)
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
    booked, problems = corrections.book_accepted(ledger)
    if problems:
        raise KempelenError(f"{problems[0].subject}: {problems[0].message}", hint=problems[0].hint)
    done = "accepted" if accept else "refused"
    later = "" if booked or not accept else " It is booked once its cycle is accounted for."
    document = {"number": decided.number, "accepted": accept, "booked": booked}
    return show(document, common, lambda: output.say(f"Request {number} is {done}.{later}"))


def forget(person: str, *, by: str, common: Common = COMMON) -> int:
    """Forget a person: nobody can connect them with their work any more. What they gave stays in the books.

    Parameters
    ----------
    person
        Their pseudonym, or how the annotation system calls them, as `label-studio:7`. What that system itself keeps of
        them is deleted there.
    by
        Who does it.
    """
    from ledger.people.erasure import forget as erase

    _, names = _people(common)
    erased = erase(names, _pseudonym(names, person), by=by, at=datetime.now(UTC))

    def readable() -> None:
        output.say(f"{erased.pseudonym} is nobody any more.")
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
        So many people who were not seen since may lose the connection to their pseudonym by that.
    """
    from ledger.people.booked import booked_people

    engine, names = _people(common)
    booked = booked_people(engine)
    if drop_old:
        lost = names.drop_old_keys(lose=lose, booked=booked)
        return show(
            {"lost": lost}, common, lambda: output.say(f"The old keys are gone. {lost} people were lost by it.")
        )
    names.rotate()
    unseen = names.unseen(booked)
    said = f"A new key is in use. {unseen} people were not seen since; `collect` sees those who answer."
    show({"unseen": unseen}, common, lambda: output.say(said))
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
            f"Nobody is known as {person}.", hint="Give the pseudonym that the payroll shows, or the system's own name."
        )
    return found


def _dashboard(common: Common) -> str:
    """The address of the dashboard if it runs; without it, the path alone."""
    try:
        return common.stack.addresses(["dashboard"]).dashboard_url.rstrip("/")
    except KempelenError:
        return ""


def _row(request: "Request") -> dict[str, Any]:
    return {
        "number": request.number,
        "person": request.person,
        "work": request.annotation,
        "they say": f"{request.seconds} s",
        "because": request.reason,
        "asked": f"{request.at:%Y-%m-%d}",
    }
