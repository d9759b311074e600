"""What is published moves only when at least k people have added to it: a late answer alone is never seen arriving."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Engine, func, insert, select

from ledger.database import reading
from ledger.people.privacy import Cell, Key, Publication, must_protect, publishable, total_s
from ledger.people.tables import RELEASED, changing, prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one person gave to one cell up to now. `person` is None where nobody stands behind it.

    Seconds that nobody knows, and the answers without them, are a part of their own: None is no 0.
    """

    key: Key
    person: str | None
    low_s: Decimal | None
    high_s: Decimal | None
    annotations: int

    @property
    def sort(self) -> tuple[bool, bool]:
        """As of a cell."""
        return self.high_s is not None, self.annotations != 0


def since(parts: Iterable[Part], published: Iterable[Part]) -> list[Part]:
    """What persons have added or corrected since what was published, each by itself; nothing where nothing moved."""
    now, then = _by_person(parts), _by_person(published)
    changes = (_change(now.get(one), then.get(one)) for one in sorted({*now, *then}))
    return [part for part in changes if part.annotations or part.low_s or part.high_s]


def cells(parts: Iterable[Part]) -> list[Cell]:
    """Parts as cells, one for all that agrees in its key and in what it has figures of."""
    groups: dict[tuple[Key, bool, tuple[bool, bool]], list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.key, part.person is None, part.sort].append(part)
    return [
        Cell(
            key=key,
            people=frozenset(part.person for part in group if part.person is not None),
            low_s=total_s(part.low_s for part in group),
            high_s=total_s(part.high_s for part in group),
            annotations=sum(part.annotations for part in group),
            counts=sort[1],
        )
        for (key, _, sort), group in sorted(groups.items())
    ]


_WITHIN = 2
"""Parts of a key across which nothing is put together: version, and whether it was used. What was wasted by one person
is held back, and does not blur what a version rests on."""


class Releases:
    """What was published of each model, and whose parts it rests on; the parts themselves are shown to nobody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def advance(self, model: str, parts: Sequence[Part], k: int, *, at: datetime) -> Publication:
        """Publish what may be by now, `parts` being all there is; once a cycle is closed is the time for it.

        Killed anywhere, all of a release is on record or none. ConfigError for a `k` below 2.
        """
        must_protect(k)
        with changing(self._engine) as connection:
            earlier = _released(connection, model)
            new = since((p for p in parts if p.person), (p for one in earlier for p in one))
            released = [_of(new, wanted) for wanted in publishable(cells(new), k, within=_WITHIN).sets]
            _keep(connection, model, released, at)
        return _publication([*earlier, *released], parts, k)

    def published(self, model: str, parts: Sequence[Part], k: int) -> Publication:
        """What stands published, beside what is held back of `parts`. Writes nothing."""
        with reading(self._engine) as connection:
            return _publication(_released(connection, model), parts, k)


Set = Sequence[Part]


def _publication(released: Sequence[Set], parts: Sequence[Part], k: int) -> Publication:
    pending = since((p for p in parts if p.person), (p for one in released for p in one))
    return Publication(
        k=k,
        sets=tuple(tuple(cells(one)) for one in released),
        held_back=tuple(cells(pending)),
    )


def _of(parts: Iterable[Part], wanted: Iterable[Cell]) -> list[Part]:
    """The parts that a set of cells is made of."""
    names = {(cell.key, cell.sort) for cell in wanted}
    return [part for part in parts if (part.key, part.sort) in names]


def _by_person(parts: Iterable[Part]) -> Mapping[tuple[Key, str, bool], Part]:
    """One part for each key, person, and whether it has seconds."""
    sums: dict[tuple[Key, str, bool], Part] = {}
    for part in parts:
        one = part.key, part.person or "", part.high_s is not None
        sums[one] = _plus(sums[one], part, 1) if one in sums else part
    return sums


def _change(now: Part | None, then: Part | None) -> Part:
    if now is None:
        assert then is not None  # noqa: S101 - one of the two is, since its name came from them
        return _plus(_nothing(then), then, -1)
    return now if then is None else _plus(now, then, -1)


def _nothing(part: Part) -> Part:
    timed = part.high_s is not None
    return replace(part, low_s=Decimal(0) if timed else None, high_s=Decimal(0) if timed else None, annotations=0)


def _plus(one: Part, other: Part, sign: int) -> Part:
    low = None if one.low_s is None or other.low_s is None else one.low_s + sign * other.low_s
    high = None if one.high_s is None or other.high_s is None else one.high_s + sign * other.high_s
    return replace(one, low_s=low, high_s=high, annotations=one.annotations + sign * other.annotations)


def _released(connection: Connection, model: str) -> list[Set]:
    order = RELEASED.c.release, RELEASED.c.set, RELEASED.c.cell, RELEASED.c.person
    sets: dict[tuple[int, int], list[Part]] = defaultdict(list)
    for row in connection.execute(select(RELEASED).where(RELEASED.c.model == model).order_by(*order)).mappings():
        sets[row["release"], row["set"]].append(
            Part(
                key=tuple(json.loads(row["cell"])),
                person=row["person"],
                low_s=Decimal(row["low_ms"]) / 1000 if row["timed"] else None,
                high_s=Decimal(row["high_ms"]) / 1000 if row["timed"] else None,
                annotations=row["annotations"],
            )
        )
    return list(sets.values())


def _keep(connection: Connection, model: str, sets: Sequence[Set], at: datetime) -> None:
    last = connection.execute(select(func.max(RELEASED.c.release)).where(RELEASED.c.model == model)).scalar() or 0
    rows = [
        {
            "model": model,
            "release": last + 1,
            "set": number,
            "cell": json.dumps(part.key),
            "person": part.person,
            "timed": int(part.high_s is not None),
            "counted": int(part.annotations != 0),
            "low_ms": int((part.low_s or 0) * 1000),
            "high_ms": int((part.high_s or 0) * 1000),
            "annotations": part.annotations,
            "at": at,
        }
        for number, parts in enumerate(sets)
        for part in parts
    ]
    if rows:
        connection.execute(insert(RELEASED), rows)
