"""Annotators under names that only the holder of a key file can connect to them."""

import base64
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from kempelen.errors import BadData, ConfigError

KEY_BYTES = 32
PSEUDONYM_BITS = 100
"""Two of a million annotators share a pseudonym with probability below 10**-18."""


class Pseudonyms:
    """A keyed hash (HMAC-SHA256, cut to 100 bits) of an annotator's identity."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, identity: str) -> str:
        """The pseudonym: 20 letters and digits, always the same for the same key and identity.

        >>> Pseudonyms(b"0" * 32).of("label-studio:7")
        'emvkmdsxtcld2yhstie7'
        """
        if not identity:
            raise BadData(
                "An annotation names no annotator.", hint="See who made it in the annotation system, or delete it."
            )
        code = hmac.new(self._key, b"kempelen annotator\0" + identity.encode(), hashlib.sha256).digest()
        return base64.b32encode(code).decode().lower()[: PSEUDONYM_BITS // 5]


def pseudonyms(key_file: Path) -> Pseudonyms:
    """Pseudonyms by the key in `key_file`, which is made on first use, readable by its owner alone.

    Processes that make it at the same moment agree on one key. ConfigError when the file cannot be
    made or read or others may read it, BadData when it holds no key.
    """
    try:
        if not key_file.exists():
            _make(key_file)
        return Pseudonyms(_read(key_file))
    except OSError as error:
        raise ConfigError(
            f"The key file of the pseudonyms, {key_file}, cannot be used: {error.strerror}.",
            hint="Make its folder, and let the account that runs Kempelen write to it.",
        ) from error


def _make(key_file: Path) -> None:
    draft = key_file.with_name(f".{key_file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, key_file)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, key_file: Path) -> None:
    """Give the finished file its name. A hard link, unlike a rename, never replaces another's key."""
    try:
        os.link(draft, key_file)
    except FileExistsError:
        return
    folder = os.open(key_file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(key_file: Path) -> bytes:
    if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
        raise ConfigError(
            f"The key file of the pseudonyms, {key_file}, may be read by others.",
            hint=f"Run `chmod 600 {key_file}`. Who has this file can find out who the annotators are.",
        )
    try:
        key = bytes.fromhex(key_file.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadData(
            f"{key_file} holds no key of {2 * KEY_BYTES} hexadecimal digits.",
            hint="Restore it from a backup. With a new key every annotator would get a second pseudonym.",
        )
    return key
