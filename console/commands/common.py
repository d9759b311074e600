"""What every command shares: its options, its exit codes, and how it shows what it found."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter, Token

from console import flows, output
from console.stack import Stack
from kempelen.errors import ConfigError
from kempelen.settings import Settings, load

if TYPE_CHECKING:
    from cycle.app import App
    from cycle.store import Store
    from ledger.store import Ledger

DONE, ERROR, WRONG_USAGE, NEEDS_A_PERSON = 0, 1, 2, 3

DEFAULT_STATE = Path(".kempelen")
DEFAULT_CONFIG = Path("kempelen.toml")


@Parameter(name="*", negative="")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes."""

    json: bool = False
    "Print one JSON document on standard output, and everything else on standard error."
    config: Path | None = None
    "Settings file; ./kempelen.toml by default."
    state: Path | None = None
    "State folder; what the settings say, or ./.kempelen by default."
    debug: bool = False
    "Show the traceback of an error, and the flows' log."

    @property
    def folder(self) -> Path:
        """The state folder."""
        if self.state:
            return self.state.absolute()
        file = self.config or DEFAULT_CONFIG
        return (load(file).state if self.config or file.exists() else DEFAULT_STATE).absolute()

    @property
    def config_file(self) -> Path:
        """The settings file, which must exist."""
        file = self.config or DEFAULT_CONFIG
        if not file.exists():
            demo = flows.default_config(self.folder) if not self.config else None
            hint = f" The demo's settings are in {demo}: name them with --config." if demo else ""
            raise ConfigError(f"There is no settings file {file}.", hint=f"`kempelen init` writes one.{hint}")
        return file.absolute()

    @property
    def settings(self) -> Settings:
        """What the settings file says, about the state folder that was named."""
        return load(self.config_file).model_copy(update={"state": self.folder})

    @property
    def stack(self) -> Stack:
        """The local servers of the state folder."""
        return Stack(self.folder)

    @property
    def how_to_answer(self) -> str:
        """Where the names and passwords of the local servers stand, which are never printed; or where files go."""
        if load(self.config_file).annotation.connector == "files":
            return "Put answers into the folder `answers` there; `briefing.md` beside it says how."
        return f"Names and passwords for Label Studio and Prefect stand in {self.stack.credentials_file}."

    def with_servers(self) -> Settings:
        """Settings, with this process pointed to the servers they need."""
        if self.state:
            # The flows read the settings themselves: what the command line says reaches them this way.
            os.environ["KEMPELEN_STATE"] = str(self.state.absolute())
        settings = load(self.config_file)
        flows.use_servers(self.stack, settings)
        flows.quiet(debug=self.debug)
        return settings


COMMON = Common()


def _number(_: type, tokens: Sequence[Token]) -> Decimal:
    said = tokens[0].value
    try:
        number = Decimal(said)
    except InvalidOperation:  # no ValueError, which is what a parser of options knows
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{said!r} is no number; write it as 12.5")
    return number


NUMBER = Parameter(converter=_number)
"""Of an option that is an exact number."""


def show(document: Any, common: Common, readable: Callable[[], None]) -> int:
    """Print a result in the form that was asked for."""
    if common.json:
        output.show_json(document)
    else:
        readable()
    return DONE


def books_of(state: Path) -> tuple["Store", "Ledger"]:
    """Store and ledger of a state folder that has them."""
    from cycle.database import kept_in
    from cycle.wiring import books

    if kept_in(state) is None:
        raise ConfigError(
            f"There are no books in {state}.", hint="Run `kempelen demo`, or `kempelen init` for a model."
        )
    return books(state)


def app_of(common: Common) -> "App":
    """The parts of the model of the settings file, whose books must exist."""
    from cycle.wiring import wire

    settings = common.settings
    books_of(settings.state)
    return wire(settings)


def models_of(known: list[str], wanted: str | None) -> list[str]:
    """The one model that is wanted, or all; ConfigError for one that nobody knows."""
    if wanted is not None and wanted not in known:
        raise ConfigError(f"There is no model {wanted}.", hint=f"Known: {', '.join(known) or 'none yet'}.")
    return [wanted] if wanted else known


def known_version(store: "Store", said: str, model: str | None = None) -> tuple[str, str]:
    """Model and version by MODEL/VERSION, or by VERSION of `model` or of the only one; ConfigError if there is none."""
    name, _, version = said.rpartition("/")
    known = store.models()
    if not (name or model) and len(known) > 1:
        raise ConfigError(f"Of which model is version {said}?", hint=f"Write {known[0]}/{said}, for instance.")
    (found,) = models_of(known, name or model or next(iter(known), said))
    versions = [one.version for one in store.versions(found)]
    if version not in versions:
        raise ConfigError(
            f"There is no version {version} of {found}.", hint=f"Known: {', '.join(versions) or 'none yet'}."
        )
    return found, version


def own_version(store: "Store", said: str, model: str) -> str:
    """A version of the settings file's model, by VERSION or MODEL/VERSION."""
    name, version = known_version(store, said, model)
    if name != model:
        raise ConfigError(
            f"The settings are those of {model}, not of {name}.", hint="Name that model's settings with --config."
        )
    return version


def cycles_under_way(state: Path) -> list[dict[str, Any]]:
    """One row for each cycle that has not ended, of every model."""
    from cycle.database import kept_in
    from cycle.wiring import books

    if kept_in(state) is None:
        return []
    store, _ = books(state)
    return [
        {
            "model": cycle.model,
            "cycle": cycle.cycle_id,
            "state": store.state(cycle.cycle_id).value,
            "items": len(store.requests(cycle.cycle_id)),
            "answers": len(store.answers(cycle.cycle_id)),
        }
        for name in store.models()
        for cycle in store.under_way(name)
    ]
