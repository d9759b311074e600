"""What the loop remembers between its short flows: one SQLite or PostgreSQL database.

Everything is only added to. Each row has a natural key, so recording the same thing twice, as a
flow that was killed and started again will do, changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from cycle.records import Acknowledgement, Change, Cycle, CycleEvent, Judgement, Look, Mute, Promotion, Round, Version
from kempelen.errors import BadData, IllegalMove
from kempelen.profile import Profile
from kempelen.records import Annotation, ConsensusLabel, LabelRequest
from kempelen.states import State, move, replay
from ledger.database import reading, with_tables, writing

Record = TypeVar("Record")


class _Moment(TypeDecorator[datetime]):
    """A UTC moment as ISO text: sorts as time does, and keeps its time zone on every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return datetime.fromisoformat(value) if value else None


_meta = MetaData()

_cycles = Table(
    "cycle",
    _meta,
    Column("cycle_id", String(80), primary_key=True),
    Column("model", String(50), index=True),
    Column("opened_at", _Moment),
    Column("document", Text),
)
_events = Table(
    "cycle_event",
    _meta,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80), index=True),
    Column("state", String(20)),
    Column("at", _Moment),
    Column("note", Text),
    UniqueConstraint("cycle_id", "state"),
)
_rounds = Table(
    "cycle_round",
    _meta,
    Column("cycle_id", String(80), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text),
)
_requests = Table(
    "label_request",
    _meta,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80)),
    Column("item_id", String(32)),
    Column("document", Text),
    UniqueConstraint("cycle_id", "item_id"),
)
_answers = Table(
    "answer",
    _meta,
    Column("source_id", String(200), primary_key=True),
    Column("cycle_id", String(80), index=True),
    Column("document", Text),
)
_changes = Table(
    "answer_change",
    _meta,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80), index=True),
    Column("source_id", String(200)),
    Column("at", _Moment),
    Column("document", Text),  # the answer as it is now; empty: it was deleted
)
_cursors = Table(
    "collected",
    _meta,
    Column("cycle_id", String(80), primary_key=True),
    Column("cursor", Text),
)
_consensus = Table(
    "consensus_label",
    _meta,
    Column("cycle_id", String(80), primary_key=True),
    Column("item_id", String(32), primary_key=True),
    Column("document", Text),
)
_looks = Table(
    "look",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("at", _Moment, primary_key=True),
    Column("document", Text),
)
_notes = Table(
    "alarm_note",
    _meta,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("model", String(50), index=True),
    Column("kind", String(20)),
    Column("subject", String(400)),
    Column("at", _Moment),
    Column("document", Text),
    UniqueConstraint("model", "kind", "subject", "at"),
)
_references = Table(
    "reference_profile",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("document", Text),
)
_judgements = Table(
    "judgement",
    _meta,
    Column("cycle_id", String(80), primary_key=True),
    Column("model_type", String(80), primary_key=True),
    Column("document", Text),
)
_settings = Table(
    "model_settings",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("document", Text),
)
_versions = Table(
    "version",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("trained_at", _Moment),
    Column("document", Text),
)
_promotions = Table(
    "promotion",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("version", String(20)),
    Column("at", _Moment),
    Column("cycle_id", String(80)),
    Column("note", Text),
    Column("recorded_at", String(32), server_default=func.current_timestamp()),
)


class Store:
    """Records and reads what the loop knows. Safe for several processes at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = with_tables(engine, _meta.sorted_tables)

    # ------------------------------------------------------------ cycles

    def open_cycle(self, cycle: Cycle) -> None:
        """Record a cycle and its first event."""
        row = {"cycle_id": cycle.cycle_id, "model": cycle.model, "opened_at": cycle.opened_at, "document": _dump(cycle)}
        first = {
            "cycle_id": cycle.cycle_id,
            "state": State.OPEN.value,
            "at": cycle.opened_at,
            "note": cycle.reason.value,
        }
        with writing(self._engine) as connection:
            connection.execute(self._insert(_cycles), [row])
            connection.execute(self._insert(_events), [first])

    def cycles(self, model: str | None = None) -> list[Cycle]:
        """All cycles, oldest first."""
        query = select(_cycles.c.document).order_by(_cycles.c.opened_at, _cycles.c.cycle_id)
        return self._read(Cycle, query.where(_cycles.c.model == model) if model else query)

    def cycle(self, cycle_id: str) -> Cycle | None:
        """One cycle."""
        found = self._read(Cycle, select(_cycles.c.document).where(_cycles.c.cycle_id == cycle_id))
        return found[0] if found else None

    def under_way(self, model: str) -> list[Cycle]:
        """The cycles that have not ended, oldest first."""
        return [cycle for cycle in self.cycles(model) if not self.state(cycle.cycle_id).ended]

    def record_event(self, event: CycleEvent) -> None:
        """Move a cycle. IllegalMove if the table of moves forbids it; a repeated event is harmless."""
        values = {"cycle_id": event.cycle_id, "state": event.state.value, "at": event.at, "note": event.note}
        with writing(self._engine) as connection:
            states = [past.state for past in _events_of(connection, event.cycle_id)]
            if event.state not in states:
                move(replay(states), event.state)
                connection.execute(insert(_events), [values])

    def events(self, cycle_id: str) -> list[CycleEvent]:
        """What happened to a cycle, in order."""
        with reading(self._engine) as connection:
            return _events_of(connection, cycle_id)

    def state(self, cycle_id: str) -> State:
        """Where a cycle stands. KeyError for a cycle that was never opened."""
        state = replay(event.state for event in self.events(cycle_id))
        if state is None:
            raise KeyError(cycle_id)
        return state

    # ------------------------------------------------------------ asking and answers

    def record_round(self, round_: Round, requests: Sequence[LabelRequest]) -> None:
        """Record what is about to be asked: all of it or nothing. A round that is there already stays as it is."""
        round_values = {"cycle_id": round_.cycle_id, "number": round_.number, "document": _dump(round_)}
        request_values = [{"cycle_id": r.cycle_id, "item_id": r.item_id, "document": _dump(r)} for r in requests]
        with writing(self._engine) as connection:
            # Asked for, because not every driver says how many rows a guarded insert has added.
            mine = _rounds.c.cycle_id == round_.cycle_id, _rounds.c.number == round_.number
            if connection.execute(select(_rounds.c.number).where(*mine)).first() is None:
                connection.execute(insert(_rounds).values(**round_values))
                if request_values:
                    connection.execute(insert(_requests), request_values)

    def rounds(self, cycle_id: str) -> list[Round]:
        """The rounds of a cycle, in order."""
        query = select(_rounds.c.document).where(_rounds.c.cycle_id == cycle_id).order_by(_rounds.c.number)
        return self._read(Round, query)

    def requests(self, cycle_id: str) -> list[LabelRequest]:
        """Everything a cycle asks, in the order in which it should be asked."""
        query = select(_requests.c.document).where(_requests.c.cycle_id == cycle_id).order_by(_requests.c.sequence)
        return self._read(LabelRequest, query)

    def record_answers(
        self,
        cycle_id: str,
        answers: Iterable[Annotation],
        *,
        changes: Sequence[Change] = (),
        cursor: str | None = None,
    ) -> None:
        """Record what one collection found; `annotator` must already be a pseudonym. All of it or nothing.

        The first form of an answer stays on record; `changes` say what became of it since.
        """
        new = [{"source_id": a.source_id, "cycle_id": cycle_id, "document": _dump(a)} for a in answers]
        changed = [
            {
                "cycle_id": cycle_id,
                "source_id": change.source_id,
                "at": change.at,
                "document": _dump(change.now) if change.now else "",
            }
            for change in changes
        ]
        with writing(self._engine) as connection:
            if new:
                connection.execute(self._insert(_answers), new)
            if changed:
                connection.execute(insert(_changes), changed)
            if cursor is not None:
                connection.execute(delete(_cursors).where(_cursors.c.cycle_id == cycle_id))
                connection.execute(insert(_cursors), [{"cycle_id": cycle_id, "cursor": cursor}])

    def cursor(self, cycle_id: str) -> str | None:
        """How far a cycle's answers were collected."""
        with reading(self._engine) as connection:
            return connection.execute(select(_cursors.c.cursor).where(_cursors.c.cycle_id == cycle_id)).scalar()

    def given(self, cycle_id: str) -> list[Annotation]:
        """Every answer that was ever given in a cycle, in its first form, by source id: all of it took time."""
        query = select(_answers.c.document).where(_answers.c.cycle_id == cycle_id).order_by(_answers.c.source_id)
        return self._read(Annotation, query)

    def answers(self, cycle_id: str) -> list[Annotation]:
        """The answers of a cycle as they stand, by source id: edited ones in their last form, deleted ones not."""
        latest = {change.source_id: change.now for change in self.changes(cycle_id)}
        now = (latest.get(answer.source_id, answer) for answer in self.given(cycle_id))
        return [answer for answer in now if answer is not None]

    def changes(self, cycle_id: str) -> list[Change]:
        """What became of answers after they were collected, in the order in which it was seen."""
        query = select(_changes).where(_changes.c.cycle_id == cycle_id).order_by(_changes.c.sequence)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        form = _adapter(Annotation)
        return [
            Change(source_id=row.source_id, at=row.at, now=form.validate_json(row.document) if row.document else None)
            for row in rows
        ]

    def record_consensus(self, cycle_id: str, labels: Iterable[ConsensusLabel]) -> None:
        """Record what the answers of a cycle support."""
        rows = [{"cycle_id": cycle_id, "item_id": c.item_id, "document": _dump(c)} for c in labels]
        self._add(_consensus, rows)

    def consensus(self, cycle_id: str) -> dict[str, ConsensusLabel]:
        """The consensus labels of a cycle, by item id."""
        query = select(_consensus.c.document).where(_consensus.c.cycle_id == cycle_id).order_by(_consensus.c.item_id)
        return {label.item_id: label for label in self._read(ConsensusLabel, query)}

    # ------------------------------------------------------------ watching

    def record_look(self, look: Look) -> None:
        """Record a look at the traffic."""
        self._add(_looks, [{"model": look.model, "at": look.at, "document": _dump(look)}])

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
        row = {"model": note.model, "kind": kind, "subject": subject, "at": note.at, "document": _dump(note)}
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
            connection.execute(self._insert(_references), [row])

    def reference(self, model: str, version: str) -> Profile | None:
        """The reference of a version; None while it is still being gathered, or if an older Kempelen wrote it."""
        query = select(_references.c.document).where(_references.c.model == model, _references.c.version == version)
        with reading(self._engine) as connection:
            document = connection.execute(query).scalar()
        try:
            return Profile.from_json(document) if document else None
        except BadData:
            return None

    # ------------------------------------------------------------ versions

    def record_judgement(self, judgement: Judgement) -> None:
        """Record what the gate said."""
        values = {"cycle_id": judgement.cycle_id, "model_type": judgement.model_type}
        self._add(_judgements, [{**values, "document": _dump(judgement)}])

    def judgements(self, cycle_id: str) -> list[Judgement]:
        """What the gate said of each challenger of a cycle."""
        query = select(_judgements.c.document).where(_judgements.c.cycle_id == cycle_id)
        return self._read(Judgement, query.order_by(_judgements.c.model_type))

    def record_version(self, version: Version) -> None:
        """Record a registered version."""
        values = {"model": version.model, "version": version.version, "trained_at": version.trained_at}
        self._add(_versions, [{**values, "document": _dump(version)}])

    def versions(self, model: str) -> list[Version]:
        """The versions of a model, in the order in which they were trained."""
        query = select(_versions.c.document).where(_versions.c.model == model)
        return self._read(Version, query.order_by(_versions.c.trained_at, _versions.c.version))

    def version(self, model: str, version: str) -> Version:
        """One version. KeyError for one that was never recorded."""
        found = [v for v in self.versions(model) if v.version == version]
        if not found:
            raise KeyError(f"{model}/{version}")
        return found[0]

    def remember_settings(self, model: str, document: str) -> None:
        """Keep the settings by which a model was last run, for whoever has the database and not their file."""
        if self.settings(model) == document:
            return
        with writing(self._engine) as connection:
            connection.execute(delete(_settings).where(_settings.c.model == model))
            connection.execute(self._insert(_settings), [{"model": model, "document": document}])

    def settings(self, model: str) -> str | None:
        """The settings by which a model was last run; None if it never was."""
        with reading(self._engine) as connection:
            query = select(_settings.c.document).where(_settings.c.model == model)
            return connection.execute(query).scalar()

    def models(self) -> list[str]:
        """The models that have at least one version, oldest first."""
        query = select(_versions.c.model).group_by(_versions.c.model).order_by(func.min(_versions.c.trained_at))
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def promote(self, promotion: Promotion, *, over: str | None) -> None:
        """Put a version into service in place of `over`; of two at once, exactly one wins.

        Raises IllegalMove when another version has become champion meanwhile.
        """
        row = {
            "model": promotion.model,
            "sequence": promotion.sequence,
            "version": promotion.version,
            "at": promotion.at,
            "cycle_id": promotion.cycle_id,
            "note": promotion.note,
        }
        with writing(self._engine) as connection:
            past = _promotions_of(connection, promotion.model)
            champion = past[-1].version if past else None
            if champion == promotion.version:
                return
            if champion != over or promotion.sequence != len(past) + 1:
                raise IllegalMove(
                    f"{promotion.model} {promotion.version} was to replace version {over}, "
                    f"but version {champion} is champion now.",
                    hint="Judge the challenger against the present champion: run `kempelen retrain` again.",
                )
            connection.execute(insert(_promotions), [row])

    def promotions(self, model: str) -> list[Promotion]:
        """Every promotion, in order."""
        with reading(self._engine) as connection:
            return _promotions_of(connection, model)

    def champion(self, model: str, at: datetime | None = None) -> str | None:
        """The version in service now, or at a moment; None before the first promotion."""
        in_service = [p.version for p in self.promotions(model) if at is None or p.at <= at]
        return in_service[-1] if in_service else None

    def lineage(self, model: str) -> Mapping[str, Sequence[str]]:
        """For each version the earlier ones whose labels it also trained on."""
        versions = self.versions(model)
        made_by = {version.cycle_id: version.version for version in versions}
        first = [version.version for version in versions[:1]]
        return {
            v.version: [
                earlier
                for earlier in [*first, *(made_by[c] for c in v.trained_on_cycles if c in made_by)]
                if earlier != v.version
            ]
            for v in versions
        }

    # ------------------------------------------------------------ rows

    def _add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows whose key is not there yet, all in one transaction."""
        if rows:
            with writing(self._engine) as connection:
                connection.execute(self._insert(table), list(rows))

    def _insert(self, table: Table) -> Any:
        """An insert that leaves rows alone whose key is there already."""
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table).on_conflict_do_nothing()

    def _read(self, kind: type[Record], query: Any) -> list[Record]:
        with reading(self._engine) as connection:
            documents = connection.execute(query).scalars().all()
        reader: Any = kind
        return [_adapter(reader).validate_json(document) for document in documents]


def _events_of(connection: Connection, cycle_id: str) -> list[CycleEvent]:
    query = select(_events).where(_events.c.cycle_id == cycle_id).order_by(_events.c.sequence)
    return [
        CycleEvent(cycle_id=row.cycle_id, state=State(row.state), at=row.at, note=row.note)
        for row in connection.execute(query)
    ]


def _promotions_of(connection: Connection, model: str) -> list[Promotion]:
    query = select(_promotions).where(_promotions.c.model == model).order_by(_promotions.c.sequence)
    return [
        Promotion(
            model=row.model,
            sequence=row.sequence,
            version=row.version,
            at=row.at,
            cycle_id=row.cycle_id,
            note=row.note,
        )
        for row in connection.execute(query)
    ]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _dump(value: object) -> str:
    # A surge on a word never seen has an infinite statistic: JSON needs to be told that this is allowed.
    return to_json(value, inf_nan_mode="constants").decode()
