"""Looks at the traffic, what people said of alarms, and the references that traffic is compared with."""

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint, delete, select

from cycle.records import Acknowledgement, Look, Mute
from cycle.store._documents import METADATA, Documents, Record, dumped
from kempelen.errors import BadData
from kempelen.profile import Profile
from ledger.database import insert_new, reading, writing
from ledger.moments import Moment

_looks = Table(
    "look",
    METADATA,
    Column("model", String(50), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("document", Text),
)
_notes = Table(
    "alarm_note",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("model", String(50), index=True),
    Column("kind", String(20)),
    Column("subject", String(400)),
    Column("at", Moment),
    Column("document", Text),
    UniqueConstraint("model", "kind", "subject", "at"),
)
_references = Table(
    "reference_profile",
    METADATA,
    Column("model", String(50), primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("document", Text),
)


class Watching(Documents):
    """What is known of looks, alarms and references."""

    def record_look(self, look: Look) -> None:
        """Record a look at the traffic."""
        self._add(_looks, [{"model": look.model, "at": look.at, "document": dumped(look)}])

    def looks(self, model: str) -> list[Look]:
        """Every look, oldest first."""
        query = select(_looks.c.document).where(_looks.c.model == model).order_by(_looks.c.at)
        return self._read(Look, query)

    def last_look(self, model: str) -> Look | None:
        """The latest look, None before the first: a year of hourly looks takes seconds to read."""
        query = select(_looks.c.document).where(_looks.c.model == model).order_by(_looks.c.at.desc()).limit(1)
        return next(iter(self._read(Look, query)), None)

    def mute(self, mute: Mute) -> None:
        """Record that a detector, or one subject of it, is muted."""
        self._note(mute, "mute", f"{mute.detector}/{mute.subject}")

    def mutes(self, model: str) -> list[Mute]:
        """Every mute, oldest first; later ones replace earlier ones about the same."""
        return self._notes_of(Mute, model, "mute")

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Record that a person has seen an alarm."""
        self._note(acknowledgement, "acknowledgement", acknowledgement.alarm_id)

    def acknowledgements(self, model: str) -> list[Acknowledgement]:
        """Every acknowledgement, oldest first."""
        return self._notes_of(Acknowledgement, model, "acknowledgement")

    def _note(self, note: Mute | Acknowledgement, kind: str, subject: str) -> None:
        row = {"model": note.model, "kind": kind, "subject": subject, "at": note.at, "document": dumped(note)}
        self._add(_notes, [row])

    def _notes_of(self, kind: type[Record], model: str, name: str) -> list[Record]:
        query = select(_notes.c.document).where(_notes.c.model == model, _notes.c.kind == name)
        return self._read(kind, query.order_by(_notes.c.sequence))

    def record_reference(self, model: str, version: str, profile: Profile) -> None:
        """Keep the reference of a version, so that nobody needs its rows again, in place of one that cannot be read."""
        if self.reference(model, version) is not None:
            return
        row = {"model": model, "version": version, "document": profile.to_json()}
        with writing(self._engine) as connection:
            unreadable = (_references.c.model == model) & (_references.c.version == version)
            connection.execute(delete(_references).where(unreadable))
            connection.execute(insert_new(self._engine, _references), [row])

    def reference(self, model: str, version: str) -> Profile | None:
        """The reference of a version; None while it is still being gathered, or if an older Kempelen wrote it."""
        query = select(_references.c.document).where(_references.c.model == model, _references.c.version == version)
        with reading(self._engine) as connection:
            document = connection.execute(query).scalar()
        try:
            return Profile.from_json(document) if document else None
        except BadData:
            return None
