"""A person's own page behind a link that only they have: what is recorded of their work, and what they say to it."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from cycle.store import Store
from dashboard.me_words import PROVENANCES, rule, went
from ledger.durations import MINUTE, duration, interval
from ledger.people.corrections import Corrections, Request
from ledger.people.credit import Credits
from ledger.people.links import Link
from ledger.people.overview import Overview, annotations_of, entries_about, last_payments, overview
from ledger.people.own import Lineage, Payment, PeriodPay, Statement, Work, entries_of, statement
from ledger.people.ratings import Rating, Ratings
from ledger.people.terms import Told, ToldTerms
from ledger.posting_rules import given_id

ROWS_A_PAGE = 100
PAYMENTS_SHOWN = 25

Pay = Callable[[str], Sequence[PeriodPay]]
"""What somebody is owed and has received, by their pseudonym."""

_FORMULA = re.compile(r"(^|[;,|\t\r\n])(?=[ \t]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin a formula: at the beginning of a cell, and where it takes a cell to begin by another
separator than ours, as it does in most of Europe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One piece of work as it is shown: `item` is what was asked if that is known, `answer` what was said."""

    work: Work
    item: str
    answer: str | None
    time: str
    first_time: str | None
    figures_are: str
    rules: tuple[str, ...]
    went: str
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request as it is shown."""

    request: Request
    item: str
    time: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What people were told, for all cycles that were told the same."""

    told: Told
    cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """All that one person sees."""

    link: Link
    overview: Overview
    payments: tuple[Payment, ...]
    time: str
    rows: tuple[Row, ...]
    page: int
    pages: int
    requests: tuple[RequestRow, ...]
    terms: tuple[Terms, ...]
    pay: tuple[PeriodPay, ...] | None
    ratings: Mapping[str, Rating]
    final: frozenset[str]
    credits: Mapping[str, str]
    k: int

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules by which the times shown were taken, each once."""
        return tuple(dict.fromkeys(rule for row in self.rows for rule in row.rules))

    @property
    def contact(self) -> str | None:
        """Whom to turn to, as people were told last."""
        return next((terms.told.contact for terms in self.terms if terms.told.contact), None)


class Reader:
    """Reads what one person may see from the database of a state folder."""

    def __init__(self, engine: Engine, store: Store, *, pay: Pay | None, k: int) -> None:
        self._engine, self._store, self._pay, self._k = engine, store, pay, k

    def page(self, link: Link, number: int) -> OwnPage:
        """The person's page; `number` counts the pages of entries from 1, and one that is none is the nearest."""
        mine, requests = overview(self._engine, link.person), Corrections(self._engine).of(link.person)
        pages = max(1, -(-mine.entries // ROWS_A_PAGE))
        number = min(max(number, 1), pages)
        shown = annotations_of(self._engine, link.person, first=(number - 1) * ROWS_A_PAGE, most=ROWS_A_PAGE)
        works = self._works(link.person, [*shown, *(one.annotation for one in requests)])
        asking = Asking(self._store, link.person, {work.cycle for work in works.values()})
        waiting = {one.annotation for one in requests if one.decision is None}
        ratings = Ratings(self._engine)
        return OwnPage(
            link=link,
            overview=mine,
            payments=tuple(last_payments(self._engine, link.person, PAYMENTS_SHOWN)),
            time=interval(mine.low_s, mine.high_s) if mine.entries else "nothing yet",
            rows=tuple(_row(works[name], asking, waiting=name in waiting) for name in shown if name in works),
            page=number,
            pages=pages,
            requests=self._requests(requests, works, asking),
            terms=self._terms(mine),
            pay=tuple(self._pay(link.person)) if self._pay else None,
            ratings={one.cycle: one for one in ratings.of(link.person)},
            final=frozenset(c for c in mine.cycles if ratings.is_public(c, link.person)),
            credits=Credits(self._engine).of(link.person),
            k=self._k,
        )

    def overview(self, link: Link) -> Overview:
        """The person's work in sums."""
        return overview(self._engine, link.person)

    def entry(self, link: Link, annotation: str) -> Row | None:
        """One of the person's entries by its name, to be corrected; None if it is not theirs."""
        found = self._works(link.person, [annotation]).get(annotation)
        if found is None:
            return None
        return _row(found, Asking(self._store, link.person, {found.cycle} - {None}), waiting=False)

    def document(self, link: Link, at: datetime) -> dict[str, Any]:
        """Everything on the page, and every entry, as JSON values. Seconds and money are decimal numbers as text."""
        mine = self._statement(link.person)
        asking = Asking(self._store, link.person, set(mine.cycles))
        return {
            "pseudonym": link.person,
            "as_of": at.isoformat(),
            "link_opens_until": link.expires_at.isoformat(),
            "seconds_low": _number(mine.low_s),
            "seconds_high": _number(mine.high_s),
            "entries_of_unknown_length": mine.untimed,
            "work": [_work_json(_row(work, asking, waiting=False)) for work in mine.work],
            "paid": [
                {"at": p.at.isoformat(), "amount": str(p.amount), "currency": p.currency, "what": p.what}
                for p in mine.payments
            ],
            "pay": [_pay_json(one) for one in self._pay(link.person)] if self._pay else None,
            "terms": [_terms_json(one) for one in ToldTerms(self._engine).of(mine.cycles)],
            "correction_requests": [_request_json(one) for one in Corrections(self._engine).of(link.person)],
            "ratings": [_rating_json(one) for one in Ratings(self._engine).of(link.person)],
            "credited_as": Credits(self._engine).of(link.person),
        }

    def table(self, link: Link) -> str:
        """Every entry as CSV, safe to open in a spreadsheet."""
        mine = self._statement(link.person)
        asking = Asking(self._store, link.person, set(mine.cycles))
        text = io.StringIO()
        rows = [_work_json(_row(work, asking, waiting=False)) for work in mine.work]
        writer = csv.DictWriter(text, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: _cell(row[name]) for name in _COLUMNS} for row in rows)
        return text.getvalue()

    def _statement(self, person: str) -> Statement:
        return statement(entries_of(self._engine, person), person, self._lineage())

    def _works(self, person: str, annotations: Sequence[str]) -> dict[str, Work]:
        """These pieces of work by name, those that are the person's."""
        known = statement(entries_about(self._engine, person, annotations), person, self._lineage())
        return {work.source_id: work for work in known.work}

    def _lineage(self) -> Lineage:
        return {model: self._store.lineage(model) for model in self._store.models()}

    def _requests(
        self, requests: Sequence[Request], by_name: Mapping[str, Work], asking: "Asking"
    ) -> tuple[RequestRow, ...]:
        booked = Corrections(self._engine).booked(requests)
        return tuple(
            RequestRow(
                request=one,
                item=asking.item(by_name[one.annotation]) if one.annotation in by_name else one.annotation,
                time=duration(one.seconds),
                state=_state(one, booked=one.number in booked),
            )
            for one in requests
        )

    def _terms(self, mine: Overview) -> tuple[Terms, ...]:
        groups: dict[tuple[str, ...], list[Told]] = {}
        for told in ToldTerms(self._engine).of(mine.cycles):
            said = told.model, told.use, told.asker, told.contact, told.pay, told.data_handling
            groups.setdefault(said, []).append(told)
        return tuple(Terms(told=group[0], cycles=len(group)) for group in groups.values())


class Asking:
    """What was asked in some cycles, and what this one person answered."""

    def __init__(self, store: Store, person: str, cycles: set[str | None]) -> None:
        wanted = sorted(cycle for cycle in cycles if cycle)
        self._queries = {(c, r.item_id): r.query for c in wanted for r in store.requests(c)}
        self._labels = {
            given_id(answer): answer.label
            for cycle in wanted
            for answer in store.given(cycle)
            if answer.annotator == person
        }

    def item(self, work: Work) -> str:
        """What was asked, or what is known of it: of live queries, and of work elsewhere, no text is kept."""
        asked = self._queries.get((work.cycle or "", work.item_id or ""))
        return asked or (f"item {work.item_id}: its text is not kept" if work.item_id else work.what)

    def answer(self, work: Work) -> str | None:
        """What the person said; None where that is not known."""
        if work.source_id not in self._labels:
            return None
        label = self._labels[work.source_id]
        return "skipped" if label is None else label


def _row(work: Work, asking: Asking, *, waiting: bool) -> Row:
    first = _span(work.first_low_s, work.first_high_s) if work.corrected else None
    return Row(
        work=work,
        item=asking.item(work),
        answer=asking.answer(work),
        time=_span(work.low_s, work.high_s),
        first_time=first,
        figures_are=PROVENANCES[work.provenance],
        rules=tuple(rule(policy) for policy in work.policies),
        went=went(work),
        waiting=waiting,
    )


def _span(low_s: Decimal | None, high_s: Decimal | None) -> str:
    """From the low to the high bound; a short time that is known exactly, exactly."""
    if low_s is not None and low_s == high_s and low_s < MINUTE:
        return f"{low_s.normalize():f} s"
    return interval(low_s, high_s)


def _state(request: Request, *, booked: bool) -> str:
    if request.decision is None:
        return "waiting for a decision"
    if not request.decision.accepted:
        return "refused"
    return "accepted, and booked" if booked else "accepted; it is booked when the cycle is closed"


_COLUMNS = (
    "when",
    "model",
    "cycle",
    "item_id",
    "item",
    "answer",
    "kind",
    "seconds_low",
    "seconds_high",
    "provenance",
    "rule",
    "policy",
    "version",
    "later_versions",
    "not_used",
    "went",
    "corrected",
    "first_seconds_low",
    "first_seconds_high",
    "entry",
)


def _work_json(row: Row) -> dict[str, Any]:
    work = row.work
    return {
        "when": work.at.isoformat(),
        "model": work.model,
        "cycle": work.cycle,
        "item_id": work.item_id,
        "item": row.item,
        "answer": row.answer,
        "kind": work.kind.value if work.kind else None,
        "seconds_low": _number(work.low_s),
        "seconds_high": _number(work.high_s),
        "provenance": work.provenance.value,
        "rule": "; ".join(row.rules) or None,
        "policy": " + ".join(work.policies) or None,
        "version": work.end.version,
        "later_versions": list(work.end.later),
        "not_used": work.end.unused,
        "went": row.went,
        "corrected": work.corrected,
        "first_seconds_low": _number(work.first_low_s),
        "first_seconds_high": _number(work.first_high_s),
        "entry": work.source_id,
    }


def _pay_json(pay: PeriodPay) -> dict[str, Any]:
    return {
        "first": pay.first.isoformat(),
        "last": pay.last.isoformat(),
        "currency": pay.currency,
        **{name: _number(getattr(pay, name)) for name in ("owed", "received", "top_up", "payable")},
        "unknown": list(pay.unknown),
    }


def _terms_json(told: Told) -> dict[str, Any]:
    names = ("cycle", "model", "use", "asker", "contact", "pay", "data_handling")
    return {name: getattr(told, name) for name in names} | {"told_at": told.at.isoformat()}


def _request_json(request: Request) -> dict[str, Any]:
    decision = request.decision
    return {
        "number": request.number,
        "entry": request.annotation,
        "seconds": _number(request.seconds),
        "reason": request.reason,
        "at": request.at.isoformat(),
        "decision": decision
        and {
            "accepted": decision.accepted,
            "by": decision.by,
            "reason": decision.reason,
            "at": decision.at.isoformat(),
        },
    }


def _rating_json(rating: Rating) -> dict[str, Any]:
    names = ("model", "cycle", "clarity", "pay", "load", "comment")
    return {name: getattr(rating, name) for name in names} | {"at": rating.at.isoformat()}


def _number(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _cell(value: object) -> object:
    text = ", ".join(value) if isinstance(value, list) else value
    return _FORMULA.sub(r"\1'", text) if isinstance(text, str) else text
