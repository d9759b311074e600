"""A person at Label Studio's page, event by event: what it reports, what is booked of that, and what was really given.

The page's rules were measured on Label Studio 1.23.2 in Chromium: a time counts from the loading of the item, seen or
not; a draft is saved five seconds after a change, with the time so far; who comes back to a draft begins with its
time, and an edit with the answer's; undoing a skip deletes it and makes a draft of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from kempelen.records import Annotation, Effort
from ledger import effort

BEGIN = datetime(2020, 1, 20, 9, tzinfo=UTC)
AUTOSAVE_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something the person, the browser or Kempelen does, `at_ms` after the beginning.

    `open` an item in a tab, `choose` a label, `look` at another tab, go `away`, `close` the tab (a reload is close and
    open), go on to the `next` item, `submit` (an answer, or an edit of one), `skip`, `unskip`, `delete` the answer,
    `patch` or `insert` one by the API without a time, step the browser's `clock` by `by_ms`, `collect` the answers.
    """

    at_ms: int
    do: str
    item: str = ""
    tab: int = 1
    by_ms: int = 0


def event(written: Mapping[str, Any]) -> Event:
    """An event as it is written in a file, in seconds.

    >>> event({"at": 1.5, "do": "open", "item": "corona"})
    Event(at_ms=1500, do='open', item='corona', tab=1, by_ms=0)
    """
    rest = {key: value for key, value in written.items() if key in {"do", "item", "tab"}}
    return Event(at_ms=round(written["at"] * 1000), by_ms=round(written.get("by", 0) * 1000), **rest)


@dataclass(slots=True, kw_only=True, eq=False)
class Stay:
    """An item in a tab, from its loading on. `attention_ms` is the truth."""

    item: str
    loaded_ms: int
    carried_ms: int = 0
    answer: "Answer | None" = None
    draft: "Draft | None" = None
    changed_ms: int | None = None
    attention_ms: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """What was saved of an answer that was not sent, and the stays in which it was made."""

    lead_ms: int
    created_ms: int
    stays: list[Stay]


@dataclass(slots=True, kw_only=True, eq=False)
class Answer:
    """An answer as the server has it, and the stays in which it was made."""

    item: str
    created_ms: int
    updated_ms: int
    lead_ms: int | None = None
    drafted_ms: int | None = None
    skipped: bool = False
    stays: list[Stay] = field(default_factory=list)
    number: int = 0

    def form(self) -> Annotation:
        """The answer as Kempelen reads it."""
        return Annotation(
            source_id=f"label-studio:1:{self.number}",
            item_id=self.item,
            annotator="ada",
            label=None if self.skipped else "health",
            lead_time_s=None if self.lead_ms is None else self.lead_ms / 1000,
            started_at=None if self.drafted_ms is None else moment(self.drafted_ms),
            submitted_at=moment(self.created_ms),
            simulated=True,
            changed_at=moment(self.updated_ms) if self.updated_ms > self.created_ms else None,
        )


def moment(ms: int) -> datetime:
    """So long after the beginning."""
    return BEGIN + timedelta(milliseconds=ms)


@dataclass(slots=True, kw_only=True)
class Books:
    """What is booked of the forms that were read, as the cycle does it."""

    idle_cap_s: float
    booked: dict[str, list[Effort | None]] = field(default_factory=dict)
    forms: dict[str, list[Annotation]] = field(default_factory=dict)
    stays: dict[str, list[Stay]] = field(default_factory=dict)

    def read(self, answers: Iterable[Answer]) -> None:
        """Book what is new, and what was edited since the last reading."""
        now = {answer.number: (answer, answer.form()) for answer in answers}
        there = {form.source_id for _, form in now.values()}
        gone = [chain[-1] for name, chain in self.forms.items() if name not in there]
        for answer, form in now.values():
            chain = self.forms.setdefault(form.source_id, [])
            if chain and chain[-1] == form:
                continue
            before = chain[-1] if chain else next((old for old in gone if effort.taken_up(old, form)), None)
            found = effort.added(before, form, self.idle_cap_s) if before else effort.bounds(form, self.idle_cap_s)
            self.booked.setdefault(form.item_id, []).append(found)
            self.stays.setdefault(form.item_id, []).extend(answer.stays)
            chain.append(form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The books of one person and the truth: in seconds, by item of what was read, and of everything.

    `unknown` are items of which some effort is unknown; `forms` is all that was read, `standing` what is there at last.
    """

    booked: Mapping[str, tuple[Decimal, Decimal]]
    truth: Mapping[str, Decimal]
    total: Decimal
    unknown: frozenset[str]
    forms: tuple[Annotation, ...]
    standing: tuple[Annotation, ...]

    @property
    def lead_times(self) -> Decimal:
        """The sum of what Label Studio holds at the end."""
        return _sum(Decimal(str(form.lead_time_s)) for form in self.standing if form.lead_time_s is not None)


class Page:
    """Label Studio and a person before it. A pause shorter than the cap is a ValueError: it belongs to the work."""

    def __init__(self, idle_cap_s: float, delay_ms: Callable[[], int] = lambda: 0) -> None:
        self.idle_cap_s, self.delay_ms = idle_cap_s, delay_ms
        self.now = self.clock_ms = self.away_ms = 0
        self.focus: Stay | None = None
        self.tabs: dict[int, Stay] = {}
        self.all: list[Stay] = []
        self.drafts: dict[str, Draft] = {}
        self.answers: list[Answer] = []
        self.given = 0
        self.books = Books(idle_cap_s=idle_cap_s)

    def play(self, events: Iterable[Event]) -> Replayed:
        """All events in their order, and a last collection."""
        for one in events:
            self._until(one.at_ms)
            if one.do not in {"away", "clock", "collect", "patch", "insert", "delete"} and self.focus is None:
                self._come_back()
            getattr(self, f"_{one.do}")(one)
        self.books.read(self.answers)
        return self._replayed()

    def _until(self, at_ms: int) -> None:
        """Time passes: whoever is looked at has it, and drafts are saved when they are due."""
        for stay in list(self.tabs.values()):
            if stay.changed_ms is not None and stay.changed_ms + AUTOSAVE_MS <= at_ms:
                self._save(stay, stay.changed_ms + AUTOSAVE_MS)
        if self.focus is not None:
            self.focus.attention_ms += at_ms - self.now
        self.now = at_ms

    def _come_back(self) -> None:
        if self.all and self.now - self.away_ms < self.idle_cap_s * 1000:
            raise ValueError(f"A pause of {(self.now - self.away_ms) / 1000} s is part of the work: leave it out.")

    def _save(self, stay: Stay, at_ms: int) -> None:
        lead = stay.carried_ms + at_ms + self.clock_ms - stay.loaded_ms
        if stay.draft is None:
            stay.draft = Draft(lead_ms=lead, created_ms=at_ms + self.delay_ms(), stays=[])
            self.drafts[self._draft_of(stay)] = stay.draft
        stay.draft.lead_ms, stay.changed_ms = lead, None
        if stay not in stay.draft.stays:
            stay.draft.stays.append(stay)

    @staticmethod
    def _draft_of(stay: Stay) -> str:
        """A draft belongs to the item, or to the answer that is edited."""
        return f"{stay.item}:{stay.answer.number if stay.answer else 'new'}"

    def _open(self, one: Event) -> None:
        stay = Stay(item=one.item, loaded_ms=self.now + self.clock_ms)
        stay.answer = next((a for a in reversed(self.answers) if a.item == one.item), None)
        stay.draft = self.drafts.get(self._draft_of(stay))
        stay.carried_ms = stay.draft.lead_ms if stay.draft else 0
        self.tabs[one.tab] = self.focus = stay
        self.all.append(stay)

    def _choose(self, one: Event) -> None:
        stay = self.tabs[one.tab]
        stay.changed_ms = self.now if stay.changed_ms is None else stay.changed_ms

    def _look(self, one: Event) -> None:
        self.focus = self.tabs[one.tab]

    def _away(self, _one: Event) -> None:
        self.focus, self.away_ms = None, self.now

    def _close(self, one: Event) -> None:
        stay = self.tabs.pop(one.tab)
        if self.focus in {stay, None}:
            self.focus, self.away_ms = None, self.now - round(self.idle_cap_s * 1000)

    def _next(self, one: Event) -> None:
        stay = self.tabs[one.tab]
        if stay.changed_ms is not None:
            self._save(stay, self.now)
        self._close(one)

    def _submit(self, one: Event) -> None:
        self._send(one, skipped=False)

    def _skip(self, one: Event) -> None:
        self._send(one, skipped=True)

    def _send(self, one: Event, *, skipped: bool) -> None:
        stay, at_ms = self.tabs[one.tab], self.now + self.delay_ms()
        stays = [*(stay.draft.stays if stay.draft else ()), stay]
        lead = self._lead(stay)
        if stay.answer is not None:
            answer = stay.answer
            answer.lead_ms, answer.updated_ms, answer.skipped = lead, at_ms, skipped
            answer.stays += stays
        else:
            made = Answer(
                item=stay.item, created_ms=at_ms, updated_ms=at_ms, lead_ms=lead, skipped=skipped, stays=stays
            )
            made.drafted_ms = stay.draft.created_ms if stay.draft else None
            self._give(made)
        self.drafts.pop(self._draft_of(stay), None)
        self._close(one)

    def _lead(self, stay: Stay) -> int:
        edited = (stay.answer.lead_ms or 0) if stay.answer else 0
        return edited + stay.carried_ms + self.now + self.clock_ms - stay.loaded_ms

    def _unskip(self, one: Event) -> None:
        stay = self.tabs[one.tab]
        if stay.answer is None or not stay.answer.skipped:
            raise ValueError(f"{stay.item} was not skipped.")
        draft = Draft(lead_ms=self._lead(stay), created_ms=self.now + self.delay_ms(), stays=[*stay.answer.stays, stay])
        self.answers.remove(stay.answer)
        self.drafts[f"{stay.item}:new"] = draft
        self._open(Event(at_ms=self.now, do="open", item=stay.item, tab=one.tab))

    def _delete(self, one: Event) -> None:
        self.answers.remove(next(a for a in reversed(self.answers) if a.item == one.item))

    def _patch(self, one: Event) -> None:
        next(a for a in reversed(self.answers) if a.item == one.item).updated_ms = self.now

    def _insert(self, one: Event) -> None:
        self._give(Answer(item=one.item, created_ms=self.now, updated_ms=self.now))

    def _give(self, answer: Answer) -> None:
        self.given += 1
        answer.number = self.given
        self.answers.append(answer)

    def _clock(self, one: Event) -> None:
        self.clock_ms += one.by_ms

    def _collect(self, _one: Event) -> None:
        self.books.read(self.answers)

    def _replayed(self) -> Replayed:
        known = {item: [e for e in efforts if e is not None] for item, efforts in self.books.booked.items()}
        return Replayed(
            booked={item: (_sum(e.low_s for e in es), _sum(e.high_s for e in es)) for item, es in known.items()},
            truth={item: _seconds(set(stays)) for item, stays in self.books.stays.items()},
            total=_seconds(set(self.all)),
            unknown=frozenset(item for item, efforts in self.books.booked.items() if None in efforts),
            forms=tuple(form for chain in self.books.forms.values() for form in chain),
            standing=tuple(answer.form() for answer in self.answers),
        )


def _sum(seconds: Iterable[Decimal]) -> Decimal:
    return sum(seconds, Decimal(0))


def _seconds(stays: Iterable[Stay]) -> Decimal:
    return Decimal(sum(stay.attention_ms for stay in stays)) / 1000
