"""Bring the tables of a database to the newest form, by named steps: all of them or none."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from kempelen.errors import LedgerError
from ledger.database import reading, writing

VERSION_TABLE = "ledger_migration"
"""Holds the name of the last step that was taken. Not Alembic's usual name: MLflow and Prefect use that."""

STEPS = tuple(sorted(file.stem[1:] for file in (Path(__file__).parent / "versions").glob("m[0-9]*.py")))
"""The names of all steps, in their order."""


def bring_up_to_date(engine: Engine) -> None:
    """Take the steps that are missing, in one transaction. Other processes may be at it at the same time.

    An up-to-date database is recognised by one look. LedgerError when a newer Kempelen made the tables.
    """
    with reading(engine) as connection:
        current = _last_step(connection)
    if current != STEPS[-1]:
        with writing(engine) as connection:
            if _last_step(connection) != STEPS[-1]:  # another process may have been first
                _take_steps(connection)


def _last_step(connection: Connection) -> str | None:
    """The last step that was taken, None in a new database. LedgerError for one that this Kempelen does not know."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    if found is not None and found not in STEPS:
        raise LedgerError(
            f"The books have the form {found}; this Kempelen knows up to {STEPS[-1]}.",
            hint="Update Kempelen. Nothing was read or written.",
        )
    return found


def _take_steps(connection: Connection) -> None:
    # Imported here: a third of a second that every command would wait for, and hardly any needs it.
    from alembic import command
    from alembic.config import Config

    from ledger import totals

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if inspect(connection).has_table("ledger_schema") and _last_step(connection) is None:
        command.stamp(config, STEPS[0])  # made before there were named steps
    command.upgrade(config, "head")
    totals.rebuild(connection)  # derived: a step need not convert them
