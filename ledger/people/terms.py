"""On what terms each cycle was asked, as people were told, so that they can be held to it later."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select

from kempelen.records import Briefing
from ledger.database import reading
from ledger.people.tables import TERMS, changing, prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who asked, for which model and what use, what would be paid and what becomes of the data, in their words."""

    cycle: str
    model: str
    use: str
    asker: str
    contact: str
    pay: str
    data_handling: str
    at: datetime


class ToldTerms:
    """What people were told when a cycle began to ask. What was said first stands: nobody rewrites terms afterwards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def record(self, briefing: Briefing, *, at: datetime) -> None:
        """Keep what a briefing says of its cycle; again is harmless, and changes nothing."""
        names = ("model", "use", "asker", "contact", "pay", "data_handling")
        with changing(self._engine) as connection:
            known = connection.scalar(select(TERMS.c.cycle).where(TERMS.c.cycle == briefing.cycle_id))
            if known is None:
                said = {name: getattr(briefing, name) for name in names}
                connection.execute(insert(TERMS).values(cycle=briefing.cycle_id, at=at, **said))

    def of(self, cycles: Collection[str]) -> list[Told]:
        """The terms of these cycles, the latest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(TERMS).order_by(TERMS.c.at.desc(), TERMS.c.cycle)).mappings()
            return [Told(**row) for row in rows if row["cycle"] in set(cycles)]
