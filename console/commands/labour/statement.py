"""The human effort behind each version, for a terminal and for scripts."""

from console import output, tables
from console.commands.common import COMMON, Common, books_of, models_of, show
from kempelen.errors import ConfigError


def labour(model: str | None = None, *, common: Common = COMMON) -> int:
    """Show the human effort behind each version, as intervals with their provenance.

    Parameters
    ----------
    model
        MODEL or MODEL/VERSION; all models by default.
    """
    from ledger.statement import labour as statement_of

    store, ledger = books_of(common.folder)
    name, _, version = (model or "").partition("/")
    statements = [
        statement.as_json()
        for known in models_of(store.models(), name or None)
        for statement in statement_of(ledger, known, store.lineage(known), version or None)
    ]
    if version and not statements:
        raise ConfigError(f"The books know no version {version} of {name}.", hint=f"See `kempelen labour {name}`.")

    def readable() -> None:
        output.show_table(tables.labour(statements), right=("annotations",))
        output.say(
            "\nEffort is an interval: what was surely worked, to what was at most. Pay: no contract is on record."
        )

    return show(statements, common, readable)
