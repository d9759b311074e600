"""What the labour card of a version says, as one value that every form of the card is written from."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from kempelen.records import Kind, Provenance
from ledger.card.terms import Terms
from ledger.labour import Amounts, Share
from ledger.pay.cost import Cost
from ledger.people.ratings import Summary

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Effort that is told as one figure. Where too few people stand behind its parts, it has several kinds or reasons.

    `reasons` say why it served no version; it is empty for effort that did, and begins with "" for effort of which
    only a part did. `note` is what a source says of itself.
    """

    shares: tuple[Share, ...]
    kinds: tuple[Kind, ...]
    provenances: tuple[Provenance, ...]
    amounts: Amounts
    reasons: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    note: str | None = None
    charged_to: tuple[str, ...] = ()

    @property
    def unpaid(self) -> bool:
        """Corrections by users: nobody pays them."""
        return self.kinds == (Kind.FEEDBACK,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A sum of effort: what is known of it between two bounds, and whether there is more.

    Attributes
    ----------
    low_s, high_s
        Of what is known; None where nothing is, and 0 where there was no effort at all.
    unknown
        Whether there is effort of a length that nobody knows.
    held_back
        Whether there is effort that is not shown, because too few people stand behind it.
    """

    low_s: Decimal | None
    high_s: Decimal | None
    unknown: bool
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """The content of a card: human effort and simulated effort in lines of their own.

    Attributes
    ----------
    digest
        Over the entries behind it; None before the card is issued.
    min_people
        No figure here rests on fewer people than these, or on none.
    effort, unused
        Human effort that served the version, and that which was given and not used.
    undivided
        Human effort of which a part was used; how much cannot be told without telling of too few people.
    people
        Whether at least `min_people` persons known by name stand behind the human figures.
    held_back
        What is in the books and not on the card, in words.
    complete
        Whether nothing of it, nor of what it inherits, is held back or undivided.
    policies
        By which named rules seconds were bounded.
    costs
        One for each currency; `cost_note` says why there is none.
    """

    model: str
    version: str
    digest: str | None
    min_people: int
    effort: tuple[Line, ...] = ()
    unused: tuple[Line, ...] = ()
    undivided: tuple[Line, ...] = ()
    simulated: tuple[Line, ...] = ()
    simulated_unused: tuple[Line, ...] = ()
    people: bool = False
    held_back: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()
    cost_note: str | None = None
    ratings: Summary = field(default_factory=Summary)
    credits: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)

    @property
    def complete(self) -> bool:
        """Whether everything that the books hold of the version is on the card, each under its own name."""
        return not self.held_back and not self.undivided

    @property
    def human(self) -> Seconds:
        """Effort of people that served the version, direct and inherited."""
        return added(self.effort, held_back=not self.complete)

    @property
    def wasted(self) -> Seconds:
        """Effort of people that was given and served no version."""
        return added(self.unused, held_back=not self.complete)

    @property
    def artificial(self) -> Seconds:
        """Simulated effort, direct and inherited: nobody gave it."""
        return added(self.simulated, held_back=False)

    @property
    def human_annotations(self) -> int:
        """Annotations of people charged to this version or unused beside it, as far as they are shown."""
        return _annotations([*self.effort, *self.unused, *self.undivided])

    @property
    def simulated_annotations(self) -> int:
        """Simulated annotations charged to this version or unused beside it."""
        return _annotations([*self.simulated, *self.simulated_unused])

    def parts(self) -> dict[tuple[tuple[Share, ...], tuple[Kind, ...]], int]:
        """Tenths of a percent of the human high bound, by share and kind: they sum to 1000. Empty when it is 0."""
        known: dict[tuple[tuple[Share, ...], tuple[Kind, ...]], Decimal] = {}
        for line in self.effort:
            if line.amounts.high_s:
                key = line.shares, line.kinds
                known[key] = known.get(key, Decimal(0)) + line.amounts.high_s
        return thousandths(known)


def added(lines: Sequence[Line], *, held_back: bool) -> Seconds:
    """The sum of lines."""
    known = [line.amounts for line in lines if line.amounts.low_s is not None and line.amounts.high_s is not None]
    nothing = not known and (held_back or bool(lines))
    return Seconds(
        low_s=None if nothing else sum((amounts.low_s or Decimal(0) for amounts in known), Decimal(0)),
        high_s=None if nothing else sum((amounts.high_s or Decimal(0) for amounts in known), Decimal(0)),
        unknown=len(known) < len(lines),
        held_back=held_back,
    )


def thousandths(amounts: Mapping[Key, Decimal]) -> dict[Key, int]:
    """Shares that sum to 1000, rounded by largest remainders (Hamilton's method); of equal ones the first goes first.

    >>> thousandths({"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)})
    {'a': 334, 'b': 333, 'c': 333}
    """
    total = sum(amounts.values(), Decimal(0))
    if not total:
        return {}
    exact = {key: divmod(1000 * amount, total) for key, amount in amounts.items()}
    shares = {key: int(whole) for key, (whole, _) in exact.items()}
    for key in sorted(exact, key=lambda key: -exact[key][1])[: 1000 - sum(shares.values())]:
        shares[key] += 1
    return shares


def _annotations(lines: Iterable[Line]) -> int:
    return sum(line.amounts.annotations for line in lines if line.shares == (Share.DIRECT,))
