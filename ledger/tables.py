"""The tables of the books, and the triggers that let nothing in them be changed or removed."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    insert,
    inspect,
    select,
)

from kempelen.errors import LedgerError

SCHEMA_VERSION = 1

METADATA = MetaData()

_Whole = BigInteger().with_variant(Integer, "sqlite")

# STRICT: the database itself refuses an amount that is no whole number.
SCHEMA = Table("ledger_schema", METADATA, Column("version", Integer, primary_key=True), sqlite_strict=True)

ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("id", _Whole, primary_key=True, autoincrement=False),
    Column("source_id", Text, nullable=False, unique=True),
    Column("at", Text, nullable=False),
    Column("narration", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", Text),
    Column("cycle", Text),
    Column("item_id", Text),
    Column("policy", Text),
    Column("given", Text),
    Column("note", Text),
    Column("fingerprint", LargeBinary, nullable=False),
    Index("ledger_entries_by_version", "model", "version"),
    Index("ledger_entries_by_cycle", "cycle"),
    Index("ledger_entries_by_given", "given"),
    sqlite_strict=True,
)

POSTINGS = Table(
    "ledger_postings",
    METADATA,
    Column("entry_id", _Whole, ForeignKey(ENTRIES.c.id), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("parts", _Whole, nullable=False),
    Index("ledger_postings_by_account", "account", "unit"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_SAME_ROW = {
    "ledger_schema": "version = NEW.version",
    "ledger_entries": "id = NEW.id OR source_id = NEW.source_id",
    "ledger_postings": "entry_id = NEW.entry_id AND line = NEW.line",
}


def _guard(table: Table) -> None:
    """Refuse UPDATE and DELETE, and INSERT over a row that exists: `INSERT OR REPLACE` deletes without a DELETE."""
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    same = f"SELECT 1 FROM {table.name} WHERE {_SAME_ROW[table.name]}"  # noqa: S608 - names from this file alone
    for verb, condition in (("UPDATE", ""), ("DELETE", ""), ("INSERT", f"WHEN EXISTS ({same}) ")):
        name = f"{table.name}_guards_{verb.lower()}"
        statement = f"CREATE TRIGGER {name} BEFORE {verb} ON {table.name} {condition}{refusal}"
        trigger = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy has no annotation here
        event.listen(table, "after_create", trigger.execute_if(dialect="sqlite"))


for _table in (SCHEMA, ENTRIES, POSTINGS):
    _guard(_table)


def schema_version(connection: Connection) -> int:
    """The version of the tables in this database; 0 when there are none."""
    if not inspect(connection).has_table(SCHEMA.name):
        return 0
    return int(connection.execute(select(SCHEMA.c.version).order_by(SCHEMA.c.version.desc()).limit(1)).scalar_one())


def make_tables(connection: Connection) -> None:
    """Make what is missing, in the caller's transaction. Another process may have been first."""
    if schema_version(connection) == 0:
        METADATA.create_all(connection)
        connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION))


def must_be_known(version: int) -> None:
    """LedgerError when the tables were made by a newer Kempelen than this one."""
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"The books have schema {version}; this Kempelen knows up to {SCHEMA_VERSION}.",
            hint="Update Kempelen. Nothing was read or written.",
        )
