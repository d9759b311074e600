"""The only place that speaks with crowd-kit, whose "task" is our item and whose "worker" is our annotator.

What was met in crowd-kit 1.4.2, and is avoided here: `MACE` mixes annotators up unless they and the labels come in
order of their first appearance; each of its restarts begins at the same place; pandas 3 warns of much that it does.
`Wawa` and `ZeroBasedSkill` cannot predict beside scikit-learn 1.7 and later, and take the first label of a tie for
its winner: these two are counted in `_weights`. `MMSR` is left out: without answers in common its signs are drawn
by chance.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from consensus._votes import UNKNOWN, Floats, Ints, Votes, normalised

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def quietly() -> Iterator[None]:
    """What pandas and numpy say about crowd-kit's own code is nobody's concern here.

    Filters of warnings belong to the whole process, so that a second thread is quiet for as long, too.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def table(votes: Votes) -> "pd.DataFrame":
    """The votes as crowd-kit wants them: numbers in the order in which they first appear, see `appearance`."""
    import pandas as pd

    return pd.DataFrame(
        {
            "task": appearance(votes.item)[votes.item],
            "worker": appearance(votes.annotator)[votes.annotator],
            "label": appearance(votes.label)[votes.label],
        }
    )


def appearance(column: Ints) -> Ints:
    """For each place that occurs in a column, how many others occurred before it; UNKNOWN for the others.

    >>> appearance(np.array([2, 0, 2, 3])).tolist()
    [1, -1, 0, 2]
    """
    seen, first = np.unique(column, return_index=True)
    order = np.full(int(column.max()) + 1, UNKNOWN, dtype=np.int64)
    order[seen[np.argsort(first)]] = np.arange(len(seen))
    return order


def supports(found: "pd.DataFrame | None", votes: Votes) -> Floats:
    """A table of crowd-kit's, as shape (items, labels) with rows that sum to 1; even for items that have no votes."""
    if found is None:
        raise AssertionError("crowd-kit left no probabilities")
    items, labels = np.unique(votes.item), np.unique(votes.label)
    ordered = found.reindex(index=appearance(votes.item)[items], columns=appearance(votes.label)[labels])
    whole = np.zeros((len(votes.items), len(votes.labels)))
    # An underflow in an algorithm is no opinion about the item.
    whole[np.ix_(items, labels)] = np.nan_to_num(ordered.to_numpy(dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return normalised(whole)
