"""A mixture of strategies, each drawn independently, so that every item's chance is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kempelen.protocols import QueryStrategy
from kempelen.records import Candidate, LabelRequest, Purpose
from selection._sampling import Floats, inclusion_probabilities, systematic

AUDIT = "audit"
"""The strategy whose items stand for the traffic as it is; they are always kept for the audit."""


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """What one strategy drew: its probabilities, and which candidates are in."""

    probabilities: Floats
    chosen: NDArray[np.bool_]


def choose(  # noqa: PLR0913 - a draw is defined by exactly these
    candidates: Sequence[Candidate],
    strategies: Mapping[str, QueryStrategy],
    counts: Mapping[str, int],
    *,
    surging: Sequence[str],
    audit_fraction: float,
    cycle_id: str,
    round: int,  # noqa: A002 - the field's word
    rng: Generator,
) -> list[LabelRequest]:
    """The items to ask about, in random order.

    Parameters
    ----------
    candidates
        The pool of this round; anything already asked must have been taken out.
    strategies, counts
        How many items each strategy draws. One must be called "audit".
    audit_fraction
        The part of the other strategies' items that is kept for the audit.

    Notes
    -----
    Strategies draw independently, so an item is in with probability 1 - prod(1 - pi_s), exactly;
    it is in *for the audit* with pi_audit + (1 - pi_audit) * pi_others * audit_fraction. These are
    the weights of the Horvitz-Thompson and Hajek estimators. What the purpose is, is drawn before
    anybody has answered.
    """
    draws = {name: _draw(candidates, strategies[name], count, surging, rng) for name, count in counts.items()}
    others = [draw.probabilities for name, draw in draws.items() if name != AUDIT]
    audit = draws[AUDIT].probabilities
    missed_by_others = np.prod([1 - p for p in others], axis=0) if others else np.ones(len(candidates))
    inclusion = 1 - (1 - audit) * missed_by_others
    audited = audit + (1 - audit) * (1 - missed_by_others) * audit_fraction
    kept_for_audit = rng.random(len(candidates)) < audit_fraction

    requests = []
    for i, candidate in enumerate(candidates):
        chosen_by = [name for name, draw in draws.items() if draw.chosen[i]]
        if not chosen_by:
            continue
        # An item that several strategies drew is reported under the audit first: its label is kept from training.
        strategy = AUDIT if AUDIT in chosen_by else chosen_by[0]
        purpose = Purpose.AUDIT if strategy == AUDIT or kept_for_audit[i] else Purpose.TRAINING
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
                reason=strategies[strategy].reason(candidate, surging),
                purpose=purpose,
                inclusion_probability=float(inclusion[i]),
                audit_probability=float(audited[i]),
            )
        )
    return [requests[i] for i in rng.permutation(len(requests))]


def _draw(
    candidates: Sequence[Candidate], strategy: QueryStrategy, count: int, surging: Sequence[str], rng: Generator
) -> _Draw:
    probabilities = inclusion_probabilities(strategy.sizes(candidates, surging), count)
    return _Draw(probabilities=probabilities, chosen=systematic(probabilities, rng))
