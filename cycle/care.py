"""What may distress annotators: recognised before it is asked about, and shown to nobody more often than agreed."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

from kempelen import plugins, text
from kempelen.errors import ConfigError, KempelenError
from kempelen.protocols import HazardTagger
from kempelen.records import Annotation, LabelRequest
from kempelen.settings import Hazard, Settings


@dataclass(frozen=True, kw_only=True)
class Hazards:
    """Marks what may distress people: by its words, by the label the model gives it, or by a tagger of the user's own.

    A hazard's term of several words marks a query that has all of them, in any order. Words are compared as the
    classifier sees them, and not by their stem: name the plural, too.
    """

    known: tuple[Hazard, ...] = ()
    tagger: HazardTagger | None = None

    def tags_of(self, items: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        """The names of the hazards in each pair of normalised query and predicted label, in order.

        First those of the settings, as they stand there, then what the tagger adds. ConfigError if the tagger fails: an
        item that nobody could examine must not count as harmless.
        """
        added = self._added([query for query, _ in items])
        return [
            tuple(dict.fromkeys([*self._named(query, label), *more]))
            for (query, label), more in zip(items, added, strict=True)
        ]

    def _named(self, query: str, label: str) -> list[str]:
        words = set(text.terms(query))
        return [
            hazard.name
            for hazard in self.known
            if label in hazard.labels or any(_words(term) <= words for term in hazard.terms)
        ]

    def _added(self, queries: Sequence[str]) -> Sequence[tuple[str, ...]]:
        if self.tagger is None or not queries:
            return [()] * len(queries)
        try:
            found = [_checked(names) for names in self.tagger.tag(queries)]
        except KempelenError:
            raise
        except Exception as error:
            raise _refused(f"failed: {error!r}") from error
        if len(found) != len(queries):
            raise _refused(f"gave {len(found)} answers for {len(queries)} queries")
        return found


def hazards(settings: Settings) -> Hazards:
    """What `[care]` describes. ConfigError for a term or a label that could never mark anything."""
    care = settings.care
    for hazard in care.hazards:
        wordless = [term for term in hazard.terms if not _words(term)]
        strangers = sorted(set(hazard.labels) - set(settings.model.labels))
        if wordless:
            raise ConfigError(
                f"The hazard {hazard.name!r} has the term {wordless[0]!r}, in which there is no word.",
                hint="Write words in `terms` of [[care.hazards]], or take it out: it would protect nobody.",
            )
        if strangers:
            raise ConfigError(
                f"The hazard {hazard.name!r} has the label {strangers[0]!r}, which the model does not give.",
                hint=f"Its labels are {', '.join(settings.model.labels)}.",
            )
    return Hazards(known=care.hazards, tagger=_tagger(care.tagger))


def released(  # noqa: PLR0913 - everything that decides who can be shown what
    requests: Sequence[LabelRequest],
    *,
    submitted: AbstractSet[str],
    elsewhere: int,
    answered: Sequence[Annotation],
    now: datetime,
    cap: int,
) -> list[LabelRequest]:
    """What a cycle may put before people now, so that nobody can be shown over `cap` hazardous items a day.

    An annotation system shows every open item to everybody, and an item that somebody reads and leaves without an
    answer leaves no trace. So everything hazardous that was open at any moment of the day (UTC) counts, for everybody:
    whatever people do, what they are shown is among that. What was open at midnight counts for both days.

    Parameters
    ----------
    requests
        Everything that the cycle wants answers to now, further opinions and experts' decisions included.
    submitted
        Items of the cycle that people may have before them already, by item id. They stay. What people have answered
        as often as they were asked to is not among them: to ask for more needs room, as a new item does.
    elsewhere
        Hazardous items that may be before people beside `requests`: of other cycles, whichever model they are about.
    answered
        Answers to hazardous items in all cycles, skips and deleted ones included.
    now
        The moment of asking, or an earlier one. It must be known before `submitted` is read.
    cap
        Hazardous items that one person can be shown on a day. 0: none is ever shown.

    Returns
    -------
    list of LabelRequest
        What is harmless, what everybody may have seen today, and as many of the others as there is room for, in the
        order of `requests`.

    Two callers at a time would both fill the same room: see `cycle/exposure.py`. What nothing can hold: who looks up
    there what was answered on earlier days, or deletes answers or items so that others open, is shown those, too.
    """
    open_today = {request.item_id for request in requests if request.hazards} & submitted
    open_today |= {answer.item_id for answer in answered if answer.submitted_at >= midnight(now)}
    room = cap - elsewhere - len(open_today)
    waiting = [r.item_id for r in requests if r.hazards and r.item_id not in open_today]
    held_back = set(waiting[max(0, room) :])
    return [request for request in requests if request.item_id not in held_back]


def midnight(moment: datetime) -> datetime:
    """When the day of a moment began (UTC)."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _words(term: str) -> set[str]:
    return set(text.terms(text.normalise(term)))


def _tagger(name: str | None) -> HazardTagger | None:
    if name is None:
        return None
    if ":" not in name:
        raise ConfigError(
            f"[care] tagger is {name!r}: there is no such classifier in Kempelen.",
            hint='Write "package.module:build" of your own, which returns an object with tag(queries).',
        )
    made: HazardTagger = plugins.build("care", name, {}, section="care")
    return made


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) and name.strip() for name in names):
        raise _refused(f"named {names!r} for one query")
    return tuple(names)


def _refused(what: str) -> ConfigError:
    return ConfigError(
        f"The [care] tagger {what}.",
        hint="tag(queries) returns one tuple of names for each query. Mend it, or take it out: nothing was asked.",
    )
