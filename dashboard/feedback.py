"""Where an application tells that a user corrected an answer: one POST an event, counted once."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from cycle import wiring
from cycle.feedback import SOURCE
from dashboard.guard import same_origin
from dashboard.source import BadQuestion, NotFound, Source, known
from kempelen.clock import Clock
from kempelen.errors import BadData

_LONGEST_QUERY = 100_000
_LONGEST_BODY = 2_000_000
"""Bytes: room for the longest query with every letter escaped."""


class Event(BaseModel):
    """A user, unpaid, said what should have been answered. Of the query only a hash is kept."""

    model_config = ConfigDict(extra="forbid")

    event_id: str = Field(max_length=200, description="Your own name for this event: told twice, it counts once.")
    query: str = Field(max_length=_LONGEST_QUERY)
    label: str = Field(max_length=1_000, description="What should have been answered.")
    version: str | None = Field(default=None, description="The version that had answered; else the one in service.")
    source: str = Field(default=SOURCE, max_length=80, description="Where it came from.")

    @field_validator("*")
    @classmethod
    def _is_text(cls, text: str | None) -> str | None:
        if text is not None and re.search("[\ud800-\udfff]", text):
            raise ValueError("it holds half a letter, and is no text")
        return text


class _FromHere(APIRoute):
    """A route that no page elsewhere can reach through a browser, and that no body can fill the memory of."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what is refused before anything is read."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if not same_origin(request.headers):
                raise HTTPException(403, "a page elsewhere cannot send this")
            try:
                return await handle(Request(request.scope, _bounded(request.receive)))
            except RequestValidationError as wrong:
                raise RequestValidationError([_told(one) for one in wrong.errors()]) from wrong

        return guarded


def _told(error: dict[str, Any]) -> dict[str, Any]:
    """What is wrong and where, without what a user asked; a name may hold half a letter, which no answer can."""
    where = [part if isinstance(part, int) or part.isprintable() else repr(part) for part in error["loc"]]
    return {"type": error["type"], "loc": where, "msg": error["msg"]}


def _bounded(receive: Receive) -> Receive:
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > _LONGEST_BODY:
            raise HTTPException(413, f"it is longer than {_LONGEST_BODY} bytes")
        return message

    return bounded


def routes(source: Source, clock: Clock) -> APIRouter:
    """The endpoint for corrections of the models of one state folder."""
    api = APIRouter(prefix="/api", route_class=_FromHere)

    @api.post("/feedback/{model}", status_code=201)
    def take(model: str, event: Event) -> Any:
        with source.reading() as (store, _):
            versions = [version.version for version in store.versions(known(store, model))]
            settings = wiring.remembered(store, model)
        if settings is None or (event.version is not None and event.version not in versions):
            version = event.version or "in service"
            raise NotFound(f"There is no version {version} of {model}.", hint=f"Known: {', '.join(versions)}.")
        feedback = wiring.feedback(settings, clock, source.engine())
        try:
            recorded = feedback.record(
                event.query, event.label, event_id=event.event_id, source=event.source, version=event.version
            )
        except BadData as wrong:
            raise BadQuestion(str(wrong), hint=wrong.hint) from wrong
        return {"event_id": recorded.event_id, "version": recorded.version, "label": recorded.label}

    return api
