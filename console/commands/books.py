"""Which version is in service, now or at a moment."""

from datetime import UTC, datetime

from console import output
from console.commands.common import COMMON, Common, books_of, models_of, show


def champion(model: str | None = None, *, at: datetime | None = None, common: Common = COMMON) -> int:
    """Say which version is in service, or was at a moment.

    Parameters
    ----------
    model
        All models by default.
    at
        A day or a moment, as 2020-01-24 or 2020-01-24T12:00; UTC unless it says otherwise.
    """
    store, _ = books_of(common.folder)
    moment = at.replace(tzinfo=at.tzinfo or UTC) if at else None
    rows = [
        {"model": name, "champion": store.champion(name, moment), "at": (moment.isoformat() if moment else "now")}
        for name in models_of(store.models(), model)
    ]

    def readable() -> None:
        output.show_table(rows)
        if not rows:
            output.say("No version is in service yet: `kempelen retrain` trains the first one.")

    return show(rows, common, readable)
