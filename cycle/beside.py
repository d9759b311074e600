"""What came beside the cycles and is not in the books yet, because something was killed or had to wait."""

from sqlalchemy import Engine

from cycle.wiring import feedback, human_answers
from kempelen.errors import Problem
from kempelen.settings import Settings
from ledger.people.corrections import Corrections
from ledger.store import Ledger


def book_what_waits(settings: Settings, engine: Engine) -> tuple[int, list[Problem]]:
    """Book answers served by people, corrections by users, and corrections of effort that were accepted.

    How many were booked, and which corrections of effort cannot be. Repeatable.
    """
    corrected, problems = Corrections(engine).book_accepted(Ledger(engine))
    served = human_answers(settings, engine=engine).book()
    reported = feedback(settings, engine=engine).book()
    return served + reported + corrected, problems
