"""The human effort behind each version, for a terminal and for scripts; its card; and where it came from."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from console import output, tables
from console.commands.common import COMMON, Common, app_of, books_of, models_of, show
from kempelen.errors import ConfigError
from ledger.durations import interval

if TYPE_CHECKING:
    from cycle.store import Store
    from ledger.labour import VersionLabour
    from ledger.store import Ledger
    from ledger.trace import Traced


def labour(
    model: str | None = None,
    *,
    exact: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Show the human effort behind each version, as intervals with their provenance.

    Parameters
    ----------
    model
        MODEL or MODEL/VERSION; all models by default.
    exact
        Show figures of few people, too: for those who run the payroll, and nobody else.
    """
    store, ledger = books_of(common.folder)
    name, _, version = (model or "").partition("/")
    statements = [
        statement.as_json()
        for known in models_of(store.models(), name or None)
        for statement in _statements(store, ledger, known, version or None, exact=exact)
    ]
    if version and not statements:
        raise ConfigError(f"The books know no version {version} of {name}.", hint=f"See `kempelen labour {name}`.")

    def readable() -> None:
        output.show_table(tables.labour(statements), right=("quantity",))
        for statement in statements:
            for held in statement["held_back"]:
                output.say(f"{statement['model']}/{statement['version']} {held}: held back, too few people gave it.")
        output.say(
            "\nEffort is an interval: what was surely worked, to what was at most. Its price: kempelen labour cost."
        )

    return show(statements, common, readable)


def card(
    version: str,
    *,
    form: Annotated[Literal["markdown", "json", "html", "badge"], Parameter(name="--format")] = "markdown",
    publish: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Print the labour card of a version, as the books are now; issued anew if they have moved since the last one.

    Parameters
    ----------
    version
        Of the settings file's model.
    form
        `markdown`, `json`, `html` (one file, for a browser or to print), or `badge` (SVG, for a README).
    publish
        Attach it to the version in the model registry, too, in every form.
    """
    from cycle.account import attach_card
    from cycle.labour import issue_card, registry_documents

    if publish:
        common.with_servers()
    app, now = app_of(common), datetime.now(UTC)
    known = [one.version for one in app.store.versions(app.model)]
    if version not in known:
        raise ConfigError(
            f"There is no version {version} of {app.model}.", hint=f"Known: {', '.join(known) or 'none yet'}."
        )
    if publish:
        attach_card(app, version, now)
    issued = issue_card(app.settings, app.store, app.ledger, version, now)
    document = registry_documents(issued)[_CARD_FILES[form]]
    return show(json.loads(issued.document), common, lambda: output.document(document))


_CARD_FILES = {
    "markdown": "labour_card.md",
    "json": "labour_card.json",
    "html": "labour_card.html",
    "badge": "labour_badge.svg",
}


def trace(version: str, *, common: Common = COMMON) -> int:
    """Show every answer behind a version, inherited ones too: whose, how long, what for. For the payroll role.

    Parameters
    ----------
    version
        MODEL/VERSION.
    """
    _, ledger = books_of(common.folder)
    model, _, number = version.partition("/")
    return _show_traced(list(ledger.trace(model, number)), common, f"Nothing is behind {version}.")


def went(annotation: str, *, common: Common = COMMON) -> int:
    """Show every version that an answer went into, directly or inherited.

    Parameters
    ----------
    annotation
        Its name, as `kempelen labour trace` shows it.
    """
    _, ledger = books_of(common.folder)
    return _show_traced(ledger.where_went(annotation), common, f"{annotation} is behind no version.")


def export(
    file: Path,
    *,
    form: Annotated[Literal["beancount", "csv", "parquet"], Parameter(name="--format")] = "csv",
    common: Common = COMMON,
) -> int:
    """Write all entries to a file, under pseudonyms, readable by you alone. For the payroll role.

    Parameters
    ----------
    file
        Where to; a file that is there is replaced once the new one is whole.
    form
        `beancount` for bean-check and Fava, `csv` for spreadsheets, `parquet` for programs.
    """
    from ledger.export import Form
    from ledger.export import export as write

    _, ledger = books_of(common.folder)
    entries = write(ledger.engine, file, Form(form))
    return show({"file": str(file), "entries": entries}, common, lambda: output.say(f"{entries} entries in {file}."))


def _statements(
    store: "Store", ledger: "Ledger", model: str, version: str | None, *, exact: bool
) -> "list[VersionLabour]":
    from cycle.labour import min_people, shown
    from ledger.statement import labour as exactly

    if exact:
        return exactly(ledger, model, store.lineage(model), version)
    return shown(ledger, store, model, min_people(store, model), version)


def _show_traced(found: "Sequence[Traced]", common: Common, nothing: str) -> int:
    def readable() -> None:
        output.show_table(
            [
                {
                    "version": one.version,
                    "answer": one.answer.removeprefix("given:"),
                    "person": one.person,
                    "for": one.kind.value,
                    "figures": one.provenance.value,
                    "effort": interval(one.low_s, one.high_s),
                    "share": one.share.value if one.charged_to == one.version else f"inherited from {one.charged_to}",
                    "not used": one.unused,
                }
                for one in found
            ]
        )
        if not found:
            output.say(nothing)

    return show([asdict(one) for one in found], common, readable)
