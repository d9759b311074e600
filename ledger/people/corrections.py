"""A person says that a time is wrong, somebody with a name decides, and what is right is booked; all on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select

from kempelen.errors import BadData, KempelenError, LedgerError, Problem
from kempelen.records import Effort
from ledger import accounts
from ledger.database import reading
from ledger.entries import Entry
from ledger.people.erasure import is_erased
from ledger.people.overview import are_booked, entries_about
from ledger.people.own import parted
from ledger.people.says import one_line, written
from ledger.people.tables import DECISIONS, REQUESTS, changing, prepared
from ledger.posting_rules import annotation_of, corrected, reversal

LONGEST_S = Decimal(86_400)
"""A day at one item; longer is a slip of the pen."""

MOST_OPEN = 200
"""Requests of one person that may wait for a decision at a time, so that nobody fills the database by a link."""

POLICY = "corrected-by-request/1"
"""Both bounds are what the person says it took, accepted by somebody with a name."""

_MS = Decimal("0.001")


class Books(Protocol):
    """Where corrections are booked; `ledger.store.Ledger` is one."""

    def book(self, entries: list[Entry], /) -> object:
        """Add entries in one transaction; the same again is harmless."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Accepted or refused, by whom and why. `correction` counts the accepted ones of an annotation from 1."""

    accepted: bool
    by: str
    reason: str | None
    at: datetime
    correction: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person says an annotation took. `reason` is None once they were forgotten."""

    number: int
    person: str
    annotation: str
    seconds: Decimal
    reason: str | None
    at: datetime
    decision: Decision | None = None


class Corrections:
    """The correction requests of a deployment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def ask(self, person: str, annotation: str, seconds: Decimal, reason: str, *, at: datetime) -> Request:
        """Put a request on record: `annotation` is the name of the person's own entry, `seconds` what it took.

        BadData when it is not theirs, the time cannot be one, or no reason is given; LedgerError while an earlier
        request about it waits for a decision.
        """
        why, ms = written(reason, "The reason"), _milliseconds(seconds)
        name = annotation_of(annotation)
        if name not in parted(entries_about(self._engine, person, [name]))[0]:
            raise BadData("No such work of yours is on record.", hint="Choose one of the entries on your page.")
        with changing(self._engine) as connection:
            if is_erased(connection, person):
                raise BadData("This person was forgotten.", hint="Nobody can say any more who asks.")
            waiting = [one for one in _requests(connection, _of(person)) if one.decision is None]
            if any(one.annotation == name for one in waiting):
                raise LedgerError(
                    "Your earlier request about this entry is still waiting.", hint="Wait for its decision."
                )
            if len(waiting) >= MOST_OPEN:
                raise LedgerError(f"{len(waiting)} of your requests are waiting.", hint="Wait until some are decided.")
            row = {"person": person, "annotation": name, "ms": ms, "reason": why, "at": at}
            number = connection.execute(insert(REQUESTS).values(**row).returning(REQUESTS.c.number)).scalar_one()
            return _requests(connection, select(REQUESTS.c.number).where(REQUESTS.c.number == number))[0]

    def of(self, person: str) -> list[Request]:
        """The requests of a person, newest first."""
        with reading(self._engine) as connection:
            return _requests(connection, _of(person))[::-1]

    def waiting(self) -> list[Request]:
        """The requests that nobody has decided on, oldest first."""
        with reading(self._engine) as connection:
            decided = select(DECISIONS.c.request)
            return _requests(connection, select(REQUESTS.c.number).where(REQUESTS.c.number.not_in(decided)))

    def decide(self, number: int, *, accepted: bool, by: str, reason: str, at: datetime) -> Request:
        """Accept or refuse a request, once. The decision is on record first; `book_accepted` then books it.

        The very same decision again is harmless; another one is a LedgerError. BadData for an unknown request, or
        without a name or a reason.
        """
        who, why = one_line(by, "Your name"), written(reason, "The reason")
        with changing(self._engine) as connection:
            found = _requests(connection, select(REQUESTS.c.number).where(REQUESTS.c.number == number))
            if not found:
                raise BadData(f"There is no request {number}.", hint="See the requests that wait for a decision.")
            earlier = found[0].decision
            if earlier is not None:
                if (earlier.accepted, earlier.by, earlier.reason) == (accepted, who, why):
                    return found[0]
                raise LedgerError(
                    f"Request {number} was {_outcome(accepted=earlier.accepted)} by {earlier.by} already.",
                    hint="A decision stands. If the time is still wrong, the person can ask again.",
                )
            which = _accepted_before(connection, found[0].annotation) + 1 if accepted else None
            row = {"outcome": _outcome(accepted=accepted), "correction": which, "by": who, "reason": why, "at": at}
            connection.execute(insert(DECISIONS).values(request=number, **row))
            return _requests(connection, select(REQUESTS.c.number).where(REQUESTS.c.number == number))[0]

    def unbooked(self) -> list[Request]:
        """Accepted requests that are not in the books yet: left by a kill, or their cycle is under way."""
        accepted = select(DECISIONS.c.request).where(DECISIONS.c.correction.is_not(None))
        with reading(self._engine) as connection:
            found = _requests(connection, accepted)
        booked = are_booked(self._engine, [booked_as(one) for one in found])
        return [one for one in found if booked_as(one) not in booked]

    def booked(self, requests: Sequence[Request]) -> set[int]:
        """The numbers of those of these requests that are in the books."""
        names = {booked_as(one): one.number for one in requests if one.decision and one.decision.accepted}
        return {names[name] for name in are_booked(self._engine, names)}

    def book_accepted(self, books: Books) -> tuple[int, list[Problem]]:
        """Book what was accepted and is not in the books; how many were, and what could not be.

        Time that still lies in a cycle's pool is left until the cycle is accounted for: what takes it there, and what
        takes it on, must agree. Run it after each decision and after a cycle is accounted for; again is harmless.
        """
        booked, problems = 0, []
        for request in self.unbooked():
            try:
                entries = correction(request, entries_about(self._engine, request.person, [request.annotation]))
                if entries:
                    books.book(entries)
                    booked += 1
            except KempelenError as error:
                problems.append(
                    Problem(
                        stage="corrections", subject=f"request {request.number}", message=str(error), hint=error.hint
                    )
                )
        return booked, problems


def correction(request: Request, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that an accepted request means; none while the effort lies in a pool. BadData if it is not theirs.

    What was booked for edits that the person had made by then is taken back, too: they say how long all of it took.
    What they did after they had asked is further effort, and stays.
    """
    decision = request.decision
    if decision is None or decision.correction is None:
        raise LedgerError(f"Request {request.number} was not accepted.", hint="Decide on it first.")
    given, assigned = parted(entries)
    known = given.get(request.annotation, [])
    if not known:
        raise BadData(f"{request.annotation} is not in the books any more.", hint="See what took it back.")
    main, *later = known
    others = [part for part in later if (part.worked_at or part.at) <= request.at]
    if any(accounts.role(part.receiver) == "pool" and part.source_id not in assigned for part in (main, *others)):
        return []
    why = f"corrected on request {request.number}"
    booked = corrected(
        main,
        assigned.get(main.source_id),
        effort=Effort(low_s=request.seconds, high_s=request.seconds, policy=POLICY),
        number=decision.correction,
        at=decision.at,
        reason=why,
    )
    also = [entry for part in others for entry in (part, assigned.get(part.source_id)) if entry is not None]
    return [*booked, *(reversal(entry, at=decision.at, reason=why) for entry in also)]


def booked_as(request: Request) -> str:
    """The `source_id` under which an accepted request is booked."""
    number = request.decision.correction if request.decision else None
    return f"{request.annotation}#corrected-{number}"


def _milliseconds(seconds: Decimal) -> int:
    if not seconds.is_finite() or not 0 <= seconds <= LONGEST_S:
        raise BadData(f"{seconds} seconds cannot be the time of one entry.", hint="Say between 0 seconds and a day.")
    return int(seconds.quantize(_MS) * 1000)


def _accepted_before(connection: Connection, annotation: str) -> int:
    query = (
        select(func.count())
        .select_from(DECISIONS)
        .join(REQUESTS, REQUESTS.c.number == DECISIONS.c.request)
        .where(REQUESTS.c.annotation == annotation, DECISIONS.c.correction.is_not(None))
    )
    return int(connection.execute(query).scalar_one())


def _outcome(*, accepted: bool) -> str:
    return "accepted" if accepted else "refused"


def _of(person: str) -> Select[tuple[int]]:
    return select(REQUESTS.c.number).where(REQUESTS.c.person == person)


def _requests(connection: Connection, which: Select[tuple[int]]) -> list[Request]:
    decided = (DECISIONS.c.outcome, DECISIONS.c.correction, DECISIONS.c.by)
    said = DECISIONS.c.reason.label("answer"), DECISIONS.c.at.label("decided_at")
    query = (
        select(REQUESTS, *decided, *said)
        .join(DECISIONS, DECISIONS.c.request == REQUESTS.c.number, isouter=True)
        .where(REQUESTS.c.number.in_(which))
        .order_by(REQUESTS.c.number)
    )
    return [_request(row) for row in connection.execute(query).mappings()]


def _request(row: RowMapping) -> Request:
    decision = None
    if row["outcome"] is not None:
        decision = Decision(
            accepted=row["outcome"] == "accepted",
            by=row["by"],
            reason=row["answer"],
            at=row["decided_at"],
            correction=row["correction"],
        )
    return Request(
        number=row["number"],
        person=row["person"],
        annotation=row["annotation"],
        seconds=Decimal(row["ms"]) / 1000,
        reason=row["reason"],
        at=row["at"],
        decision=decision,
    )
