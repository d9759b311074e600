"""Personal links: who has one sees one person's statement, and nobody else's."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, RowMapping, insert, select, update

from kempelen.errors import BadData
from ledger.database import reading
from ledger.people.erasure import is_erased
from ledger.people.tables import LINKS, changing, prepared

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A personal link on record, without its token: nobody can read it from here."""

    person: str
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether it still opens the statement."""
        return self.revoked_at is None and self.issued_at <= at < self.expires_at


class Links:
    """The personal links of a deployment. Only the SHA-256 of a token is kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = prepared(engine)

    def issue(self, person: str, *, by: str, at: datetime, expires: datetime) -> str:
        """A new token for a person, by pseudonym: 43 letters, digits, `-` and `_`. It cannot be read again later.

        BadData when it would have expired already, nobody is named, or the person was forgotten.
        """
        if expires <= at:
            raise BadData(f"The link would have expired on {expires:%Y-%m-%d %H:%M}.", hint="Choose a later moment.")
        if not person or not by.strip():
            raise BadData("A personal link names nobody.", hint="Say whose it is, and who issues it.")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = {"person": person, "issued_at": at, "issued_by": by.strip(), "expires_at": expires}
        with changing(self._engine) as connection:
            if is_erased(connection, person):
                raise BadData(
                    f"{person} was forgotten.", hint="Nobody can say whose pseudonym it was, so no link can be sent."
                )
            connection.execute(insert(LINKS).values(token_sha256=_hash(token), **row))
        return token

    def find(self, token: str, at: datetime) -> Link | None:
        """The link of a token, if it holds. Unknown, expired and revoked ones take the same steps."""
        with reading(self._engine) as connection:
            row = connection.execute(select(LINKS).where(LINKS.c.token_sha256 == _hash(token))).mappings().first()
        link = _link(row) if row is not None else None
        return link if link is not None and link.holds(at) else None

    def revoke(self, token: str, *, at: datetime) -> bool:
        """Let a link hold no longer; whether there was one to revoke."""
        return self._revoke(LINKS.c.token_sha256 == _hash(token), at) > 0

    def revoke_all(self, person: str, *, at: datetime) -> int:
        """Let none of a person's links hold any longer; how many did."""
        return self._revoke(LINKS.c.person == person, at)

    def of(self, person: str) -> list[Link]:
        """The links of a person, oldest first."""
        with reading(self._engine) as connection:
            query = select(LINKS).where(LINKS.c.person == person).order_by(LINKS.c.issued_at)
            return [_link(row) for row in connection.execute(query).mappings()]

    def _revoke(self, which: object, at: datetime) -> int:
        with changing(self._engine) as connection:
            open_ones = update(LINKS).where(which, LINKS.c.revoked_at.is_(None))  # type: ignore[arg-type]
            return connection.execute(open_ones.values(revoked_at=at)).rowcount


def _hash(token: str) -> bytes:
    """A fast hash is enough: nobody guesses 256 random bits. Odd characters are no token, and no error."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _link(row: RowMapping) -> Link:
    return Link(**{name: row[name] for name in ("person", "issued_at", "issued_by", "expires_at", "revoked_at")})
