"""The model's parts, for commands that read or write its books."""

from typing import TYPE_CHECKING

from console.commands.common import Common, books_of
from kempelen.settings import load

if TYPE_CHECKING:
    from cycle.app import App


def app_of(common: Common) -> "App":
    """The parts of the model of the settings file, whose books must exist."""
    from cycle.wiring import wire

    settings = load(common.config_file)
    books_of(common.folder)
    return wire(settings.model_copy(update={"state": common.folder}))
