"""Contracts of pay, to which rows are only added."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ledger.append_only import statements

revision = "0003_contracts"
down_revision = "0002_transfers"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_KEYS = "id = NEW.id", "source_id = NEW.source_id", "supersedes = NEW.supersedes"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ledger_contracts",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("source_id", _NAME, nullable=False, unique=True),
        sa.Column("supersedes", _WHOLE, sa.ForeignKey("ledger_contracts.id"), unique=True),
        sa.Column("annulled", sa.Integer, nullable=False),
        *(sa.Column(name, _NAME, nullable=False) for name in ("person", "basis", "amount", "currency")),
        sa.Column("region", _NAME),
        sa.Column("first", _NAME, nullable=False),
        sa.Column("last", _NAME),
        sa.Column("fee_share", _NAME, nullable=False),
        sa.Column("reason", _NAME),
        sa.Column("recorded_at", _NAME, nullable=False),
        sa.Column("recorded_by", _NAME, nullable=False),
        sqlite_strict=True,
    )
    for statement in statements(op.get_context().dialect.name, "ledger_contracts", *_KEYS):
        op.execute(statement)
