"""What the model said: predictions, and the queries that could be shown to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kempelen import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer of a deployed model to one query of one user."""

    prediction_id: str
    at: datetime
    text: str
    model_version: str
    probabilities: Mapping[str, float]
    user: str

    @property
    def query(self) -> str:
        """The normalised text."""
        return text.normalise(self.text)

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of that label."""
        return max(self.probabilities.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One distinct query that could be shown to a person, with the traffic behind it.

    `users` distinct people asked it on `days` distinct days. `scrubbed` names the kinds of personal data that were
    taken out of the query.
    """

    item_id: str
    query: str
    predictions: int
    users: int
    days: int = 1
    model_version: str
    probabilities: Mapping[str, float]
    scrubbed: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of that label."""
        return max(self.probabilities.values())

    @property
    def margin(self) -> float:
        """How far the best label is ahead of the second, in [0, 1]."""
        best = sorted(self.probabilities.values(), reverse=True)
        return best[0] - best[1] if len(best) > 1 else best[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Showable:
    """The queries of a window that may be shown to people, sorted by item id, and what was held back for privacy.

    `held_back` distinct queries, with `held_back_predictions` predictions between them, had too few users, or
    nothing was left of them without personal data.
    """

    candidates: tuple[Candidate, ...]
    held_back: int
    held_back_predictions: int
