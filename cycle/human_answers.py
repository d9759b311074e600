"""Answers that people give in the model's place, from the client that waits to the entry in the books."""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cycle.fallback import FallbackQueue, Turn, Waiting
from kempelen.clock import Clock
from kempelen.errors import BadData, KempelenError
from kempelen.protocols import Scrubber
from kempelen.records import Effort
from kempelen.settings import Settings
from kempelen.text import item_id, normalise
from ledger import posting_rules
from ledger.accounts import Unused
from ledger.entries import Entry
from ledger.store import Ledger

SHOWN_TO_ANSWERED = "shown-to-answered/1"
"""The high bound is the time from showing the item to answering or skipping; the low one, too, up to the idle cap."""

LAPSED = "lapsed/1"
"""The item was shown and left: the high bound is the whole time for which it was held, the low bound 0."""

_LOOK_EVERY_S = 0.2
_LONGEST_WAIT_S = 86_400
_MS = Decimal("0.001")


@dataclass(frozen=True, kw_only=True)
class HumanAnswers:
    """One model's fallback on people. `version` says which version is in service."""

    settings: Settings
    queue: FallbackQueue
    ledger: Ledger
    scrubber: Scrubber
    pseudonym: Callable[[str], str]
    version: Callable[[], str]
    clock: Clock

    def serve(
        self, query: str, *, suggestion: str | None = None, confidence: float | None = None, wait_s: float | None = None
    ) -> str | None:
        """A person's answer to a query of which the model is not sure, or None: then serve the model's own.

        It is None if `confidence` is not below `fallback.below`, if nobody answered within `wait_s` seconds, and for
        an empty query. What was given in vain is booked as waste. People see the query without the personal data that
        the scrubber finds; it is the query of one user: tell users that people may read it.
        """
        fallback, normal = self.settings.fallback, normalise(query)
        if not normal or (confidence is not None and confidence >= fallback.below):
            return None
        now, wait = self.clock.now(), fallback.wait_s if wait_s is None else wait_s
        if not 0 <= wait <= _LONGEST_WAIT_S:
            raise BadData(f"{wait} seconds are no time to wait.", hint=f"Wait 0 to {_LONGEST_WAIT_S} seconds.")
        (shown,) = self.scrubber.scrub([normal])
        item = Waiting(
            ticket=secrets.token_hex(16),
            model=self.settings.model.name,
            version=self.version(),
            item_id=item_id(normal),
            query=shown.text,
            suggestion=suggestion,
            confidence=confidence,
            asked_at=now,
            deadline=now + timedelta(seconds=wait),
        )
        self.queue.ask(item)
        answer = self._wait(item)
        with suppress(
            KempelenError
        ):  # the client is not to lose an answer over the books: `collect` books it, or says why
            self.book()
        return answer

    def next(self, identity: str, *, simulated: bool = False) -> tuple[str, Waiting] | None:
        """Show a person the next item: the turn to answer in, and the item; None when nothing waits."""
        hold = timedelta(seconds=self.settings.fallback.hold_s)
        person = self.pseudonym(identity)
        return self.queue.next(self.settings.model.name, person, self.clock.now(), hold=hold, simulated=simulated)

    def answer(self, turn: str, label: str | None) -> bool:
        """Record what a person answered in a turn, None for a skip; whether the client can still be given it.

        BadData for a label that the model does not have.
        """
        labels = self.settings.model.labels
        if label is not None and label not in labels:
            raise BadData(f"{label!r} is none of the model's labels.", hint=f"Answer one of {', '.join(labels)}.")
        in_time = self.queue.end(turn, label, self.clock.now())
        self.book()
        return in_time

    def book(self) -> int:
        """Book every turn whose fate is known, once; how many there were. A kill between the two books it again.

        Queries that nobody waits for any more are wiped: each is one user's own.
        """
        now = self.clock.now()
        turns = self.queue.settled(self.settings.model.name, now)
        entries = {turn.turn: self._entry(turn, now) for turn in turns}
        _, otherwise = self.ledger.unbooked(entries.values())
        for turn in turns if otherwise else ():
            booked = self.ledger.entry(entries[turn.turn].source_id)
            if booked is not None:
                entries |= self._rest(turn, booked, now)
        self.ledger.book(entries.values())
        self.queue.booked(turns)
        self.queue.wipe(self.settings.model.name, now)
        return len(turns)

    def _rest(self, turn: Turn, booked: Entry, now: datetime) -> dict[str, Entry]:
        """What a kill left: the turn is booked and not marked so. That stands; if it had lapsed, the rest is new."""
        late = turn.after_lapse()
        went_on = booked.policy == LAPSED and turn.ended_at is not None
        return {turn.turn: booked} | ({late.turn: self._entry(late, now)} if went_on else {})

    def _wait(self, item: Waiting) -> str | None:
        answer = None
        while answer is None and self.clock.now() < item.deadline:
            time.sleep(_LOOK_EVERY_S)
            answer = self.queue.take(item.ticket, self.clock.now())
        return answer

    def _entry(self, turn: Turn, now: datetime) -> Entry:
        return posting_rules.answer_served(
            source_id=turn.turn,
            pseudonym=turn.person,
            effort=_effort(turn, Decimal(str(self.settings.annotation.idle_cap_s))),
            model=turn.item.model,
            version=turn.item.version,
            item_id=turn.item.item_id,
            at=now,
            worked_at=turn.shown_at,
            simulated=turn.simulated,
            unused=_waste(turn),
        )


def _waste(turn: Turn) -> Unused | None:
    if turn.ended_at is None:
        return Unused.WITHDRAWN
    if turn.label is None:
        return Unused.SKIPPED
    return None if turn.served else Unused.NOT_SERVED


def _effort(turn: Turn, idle_cap_s: Decimal) -> Effort:
    """From showing to answering. Of a turn longer than the idle cap, or one that lapsed, nobody knows what was work."""
    seconds = Decimal(str(((turn.ended_at or turn.lapses_at) - turn.shown_at).total_seconds()))
    held = max(seconds, Decimal(0)).quantize(_MS, ROUND_CEILING)
    if turn.ended_at is None:
        return Effort(low_s=Decimal(0), high_s=held, policy=LAPSED)
    low = max(seconds, Decimal(0)).quantize(_MS, ROUND_FLOOR) if seconds <= idle_cap_s else Decimal(0)
    return Effort(low_s=low, high_s=held, policy=f"{SHOWN_TO_ANSWERED} idle_cap_s={idle_cap_s.normalize():f}")
