"""An entry becomes one row, a transfer from one account to another; totals, lineage and cards come along."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ledger.append_only import statements
from ledger.migrations.transfers import converted

revision = "0002_transfers"
down_revision = "0001_books"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Keep the old entries aside, make the new tables, and write every entry anew."""
    op.rename_table("ledger_entries", "ledger_entries_1")
    op.rename_table("ledger_postings", "ledger_postings_1")
    if op.get_context().dialect.name == "postgresql":  # names of indexes are one for all tables
        op.execute("ALTER INDEX ledger_entries_pkey RENAME TO ledger_entries_1_pkey")
        op.execute("ALTER INDEX ledger_entries_source_id_key RENAME TO ledger_entries_1_source_id_key")
    _make_entries()
    _make_totals()
    _make_lineage_and_cards()
    connection = op.get_bind()
    for rows in converted(connection):
        connection.execute(sa.text(_INSERT), rows)
    op.drop_table("ledger_postings_1")
    op.drop_table("ledger_entries_1")
    _guard("ledger_entries", "id = NEW.id", "source_id = NEW.source_id")
    _guard("ledger_lineage", "model = NEW.model AND version = NEW.version AND earlier = NEW.earlier")
    _guard("ledger_cards", "model = NEW.model AND version = NEW.version AND sequence = NEW.sequence")
    op.execute("INSERT INTO ledger_schema VALUES (2)")  # a Kempelen that knows no named steps reads this, and stops


_TEXTS = ("kind", "model", "version", "cycle", "item_id", "policy", "person", "worked_at", "given", "reverses")
_COUNTS = ("s_low", "s_high", "annotations", "labels", "events")
_COLUMNS = (
    *("id", "source_id", "at", "narration", "provenance", "giver", "receiver", "currency", "money", "source", "note"),
    *_TEXTS,
    *_COUNTS,
    "fingerprint",
)
_INSERT = f"INSERT INTO ledger_entries ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{c}' for c in _COLUMNS)})"  # noqa: S608


def _make_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("source_id", _NAME, nullable=False, unique=True),
        sa.Column("at", _NAME, nullable=False),
        sa.Column("narration", _NAME, nullable=False),
        sa.Column("kind", _NAME),
        sa.Column("provenance", _NAME, nullable=False),
        sa.Column("giver", _NAME, nullable=False),
        sa.Column("receiver", _NAME, nullable=False),
        *(sa.Column(name, _WHOLE) for name in _COUNTS),
        sa.Column("currency", _NAME),
        sa.Column("money", _WHOLE),
        *(sa.Column(name, _NAME) for name in _TEXTS[1:]),
        sa.Column("source", _NAME),
        sa.Column("note", _NAME),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        *(sa.CheckConstraint(condition, name=f"ledger_entries_{name}") for name, condition in _CHECKS.items()),
        sqlite_strict=True,
    )
    for name, columns, condition, unique in (
        ("of_version", ["model", "version"], "version IS NOT NULL", False),
        ("of_cycle", ["cycle"], None, False),
        ("of_given", ["given"], "given IS NOT NULL", False),
        ("of_person", ["person", "worked_at"], "person IS NOT NULL", False),
        ("reverse_once", ["reverses"], "reverses IS NOT NULL", True),
    ):
        where: dict[str, Any] = (
            {f"{db}_where": sa.text(condition) for db in ("sqlite", "postgresql")} if condition else {}
        )
        op.create_index(f"ledger_entries_{name}", "ledger_entries", columns, unique=unique, **where)


_CHECKS = {
    "are_numbered": "id > 0",
    "move": "giver <> receiver",
    "move_something": "coalesce(s_high, annotations, labels, events, money) IS NOT NULL",
    "have_both_bounds": "(s_low IS NULL) = (s_high IS NULL)",
    "order_their_bounds": "abs(s_low) <= abs(s_high)",
    "keep_money_apart": (
        "(currency IS NULL) = (money IS NULL) AND "
        "(money IS NULL OR coalesce(s_high, annotations, labels, events) IS NULL)"
    ),
    "take_nothing_back_unnamed": (
        "reverses IS NOT NULL OR (coalesce(s_low, 0) >= 0 AND coalesce(s_high, 0) >= 0 AND "
        "coalesce(annotations, 0) >= 0 AND coalesce(labels, 0) >= 0 AND coalesce(events, 0) >= 0 AND "
        "coalesce(money, 0) >= 0)"
    ),
    "keep_simulated_apart": (
        "(provenance = 'simulated') = (substr(giver, 1, 10) = 'simulated:') AND "
        "(provenance = 'simulated') = (substr(receiver, 1, 10) = 'simulated:')"
    ),
    "are_sealed": "length(fingerprint) = 32",
}


def _make_totals() -> None:
    op.create_table(
        "ledger_lines",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("key", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("model", _NAME),
        sa.Column("version", _NAME, nullable=False),
        sa.Column("cycle", _NAME),
        sa.Column("receiver", _NAME, nullable=False),
        sa.Column("kind", _NAME),
        sa.Column("provenance", _NAME, nullable=False),
        *(sa.Column(name, _NAME) for name in ("source", "note", "policy")),
        sa.Column("timed", sa.Integer, nullable=False),
        sa.Column("currency", _NAME),
        sqlite_strict=True,
    )
    op.create_index("ledger_lines_of_version", "ledger_lines", ["model", "version"])
    op.create_table(
        "ledger_totals",
        sa.Column("line", _WHOLE, sa.ForeignKey("ledger_lines.id"), primary_key=True),
        sa.Column("person", _NAME, primary_key=True),
        *(sa.Column(name, _WHOLE, nullable=False) for name in ("entries", *_COUNTS, "money")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_lineage_and_cards() -> None:
    op.create_table(
        "ledger_lineage",
        *(sa.Column(name, _NAME, primary_key=True) for name in ("model", "version", "earlier")),
        sa.CheckConstraint("version <> earlier", name="ledger_lineage_has_no_loop"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ledger_lineage_of_earlier", "ledger_lineage", ["model", "earlier"])
    op.create_table(
        "ledger_cards",
        sa.Column("model", _NAME, primary_key=True),
        sa.Column("version", _NAME, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", _NAME, nullable=False),
        sa.Column("upto", _WHOLE, nullable=False),
        *(sa.Column(name, _NAME, nullable=False) for name in ("earlier", "digest", "document")),
        sqlite_strict=True,
    )


def _guard(table: str, *keys: str) -> None:
    for statement in statements(op.get_context().dialect.name, table, *keys):
        op.execute(statement)
