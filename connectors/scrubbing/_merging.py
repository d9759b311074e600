"""What becomes of candidates whose queries were scrubbed: those that read the same now are one item."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from kempelen import text
from kempelen.protocols import Scrubber
from kempelen.records import Candidate, Showable

_PLACEHOLDER = re.compile(r"<[a-z_]+>")


def merged(candidates: Sequence[Candidate], scrubber: Scrubber) -> list[Candidate]:
    """The candidates as people may see them, each text once, by item id; without those that say nothing any more.

    Equal texts become one candidate. Its predictions are the sum; its users and days the largest of any, for the same
    person may have asked several of them: at least so many did. Its model version and probabilities are those of
    the one with most predictions (of the smallest original item id among equals). A query of which placeholders
    alone are left tells nobody anything, and is left out; `showable` counts it.
    """
    return [one for one, _ in _scrubbed(candidates, scrubber) if _says_something(one)]


def showable(found: Showable, scrubber: Scrubber) -> Showable:
    """The same, without personal data: `merged`, and what that left out counted with what is held back."""
    scrubbed = _scrubbed(found.candidates, scrubber)
    empty = [(one, queries) for one, queries in scrubbed if not _says_something(one)]
    return Showable(
        candidates=tuple(one for one, _ in scrubbed if _says_something(one)),
        held_back=found.held_back + sum(queries for _, queries in empty),
        held_back_predictions=found.held_back_predictions + sum(one.predictions for one, _ in empty),
    )


def _scrubbed(candidates: Sequence[Candidate], scrubber: Scrubber) -> list[tuple[Candidate, int]]:
    """One candidate for each text that is left, by item id, with how many queries became it."""
    groups: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate, found in zip(candidates, scrubber.scrub([c.query for c in candidates]), strict=True):
        kinds = tuple(sorted({*candidate.scrubbed, *found.kinds}))
        query = text.normalise(found.text) if found.kinds else candidate.query
        groups[query].append(replace(candidate, scrubbed=kinds))
    ones = ((_one(query, same), len(same)) for query, same in groups.items())
    return sorted(ones, key=lambda one: one[0].item_id)


def _one(query: str, same: Sequence[Candidate]) -> Candidate:
    leading = min(same, key=lambda candidate: (-candidate.predictions, candidate.item_id))
    return replace(
        leading,
        item_id=text.item_id(query),
        query=query,
        predictions=sum(candidate.predictions for candidate in same),
        users=max(candidate.users for candidate in same),
        days=max(candidate.days for candidate in same),
        scrubbed=tuple(sorted({kind for candidate in same for kind in candidate.scrubbed})),
    )


def _says_something(candidate: Candidate) -> bool:
    """Whether a word is left; a query that nothing was taken from is shown whatever it says."""
    return not candidate.scrubbed or bool(text.terms(_PLACEHOLDER.sub(" ", candidate.query)))
