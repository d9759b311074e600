"""Which hazardous items may lie before people: noted before they are put there, by one caller at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, UniqueConstraint, insert, select

from ledger.database import with_tables, writing

_meta = MetaData()
_released = Table(
    "hazard_released",
    _meta,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80)),
    Column("item_id", String(32)),
    Column("answers", Integer),
    UniqueConstraint("cycle_id", "item_id", "answers"),
)

Noted = Mapping[str, Mapping[str, int]]
"""By cycle and item: how many answers the item was put before people for. Until it has them, somebody may see it."""


class Exposure:
    """What was noted, while the database is kept for this caller: nobody else notes anything meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        found: dict[str, dict[str, int]] = {}
        for row in connection.execute(select(_released.c.cycle_id, _released.c.item_id, _released.c.answers)):
            of_cycle = found.setdefault(row.cycle_id, {})
            of_cycle[row.item_id] = max(row.answers, of_cycle.get(row.item_id, 0))
        self.noted: Noted = found

    def note(self, cycle_id: str, answers: Mapping[str, int]) -> None:
        """That these items are about to be put before people, until they have so many answers."""
        known = self.noted.get(cycle_id, {})
        new = [
            {"cycle_id": cycle_id, "item_id": item_id, "answers": wanted}
            for item_id, wanted in answers.items()
            if wanted > known.get(item_id, 0)
        ]
        if new:
            self._connection.execute(insert(_released), new)


@contextmanager
def exposure(engine: Engine) -> Iterator[Exposure]:
    """Read what was noted, and note more, before anybody else can: whoever comes second sees what the first noted.

    A kill after it leaves items noted that nobody was shown: they count, and the cycle's next call puts them there.
    """
    with writing(with_tables(engine, _meta.sorted_tables)) as connection:
        yield Exposure(connection)
