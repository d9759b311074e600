"""What annotators think of a cycle, shown only as means over at least k people, and never one answer at a time."""

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, insert, select, update

from kempelen.errors import BadData, LedgerError
from ledger.database import reading
from ledger.people.erasure import is_erased
from ledger.people.privacy import must_protect
from ledger.people.says import written
from ledger.people.tables import RATINGS, RELEASED_RATINGS, changing, prepared

LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One person's view of a cycle, each from 1 (poor) to 5 (good). The comment is for those who ask, on no card."""

    model: str
    cycle: str
    person: str
    clarity: int
    pay: int
    load: int
    comment: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over so many ratings, at least k; all of it None and 0 where there are fewer."""

    ratings: int = 0
    clarity: float | None = None
    pay: float | None = None
    load: float | None = None


class Ratings:
    """The ratings of a deployment. One person rates a cycle once.

    In the order of their coming each k ratings of a cycle become public together, and stand from then on: what is shown
    before and after never differs by fewer than k people, also if k is changed in between.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def rate(self, rating: Rating, k: int) -> None:
        """Record a rating, or change one's own until it is public.

        BadData for a figure that is none from 1 to 5; LedgerError once it is public.
        """
        must_protect(k)
        for name in ("clarity", "pay", "load"):
            if getattr(rating, name) not in range(LOWEST, HIGHEST + 1):
                raise BadData(f"{name.capitalize()} is not rated.", hint="Choose a number from 1 to 5 for each.")
        comment = written(rating.comment or "", "The comment", required=False) or None
        said = {"clarity": rating.clarity, "pay": rating.pay, "load": rating.load, "comment": comment, "at": rating.at}
        with changing(self._engine) as connection:
            if is_erased(connection, rating.person):
                raise BadData("This person was forgotten.", hint="Nobody can say any more who rates.")
            if rating.person in {one.person for one in _read(connection, _public(rating.cycle))}:
                raise LedgerError(
                    "Your rating of this cycle is public already, together with others.",
                    hint="It cannot be changed any more: the difference would show it.",
                )
            mine = RATINGS.c.cycle == rating.cycle, RATINGS.c.person == rating.person
            if connection.execute(update(RATINGS).where(*mine).values(**said)).rowcount == 0:
                key = {"model": rating.model, "cycle": rating.cycle, "person": rating.person}
                connection.execute(insert(RATINGS).values(**key, **said))
            _release(connection, rating.cycle, k)

    def of(self, person: str) -> list[Rating]:
        """The ratings that a person gave."""
        return self._ratings(select(RATINGS).where(RATINGS.c.person == person))

    def is_public(self, cycle: str, person: str) -> bool:
        """Whether a person's rating of a cycle is public, and stands."""
        return bool(self._ratings(_public(cycle).where(RATINGS.c.person == person)))

    def summary(self, k: int, *, model: str | None = None, cycle: str | None = None) -> Summary:
        """What is public of a cycle, or of all cycles of a model: the sum of what is public of each.

        ConfigError for a `k` below 2.
        """
        must_protect(k)
        public = self._ratings(_public(cycle, model))
        if len(public) < k:
            return Summary()
        means = {name: fmean(getattr(one, name) for one in public) for name in ("clarity", "pay", "load")}
        return Summary(ratings=len(public), **means)

    def comments(self, cycle: str, k: int) -> list[str]:
        """What people wrote of a cycle once k have rated, by alphabet; for those who ask, on no card."""
        public = self._ratings(_public(cycle))
        return sorted(one.comment for one in public if one.comment) if len(public) >= k else []

    def _ratings(self, query: Select[Any]) -> list[Rating]:
        with reading(self._engine) as connection:
            return _read(connection, query)


def _public(cycle: str | None, model: str | None = None) -> Select[Any]:
    """The ratings that are public, of a cycle and of a model, each where it is named."""
    wanted = {RATINGS.c.cycle: cycle, RATINGS.c.model: model}
    released = (RELEASED_RATINGS.c.cycle == RATINGS.c.cycle) & (RATINGS.c.number <= RELEASED_RATINGS.c.upto)
    query = select(RATINGS).join(RELEASED_RATINGS, released)
    return query.where(*(column == value for column, value in wanted.items() if value is not None))


def _release(connection: Connection, cycle: str, k: int) -> None:
    """Make those public that wait, once they are k."""
    upto = connection.scalar(select(RELEASED_RATINGS.c.upto).where(RELEASED_RATINGS.c.cycle == cycle))
    waiting = select(func.count(), func.max(RATINGS.c.number)).where(
        RATINGS.c.cycle == cycle, RATINGS.c.number > (upto or 0)
    )
    many, last = connection.execute(waiting).one()
    if many < k:
        return
    if upto is None:
        connection.execute(insert(RELEASED_RATINGS).values(cycle=cycle, upto=last))
    else:
        connection.execute(update(RELEASED_RATINGS).where(RELEASED_RATINGS.c.cycle == cycle).values(upto=last))


def _read(connection: Connection, query: Select[Any]) -> list[Rating]:
    rows = connection.execute(query.order_by(RATINGS.c.number)).mappings()
    return [Rating(**{name: value for name, value in row.items() if name != "number"}) for row in rows]
