"""Answer in the model's place: what a client waits for is shown to a person, who answers on the terminal."""

import select
import sys
import termios
import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from console import output
from console.commands.common import COMMON, Common, books_of, show
from kempelen.errors import ConfigError
from kempelen.words import counted

if TYPE_CHECKING:
    from cycle.fallback import Waiting
    from cycle.human_answers import HumanAnswers

_LOOK_EVERY_S = 0.5
_SKIP, _STOP = "s", "q"


def answer(
    *,
    who: Annotated[str, Parameter(name="--as")],
    once: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Answer queries that the model is not sure of, while their users wait. Your time is booked, skips included.

    Parameters
    ----------
    who
        Who answers; the books keep a pseudonym.
    once
        Stop when nothing waits any more, in place of waiting for the next query.
    """
    from cycle.wiring import human_answers

    settings = common.settings
    books_of(settings.state)
    if not who.strip():
        raise ConfigError("--as is empty.", hint="Say who answers, as `--as ada`.")
    answers = human_answers(settings)
    output.remark(
        f"{settings.model.use or settings.model.name}: answer with a number, skip with {_SKIP}, stop with {_STOP}."
    )
    given = _until_stopped(answers, f"fallback:{who.strip()}", settings.model.labels, once=once)
    return show({"answers": given}, common, lambda: output.say(f"You gave {counted(given, 'answer')}."))


def _until_stopped(answers: "HumanAnswers", identity: str, labels: tuple[str, ...], *, once: bool) -> int:
    given, told = 0, False
    while True:
        turn = answers.next(identity)
        if turn is None:
            if not told:
                output.remark("Nothing waits." if once else "Nothing waits. A query is shown as soon as one comes.")
                told = True
            if once or _stopped_while_waiting():
                return given
            continue
        told = False
        key, item = turn
        said = _asked(item, labels)
        label = None if said in {_SKIP, _STOP} else labels[int(said) - 1]
        in_time = answers.answer(key, label)
        given += label is not None
        if label is not None and not in_time:
            output.remark("The user could not wait any longer. Your time is booked all the same.")
        if said == _STOP:
            return given


def _stopped_while_waiting() -> bool:
    """Wait a moment; whether somebody at the terminal says meanwhile that they stop. Nothing else they type counts."""
    if not sys.stdin.isatty():
        time.sleep(_LOOK_EVERY_S)
        return False
    if not select.select([sys.stdin], [], [], _LOOK_EVERY_S)[0]:
        return False
    said = sys.stdin.readline()
    if said.strip().lower() == _STOP or not said:
        return True
    output.remark("Nothing is shown yet that this could answer.")
    return False


def _asked(item: "Waiting", labels: tuple[str, ...]) -> str:
    """Show one item until it is answered, skipped, or there is nobody any more (end of input)."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before the item was there is no answer to it
    output.remark("")
    output.remark(item.query, strong=True)
    for number, label in enumerate(labels, start=1):
        output.remark(f"  {number}  {label}")
    allowed = {_SKIP, _STOP, *map(str, range(1, len(labels) + 1))}
    while True:
        try:
            # Not as a prompt of `input`, which would be on standard output, where the result goes.
            output.ask("> ")
            said = input().strip().lower()
        except EOFError:
            return _STOP
        if said in allowed:
            return said
        output.remark(f"Type 1 to {len(labels)}, {_SKIP} to skip, or {_STOP} to stop.")
