"""Where an application tells that a user corrected an answer: one POST an event, counted once."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from cycle.feedback import SOURCE, correction
from dashboard.source import NotFound, Source, known

_LONGEST_QUERY = 100_000


class Event(BaseModel):
    """A user, unpaid, said what should have been answered. Of the query only a hash is kept."""

    model_config = ConfigDict(extra="forbid")

    event_id: str = Field(max_length=200, description="Your own name for this event: told twice, it counts once.")
    query: str = Field(max_length=_LONGEST_QUERY)
    label: str = Field(max_length=1_000, description="What should have been answered.")
    version: str | None = Field(
        default=None, description="The version that had answered; by default the one in service."
    )
    source: str = Field(default=SOURCE, max_length=80, description="Where it came from.")


def routes(source: Source) -> APIRouter:
    """The endpoint for corrections. The next `collect` books what they took, by the settings' declared range."""
    api = APIRouter(prefix="/api")

    @api.post("/feedback/{model}", status_code=201)
    def feedback(model: str, event: Event) -> Any:
        with source.reading() as (store, _):
            versions = {version.version: version for version in store.versions(known(store, model))}
            about = event.version or store.champion(model)
            if about not in versions:
                raise NotFound(f"There is no version {about} of {model}.", hint=f"On record: {', '.join(versions)}.")
            wanted = correction(
                event.query,
                event.label,
                event_id=event.event_id,
                source=event.source,
                version=about,
                labels=versions[about].labels,
                at=datetime.now(UTC),
            )
        recorded = source.corrections().record(model, wanted)
        return {"event_id": recorded.event_id, "version": recorded.version, "label": recorded.label}

    return api
