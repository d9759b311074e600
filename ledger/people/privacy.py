"""Figures about people, published only in sets of at least k persons, so that no difference of two tells of fewer.

Every published figure is a sum over whole sets. The sets have no effort in common and each rests on at least k persons,
so whatever is added to or taken from whatever else depends on at least k persons, or on none. The rule is that of
complementary suppression in statistical tables (Hundepool et al. 2012, Statistical Disclosure Control, chapter 4); what
it does not protect from is in docs/rights.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kempelen.errors import ConfigError

Key = tuple[str, ...]
"""What a figure is about, from coarse to fine: version, kind, provenance, reason."""

FEWEST = 2
"""Below it nothing would be protected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The smallest figure that anybody could want: effort that agrees in all of its key, and whose it is.

    `people` are those with a part in every figure of the cell; empty where nobody stands behind it (labels declared by
    a source, simulated effort), and such a cell needs no protection. Seconds are None where nobody knows them.
    `counts` is False where annotations are no figure of it: reviews, edits, corrections of a time.
    """

    key: Key
    people: frozenset[str]
    low_s: Decimal | None
    high_s: Decimal | None
    annotations: int
    counts: bool = True

    @property
    def sort(self) -> tuple[bool, bool]:
        """Whether it has seconds, and counts annotations: only cells that agree in it may share a set.

        In a set of five persons of whom two were timed the seconds would be those of two.
        """
        return self.high_s is not None, self.counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What may be published: sets of cells, each of at least k persons, and what is held back.

    The number of people of a set is not published: differences of such numbers could be one person.
    """

    k: int
    sets: tuple[tuple[Cell, ...], ...]
    held_back: tuple[Cell, ...]


def publishable(cells: Iterable[Cell], k: int, *, within: int = 1) -> Publication:
    """The finest sets of cells that may be published when no view may be of fewer than `k` people.

    Cells with at least `k` people stand alone. Smaller ones are put together with their nearest neighbours in the key:
    first those that agree in all but the last part of it, and so on outwards. Where they are still too few, the
    smallest set beside them is taken in, but not across the first `within` parts of the key: one late answer for
    version 2 shall not cost the total of version 3. What then remains is held back. With `within=0` something is held
    back only when there are fewer than `k` people in all. ConfigError for a `k` below 2.
    """
    must_protect(k)
    by_sort: dict[tuple[bool, bool], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.people:
            by_sort[cell.sort].append(cell)
    found = [_folded(by_sort[sort], 0, k, within) for sort in sorted(by_sort)]
    return Publication(
        k=k,
        sets=tuple(cells for sets, _ in found for cells in sets),
        held_back=tuple(cell for _, rest in found for cell in rest),
    )


def must_protect(k: int) -> None:
    """ConfigError for a `k` that protects nobody."""
    if k < FEWEST:
        raise ConfigError(
            f"min_people is {k}: figures of one person would be shown.",
            hint=f"Use at least {FEWEST}; 3 is the default.",
        )


Sets = list[tuple[Cell, ...]]


def _folded(cells: Sequence[Cell], depth: int, k: int, within: int) -> tuple[Sets, tuple[Cell, ...]]:
    """The sets of cells that agree in the first `depth` parts of the key, and what is left over."""
    sets: Sets = []
    left: tuple[Cell, ...] = ()
    for part in _by_part(cells, depth).values():
        if len({cell.key for cell in part}) == 1 or all(len(cell.key) <= depth + 1 for cell in part):
            inner, rest = ([tuple(part)], ()) if _people(part) >= k else ([], tuple(part))
        else:
            inner, rest = _folded(part, depth + 1, k, within)
        sets += inner
        left += rest
    if left and depth >= within:
        sets.sort(key=_size)
        while sets and _people(left) < k:
            left += sets.pop(0)
    return ([*sets, left], ()) if _people(left) >= k else (sets, left)


def _by_part(cells: Sequence[Cell], depth: int) -> Mapping[str, Sequence[Cell]]:
    """Cells by the part of the key at `depth`; those whose key ends before it stand by themselves."""
    parts: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(cells, key=lambda one: one.key):
        parts[cell.key[depth] if len(cell.key) > depth else ""].append(cell)
    return parts


def _people(cells: Iterable[Cell]) -> int:
    return len(frozenset[str]().union(*(cell.people for cell in cells)))


def _size(cells: Sequence[Cell]) -> tuple[int, int, Key]:
    return _people(cells), sum(cell.annotations for cell in cells), cells[0].key


def total_s(seconds: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None when nothing is."""
    known = [s for s in seconds if s is not None]
    return sum(known, Decimal(0)) if known else None
