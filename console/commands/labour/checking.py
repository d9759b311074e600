"""Can the books be relied on? Against themselves, and against the annotation system."""

from typing import Any

from console import flows, output
from console.commands.common import COMMON, DONE, NEEDS_A_PERSON, Common, show


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
