"""The addresses of a person's own page, and the forms on it. Whoever has the link is the person."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from dashboard.guard import PERSONAL, same_origin
from dashboard.me import Pay, Reader
from dashboard.pages import Templates
from dashboard.source import NothingYet, Source
from kempelen.clock import Clock
from kempelen.errors import BadData, KempelenError
from ledger.people.corrections import Corrections
from ledger.people.credit import Credits
from ledger.people.links import Link, Links
from ledger.people.ratings import Rating, Ratings

LARGEST_FORM = 16_384
"""Bytes of a form: its texts are at most 2,000 characters long."""

DONE: Mapping[str, str] = {
    "correction": "Your request is on record. Somebody with a name will decide on it, and you will see it here.",
    "rating": "Your rating is on record. Thank you.",
    "credit": "You will be named beside your work from the next labour card on.",
    "no-credit": "You are named no longer. Cards that are written from now on leave your name out.",
}
"""What was done, as it is said on the page afterwards."""

_MOST_FIELDS = 20
_MINUTE = 60
_NUMBER = re.compile(r"[0-9]{1,6}([.,][0-9]{1,3})?")

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a form was not taken, and what had been written into it."""

    found: str
    hint: str
    form: Form


def routes(source: Source, templates: Templates, clock: Clock, *, pay: Pay | None, k: Callable[[], int]) -> APIRouter:
    """The personal pages over the books of one state folder. `k` says for how few people nothing is shown."""
    me = APIRouter(prefix=PERSONAL.rstrip("/"), include_in_schema=False)
    desk = _Desk(source, templates, clock, pay=pay, k=k)

    @me.get("/{name}")
    def own_page(name: str, page: str = "1", correct: str = "", done: str = "") -> Response:
        token, _, form = name.partition(".")
        if form not in {"", "json", "csv"}:
            return desk.no_such_link(as_json=False)
        # PostgreSQL knows no zero character, not even to look for.
        named = correct.replace("\0", "")
        return desk.document(token, form) if form else desk.page(token, _number(page), named, DONE.get(done))

    @me.post("/{token}/{what}")
    async def said(request: Request, token: str, what: str) -> Response:
        if not same_origin(request.headers):
            return desk.refused(
                403, "This form was sent from another page.", "Open your link again, and send it there."
            )
        try:
            form = await _form(request)
        except BadData as error:
            return desk.refused(400, str(error), error.hint)
        return await run_in_threadpool(desk.take, token, what, form)

    return me


class _Desk:
    """Answers whoever has a link."""

    def __init__(
        self, source: Source, templates: Templates, clock: Clock, *, pay: Pay | None, k: Callable[[], int]
    ) -> None:
        self._source, self._templates, self._clock, self._pay, self._k = source, templates, clock, pay, k
        self._forms: Mapping[str, Callable[[Link, Form], str]] = {
            "correction": self._correct,
            "rating": self._rate,
            "credit": self._credit,
        }

    def page(self, token: str, number: int, correct: str, done: str | None, trouble: Trouble | None = None) -> Response:
        link = self._link(token)
        if link is None:
            return self.no_such_link(as_json=False)
        with self._reading() as reader:
            entry = reader.entry(link, correct) if correct else None
            own = reader.page(link, number)
        return self._templates.page(
            "me.html", 400 if trouble else 200, own=own, token=token, entry=entry, done=done, trouble=trouble
        )

    def document(self, token: str, form: str) -> Response:
        link = self._link(token)
        if link is None:
            return self.no_such_link(as_json=form == "json")
        with self._reading() as reader:
            if form == "json":
                return JSONResponse(reader.document(link, self._clock.now()))
            headers = {"Content-Disposition": 'attachment; filename="my-work.csv"'}
            return Response(reader.table(link), media_type="text/csv; charset=utf-8", headers=headers)

    def take(self, token: str, what: str, form: Form) -> Response:
        """Take a form: back to the page when it was taken, the page with what is wrong when it was not."""
        link = self._link(token)
        if link is None or what not in self._forms:
            return self.no_such_link(as_json=False)
        try:
            done = self._forms[what](link, form)
        except KempelenError as error:
            trouble = Trouble(found=str(error), hint=error.hint, form=form)
            return self.page(token, 1, form.get("entry", ""), None, trouble)
        return RedirectResponse(f"{PERSONAL}{quote(token)}?done={done}", status_code=303)

    def no_such_link(self, *, as_json: bool) -> Response:
        """One answer for links that are unknown, expired or revoked: nobody learns which."""
        found, hint = "It is unknown, has expired or was withdrawn.", "Ask whoever sent it to you for a new one."
        if as_json:
            return JSONResponse({"error": found, "hint": hint}, status_code=404)
        return self._templates.page("message.html", 404, title="This link opens nothing", found=found, hint=hint)

    def refused(self, status: int, found: str, hint: str) -> Response:
        return self._templates.page("message.html", status, title="Not taken", found=found, hint=hint)

    def _link(self, token: str) -> Link | None:
        try:
            return Links(self._source.engine()).find(token, self._clock.now())
        except NothingYet:
            return None

    @contextmanager
    def _reading(self) -> Iterator[Reader]:
        with self._source.reading() as (store, _):
            yield Reader(self._source.engine(), store, pay=self._pay, k=self._k())

    def _correct(self, link: Link, form: Form) -> str:
        seconds = _seconds(form)
        Corrections(self._source.engine()).ask(
            link.person, form.get("entry", ""), seconds, form.get("reason", ""), at=self._clock.now()
        )
        return "correction"

    def _rate(self, link: Link, form: Form) -> str:
        cycle = form.get("cycle", "")
        with self._reading() as reader:
            models = reader.overview(link).cycles
        if cycle not in models:
            raise BadData("You did not work in that cycle.", hint="Rate one that is on your page.")
        clarity, pay, load = (_figure(form.get(name, "")) for name in ("clarity", "pay", "load"))
        rating = Rating(
            model=models[cycle],
            cycle=cycle,
            person=link.person,
            clarity=clarity,
            pay=pay,
            load=load,
            comment=form.get("comment", ""),
            at=self._clock.now(),
        )
        Ratings(self._source.engine()).rate(rating, self._k())
        return "rating"

    def _credit(self, link: Link, form: Form) -> str:
        book, model = Credits(self._source.engine()), form.get("model", "")
        if form.get("act") == "withdraw":
            book.withdraw(link.person, model)
            return "no-credit"
        with self._reading() as reader:
            models = reader.overview(link).models
        if model not in models:
            raise BadData("You did not work for that model.", hint="Choose one that is on your page.")
        book.give(link.person, model, form.get("name", ""), at=self._clock.now())
        return "credit"


async def _form(request: Request) -> Form:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BadData("That is no form of this page.", hint="Open your link, and send the form there.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise BadData("The form is too long.", hint="Use at most 2,000 characters for a text.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise BadData("The form cannot be read.", hint="Open your link again, and send it there.") from error
    if any("\0" in value for values in fields.values() for value in values):
        raise BadData("The form holds a zero character.", hint="Write it as plain text.")
    return {name: values[-1] for name, values in fields.items()}


def _seconds(form: Form) -> Decimal:
    """Minutes and seconds of the form; either may be left empty."""
    minutes, seconds = form.get("minutes", "").strip(), form.get("seconds", "").strip()
    if not minutes and not seconds:
        raise BadData("The time is missing.", hint="Say how long it took, in minutes and seconds.")
    if not all(_NUMBER.fullmatch(part) for part in (minutes or "0", seconds or "0")):
        raise BadData(f"{minutes or 0} min {seconds or 0} s is no time.", hint="Write numbers, as 1 and 30.")
    return _MINUTE * Decimal(minutes.replace(",", ".") or 0) + Decimal(seconds.replace(",", ".") or 0)


def _number(text: str) -> int:
    """The number of a page; the first one for what is none."""
    return int(text) if _NUMBER.fullmatch(text) and text.isdecimal() else 1


def _figure(text: str) -> int:
    return int(text) if text in {"1", "2", "3", "4", "5"} else 0
