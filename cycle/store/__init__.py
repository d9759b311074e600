"""What the loop remembers between its short flows: one SQLite or PostgreSQL database.

Everything is only added to. Each row has a natural key, so recording the same thing twice, as a
flow that was killed and started again will do, changes nothing.
"""

from sqlalchemy import Engine

from cycle.store._asking import Asking
from cycle.store._cycles import Cycles
from cycle.store._documents import METADATA
from cycle.store._versions import Versions
from cycle.store._watching import Watching
from ledger.database import with_tables

__all__ = ["Store"]


class Store(Cycles, Asking, Watching, Versions):
    """Records and reads what the loop knows. Safe for several processes at once."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(with_tables(engine, METADATA.sorted_tables))
