"""Ask about the queries that contain a surging word, however sure the model is of them."""

from collections.abc import Sequence

import numpy as np

from kempelen import text
from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Candidate


class SurgingTerm:
    """Every query with a surging word is worth the same: what changed is the word, not the traffic."""

    def sizes(self, candidates: Sequence[Candidate], surging: Sequence[str]) -> Floats:
        """1 where a surging word stands, else 0, shape (n,)."""
        wanted = set(surging)
        return np.array([float(bool(wanted & set(text.terms(c.query)))) for c in candidates], dtype=float)

    def reason(self, candidate: Candidate, surging: Sequence[str]) -> str:
        """Why this candidate, in words."""
        words = [word for word in text.terms(candidate.query) if word in set(surging)]
        return f"suddenly many people use the word {' and '.join(repr(word) for word in words)}"


def build() -> QueryStrategy:
    """The strategy has no parameters: the words come from the alarm."""
    return SurgingTerm()
