"""Where an application tells that a user corrected an answer: one POST an event, counted once."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from cycle import wiring
from cycle.feedback import SOURCE
from dashboard.source import BadQuestion, NotFound, Source, known
from kempelen.clock import Clock
from kempelen.errors import BadData

_LONGEST_QUERY = 100_000


class Event(BaseModel):
    """A user, unpaid, said what should have been answered. Of the query only a hash is kept."""

    model_config = ConfigDict(extra="forbid")

    event_id: str = Field(max_length=200, description="Your own name for this event: told twice, it counts once.")
    query: str = Field(max_length=_LONGEST_QUERY)
    label: str = Field(max_length=1_000, description="What should have been answered.")
    version: str | None = Field(default=None, description="The version that had answered; else the one in service.")
    source: str = Field(default=SOURCE, max_length=80, description="Where it came from.")


def routes(source: Source, clock: Clock) -> APIRouter:
    """The endpoint for corrections of the models of one state folder."""
    api = APIRouter(prefix="/api")

    @api.post("/feedback/{model}", status_code=201)
    def take(model: str, event: Event) -> Any:
        with source.reading() as (store, _):
            versions = [version.version for version in store.versions(known(store, model))]
            settings = wiring.remembered(store, model)
        if settings is None or (event.version is not None and event.version not in versions):
            version = event.version or "in service"
            raise NotFound(f"There is no version {version} of {model}.", hint=f"Known: {', '.join(versions)}.")
        feedback = wiring.feedback(settings.model_copy(update={"state": source.state}), clock)
        try:
            recorded = feedback.record(
                event.query, event.label, event_id=event.event_id, source=event.source, version=event.version
            )
        except BadData as wrong:
            raise BadQuestion(str(wrong), hint=wrong.hint) from wrong
        return {"event_id": recorded.event_id, "version": recorded.version, "label": recorded.label}

    return api
