"""The life of a cycle."""

from itertools import product

import pytest

from kempelen.errors import IllegalMove
from kempelen.states import MOVES, State, move, replay


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_only_the_table_of_moves_is_legal(state: State, to: State) -> None:
    if to in MOVES[state] or to is state:
        assert move(state, to) is to
    else:
        with pytest.raises(IllegalMove, match=f"is {state.value} cannot become {to.value}"):
            move(state, to)


def test_a_cycle_begins_open() -> None:
    assert replay([]) is None
    assert replay([State.OPEN]) is State.OPEN
    with pytest.raises(IllegalMove, match="does not exist yet"):
        replay([State.READY])


def test_every_state_can_still_reach_an_end() -> None:
    for state in State:
        reachable, seen = {state}, set()
        while reachable:
            one = reachable.pop()
            seen.add(one)
            reachable |= MOVES[one] - seen
        assert any(one.ended for one in seen), state


def test_a_repeated_event_changes_nothing() -> None:
    assert replay([State.OPEN, State.OPEN, State.LABELLING, State.LABELLING]) is State.LABELLING
