"""Who answers in the demo: five simulated annotators, or the person at the keyboard."""

import time
from datetime import datetime

from console import personas
from console.demo.story import AnswerRound, Say
from console.demo.stream import Truth
from cycle.app import App
from cycle.collect import collect
from kempelen.protocols import Progress

LOOK_EVERY_S = 3.0


def simulated(url: str, admin_token: str, progress: Progress) -> AnswerRound:
    """Five personas with known error rates, who work through Label Studio as users of their own."""

    def answer(app: App, cycle_id: str, now: datetime) -> None:
        personas.answer_all(
            url,
            admin_token,
            cycle_id,
            truth=Truth(now),
            state_folder=app.settings.state,
            seed=app.settings.training.seed,
            progress=progress,
        )

    return answer


def the_person_here(say: Say, sign_in: str) -> AnswerRound:
    """Show the link, and wait until the person has answered. No flow runs meanwhile: this only looks."""

    def answer(app: App, cycle_id: str, now: datetime) -> None:
        left = _unanswered(app, cycle_id, now)
        if not left:
            return
        say(f"Please label {left} queries: {app.annotators.open(app.briefing(cycle_id))}")
        say(sign_in)
        say("Click 'Label All Tasks'. The demo goes on by itself when you are done, and after Ctrl-C the next time.")
        while _unanswered(app, cycle_id, now):
            time.sleep(LOOK_EVERY_S)

    return answer


def _unanswered(app: App, cycle_id: str, now: datetime) -> int:
    """Items of a cycle that still want an answer, after collecting what is there."""
    return sum(one.items - one.answered for one in collect(app, now) if one.cycle.cycle_id == cycle_id)
