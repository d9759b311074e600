"""Votes with weights: who agrees more with the others counts for more."""

import numpy as np
from numpy.typing import NDArray

from consensus._votes import UNKNOWN, Floats, Ints, Votes, normalised

_EQUAL = 1e-9


def weighted_shares(votes: Votes, weights: Floats) -> Floats:
    """The share of the weights of its votes that each label has, shape (items, labels)."""
    return normalised(votes.totals(weights[votes.annotator]))


def clear_winners(shares: Floats) -> Ints:
    """The label with the largest share, shape (items,); UNKNOWN for a tie, which is no winner."""
    best = shares >= shares.max(axis=1, keepdims=True) - _EQUAL
    return np.where(best.sum(axis=1) == 1, best.argmax(axis=1), UNKNOWN)


def agreement(votes: Votes, winners: Ints) -> Floats:
    """How often each annotator named the winner, shape (annotators,); the mean for those with no item that has one."""
    judged: NDArray[np.bool_] = winners[votes.item] != UNKNOWN
    agreed = judged & (winners[votes.item] == votes.label)
    of = np.bincount(votes.annotator, judged, minlength=votes.annotators)
    share = np.bincount(votes.annotator, agreed, minlength=votes.annotators) / np.maximum(of, 1)
    return np.where(of > 0, share, share[of > 0].mean() if (of > 0).any() else 1.0)
