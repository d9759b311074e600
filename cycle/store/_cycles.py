"""Cycles, and the events that move them."""

from sqlalchemy import Column, Connection, Integer, String, Table, Text, UniqueConstraint, insert, select

from cycle.records import Cycle, CycleEvent
from cycle.store._documents import METADATA, Documents, dumped
from kempelen.states import State, move, replay
from ledger.database import insert_new, reading, writing
from ledger.moments import Moment

_cycles = Table(
    "cycle",
    METADATA,
    Column("cycle_id", String(80), primary_key=True),
    Column("model", String(50), index=True),
    Column("opened_at", Moment),
    Column("document", Text),
)
_events = Table(
    "cycle_event",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80), index=True),
    Column("state", String(20)),
    Column("at", Moment),
    Column("note", Text),
    UniqueConstraint("cycle_id", "state"),
)


class Cycles(Documents):
    """What is known of cycles."""

    def open_cycle(self, cycle: Cycle) -> None:
        """Record a cycle and its first event."""
        row = {
            "cycle_id": cycle.cycle_id,
            "model": cycle.model,
            "opened_at": cycle.opened_at,
            "document": dumped(cycle),
        }
        first = {
            "cycle_id": cycle.cycle_id,
            "state": State.OPEN.value,
            "at": cycle.opened_at,
            "note": cycle.reason.value,
        }
        with writing(self._engine) as connection:
            connection.execute(insert_new(self._engine, _cycles), [row])
            connection.execute(insert_new(self._engine, _events), [first])

    def cycles(self, model: str | None = None) -> list[Cycle]:
        """All cycles, oldest first."""
        query = select(_cycles.c.document).order_by(_cycles.c.opened_at, _cycles.c.cycle_id)
        return self._read(Cycle, query.where(_cycles.c.model == model) if model else query)

    def cycle(self, cycle_id: str) -> Cycle | None:
        """One cycle."""
        found = self._read(Cycle, select(_cycles.c.document).where(_cycles.c.cycle_id == cycle_id))
        return found[0] if found else None

    def under_way(self, model: str) -> list[Cycle]:
        """The cycles that have not ended, oldest first."""
        return [cycle for cycle in self.cycles(model) if not self.state(cycle.cycle_id).ended]

    def record_event(self, event: CycleEvent) -> None:
        """Move a cycle. IllegalMove if the table of moves forbids it; a repeated event is harmless."""
        values = {"cycle_id": event.cycle_id, "state": event.state.value, "at": event.at, "note": event.note}
        with writing(self._engine) as connection:
            states = [past.state for past in _events_of(connection, event.cycle_id)]
            if event.state not in states:
                move(replay(states), event.state)
                connection.execute(insert(_events), [values])

    def events(self, cycle_id: str) -> list[CycleEvent]:
        """What happened to a cycle, in order."""
        with reading(self._engine) as connection:
            return _events_of(connection, cycle_id)

    def state(self, cycle_id: str) -> State:
        """Where a cycle stands. KeyError for a cycle that was never opened."""
        state = replay(event.state for event in self.events(cycle_id))
        if state is None:
            raise KeyError(cycle_id)
        return state


def _events_of(connection: Connection, cycle_id: str) -> list[CycleEvent]:
    query = select(_events).where(_events.c.cycle_id == cycle_id).order_by(_events.c.sequence)
    return [
        CycleEvent(cycle_id=row.cycle_id, state=State(row.state), at=row.at, note=row.note)
        for row in connection.execute(query)
    ]
