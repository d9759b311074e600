"""The table of contracts, to which rows are only added."""

from sqlalchemy import DDL, Column, Connection, ForeignKey, Integer, Table, event

from ledger import append_only
from ledger.tables import METADATA, Name, Whole

CONTRACTS = Table(
    "ledger_contracts",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("source_id", Name, nullable=False, unique=True),
    Column("supersedes", Whole, ForeignKey("ledger_contracts.id"), unique=True),
    Column("annulled", Integer, nullable=False),
    Column("person", Name, nullable=False),
    Column("basis", Name, nullable=False),
    Column("amount", Name, nullable=False),  # decimal digits: an amount may be finer than any coin
    Column("currency", Name, nullable=False),
    Column("region", Name),
    Column("first", Name, nullable=False),
    Column("last", Name),
    Column("fee_share", Name, nullable=False),
    Column("reason", Name),
    Column("recorded_at", Name, nullable=False),
    Column("recorded_by", Name, nullable=False),
    sqlite_strict=True,
)

KEYS = ("id = NEW.id", "source_id = NEW.source_id", "supersedes = NEW.supersedes")
"""When a row is the one that is being inserted, for `append_only.statements`."""

for _dialect in ("sqlite", "postgresql"):
    for _statement in append_only.statements(_dialect, CONTRACTS.name, *KEYS):
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # SQLAlchemy has no annotation here
        event.listen(CONTRACTS, "after_create", _ddl.execute_if(dialect=_dialect))


def make_tables(connection: Connection) -> None:
    """Make the table where it is missing, in the caller's transaction."""
    METADATA.create_all(connection, tables=[CONTRACTS])
