"""The tables of the books, as the newest of `ledger.migrations` leaves them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

METADATA = MetaData()

Whole = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer."""

Name = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that is compared byte by byte, on every database."""


def _where(condition: str) -> dict[str, Any]:
    """An index on these rows alone."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# STRICT: the database itself refuses an amount that is no whole number.
ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("source_id", Name, nullable=False, unique=True),
    Column("at", Name, nullable=False),
    Column("narration", Name, nullable=False),
    Column("kind", Name),
    Column("provenance", Name, nullable=False),
    Column("giver", Name, nullable=False),
    Column("receiver", Name, nullable=False),
    Column("s_low", Whole),  # milliseconds; NULL: the entry does not speak of it
    Column("s_high", Whole),
    Column("annotations", Whole),
    Column("labels", Whole),
    Column("events", Whole),
    Column("currency", Name),
    Column("money", Whole),  # millionths
    Column("model", Name),
    Column("version", Name),
    Column("cycle", Name),
    Column("item_id", Name),
    Column("policy", Name),
    Column("person", Name),
    Column("worked_at", Name),
    Column("given", Name),
    Column("reverses", Name),
    Column("source", Name),
    Column("note", Name),
    Column("fingerprint", LargeBinary, nullable=False),
    CheckConstraint("id > 0", name="ledger_entries_are_numbered"),
    CheckConstraint("giver <> receiver", name="ledger_entries_move"),
    CheckConstraint(
        "coalesce(s_high, annotations, labels, events, money) IS NOT NULL", name="ledger_entries_move_something"
    ),
    CheckConstraint("(s_low IS NULL) = (s_high IS NULL)", name="ledger_entries_have_both_bounds"),
    CheckConstraint("abs(s_low) <= abs(s_high)", name="ledger_entries_order_their_bounds"),
    CheckConstraint(
        "(currency IS NULL) = (money IS NULL) AND "
        "(money IS NULL OR coalesce(s_high, annotations, labels, events) IS NULL)",
        name="ledger_entries_keep_money_apart",
    ),
    CheckConstraint(
        "reverses IS NOT NULL OR (coalesce(s_low, 0) >= 0 AND coalesce(s_high, 0) >= 0 AND "
        "coalesce(annotations, 0) >= 0 AND coalesce(labels, 0) >= 0 AND coalesce(events, 0) >= 0 AND "
        "coalesce(money, 0) >= 0)",
        name="ledger_entries_take_nothing_back_unnamed",
    ),
    CheckConstraint(
        "(provenance = 'simulated') = (substr(giver, 1, 10) = 'simulated:') AND "
        "(provenance = 'simulated') = (substr(receiver, 1, 10) = 'simulated:')",
        name="ledger_entries_keep_simulated_apart",
    ),
    CheckConstraint("length(fingerprint) = 32", name="ledger_entries_are_sealed"),
    Index("ledger_entries_of_version", "model", "version", **_where("version IS NOT NULL")),
    Index("ledger_entries_of_cycle", "cycle"),
    Index("ledger_entries_of_given", "given", **_where("given IS NOT NULL")),
    Index("ledger_entries_of_person", "person", "worked_at", **_where("person IS NOT NULL")),
    Index("ledger_entries_reverse_once", "reverses", unique=True, **_where("reverses IS NOT NULL")),
    sqlite_strict=True,
)
"""One row an entry."""

LINES = Table(
    "ledger_lines",
    METADATA,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("model", Name),
    Column("version", Name, nullable=False),
    Column("cycle", Name),
    Column("receiver", Name, nullable=False),
    Column("kind", Name),
    Column("provenance", Name, nullable=False),
    Column("source", Name),
    Column("note", Name),
    Column("policy", Name),
    Column("timed", Integer, nullable=False),
    Column("currency", Name),
    Index("ledger_lines_of_version", "model", "version"),
    sqlite_strict=True,
)
"""What entries that a version's totals add up agree in."""

TOTALS = Table(
    "ledger_totals",
    METADATA,
    Column("line", Whole, ForeignKey(LINES.c.id), primary_key=True),
    Column("person", Name, primary_key=True),  # '': nobody known by name
    Column("entries", Whole, nullable=False),  # those taken back subtracted
    Column("s_low", Whole, nullable=False),
    Column("s_high", Whole, nullable=False),
    Column("annotations", Whole, nullable=False),
    Column("labels", Whole, nullable=False),
    Column("events", Whole, nullable=False),
    Column("money", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Derived from the entries in the transaction that books them, so that a statement need not read them."""

LINEAGE = Table(
    "ledger_lineage",
    METADATA,
    Column("model", Name, primary_key=True),
    Column("version", Name, primary_key=True),
    Column("earlier", Name, primary_key=True),
    CheckConstraint("version <> earlier", name="ledger_lineage_has_no_loop"),
    Index("ledger_lineage_of_earlier", "model", "earlier"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Which earlier versions' labels a version also trained on."""

CARDS = Table(
    "ledger_cards",
    METADATA,
    Column("model", Name, primary_key=True),
    Column("version", Name, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Name, nullable=False),
    Column("upto", Whole, nullable=False),  # the number of the last entry that it knew
    Column("earlier", Name, nullable=False),  # the versions it inherits from, as JSON
    Column("digest", Name, nullable=False),
    Column("document", Name, nullable=False),
    sqlite_strict=True,
)
"""The labour cards that were issued."""
