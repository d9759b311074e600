"""What came beside the cycles and is not in the books yet, because something was killed or had to wait."""

from cycle.wiring import DATABASE, feedback, human_answers
from kempelen.errors import Problem
from kempelen.settings import Settings
from ledger.database import open_engine
from ledger.people.corrections import Corrections
from ledger.store import Ledger


def book_what_waits(settings: Settings) -> tuple[int, list[Problem]]:
    """Book answers served by people, corrections by users, and corrections of effort that were accepted.

    How many were booked, and which corrections of effort cannot be. Repeatable.
    """
    engine = open_engine(settings.state / DATABASE)
    corrected, problems = Corrections(engine).book_accepted(Ledger(engine))
    return human_answers(settings).book() + feedback(settings).book() + corrected, problems
