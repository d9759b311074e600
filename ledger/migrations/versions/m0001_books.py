"""The books as they were before their changes had names: an entry with a row for each posting."""

import sqlalchemy as sa
from alembic import op

from ledger.append_only import statements

revision = "0001_books"
down_revision = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table("ledger_schema", sa.Column("version", sa.Integer, primary_key=True), sqlite_strict=True)
    op.create_table(
        "ledger_entries",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.Text, nullable=False, unique=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("narration", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text),
        sa.Column("cycle", sa.Text),
        sa.Column("item_id", sa.Text),
        sa.Column("policy", sa.Text),
        sa.Column("given", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ledger_entries_by_version", "ledger_entries", ["model", "version"])
    op.create_index("ledger_entries_by_cycle", "ledger_entries", ["cycle"])
    op.create_index("ledger_entries_by_given", "ledger_entries", ["given"])
    op.create_table(
        "ledger_postings",
        sa.Column("entry_id", _WHOLE, sa.ForeignKey("ledger_entries.id"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("parts", _WHOLE, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ledger_postings_by_account", "ledger_postings", ["account", "unit"])
    dialect = op.get_context().dialect.name
    for table, *keys in (
        ("ledger_schema", "version = NEW.version"),
        ("ledger_entries", "id = NEW.id", "source_id = NEW.source_id"),
        ("ledger_postings", "entry_id = NEW.entry_id AND line = NEW.line"),
    ):
        for statement in statements(dialect, table, *keys):
            op.execute(statement)
    op.execute("INSERT INTO ledger_schema VALUES (1)")
