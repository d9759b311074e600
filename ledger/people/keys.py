"""The key file: who has it can find out who the annotators are. It may hold several keys, the newest first."""

import fcntl
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kempelen.errors import BadData, ConfigError

KEY_BYTES = 32


def read_keys(key_file: Path) -> tuple[bytes, ...]:
    """The keys, newest first. The file is made on first use, with one key, readable by its owner alone.

    Processes that make it at the same moment agree on one key. ConfigError when the file cannot be
    made or read or others may read it, BadData when it holds anything but keys.
    """
    with _usable(key_file):
        if not key_file.exists():
            _make(key_file)
        return _read(key_file)


def add_key(key_file: Path) -> None:
    """Put a new key before the others. Killed at any moment, the file is as it was or as it will be."""
    with _usable(key_file), _alone(key_file):
        _replace(key_file, [secrets.token_bytes(KEY_BYTES), *_read(key_file)])


def remove_keys(key_file: Path, names: Collection[str]) -> None:
    """Take the keys of these names out of the file; the newest one always stays."""
    with _usable(key_file), _alone(key_file):
        newest, *older = _read(key_file)
        _replace(key_file, [newest, *(key for key in older if name_of(key) not in names)])


def name_of(key: bytes) -> str:
    """What a key is called where it must not be written down; nobody can compute the key from it."""
    return hmac.new(key, b"kempelen name of a key", hashlib.sha256).hexdigest()[:16]


@contextmanager
def _usable(key_file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"The key file of the pseudonyms, {key_file}, cannot be used: {error.strerror}.",
            hint="Make its folder, and let the account that runs Kempelen write to it.",
        ) from error


@contextmanager
def _alone(key_file: Path) -> Iterator[None]:
    """Keep others from changing the file, and sweep up drafts that a kill left: a dropped key could live on in one."""
    folder = os.open(key_file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        for draft in key_file.parent.glob(f".{key_file.name}.*"):
            draft.unlink()
        yield
    finally:
        os.close(folder)


def _make(key_file: Path) -> None:
    with _alone(key_file):
        draft = _written(key_file, [secrets.token_bytes(KEY_BYTES)])
        try:
            os.link(draft, key_file)  # unlike a rename, it never replaces another's key
        except FileExistsError:
            return
        finally:
            draft.unlink()
        _sync(key_file.parent)


def _replace(key_file: Path, keys: Sequence[bytes]) -> None:
    _written(key_file, keys).replace(key_file)
    _sync(key_file.parent)


def _written(key_file: Path, keys: Sequence[bytes]) -> Path:
    draft = key_file.with_name(f".{key_file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key.hex()}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(key_file: Path) -> tuple[bytes, ...]:
    if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
        raise ConfigError(
            f"The key file of the pseudonyms, {key_file}, may be read by others.",
            hint=f"Run `chmod 600 {key_file}`. Who has this file can find out who the annotators are.",
        )
    try:
        keys = tuple(bytes.fromhex(line) for line in key_file.read_text(encoding="ascii").splitlines())
    except ValueError:
        keys = ()
    if not keys or len(set(keys)) < len(keys) or any(len(key) != KEY_BYTES for key in keys):
        raise BadData(
            f"{key_file} holds no key of {2 * KEY_BYTES} hexadecimal digits, or something else beside keys.",
            hint="Restore it from a backup. With a new key every annotator would get a second pseudonym.",
        )
    return keys
