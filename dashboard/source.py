"""Open the books of a state folder for reading, and say plainly when there are none or they are damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine

from cycle.database import kept_in
from cycle.labour import min_people
from cycle.store import Store
from kempelen.errors import BadData, IllegalMove, KempelenError
from kempelen.settings import PrivacySettings
from ledger.database import database_errors, open_engine
from ledger.store import Ledger


class NothingYet(KempelenError):
    """The state folder has no database: nobody has run Kempelen here."""


class NotFound(KempelenError):
    """The books are there, and do not know what was asked for."""


class BadQuestion(BadData):
    """What was asked or sent is wrong, not the books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The books, and what they were opened from: the address, or the file by device and inode."""

    identity: str | tuple[int, int]
    engine: Engine
    store: Store
    ledger: Ledger


class Source:
    """The books of a state folder, opened when they are first asked for.

    They are opened anew when the file was replaced, as a second `kempelen demo` does.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self._opened: _Opened | None = None

    @contextmanager
    def reading(self) -> Iterator[tuple[Store, Ledger]]:
        """Store and ledger. Raises NothingYet, BadData, or what `open_engine` says of the file."""
        books = self._books()
        try:
            with database_errors(books.engine):
                yield books.store, books.ledger
        except (ValidationError, JSONDecodeError, IllegalMove) as error:
            raise BadData(
                f"The books of {self.state} hold what cannot be read: {str(error).splitlines()[0]}.",
                hint="It is damaged, or a newer Kempelen wrote it. Restore a backup, or update Kempelen.",
            ) from error

    def min_people(self, model: str) -> int:
        """No figure about a model may be of fewer people."""
        return min_people(self._books().store, model)

    def fewest(self) -> int:
        """No figure about any model may be of fewer people."""
        store = self._books().store
        return max((min_people(store, model) for model in store.models()), default=PrivacySettings().min_people)

    def engine(self) -> Engine:
        """The database itself, for what people say about their own work. Raises as `reading`."""
        return self._books().engine

    def _books(self) -> _Opened:
        where = kept_in(self.state)
        identity = _identity(where)
        if where is None or identity is None:
            self._opened = None
            raise NothingYet(
                f"There are no books in {self.state} yet.",
                hint="Run `kempelen demo` for a replay of January 2020, or `kempelen init` for a model of your own.",
            )
        if self._opened is None or self._opened.identity != identity:
            self._opened = _open(where, identity)
        return self._opened


def _identity(where: Path | str | None) -> str | tuple[int, int] | None:
    if where is None or isinstance(where, str):
        return where
    try:
        found = where.stat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino)


def _open(where: Path | str, identity: str | tuple[int, int]) -> _Opened:
    engine = open_engine(where)
    with database_errors(engine):
        return _Opened(identity=identity, engine=engine, store=Store(engine), ledger=Ledger(engine))


def known(store: Store, model: str) -> str:
    """The model's name. NotFound when no version of it is on record."""
    models = store.models()
    if model not in models:
        raise NotFound(
            f"No version of a model {model!r} is on record.",
            hint=f"On record: {', '.join(models) or 'no model yet'}.",
        )
    return model
