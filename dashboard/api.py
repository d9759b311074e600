"""The books as JSON: what the pages show, for scripts. Reading only, and people only as counts."""

import math
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from cycle.labour import shown
from cycle.records import Promotion
from dashboard import alarms, cycles
from dashboard.source import BadQuestion, NothingYet, Source, known


def routes(source: Source) -> APIRouter:
    """The JSON interface over the books of one state folder."""
    api = APIRouter(prefix="/api", default_response_class=JSONResponse)

    @api.get("/models")
    def models() -> Any:
        try:
            with source.reading() as (store, _):
                return [champion_json(name, store.promotions(name), None) for name in reversed(store.models())]
        except NothingYet:
            return []

    @api.get("/labour/{model}")
    def labour_of(model: str) -> Any:
        with source.reading() as (store, ledger):
            statements = shown(ledger, store, known(store, model), source.min_people(model))
            return [statement.as_json() for statement in statements]

    @api.get("/cycles/{model}")
    def cycles_of(model: str) -> Any:
        with source.reading() as (store, _):
            return finite([cycles.as_json(store, cycle) for cycle in store.cycles(known(store, model))])

    @api.get("/alarms/{model}")
    def alarms_of(model: str) -> Any:
        with source.reading() as (store, _):
            return finite(alarms.as_json(store, known(store, model)))

    @api.get("/champion/{model}")
    def champion_of(model: str, at: str | None = None) -> Any:
        with source.reading() as (store, _):
            return champion_json(known(store, model), store.promotions(model), moment(at) if at else None)

    return api


def champion_json(model: str, promotions: list[Promotion], at: datetime | None) -> dict[str, Any]:
    """The version in service now or at a moment, and since when; nulls before the first promotion."""
    in_service = [promotion for promotion in promotions if at is None or promotion.at <= at]
    last = in_service[-1] if in_service else None
    return {
        "model": model,
        "champion": last.version if last else None,
        "since": last.at.isoformat() if last else None,
        "at": at.isoformat() if at else None,
    }


def moment(text: str) -> datetime:
    """A moment from a query string; without a zone it is UTC, a bare date is its first moment.

    >>> moment("2020-01-24").isoformat()
    '2020-01-24T00:00:00+00:00'
    """
    try:
        # A plus sign that nobody escaped arrives as a blank.
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise BadQuestion(
            f"at={text!r} is no moment.", hint="Write at=2020-01-24 or at=2020-01-24T09:00:00Z; the zone is UTC."
        ) from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def finite(document: Any) -> Any:
    """The same document with null for infinity, which JSON does not know: a word never seen before has no ratio."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list):
        return [finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document
