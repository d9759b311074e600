"""What is kept of persons, apart from the books: these rows may be erased, entries never."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from kempelen.errors import ConnectorUnavailable
from ledger.database import database_errors, with_tables, writing
from ledger.moments import Moment
from ledger.tables import METADATA, Whole


def _table(name: str, *columns: Any) -> Table:
    """STRICT: SQLite itself refuses what is of another type."""
    return Table(name, METADATA, *columns, sqlite_strict=True)


ANNOTATOR_KEYS = _table(
    "annotator_keys",
    Column("pseudonym", Text, primary_key=True),
    Column("person_key", LargeBinary),  # NULL: the pseudonym was made from the master key, before persons had keys
    Column("made_from", Text),  # the master key it was made from, by its name; NULL where there is a person_key
)
LOOKUPS = _table(
    "annotator_lookups",
    Column("lookup", LargeBinary, primary_key=True),
    Column("master_key", Text, nullable=False, index=True),
    Column("pseudonym", Text, ForeignKey(ANNOTATOR_KEYS.c.pseudonym), nullable=False, index=True),
)
DROPPED_KEYS = _table("annotator_dropped_keys", Column("master_key", Text, primary_key=True))
ERASURES = _table(
    "annotator_erasures",
    Column("pseudonym", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("made_from", Text),
)
LINKS = _table(
    "personal_links",
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("issued_at", Moment, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
REQUESTS = _table(
    "correction_requests",
    Column("number", Integer, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("annotation", Text, nullable=False, index=True),
    Column("ms", Integer, nullable=False),
    Column("reason", Text),  # NULL once erased
    Column("at", Moment, nullable=False),
)
DECISIONS = _table(
    "correction_decisions",
    Column("request", Integer, ForeignKey(REQUESTS.c.number), primary_key=True, autoincrement=False),
    Column("outcome", Text, nullable=False),
    Column("correction", Integer),  # which correction of its annotation, from 1; NULL when it was refused
    Column("by", Text, nullable=False),
    Column("reason", Text),
    Column("at", Moment, nullable=False),
)
RATINGS = _table(
    "cycle_ratings",
    Column("number", Integer, primary_key=True),
    Column("model", Text, nullable=False, index=True),
    Column("cycle", Text, nullable=False),
    Column("person", Text, nullable=False, index=True),
    Column("clarity", Integer, nullable=False),
    Column("pay", Integer, nullable=False),
    Column("load", Integer, nullable=False),
    Column("comment", Text),
    Column("at", Moment, nullable=False),
    UniqueConstraint("cycle", "person"),
)
RELEASED_RATINGS = _table(
    "released_ratings",
    Column("cycle", Text, primary_key=True),
    Column("upto", Integer, nullable=False),  # the number of the last rating that is public
)
CREDITS = _table(
    "credit_names",
    Column("person", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
TERMS = _table(
    "cycle_terms",
    Column("cycle", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("use", Text, nullable=False),
    Column("asker", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("pay", Text, nullable=False),
    Column("data_handling", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
RELEASED = _table(
    "released_parts",
    Column("model", Text, primary_key=True),
    Column("release", Integer, primary_key=True),
    Column("set", Integer, primary_key=True),
    Column("cell", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("timed", Integer, primary_key=True),
    Column("counted", Integer, primary_key=True),
    Column("low_ms", Whole, nullable=False),
    Column("high_ms", Whole, nullable=False),
    Column("annotations", Whole, nullable=False),
    Column("at", Moment, nullable=False),
)

PEOPLE_TABLES = (
    ANNOTATOR_KEYS,
    LOOKUPS,
    DROPPED_KEYS,
    ERASURES,
    LINKS,
    REQUESTS,
    DECISIONS,
    RATINGS,
    RELEASED_RATINGS,
    CREDITS,
    TERMS,
    RELEASED,
)


def prepared(engine: Engine) -> Engine:
    """The engine, with these tables made where they are missing."""
    return with_tables(engine, PEOPLE_TABLES)


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write; what it deletes is overwritten on the disk where the database can do so."""
    with writing(engine) as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA secure_delete = ON"))
        yield connection


def wipe(engine: Engine) -> None:
    """Leave no copy of deleted rows in the database's own files.

    ConnectorUnavailable while somebody reads a state from before, which has to stay for them; again is harmless.
    """
    with database_errors(engine), closing(engine.raw_connection()) as connection:
        driver: Any = connection.driver_connection  # sqlite3's or psycopg's
        if engine.dialect.name == "sqlite":
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise ConnectorUnavailable(
                    "What was deleted still stands in the database's log, because somebody is reading from before.",
                    system="database",
                    hint="Nobody is shown it any more. Do the same again later, and it is overwritten.",
                )
            return
        driver.autocommit = True  # VACUUM is refused inside a transaction
        try:
            driver.execute(f"VACUUM {', '.join(table.name for table in PEOPLE_TABLES)}")
        finally:
            driver.autocommit = False
