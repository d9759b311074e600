"""The names of those who want to be named beside their work: by their own act, and only as long as they want it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from kempelen.errors import BadData
from ledger.database import reading
from ledger.people.erasure import is_erased
from ledger.people.says import LONGEST_NAME, one_line
from ledger.people.tables import CREDITS, changing, prepared, wipe


class Credits:
    """Who wants to be named, and for which models. Nobody can enter a name for somebody else but by their link."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def give(self, person: str, model: str, name: str, *, at: datetime) -> str:
        """Name a person beside their work for a model; the name as it will be shown. BadData for what is no name."""
        shown = one_line(name, "The name", longest=LONGEST_NAME)
        with changing(self._engine) as connection:
            if is_erased(connection, person):
                raise BadData("This person was forgotten.", hint="Nobody can say any more who asks.")
            connection.execute(delete(CREDITS).where(CREDITS.c.person == person, CREDITS.c.model == model))
            connection.execute(insert(CREDITS).values(person=person, model=model, name=shown, at=at))
        return shown

    def withdraw(self, person: str, model: str) -> bool:
        """Name them no longer, and keep no trace of the name; whether they were named."""
        with changing(self._engine) as connection:
            mine = delete(CREDITS).where(CREDITS.c.person == person, CREDITS.c.model == model)
            was_named = connection.execute(mine).rowcount > 0
        wipe(self._engine)
        return was_named

    def of(self, person: str) -> dict[str, str]:
        """The names by which a person is credited, by model."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(CREDITS.c.model, CREDITS.c.name).where(CREDITS.c.person == person))
            return dict(rows.tuples().all())

    def names(self, model: str, people: Collection[str]) -> list[str]:
        """Who of `people`, the pseudonyms behind a version, wants to be named; by alphabet, each once."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(CREDITS.c.person, CREDITS.c.name).where(CREDITS.c.model == model))
            return sorted({name for person, name in rows if person in set(people)}, key=str.casefold)
