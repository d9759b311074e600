"""Rows that hold records as JSON documents: how they are added, once each, and read."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import Engine, MetaData, Table

from ledger.database import insert_new, reading, writing

METADATA = MetaData()
"""All tables of the store."""

Record = TypeVar("Record")


class Documents:
    """Records in the tables of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows whose key is not there yet, all in one transaction."""
        if rows:
            with writing(self._engine) as connection:
                connection.execute(insert_new(self._engine, table), list(rows))

    def _read(self, kind: type[Record], query: Any) -> list[Record]:
        """The records in the documents that a query finds."""
        with reading(self._engine) as connection:
            documents = connection.execute(query).scalars().all()
        reader: Any = kind
        return [adapter(reader).validate_json(document) for document in documents]


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads a record of this kind."""
    return TypeAdapter(kind)


def dumped(value: object) -> str:
    """A record as a document."""
    # A surge on a word never seen has an infinite statistic: JSON needs to be told that this is allowed.
    return to_json(value, inf_nan_mode="constants").decode()
