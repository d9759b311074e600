"""How Alembic takes the steps: on the connection, and in the transaction, of `bring_up_to_date`."""

from alembic import context

from ledger.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
