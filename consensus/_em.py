"""What annotators mistake and what is right, each from the other, in turn: expectation and maximisation.

The steps are those of crowd-kit's `DawidSkene` and `OneCoinDawidSkene`, and the tests hold them to its results. They
are taken here, as arrays, because a table operation an iteration makes choosing among rules last minutes.
"""

from collections.abc import Callable

import numpy as np

from consensus._votes import UNKNOWN, Floats, Ints, Votes, normalised

ITERATIONS = 100
_SETTLED = 1e-6
"""Iterations end when no probability moves by more."""

_LEAST = 1e-10

Mistakes = Callable[[Votes, Floats], Floats]
"""The chance of each vote if each label were right, shape (votes, labels), from the labels' probabilities."""


def probabilities(votes: Votes, known: Ints, mistakes: Mistakes) -> Floats:
    """How probable each label of each item is, shape (items, labels).

    While mistakes are sought, items with a known label have that; in the end they are judged by their votes.
    """
    found = _told(normalised(votes.totals(np.ones(len(votes)))), known)
    for _ in range(ITERATIONS):
        before, found = found, _told(judged(votes, _priors(found), mistakes(votes, found)), known)
        if np.abs(found - before).max() < _SETTLED:
            break
    return judged(votes, _priors(found), mistakes(votes, found))


def judged(votes: Votes, priors: Floats, chances: Floats) -> Floats:
    """Prior times likelihood of each label, shape (items, labels)."""
    logs = np.tile(np.log(priors), (len(votes.items), 1))
    np.add.at(logs, votes.item, np.log(chances))
    return normalised(np.exp(logs - logs.max(axis=1, keepdims=True)))


def confusions(votes: Votes, found: Floats) -> Floats:
    """A table for each annotator: how often they give each label where each is right (Dawid and Skene 1979)."""
    labels = len(votes.labels)
    tables: Floats = np.zeros((votes.annotators, labels, labels))
    np.add.at(tables, (votes.annotator, votes.label), found[votes.item])
    tables = np.maximum(tables, _LEAST)
    tables /= tables.sum(axis=1, keepdims=True)
    chances: Floats = tables[votes.annotator, votes.label]
    return chances


def one_coin(votes: Votes, found: Floats) -> Floats:
    """One number an annotator: how often they are right; what is wrong is spread evenly (Zhang et al. 2016)."""
    agreed = found[votes.item, votes.label]
    given = np.maximum(np.bincount(votes.annotator, minlength=votes.annotators), 1)
    skill = (np.bincount(votes.annotator, agreed, minlength=votes.annotators) / given)[votes.annotator, np.newaxis]
    chances = np.where(
        np.arange(len(votes.labels)) == votes.label[:, np.newaxis], skill, (1 - skill) / (len(votes.labels) - 1)
    )
    clipped: Floats = np.clip(chances, _LEAST, 1 - _LEAST)
    return clipped


def _told(found: Floats, known: Ints) -> Floats:
    told: Floats = found.copy()
    items = np.flatnonzero(known != UNKNOWN)
    told[items] = np.eye(found.shape[1])[known[items]]
    return told


def _priors(found: Floats) -> Floats:
    priors: Floats = np.maximum(found.mean(axis=0), _LEAST)
    return priors
