"""One Poisson draw from a mixture of strategies, so that every item's chance is known, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.random import Generator

from kempelen.errors import ConfigError
from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import LabelRequest, Pool, Purpose
from selection._sampling import inclusion_probabilities

_LARGEST = 1e9
"""So often at most a chance is enlarged in place of the audit's: what is next to nothing stays that."""

AUDIT = "audit"
"""The strategy whose items stand for the traffic as it is; they are always kept for the audit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedDraw:
    """What a draw from a pool of n candidates would be, before any chance has fallen.

    Attributes
    ----------
    inclusion
        The chance of each candidate to be asked about, shape (n,); their sum is the number of items to expect.
    audit
        The chance to be asked about *and* kept for the audit, shape (n,).
    attribution
        The chance that an item that is asked about is attributed to each strategy, shape (n, strategies); rows of
        candidates that can be drawn sum to 1. Columns as `strategies`.
    audit_fraction
        The part of the other strategies' items that is kept for the audit.
    seconds
        The human time that each candidate is expected to take, shape (n,); None where nobody asked for it.
    """

    strategies: tuple[str, ...]
    inclusion: Floats
    audit: Floats
    attribution: Floats
    audit_fraction: float
    seconds: Floats | None = None


def expected_draw(  # noqa: PLR0913 - a draw is defined by exactly these
    pool: Pool,
    strategies: Mapping[str, QueryStrategy],
    shares: Mapping[str, float],
    *,
    items: int,
    seconds: Floats | None = None,
    budget_seconds: float = inf,
    audit_fraction: float,
) -> ExpectedDraw:
    """The chances with which candidates are asked about; `choose` draws by them.

    Parameters
    ----------
    pool
        The pool of this round; anything that needs no asking must have been taken out.
    strategies, shares
        What each strategy gets of the items, on average. The strategy called "audit" measures.
    items
        How many are wanted, on average: as many as there are candidates at most.
    seconds, budget_seconds
        The human time that each candidate is expected to take, all of its answers together, shape (candidates,); and
        what all items together may take, on average. Fewer items are drawn if this does not suffice.
    audit_fraction
        The part of the other strategies' items that is kept for the audit.

    Notes
    -----
    A candidate's chance is min(1, c * mix), where mix is the sum over strategies of share * size / (sum of sizes).
    What strategies cannot use of their shares, since their sizes are all 0 or their candidates certain already, they
    leave to the others, but not to the audit, which keeps its own: else most of a round would be spent on measuring
    when little surges. Cost: that of the strategies, once each.

    Raises ConfigError when a strategy gives sizes that are none.
    """
    names = tuple(name for name, share in shares.items() if share > 0)
    parts = _parts(names, shares, [_sizes(name, strategies[name], pool) for name in names], len(pool.candidates))
    if AUDIT in names:
        parts = _audit_bounded(parts, names.index(AUDIT), items)
    mix = parts.sum(axis=1)
    inclusion = inclusion_probabilities(mix, items)
    if seconds is not None:
        inclusion = np.minimum(inclusion, inclusion_probabilities(mix, budget_seconds, seconds))
    elif budget_seconds < inf:
        raise ValueError("A budget of seconds needs the seconds that each candidate is expected to take.")
    attribution = np.divide(parts, mix[:, None], out=np.zeros_like(parts), where=mix[:, None] > 0)
    audit = attribution[:, names.index(AUDIT)] if AUDIT in names else np.zeros(len(mix))
    return ExpectedDraw(
        strategies=names,
        inclusion=inclusion,
        audit=inclusion * (audit + (1 - audit) * audit_fraction),
        attribution=attribution,
        audit_fraction=audit_fraction,
        seconds=seconds,
    )


def choose(  # noqa: PLR0913 - what is drawn from, by which chances, and for whom
    pool: Pool,
    strategies: Mapping[str, QueryStrategy],
    draw: ExpectedDraw,
    *,
    cycle_id: str,
    round: int,  # noqa: A002 - the field's word
    rng: Generator,
) -> list[LabelRequest]:
    """The items to ask about, in random order, drawn from the pool by the chances of `expected_draw`.

    Notes
    -----
    Every candidate is drawn by itself (Poisson sampling). So probabilities are exact, of single items and of any number
    of them together, and an audit may be evaluated one answer after the other. The price: the number drawn varies, with
    a standard deviation below the root of the number wanted. What the purpose is, is drawn before anybody has answered.

    Raises ValueError for the draw of another pool.
    """
    if len(draw.inclusion) != len(pool.candidates):
        raise ValueError(f"A draw of {len(draw.inclusion)} candidates cannot be taken from {len(pool.candidates)}.")
    chance, which, kept = rng.random((3, len(pool.candidates)))
    edges = np.cumsum(draw.attribution, axis=1)
    requests = []
    for place in np.flatnonzero(chance < draw.inclusion):
        # The last edge is 1 but for rounding; a strategy that gave nothing has an edge of no width.
        strategy = draw.strategies[int((edges[place] <= which[place] * edges[place, -1]).sum())]
        audited = strategy == AUDIT or kept[place] < draw.audit_fraction
        candidate = pool.candidates[place]
        requests.append(
            LabelRequest(
                cycle_id=cycle_id,
                round=round,
                item_id=candidate.item_id,
                query=candidate.query,
                predictions=candidate.predictions,
                users=candidate.users,
                model_version=candidate.model_version,
                suggestion=candidate.label,
                confidence=candidate.confidence,
                strategy=strategy,
                reason=strategies[strategy].reason(pool, int(place)),
                purpose=Purpose.AUDIT if audited else Purpose.TRAINING,
                inclusion_probability=float(draw.inclusion[place]),
                audit_probability=float(draw.audit[place]),
                days=candidate.days,
                scrubbed=candidate.scrubbed,
                expected_seconds=None if draw.seconds is None else float(draw.seconds[place]),
            )
        )
    return [requests[n] for n in rng.permutation(len(requests))]


def _parts(names: Sequence[str], shares: Mapping[str, float], sizes: Sequence[Floats], candidates: int) -> Floats:
    """What each strategy adds to the mix, shape (candidates, strategies); 0 from those with nothing to say."""
    parts = np.zeros((candidates, len(names)))
    left = _left_to([name for name, size in zip(names, sizes, strict=True) if size.any()], shares)
    for column, (name, size) in enumerate(zip(names, sizes, strict=True)):
        if name in left:
            # By the largest first: the sum of huge sizes could be infinite.
            scaled = size / size.max()
            parts[:, column] = left[name] * scaled / scaled.sum()
    return parts


def _left_to(speaking: Sequence[str], shares: Mapping[str, float]) -> dict[str, float]:
    """The shares of those with something to say: the audit keeps its own, the others divide the rest in proportion."""
    meant = sum(share for name, share in shares.items() if name != AUDIT)
    said = sum(shares[name] for name in speaking if name != AUDIT)
    return {name: shares[name] if name == AUDIT else shares[name] * meant / said for name in speaking}


def _audit_bounded(parts: Floats, audit: int, items: int) -> Floats:
    """The parts with all but the audit's enlarged, so that it need not fill up what the others' certain items leave."""
    own = items * parts[:, audit]
    others = items * parts.sum(axis=1) - own
    enlarged = parts * _enlarging(np.minimum(own, 1.0), np.maximum(others, 0.0), items)
    enlarged[:, audit] = parts[:, audit]
    return enlarged


def _enlarging(own: Floats, others: Floats, items: int) -> float:
    """The g >= 1 for which min(1, own + g * others) sums to `items`; as large as helps where none does."""
    g = 1.0
    for _ in range(len(own)):  # each turn makes one more candidate certain, or is the last
        certain = own + g * others >= 1
        rest = others[~certain].sum()
        if rest <= items / _LARGEST:
            return float(np.clip((1 - own[others > 0]) / others[others > 0], 1, _LARGEST).max(initial=g))
        wanted = (items - certain.sum() - own[~certain].sum()) / rest
        if wanted <= g:
            break
        g = min(float(wanted), _LARGEST)
    return g


def _sizes(name: str, strategy: QueryStrategy, pool: Pool) -> Floats:
    sizes = np.asarray(strategy.sizes(pool), dtype=np.float64)
    if sizes.shape != (len(pool.candidates),):
        raise ConfigError(
            f"The strategy {name!r} gives sizes of shape {sizes.shape} for {len(pool.candidates)} candidates.",
            hint="sizes() must return one figure for each candidate of the pool.",
        )
    bad = np.flatnonzero(~(np.isfinite(sizes) & (sizes >= 0)))
    if len(bad):
        raise ConfigError(
            f"The strategy {name!r} gives the query {pool.candidates[bad[0]].query!r} the size {sizes[bad[0]]}.",
            hint="sizes() must return finite figures, none below 0.",
        )
    return sizes
