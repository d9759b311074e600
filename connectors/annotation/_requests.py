"""What a cycle asks, as every connector takes it."""

from collections.abc import Sequence

from kempelen.errors import BadData
from kempelen.records import Briefing, LabelRequest, Purpose, Queue

BLIND_NOTE = "The model's guess is not shown here."


def by_item(briefing: Briefing, requests: Sequence[LabelRequest]) -> dict[str, LabelRequest]:
    """The first request for each item, in order; BadData for one of another cycle."""
    wanted: dict[str, LabelRequest] = {}
    for request in requests:
        if request.cycle_id != briefing.cycle_id:
            raise BadData(
                f"Item {request.item_id} belongs to cycle {request.cycle_id}, not to {briefing.cycle_id}.",
                hint="Submit each cycle's requests with its own briefing.",
            )
        wanted.setdefault(request.item_id, request)
    return wanted


def hides_suggestion(request: LabelRequest, briefing: Briefing) -> bool:
    """Whether people are not shown what the model said.

    There is no honest suggestion for a gold item, so it is as blind as those whose suggestion is held back. Experts see
    none: they decide what others could not, and nobody looks at whether a suggestion swayed them.
    """
    known = request.suggestion in briefing.labels
    return request.blind or request.purpose is Purpose.GOLD or briefing.queue is Queue.EXPERTS or not known
