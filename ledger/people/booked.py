"""Which pseudonyms the books know, simulated ones too."""

from sqlalchemy import Engine, select

from ledger import accounts
from ledger.database import reading
from ledger.tables import ENTRIES


def is_booked(engine: Engine, pseudonym: str) -> bool:
    """Whether any entry is about this pseudonym."""
    theirs = accounts.annotator(pseudonym), accounts.reviewer(pseudonym)
    known = ENTRIES.c.person.in_([*theirs, *(accounts.simulated(account) for account in theirs)])
    with reading(engine) as connection:
        return connection.execute(select(ENTRIES.c.id).where(known).limit(1)).first() is not None


def is_simulated(engine: Engine, pseudonym: str) -> bool:
    """Whether entries are about this pseudonym, and all of them are simulated: then it is nobody."""
    theirs = accounts.annotator(pseudonym), accounts.reviewer(pseudonym)
    with reading(engine) as connection:
        real = connection.execute(select(ENTRIES.c.id).where(ENTRIES.c.person.in_(theirs)).limit(1)).first()
    return real is None and is_booked(engine, pseudonym)


def booked_people(engine: Engine) -> set[str]:
    """Every pseudonym that an entry is about, also of those who were forgotten."""
    with reading(engine) as connection:
        people = connection.scalars(select(ENTRIES.c.person).where(ENTRIES.c.person.is_not(None)).distinct())
        return {accounts.name(person) for person in people if person}
