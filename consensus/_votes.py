"""Who said what about which item, as numbers: one person, one vote, the last one; skips are no votes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kempelen.records import Annotation

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_Said = tuple[str, str, datetime]
"""Of one annotator: an item, a label, and when."""

UNKNOWN = -1
"""In an array of known labels: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """The votes of annotators, not of experts. Row v: `annotator[v]` says that `item[v]` is `label[v]`.

    These columns hold places in `items`, `labels` and the unnamed annotators; `turn[v]` counts the earlier votes on the
    item. Rows are in order of item and annotator. Annotators are in the order of what they answered, so that no result
    depends on their names.
    """

    items: tuple[str, ...]
    labels: tuple[str, ...]
    annotators: int
    item: Ints
    annotator: Ints
    label: Ints
    turn: Ints

    def __len__(self) -> int:
        """How many votes."""
        return len(self.item)

    def counts(self) -> Ints:
        """How many name each label, shape (items, labels)."""
        return self.totals(np.ones(len(self))).astype(np.int64)

    def totals(self, weights: Floats) -> Floats:
        """The sum of the weights of the votes for each label, shape (items, labels)."""
        shape = (len(self.items), len(self.labels))
        place = self.item * shape[1] + self.label
        summed: Floats = np.bincount(place, weights, minlength=shape[0] * shape[1]).astype(np.float64)
        return summed.reshape(shape)

    def only(self, rows: NDArray[np.bool_]) -> "Votes":
        """Some of the votes; items, labels and annotators keep their places."""
        return replace(
            self,
            item=self.item[rows],
            annotator=self.annotator[rows],
            label=self.label[rows],
            turn=self.turn[rows],
        )

    def known(self, labels: Mapping[str, str]) -> Ints:
        """The place of each item's known label, UNKNOWN for those without one or with one that no vote names."""
        places = {label: place for place, label in enumerate(self.labels)}
        return np.array([places.get(labels.get(item, ""), UNKNOWN) for item in self.items], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """All that is known of the items: the votes of annotators and those of experts; every item is in `items`."""

    items: tuple[str, ...]
    votes: Votes
    experts: Mapping[str, Counter[str]]

    def decided(self) -> dict[str, str]:
        """The items on which an expert decided, and no other expert differed."""
        return {item: next(iter(said)) for item, said in self.experts.items() if len(said) == 1}


def ballots(annotations: Sequence[Annotation]) -> Ballots:
    """Count the answers. The order of `annotations` is irrelevant."""
    experts: dict[str, Counter[str]] = defaultdict(Counter)
    by_annotator: dict[str, list[_Said]] = defaultdict(list)
    for annotation in _standing(annotations):
        if annotation.label is None:
            continue
        if annotation.expert:
            experts[annotation.item_id][annotation.label] += 1
        else:
            by_annotator[annotation.annotator].append((annotation.item_id, annotation.label, annotation.submitted_at))
    items = tuple(sorted({annotation.item_id for annotation in annotations}))
    return Ballots(items=items, votes=_votes(sorted(sorted(said) for said in by_annotator.values())), experts=experts)


def _standing(annotations: Sequence[Annotation]) -> Iterator[Annotation]:
    """The last answer of each person to each item."""
    in_order = sorted(annotations, key=lambda answer: (answer.submitted_at, answer.source_id))
    last = {(answer.item_id, answer.annotator): answer for answer in in_order}
    return iter(last.values())


def _votes(answers: Sequence[Sequence[_Said]]) -> Votes:
    """The votes of annotators, each of whom gave a sequence of items and labels."""
    items = sorted({item for said in answers for item, _, _ in said})
    labels = sorted({label for said in answers for _, label, _ in said})
    item_place, label_place = _places(items), _places(labels)
    in_time = sorted(
        (item_place[item], at, annotator, label_place[label])
        for annotator, said in enumerate(answers)
        for item, label, at in said
    )
    columns = np.array([(i, annotator, label) for i, _, annotator, label in in_time], dtype=np.int64).reshape(-1, 3)
    first = np.searchsorted(columns[:, 0], np.arange(len(items)))
    turn = np.arange(len(columns)) - first[columns[:, 0]]
    order = np.lexsort((columns[:, 1], columns[:, 0]))
    return Votes(
        items=tuple(items),
        labels=tuple(labels),
        annotators=len(answers),
        item=columns[order, 0],
        annotator=columns[order, 1],
        label=columns[order, 2],
        turn=turn[order],
    )


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def normalised(totals: Floats) -> Floats:
    """Rows that sum to 1; a row of zeros becomes an even one: nothing speaks for any label."""
    sums = totals.sum(axis=1, keepdims=True)
    even = np.full_like(totals, 1 / max(1, totals.shape[1]))
    shares: Floats = np.divide(totals, sums, out=even, where=sums > 0)
    return shares
