"""Annotators under names that nobody can connect to them without their own key, which can be destroyed."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select

from kempelen.errors import BadData, LedgerError
from ledger.database import reading
from ledger.people.booked import is_booked
from ledger.people.keys import KEY_BYTES, add_key, name_of, read_keys, remove_keys
from ledger.people.tables import ANNOTATOR_KEYS, DROPPED_KEYS, ERASURES, LOOKUPS, changing, prepared, wipe

PSEUDONYM_BITS = 100
"""Two of a million annotators share a pseudonym with probability below 10**-18."""

_AT_ONCE = 500
"""Names looked up in one statement, below SQLite's limit on parameters."""


def keyed(key: bytes, identity: str) -> str:
    """A keyed hash (HMAC-SHA256, cut to 100 bits) of an annotator's identity: 20 letters and digits.

    >>> keyed(b"0" * 32, "label-studio:7")
    'emvkmdsxtcld2yhstie7'
    """
    code = hmac.new(key, b"kempelen annotator\0" + identity.encode(), hashlib.sha256).digest()
    return base64.b32encode(code).decode().lower()[: PSEUDONYM_BITS // 5]


def lookup(key: bytes, identity: str) -> bytes:
    """Where the row of a person is found, by who has the master key and knows the identity."""
    return hmac.new(key, b"kempelen lookup\0" + identity.encode(), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation left to do: the people who were not seen since, and would be lost with the old key."""

    unseen: int


class Pseudonyms:
    """The pseudonyms of a deployment: a key file, and in the database a key for each person.

    A person is found by `lookup`, a keyed hash of their identity under each master key of the file; the pseudonym is
    the keyed hash of the identity under their own key. Without their row nobody can connect the two, not even by the
    master key.

    BadData when the database knows people by a key that the file does not hold: it is another's, or was lost.

    A pseudonym that an earlier Kempelen made from the master key itself, and that is `in_books` (by default: an entry
    is about it), is kept: its row has no key. It can be computed again from that master key, so its erasure is complete
    only when that key is dropped.
    """

    def __init__(self, engine: Engine, key_file: Path, *, in_books: Callable[[str], bool] | None = None) -> None:
        self._engine, self._file = prepared(engine), key_file
        self._in_books = in_books or partial(is_booked, engine)
        _must_belong(self._engine, key_file)
        read_keys(key_file)

    @property
    def engine(self) -> Engine:
        """Where the rows of persons are."""
        return self._engine

    def of(self, identity: str) -> str:
        """The pseudonym of a person, made at first sight; processes that see them first at once agree.

        BadData for an empty identity, LedgerError when the rows of two persons were exchanged.
        """
        return self.many([identity])[identity]

    def many(self, identities: Iterable[str]) -> dict[str, str]:
        """The pseudonyms of many, by identity."""
        wanted = sorted(set(identities))
        if "" in wanted:
            raise BadData(
                "An annotation names no annotator.", hint="See who made it in the annotation system, or delete it."
            )
        with reading(self._engine) as connection:
            newest = read_keys(self._file)[:1]
            found = {one: name for one, (name, _) in _found(connection, newest, wanted).items()}
        return found | self._seen([identity for identity in wanted if identity not in found])

    def known(self, identity: str) -> str | None:
        """The pseudonym of a person if they have one; makes none."""
        with reading(self._engine) as connection:
            found = _found(connection, read_keys(self._file), [identity])
        if identity in found:
            return found[identity][0]
        return next(iter(self._adoptable([identity])[identity].values()), None)

    def in_books(self, pseudonym: str) -> bool:
        """Whether the books know the pseudonym."""
        return self._in_books(pseudonym)

    def oldest_key(self) -> str:
        """The name of the oldest master key."""
        return name_of(read_keys(self._file)[-1])

    def rotate(self, identities: Iterable[str] = ()) -> Rotation:
        """Put a new master key before the others; pseudonyms stay. The people named are seen at once, others later.

        Killed anywhere, the old keys still hold for those not seen yet. Run it once; `unseen` then says who is missing.
        """
        add_key(self._file)
        self.many(identities)
        return Rotation(unseen=self.unseen())

    def unseen(self, booked: Collection[str] = ()) -> int:
        """How many people were not seen since the newest key was made; of those `booked`, also who has no row."""
        with reading(self._engine) as connection:
            return len(_unseen(connection, name_of(read_keys(self._file)[0]), booked))

    def drop_old_keys(self, *, lose: int = 0, booked: Collection[str] = ()) -> int:
        """Destroy all master keys but the newest; how many people it has cost.

        They keep their pseudonyms in the books, and get new ones should they come back. LedgerError when it would cost
        more than `lose`. `booked` are the pseudonyms of people in the books. Killed anywhere, run it again.
        """
        with changing(self._engine) as connection:
            newest, *older = (name_of(key) for key in read_keys(self._file))
            lost = _unseen(connection, newest, booked)
            if older and len(lost) > lose:
                raise LedgerError(
                    f"{len(lost)} people were not seen since the newest key was made.",
                    hint="Wait until they come back, name them to the rotation, or say that you give up so many.",
                )
            known = set(connection.scalars(select(DROPPED_KEYS.c.master_key)))
            connection.execute(delete(LOOKUPS).where(LOOKUPS.c.master_key != newest))
            with_lookup = select(LOOKUPS.c.pseudonym)
            connection.execute(delete(ANNOTATOR_KEYS).where(ANNOTATOR_KEYS.c.pseudonym.not_in(with_lookup)))
            for name in set(older) - known:
                connection.execute(insert(DROPPED_KEYS).values(master_key=name))
        # First the mark, then the file: whoever still reads the old key there knows not to use it.
        remove_keys(self._file, older)
        wipe(self._engine)
        return len(lost) if older else 0

    def _seen(self, identities: Sequence[str]) -> dict[str, str]:
        """Write the lookups that are missing, and make who is new."""
        if not identities:
            return {}
        adoptable = self._adoptable(identities)
        with changing(self._engine) as connection:
            # Read here, where no key can be dropped: the newest one in the file is one that counts.
            dropped = set(connection.scalars(select(DROPPED_KEYS.c.master_key)))
            keys = [key for key in read_keys(self._file) if name_of(key) not in dropped]
            found = _found(connection, keys, identities)
            names: dict[str, str] = {}
            for identity in identities:
                name, present = found.get(identity, ("", frozenset[bytes]()))
                names[identity] = name or _new(connection, identity, adoptable[identity], dropped)
                rows = [
                    {"lookup": where, "master_key": name_of(key), "pseudonym": names[identity]}
                    for key in keys
                    if (where := lookup(key, identity)) not in present
                ]
                if rows:
                    connection.execute(insert(LOOKUPS), rows)
        return names

    def _adoptable(self, identities: Iterable[str]) -> dict[str, dict[str, str]]:
        """The pseudonyms in the books that an earlier Kempelen made for these people, by the name of the master key."""
        keys = {name_of(key): key for key in read_keys(self._file)}
        with reading(self._engine) as connection:
            erased = set(connection.scalars(select(ERASURES.c.pseudonym)))
            dropped = set(connection.scalars(select(DROPPED_KEYS.c.master_key)))
        made = {one: {name: keyed(keys[name], one) for name in keys.keys() - dropped} for one in identities}
        return {
            one: {key: name for key, name in names.items() if name not in erased and self._in_books(name)}
            for one, names in made.items()
        }


def _must_belong(engine: Engine, key_file: Path) -> None:
    """A new key in place of the right one would give everybody a second pseudonym."""
    missing: set[str] = set()
    for _ in range(2):  # a rotation that came between the two looks is over by the second
        there = {name_of(key) for key in read_keys(key_file)} if key_file.exists() else set()
        with reading(engine) as connection:
            missing = set(connection.scalars(select(LOOKUPS.c.master_key).distinct())) - there
        if not missing:
            return
    raise BadData(
        f"{key_file} is not the key file of these books: it lacks a key by which people are known in them.",
        hint="Restore it from a backup. docs/rights.md says what can be done if it is lost for good.",
    )


def _found(
    connection: Connection, keys: Sequence[bytes], identities: Sequence[str]
) -> Mapping[str, tuple[str, frozenset[bytes]]]:
    """The pseudonym of each person who has a row under one of the keys, and the lookups that lead to it."""
    owners = {lookup(key, identity): identity for key in keys for identity in identities}
    found: dict[str, tuple[str, frozenset[bytes]]] = {}
    for where, name, key in _rows(connection, list(owners)):
        identity = owners[where]
        if key is not None and keyed(key, identity) != name:
            raise LedgerError(
                f"The key row of {name} is not of the person whom it is found by.",
                hint="Somebody changed the database: effort and pay would go to another. Restore a backup.",
            )
        found[identity] = name, found.get(identity, ("", frozenset[bytes]()))[1] | {where}
    return found


def _rows(connection: Connection, wheres: Sequence[bytes]) -> Iterable[tuple[bytes, str, bytes | None]]:
    columns = LOOKUPS.c.lookup, LOOKUPS.c.pseudonym, ANNOTATOR_KEYS.c.person_key
    for start in range(0, len(wheres), _AT_ONCE):
        some = wheres[start : start + _AT_ONCE]
        yield from connection.execute(
            select(*columns).join_from(LOOKUPS, ANNOTATOR_KEYS).where(LOOKUPS.c.lookup.in_(some))
        ).tuples()


def _new(connection: Connection, identity: str, adoptable: Mapping[str, str], dropped: Collection[str]) -> str:
    """Make a row: with the pseudonym that is in the books already, or with a key of the person's own."""
    made_from, name = next(((key, old) for key, old in adoptable.items() if key not in dropped), (None, ""))
    person_key = None if made_from else secrets.token_bytes(KEY_BYTES)
    pseudonym = name if person_key is None else keyed(person_key, identity)
    erased = connection.scalar(select(ERASURES.c.pseudonym).where(ERASURES.c.pseudonym == pseudonym))
    if erased is not None:  # erased while we looked
        return _new(connection, identity, {}, dropped)
    connection.execute(insert(ANNOTATOR_KEYS).values(pseudonym=pseudonym, person_key=person_key, made_from=made_from))
    return pseudonym


def _unseen(connection: Connection, newest: str, booked: Collection[str]) -> set[str]:
    seen = set(connection.scalars(select(LOOKUPS.c.pseudonym).where(LOOKUPS.c.master_key == newest)))
    erased = set(connection.scalars(select(ERASURES.c.pseudonym)))
    return ({*connection.scalars(select(ANNOTATOR_KEYS.c.pseudonym))} | set(booked)) - seen - erased
