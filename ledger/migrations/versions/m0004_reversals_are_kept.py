"""On SQLite a reversal, too, can no longer be replaced by another one of the same entry."""

from alembic import op

from ledger.append_only import statements

revision = "0004_reversals_are_kept"
down_revision = "0003_contracts"

_KEYS = "id = NEW.id", "source_id = NEW.source_id", "reverses = NEW.reverses"


def upgrade() -> None:
    """Make the triggers anew, with the key that was missing: `INSERT OR REPLACE` removed whoever held it."""
    if op.get_context().dialect.name != "sqlite":
        return
    for verb in ("update", "delete", "insert"):
        op.execute(f"DROP TRIGGER ledger_entries_guards_{verb}")
    for statement in statements("sqlite", "ledger_entries", *_KEYS):
        op.execute(statement)
