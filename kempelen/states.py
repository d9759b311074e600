"""The life of a cycle: its states, its events, and the one table of legal moves.

The state is derived from the recorded events and never stored by itself, so it cannot disagree
with them. An event that repeats the last one changes nothing: every flow may run twice.
"""

from collections.abc import Iterable
from enum import StrEnum

from kempelen.errors import IllegalMove


class State(StrEnum):
    """Where a cycle stands."""

    OPEN = "open"
    LABELLING = "labelling"
    READY = "ready"
    TRAINED = "trained"
    PASSED = "passed"
    REJECTED = "rejected"
    PROMOTED = "promoted"
    CLOSED = "closed"
    ABANDONED = "abandoned"

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen to the cycle."""
        return self is State.CLOSED


MOVES: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.LABELLING, State.ABANDONED}),
    State.LABELLING: frozenset({State.READY, State.ABANDONED}),
    # An audit cycle asks and never trains: it is closed as soon as its answers are booked.
    State.READY: frozenset({State.TRAINED, State.CLOSED, State.ABANDONED}),
    State.TRAINED: frozenset({State.PASSED, State.REJECTED, State.ABANDONED}),
    State.PASSED: frozenset({State.PROMOTED, State.ABANDONED}),
    State.REJECTED: frozenset({State.CLOSED}),
    State.PROMOTED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
    # What people gave to a cycle that led nowhere is accounted for, too.
    State.ABANDONED: frozenset({State.CLOSED}),
}


def move(state: State | None, to: State) -> State:
    """The state after an event, or IllegalMove. `None` is a cycle that does not exist yet.

    >>> move(State.OPEN, State.LABELLING)
    <State.LABELLING: 'labelling'>
    """
    if state is to:
        return to
    allowed = frozenset({State.OPEN}) if state is None else MOVES[state]
    if to not in allowed:
        where = "does not exist yet" if state is None else f"is {state.value}"
        choices = ", ".join(sorted(s.value for s in allowed)) or "nothing: it has ended"
        raise IllegalMove(
            f"A cycle that {where} cannot become {to.value}.",
            hint=f"Possible from here: {choices}. See `kempelen status`.",
        )
    return to


def replay(events: Iterable[State]) -> State | None:
    """The state that a cycle's events, in order, lead to."""
    state: State | None = None
    for event in events:
        state = move(state, event)
    return state
