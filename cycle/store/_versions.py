"""Versions, what the gate said of them, which was in service when, and by which settings a model runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, func, insert, select

from cycle.records import Judgement, Promotion, Version
from cycle.store._documents import METADATA, Documents, dumped
from kempelen.errors import IllegalMove
from ledger.database import insert_new, reading, writing
from ledger.moments import Moment

_judgements = Table(
    "judgement",
    METADATA,
    Column("cycle_id", String(80), primary_key=True),
    Column("model_type", String(80), primary_key=True),
    Column("document", Text),
)
_settings = Table(
    "model_settings",
    METADATA,
    Column("model", String(50), primary_key=True),
    Column("document", Text),
)
_versions = Table(
    "version",
    METADATA,
    Column("model", String(50), primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("trained_at", Moment),
    Column("document", Text),
)
_promotions = Table(
    "promotion",
    METADATA,
    Column("model", String(50), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("version", String(20)),
    Column("at", Moment),
    Column("cycle_id", String(80)),
    Column("note", Text),
    Column("recorded_at", String(32), server_default=func.current_timestamp()),
)


class Versions(Documents):
    """What is known of versions and promotions."""

    def record_judgement(self, judgement: Judgement) -> None:
        """Record what the gate said."""
        values = {"cycle_id": judgement.cycle_id, "model_type": judgement.model_type}
        self._add(_judgements, [{**values, "document": dumped(judgement)}])

    def judgements(self, cycle_id: str) -> list[Judgement]:
        """What the gate said of each challenger of a cycle."""
        query = select(_judgements.c.document).where(_judgements.c.cycle_id == cycle_id)
        return self._read(Judgement, query.order_by(_judgements.c.model_type))

    def record_version(self, version: Version) -> None:
        """Record a registered version."""
        values = {"model": version.model, "version": version.version, "trained_at": version.trained_at}
        self._add(_versions, [{**values, "document": dumped(version)}])

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
            connection.execute(insert_new(self._engine, _settings), [{"model": model, "document": document}])

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
