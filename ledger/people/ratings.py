"""What annotators think of a cycle, shown only as means over at least k people, and never one answer at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from sqlalchemy import Connection, Engine, Select, insert, select, update

from kempelen.errors import BadData, LedgerError
from ledger.database import reading
from ledger.people.erasure import is_erased
from ledger.people.privacy import must_protect
from ledger.people.says import written
from ledger.people.tables import RATINGS, changing, prepared

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
    before and after never differs by fewer than k people.
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
            given = _read(connection, select(RATINGS).where(RATINGS.c.cycle == rating.cycle))
            if rating.person in {one.person for one in _public(given, k)}:
                raise LedgerError(
                    "Your rating of this cycle is public already, together with others.",
                    hint="It cannot be changed any more: the difference would show it.",
                )
            if rating.person in {one.person for one in given}:
                mine = RATINGS.c.cycle == rating.cycle, RATINGS.c.person == rating.person
                connection.execute(update(RATINGS).where(*mine).values(**said))
            else:
                key = {"model": rating.model, "cycle": rating.cycle, "person": rating.person}
                connection.execute(insert(RATINGS).values(**key, **said))

    def of(self, person: str) -> list[Rating]:
        """The ratings that a person gave."""
        return self._ratings(select(RATINGS).where(RATINGS.c.person == person))

    def is_public(self, cycle: str, person: str, k: int) -> bool:
        """Whether a person's rating of a cycle is public, and stands."""
        given = self._ratings(select(RATINGS).where(RATINGS.c.cycle == cycle))
        return person in {one.person for one in _public(given, k)}

    def summary(self, k: int, *, model: str | None = None, cycle: str | None = None) -> Summary:
        """What is public of a cycle, or of all cycles of a model: the sum of what is public of each.

        ConfigError for a `k` below 2.
        """
        must_protect(k)
        wanted = {RATINGS.c.model: model, RATINGS.c.cycle: cycle}
        by_cycle: dict[str, list[Rating]] = defaultdict(list)
        for one in self._ratings(select(RATINGS).where(*(c == v for c, v in wanted.items() if v is not None))):
            by_cycle[one.cycle].append(one)
        public = [one for given in by_cycle.values() for one in _public(given, k)]
        if not public:
            return Summary()
        means = {name: fmean(getattr(one, name) for one in public) for name in ("clarity", "pay", "load")}
        return Summary(ratings=len(public), **means)

    def comments(self, cycle: str, k: int) -> list[str]:
        """What people wrote of a cycle once k have rated, by alphabet; for those who ask, on no card."""
        given = self._ratings(select(RATINGS).where(RATINGS.c.cycle == cycle))
        return sorted(one.comment for one in _public(given, k) if one.comment)

    def _ratings(self, query: Select[tuple[object, ...]]) -> list[Rating]:
        with reading(self._engine) as connection:
            return _read(connection, query)


def _public(given: Sequence[Rating], k: int) -> Sequence[Rating]:
    """The first so many ratings of a cycle that they are whole groups of k."""
    return given[: len(given) // k * k]


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Rating]:
    rows = connection.execute(query.order_by(RATINGS.c.number)).mappings()
    return [Rating(**{name: value for name, value in row.items() if name != "number"}) for row in rows]
