"""Triggers by which the database itself refuses to change or remove rows."""

from collections.abc import Iterable

FUNCTION = "kempelen_append_only"
"""The function behind the triggers on PostgreSQL."""


def statements(dialect: str, table: str, *keys: str) -> Iterable[str]:
    """What makes a table append-only on `sqlite` or `postgresql`.

    Each of `keys` says when a row is the one that is being inserted (`id = NEW.id`): one for every key of the table,
    since SQLite's `INSERT OR REPLACE` removes such rows without a DELETE that a trigger would see.
    """
    if dialect == "postgresql":
        yield _FUNCTION
        yield (
            f"CREATE TRIGGER {table}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
        )
        return
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    same = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)  # noqa: S608 - names of our own
    for verb, condition in (("UPDATE", ""), ("DELETE", ""), ("INSERT", f"WHEN {same} ")):
        yield f"CREATE TRIGGER {table}_guards_{verb.lower()} BEFORE {verb} ON {table} {condition}{refusal}"


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
