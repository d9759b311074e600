"""The answers to one random draw from the traffic, with the chance that each was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kempelen.errors import BadData

Floats = NDArray[np.float64]
Strings = NDArray[np.str_]

_CERTAIN = 1 - 1e-9
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is known of a whole pool, or of one segment of it, without anybody's answer.

    Attributes
    ----------
    share
        Its share of the draw's traffic.
    surrogate
        Sum of share * surrogate over it; None when unknown, and then no surrogate is used.
    heaviest
        The largest share / probability in it among the items that were not certain; None: the answered ones tell.
    """

    share: float = 1.0
    surrogate: float | None = None
    heaviest: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """The answered items of one Poisson draw: each was in by itself, with its own known chance.

    Attributes
    ----------
    right
        Whether the champion's label was the right one, 1 or 0, shape (n,). For a difference between two models:
        the challenger's less the champion's, -1, 0 or 1.
    share
        Each item's share of that draw's traffic, shape (n,).
    probability
        The chance that it was asked for, shape (n,); 1 for an item whose answer was known before.
    surrogate
        A model's own belief in the same thing, in [0, 1], shape (n,); for a difference in [-1, 1].
    pool
        What is known of all items that could have been drawn.
    weight
        How much the draw counts beside others: its traffic, for draws from different days; the number of items wanted,
        for draws from the same days. It must not depend on the draw's own answers.
    segment
        The segment of each item, shape (n,), and `segments`: what is known of each segment's part of the pool.
    """

    right: Floats
    share: Floats
    probability: Floats
    surrogate: Floats | None = None
    pool: Part = field(default_factory=Part)
    weight: float = 1.0
    segment: Strings | None = None
    segments: Mapping[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._same_length()
        _within("probabilities", self.probability, 0, 1, open_below=True)
        _within("shares of traffic", self.share, 0, 1 + _ROUNDING)
        _within("answers", self.right, -1, 1)
        if self.surrogate is not None:
            _within("surrogates", self.surrogate, -1, 1)
        if not self.weight > 0:
            raise BadData(f"A draw has the weight {self.weight}.", hint="Give its traffic, or the items wanted.")
        if not self.pool.share > 0:
            raise BadData("A draw's pool has no traffic.", hint="Leave the draw out: there is nothing to estimate.")
        if self.share[self.certain].sum() > self.pool.share + _ROUNDING:
            raise BadData(
                f"The items that were certain to be asked have {self.share[self.certain].sum():.4f} of the traffic, "
                f"their pool {self.pool.share:.4f}.",
                hint="Give both as shares of the same traffic.",
            )

    def _same_length(self) -> None:
        others = {"share": self.share, "probability": self.probability}
        others |= {} if self.surrogate is None else {"surrogate": self.surrogate}
        for name, values in others.items():
            if values.shape != self.right.shape:
                raise BadData(
                    f"A draw has {self.right.shape} answers, and {values.shape} of {name}.",
                    hint="Give one figure for each answered item, in the same order.",
                )

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Which items were in for sure: they stand for themselves alone."""
        return self.probability >= _CERTAIN

    @classmethod
    def of_pool(  # noqa: PLR0913 - a draw is defined by exactly these
        cls,
        *,
        share: Floats,
        probability: Floats,
        right: Floats,
        surrogate: Floats | None = None,
        segment: Sequence[str] | None = None,
        weight: float = 1.0,
    ) -> Self:
        """The draw, from one figure for every item of the pool; `right` is NaN where nobody was asked.

        Raises BadData when an item that was certain has no answer: an item that people cannot settle must be left out
        of the pool, and then the estimate is of the traffic that they can.
        """
        chances = np.clip(probability, 0, 1)
        answered = ~np.isnan(right)
        silent = int(((chances >= _CERTAIN) & ~answered).sum())
        if silent:
            raise BadData(
                f"{silent} items were certain to be asked and have no answer.",
                hint="Leave items that nobody could settle out of the pool, or wait for their answers.",
            )
        names = np.array(segment if segment is not None else [], dtype=np.str_)
        return cls(
            right=right[answered],
            share=share[answered],
            probability=chances[answered],
            surrogate=None if surrogate is None else surrogate[answered],
            pool=_part(share, chances, surrogate, np.ones(len(share), dtype=bool)),
            weight=weight,
            segment=None if segment is None else names[answered],
            segments={str(name): _part(share, chances, surrogate, names == name) for name in np.unique(names)},
        )

    def of(self, segment: str) -> Self | None:
        """The draw's answers about one segment; None where the pool has none of it.

        Its weight is the draw's, times the segment's part of the pool.
        """
        part = self.segments.get(segment)
        if part is None or self.segment is None or part.share <= 0:
            return None
        inside = self.segment == segment
        return type(self)(
            right=self.right[inside],
            share=self.share[inside],
            probability=self.probability[inside],
            surrogate=None if self.surrogate is None else self.surrogate[inside],
            pool=part,
            weight=self.weight * part.share / self.pool.share,
        )


def _part(share: Floats, probability: Floats, surrogate: Floats | None, inside: NDArray[np.bool_]) -> Part:
    unsure = inside & (probability < _CERTAIN) & (share > 0)
    if (probability[unsure] <= 0).any():
        raise BadData(
            f"{int((probability[unsure] <= 0).sum())} items of the pool could not be drawn.",
            hint="Give the audit a share of every draw: what has no chance of being asked about cannot be estimated.",
        )
    return Part(
        share=float(share[inside].sum()),
        surrogate=None if surrogate is None else float(share[inside] @ surrogate[inside]),
        heaviest=float((share[unsure] / probability[unsure]).max()) if unsure.any() else None,
    )


def _within(what: str, values: Floats, least: float, most: float, *, open_below: bool = False) -> None:
    wrong = ~((values >= least) & (values <= most)) | (open_below & (values <= least))
    if wrong.any():
        raise BadData(
            f"{int(wrong.sum())} {what} are not from {least:g} to {most:g}, such as {values[wrong][0]}.",
            hint="Give shares and chances, not percent; leave out items without an answer.",
        )
