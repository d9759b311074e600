"""The dashboard as a web application: pages, JSON, and errors that say what to do."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from dashboard import api, feedback, me, me_routes, my_pay, pages
from dashboard.guard import Guard
from dashboard.pages import HERE, Templates
from dashboard.source import BadQuestion, NotFound, NothingYet, Source
from kempelen.clock import Clock, WallClock
from kempelen.errors import KempelenError

SERVER = "kempelen-dashboard"


def build_app(state: Path, *, clock: Clock | None = None, pay: me.Pay | None = None) -> FastAPI:
    """The application over one state folder. The folder need not exist yet.

    `pay` says what a person is owed and has received, by pseudonym; by default the books and the settings do.
    """
    # FastAPI's own documentation pages load scripts from a third-party host.
    app = FastAPI(title="Kempelen", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    source, templates = Source(state), Templates()
    app.add_middleware(Guard)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(api.routes(source))
    app.include_router(feedback.routes(source, clock or WallClock()))
    app.include_router(pages.routes(source, templates))
    mine = pay or partial(my_pay.months_of, source)
    app.include_router(me_routes.routes(source, templates, clock or WallClock(), pay=mine, k=source.fewest))

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok", "server": SERVER}

    @app.exception_handler(KempelenError)
    def explain(request: Request, error: KempelenError) -> Response:
        status = _status(error, request)
        if _wants_json(request):
            return JSONResponse({"error": str(error), "hint": error.hint}, status_code=status)
        title = {200: "Nothing here yet", 404: "Not on record"}.get(status, "The books cannot be read")
        return templates.page("message.html", status, title=title, found=str(error), hint=error.hint)

    @app.exception_handler(HTTPException)
    def refuse(request: Request, error: HTTPException) -> Response:
        found, hint = f"{request.url.path}: {error.detail}.", "Start at the first page, /."
        if _wants_json(request):
            return JSONResponse({"error": found, "hint": hint}, status_code=error.status_code)
        return templates.page("message.html", error.status_code, title="No such page", found=found, hint=hint)

    return app


def _status(error: KempelenError, request: Request) -> int:
    if isinstance(error, NothingYet):
        return 404 if _wants_json(request) else 200
    if isinstance(error, NotFound):
        return 404
    return 400 if isinstance(error, BadQuestion) else 503


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/")
