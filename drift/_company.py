"""Which words surge together: in the same queries, or at least on the same days."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from kempelen.profile import Sampled
from kempelen.records import Evidence
from kempelen.text import terms

ENOUGH_QUERIES = 5
"""Sampled queries with a word, from which on they tell what it goes with."""

MOSTLY = 0.5
"""Part of the rarer word's queries that hold the other one too."""

ALIKE = 0.9
"""Correlation of the daily shares of words that go alike."""


def company(found: Sequence[Evidence], sample: Sequence[Sampled]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each subject: those mostly in the same sampled queries; and, if too few were sampled, those that go alike."""
    wanted = {evidence.subject for evidence in found}
    if len(found) < 2:  # noqa: PLR2004 - company takes two
        return {word: set() for word in wanted}, {word: set() for word in wanted}
    since = min((evidence.first for evidence in found if evidence.first), default=None)
    held = [wanted.intersection(terms(s.query)) for s in sample if since is None or s.day >= since]
    alone = Counter(word for words in held for word in words)
    pairs = Counter(pair for words in held for pair in combinations(sorted(words), 2))
    queries: dict[str, set[str]] = {word: set() for word in wanted}
    alike: dict[str, set[str]] = {word: set() for word in wanted}
    for one, other in combinations(found, 2):
        a, b = sorted((one.subject, other.subject))
        rarer = min(alone[a], alone[b])
        if rarer >= ENOUGH_QUERIES:
            if pairs[a, b] >= MOSTLY * rarer:
                queries[a].add(b)
                queries[b].add(a)
        elif _go_alike(one, other):
            alike[a].add(b)
            alike[b].add(a)
    return queries, alike


def _go_alike(one: Evidence, other: Evidence) -> bool:
    """Whether the daily shares of two subjects rise and fall together."""
    courses = np.array([[day.count / max(day.predictions, 1) for day in e.daily] for e in (one, other)])
    if (courses.std(axis=1) == 0).any():
        return False
    return bool(np.corrcoef(courses)[0, 1] >= ALIKE)
