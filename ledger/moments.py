"""Moments as a database keeps them."""

from datetime import UTC, datetime

from sqlalchemy import Dialect, Text, TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A UTC moment as ISO text: sorts as time does, and keeps its time zone on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """As text."""
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the same
        """As it was."""
        return datetime.fromisoformat(value) if value else None
