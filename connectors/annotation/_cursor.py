"""Where the last reading ended: an opaque string for whoever keeps it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

_DIGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a project was read.

    `at` is the last change that was seen, `items` how many items there were; `labels` stands for the choices by
    which answers were read. `recent` marks the changes that will be looked at again, and were read. What was made
    after `doubtful` may be an item that was deleted by hand and put there again: that it lacks an answer says nothing.
    """

    at: datetime
    items: int
    labels: str
    recent: frozenset[str] = frozenset()
    doubtful: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a cycle was read: its projects by number, and who had answered by then.

    After a project was `lost`, the answers that it held are missing from items that came back in another.
    """

    places: Mapping[int, Place] = field(default_factory=dict)
    annotators: frozenset[int] = frozenset()
    lost: bool = False

    @classmethod
    def read(cls, text: str | None, scope: str) -> Self | None:
        """The cursor; None when it is damaged, or comes from another cycle, server or list of experts."""
        body, _, digest = (text or "").partition(".")
        if not digest or digest != _digest(body, scope):
            return None
        found = json.loads(base64.urlsafe_b64decode(body))
        return cls(
            places={int(project): _place(place) for project, place in found["places"].items()},
            annotators=frozenset(found["annotators"]),
            lost=found["lost"],
        )

    def written(self, scope: str) -> str:
        """As text that `read` takes with the same scope."""
        document = {
            "places": {str(project): _written(place) for project, place in sorted(self.places.items())},
            "annotators": sorted(self.annotators),
            "lost": self.lost,
        }
        body = base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
        return f"{body}.{_digest(body, scope)}"


def _written(place: Place) -> list[Any]:
    doubtful = place.doubtful.isoformat() if place.doubtful else None
    return [place.at.isoformat(), place.items, place.labels, sorted(place.recent), doubtful]


def _place(found: list[Any]) -> Place:
    at, items, labels, recent, doubtful = found
    return Place(
        at=datetime.fromisoformat(at),
        items=items,
        labels=labels,
        recent=frozenset(recent),
        doubtful=datetime.fromisoformat(doubtful) if doubtful else None,
    )


def _digest(body: str, scope: str) -> str:
    return hashlib.sha256(f"1\0{scope}\0{body}".encode(errors="replace")).hexdigest()[:_DIGEST]


def digest_of(labels: frozenset[str]) -> str:
    """Stands for a set of labels."""
    return hashlib.sha256(json.dumps(sorted(labels)).encode()).hexdigest()[:_DIGEST]
