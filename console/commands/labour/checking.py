"""Can the books be relied on? Against themselves, and against the annotation system."""

from typing import Annotated, Any

from cyclopts import Parameter

from console import flows, output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, app_of, books_of, show
from kempelen.states import State
from kempelen.words import counted


def reconcile(cycle: str | None = None, *, common: Common = COMMON) -> int:
    """Compare the books with the annotation system, annotation by annotation. Ends with 3 if somebody has to look.

    Parameters
    ----------
    cycle
        Its name; all cycles by default.
    """
    common.with_servers()
    from cycle.reconcile import in_words
    from flows.reconcile_flow import reconcile_flow

    with output.progress("Comparing"), flows.reaching_prefect():
        compared = reconcile_flow(str(common.config_file), cycle=cycle)

    def readable() -> None:
        if not compared:
            output.say("There is no cycle yet whose books could be compared.")
        for one in compared:
            output.say(one.says)
            for problem in one.problems:
                output.say(f"  {problem.message} {problem.hint}")
        rows: list[dict[str, Any]] = [
            {
                "annotation": difference.source_id,
                "what": difference.found.value,
                "books": in_words(difference.booked),
                "annotation system": in_words(difference.there),
                "why": difference.explained or "somebody has to look",
            }
            for one in compared
            for difference in one.differences
        ]
        if rows:
            output.show_table(rows)

    show([one.as_json() for one in compared], common, readable)
    return NEEDS_A_PERSON if any(one.unexplained or one.problems for one in compared) else DONE


def verify(*, registry: Annotated[bool, Parameter(negative="")] = False, common: Common = COMMON) -> int:
    """Check the books against themselves, and every labour card against its entries. Ends with 3 if something is wrong.

    Every entry reads as it was booked, every answer is assigned once and whole, totals are those of the entries, and
    each card's digest is that of the entries that it rests on.

    Parameters
    ----------
    registry
        Compare the copies of the cards in the model registry, too, for the model of the settings file.
    """
    from cycle.account import compare_copies
    from ledger.card import verify_cards

    store, ledger = books_of(common.folder)
    closed = [
        cycle.cycle_id
        for model in store.models()
        for cycle in store.cycles(model)
        if store.state(cycle.cycle_id) is State.CLOSED
    ]
    with output.progress("Verifying"):
        problems = [*ledger.check(closed), *verify_cards(ledger)]
        if registry:
            common.with_servers()
            problems += compare_copies(app_of(common))
    cards = len(ledger.cards())

    def readable() -> None:
        for problem in problems:
            output.say(f"{problem.subject}: {problem.message} {problem.hint}")
        found = counted(len(problems), "problem") if problems else "nothing is wrong"
        entries = counted(ledger.last_entry(), "entry", "entries")
        output.say(f"{entries} and {counted(cards, 'labour card')}: {found}.")
        if not problems:
            output.say("Whether all work was booked: kempelen labour reconcile")

    document = {
        "entries": ledger.last_entry(),
        "cards": cards,
        "problems": [{"subject": one.subject, "message": one.message, "hint": one.hint} for one in problems],
    }
    show(document, common, readable)
    return NEEDS_A_PERSON if problems else DONE
