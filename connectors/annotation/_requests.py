"""What a cycle asks, as every connector takes it."""

from collections.abc import Sequence

from kempelen.errors import BadData
from kempelen.records import Briefing, LabelRequest


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
