"""What was asked, what was answered, and what the answers support."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint, delete, insert, select

from cycle.records import Change, Round
from cycle.store._documents import METADATA, Documents, adapter, dumped
from kempelen.records import Annotation, ConsensusLabel, LabelRequest
from ledger.database import insert_new, reading, writing
from ledger.moments import Moment

_rounds = Table(
    "cycle_round",
    METADATA,
    Column("cycle_id", String(80), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text),
)
_requests = Table(
    "label_request",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80)),
    Column("item_id", String(32)),
    Column("document", Text),
    UniqueConstraint("cycle_id", "item_id"),
)
_answers = Table(
    "answer",
    METADATA,
    Column("source_id", String(200), primary_key=True),
    Column("cycle_id", String(80), index=True),
    Column("document", Text),
)
_changes = Table(
    "answer_change",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("cycle_id", String(80), index=True),
    Column("source_id", String(200)),
    Column("at", Moment),
    Column("document", Text),  # the answer as it is now; empty: it was deleted
)
_cursors = Table(
    "collected",
    METADATA,
    Column("cycle_id", String(80), primary_key=True),
    Column("cursor", Text),
)
_consensus = Table(
    "consensus_label",
    METADATA,
    Column("cycle_id", String(80), primary_key=True),
    Column("item_id", String(32), primary_key=True),
    Column("document", Text),
)


class Asking(Documents):
    """What is known of requests, answers and consensus labels."""

    def record_round(self, round_: Round, requests: Sequence[LabelRequest]) -> None:
        """Record what is about to be asked: all of it or nothing. A round that is there already stays as it is."""
        round_values = {"cycle_id": round_.cycle_id, "number": round_.number, "document": dumped(round_)}
        request_values = [{"cycle_id": r.cycle_id, "item_id": r.item_id, "document": dumped(r)} for r in requests]
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
        new = [{"source_id": a.source_id, "cycle_id": cycle_id, "document": dumped(a)} for a in answers]
        changed = [
            {
                "cycle_id": cycle_id,
                "source_id": change.source_id,
                "at": change.at,
                "document": dumped(change.now) if change.now else "",
            }
            for change in changes
        ]
        with writing(self._engine) as connection:
            if new:
                connection.execute(insert_new(self._engine, _answers), new)
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
        form = adapter(Annotation)
        return [
            Change(source_id=row.source_id, at=row.at, now=form.validate_json(row.document) if row.document else None)
            for row in rows
        ]

    def record_consensus(self, cycle_id: str, labels: Iterable[ConsensusLabel]) -> None:
        """Record what the answers of a cycle support."""
        rows = [{"cycle_id": cycle_id, "item_id": c.item_id, "document": dumped(c)} for c in labels]
        self._add(_consensus, rows)

    def consensus(self, cycle_id: str) -> dict[str, ConsensusLabel]:
        """The consensus labels of a cycle, by item id."""
        query = select(_consensus.c.document).where(_consensus.c.cycle_id == cycle_id).order_by(_consensus.c.item_id)
        return {label.item_id: label for label in self._read(ConsensusLabel, query)}
