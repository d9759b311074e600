"""Where the books and the state of the loop are kept: a file in the state folder, or a PostgreSQL database."""

import os
import tempfile
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from kempelen.errors import ConfigError
from kempelen.settings import Settings
from ledger.database import open_engine

DATABASE = "kempelen.db"
"""The file, where no other database is named."""

ADDRESS = "books.url"
"""Remembers the database that `[books] url` named, so that the folder alone is enough to find it."""


def opened(settings: Settings) -> Engine:
    """The database of a model's settings, made at first use.

    ConfigError when `[books] url` names another database than the one that the state folder has books in already.
    """
    state = settings.state
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.books.url is not None:
        return _named(state, settings.books.url.get_secret_value())
    return open_engine(kept_in(state) or state / DATABASE)


def kept_in(state: Path) -> str | Path | None:
    """Where the books of a state folder are, None when there are none yet."""
    try:
        return (state / ADDRESS).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        file = state / DATABASE
        return file if file.exists() else None


def _named(state: Path, url: str) -> Engine:
    known = kept_in(state)
    if known == url:
        return open_engine(url)
    if known is not None and not _same_database(known, url):
        raise ConfigError(
            f"The books of {state} are kept {'in another database' if isinstance(known, str) else f'in {known.name}'}.",
            hint="Books do not move by themselves: take `url` out of [books], or give `state` another folder.",
        )
    # Opened first: an address that does not work is not remembered.
    engine = open_engine(url)
    _remember(state / ADDRESS, url)
    return engine


def _same_database(known: str | Path, url: str) -> bool:
    """Whether two addresses differ in nothing but how one gets in: the account, its password, the host's name."""
    return isinstance(known, str) and make_url(known).database == make_url(url).database


def _remember(file: Path, url: str) -> None:
    """Whole or not at all, and readable by its owner alone: an address may hold a password."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{ADDRESS}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(url + "\n")
        written.flush()
        os.fsync(written.fileno())
    Path(draft).replace(file)
