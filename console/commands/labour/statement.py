"""The human effort behind each version, for a terminal and for scripts; its card; and where it came from."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from console import output, tables
from console.commands.common import COMMON, Common, app_of, books_of, known_version, models_of, own_version, show
from kempelen.errors import ConfigError
from kempelen.words import counted
from ledger.durations import interval
from ledger.posting_rules import GIVEN

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
        held_back = [f"  {one['model']}/{one['version']}: {held}" for one in statements for held in one["held_back"]]
        if held_back:
            output.say("\nTold only together or not at all, because too few people stand behind it:")
        for line in held_back:
            output.say(line)
        if not statements:
            output.say("No version is on record yet: `kempelen retrain` trains the first one.")
            return
        output.say("\nEffort is an interval: what was surely worked, to what was at most.")
        output.say("On what terms it was given: kempelen labour card VERSION. For payroll: kempelen labour cost.")

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
        VERSION of the settings file's model, or MODEL/VERSION.
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
    version = own_version(app.store, version, app.model)
    if publish:
        issued = attach_card(app, version, now)
    else:
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
        MODEL/VERSION, or VERSION if the books hold one model.
    """
    store, ledger = books_of(common.folder)
    model, number = known_version(store, version)
    # What inherits from what is in the books since the last card; a version may have come after it.
    ledger.record_lineage(model, store.lineage(model))
    found = list(ledger.trace(model, number))

    def readable() -> None:
        output.show_table([_row(one) for one in found], whole=("answer", "person"))
        if not found:
            output.say(f"Nothing is behind {model}/{number}.")

    return show([asdict(one) for one in found], common, readable)


def went(annotation: str, *, common: Common = COMMON) -> int:
    """Show every version that an answer went into, directly or inherited. For the payroll role.

    Parameters
    ----------
    annotation
        Its name, as `kempelen labour trace` shows it.
    """
    store, ledger = books_of(common.folder)
    for model in store.models():
        ledger.record_lineage(model, store.lineage(model))
    found = ledger.where_went(annotation)
    if not found and not any(map(ledger.entry, (annotation, f"{GIVEN}{annotation}"))):
        raise ConfigError(
            f"The books know no answer {annotation}.", hint="Names of answers: `kempelen labour trace MODEL/VERSION`."
        )

    def readable() -> None:
        output.show_table([{"version": one.version} | _row(one) for one in found], whole=("version", "person"))
        if not found:
            output.say(f"{annotation} is behind no version yet: its cycle is under way, or it was taken back.")

    return show([asdict(one) for one in found], common, readable)


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

    def readable() -> None:
        output.say(f"{counted(entries, 'entry', 'entries')} in {file}, which you alone can read.")
        if form == "beancount":
            output.say(f"An outside judge of the arithmetic: bean-check {file}")
        output.say("It tells of single people, and keeps their pseudonyms for good: delete it when it has served.")

    return show({"file": str(file), "entries": entries}, common, readable)


def _statements(
    store: "Store", ledger: "Ledger", model: str, version: str | None, *, exact: bool
) -> "list[VersionLabour]":
    from cycle.labour import min_people, shown
    from ledger.statement import labour as exactly

    if exact:
        return exactly(ledger, model, store.lineage(model), version)
    return shown(ledger, store, model, min_people(store, model), version)


def _row(one: "Traced") -> dict[str, str | None]:
    return {
        "answer": one.answer.removeprefix(GIVEN),
        "person": one.person and one.person.removeprefix("annotator:"),
        "for": one.kind.value,
        "figures": one.provenance.value,
        "effort": interval(one.low_s, one.high_s),
        "became": _became(one),
    }


def _became(one: "Traced") -> str:
    unused = f"not used: {one.unused.replace('_', ' ')}" if one.unused else one.share.value
    return unused if one.charged_to == one.version else f"inherited from {one.charged_to}"
