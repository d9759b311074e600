"""Users of the deployed model are stored as keyed hashes; the key never leaves the log's folder."""

import os
import secrets
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from connectors.prediction_log._spool import sync_folder, writing
from kempelen.errors import BadData

_SALT = ".salt"
_SALT_BYTES = 32


def hasher(folder: Path) -> Callable[[str], str]:
    """A function from any string to 32 hexadecimal digits, the same for every process that logs to `folder`."""
    salt = _salt(folder)
    return lambda user: blake2b(user.encode(errors="surrogatepass"), key=salt, digest_size=16).hexdigest()


def _salt(folder: Path) -> bytes:
    path = folder / _SALT
    with writing(folder):
        if not path.exists():
            _make(path)
        salt = path.read_bytes()
    if len(salt) != _SALT_BYTES:
        raise BadData(
            f"{path} holds {len(salt)} bytes instead of {_SALT_BYTES}.",
            hint="Restore it from a backup. Without it, old and new hashes of one user differ: move the log away, too.",
        )
    return salt


def _make(path: Path) -> None:
    """A new salt, unless another process was faster; never a half-written one."""
    newborn = path.with_name(f"{_SALT}.{secrets.token_hex(8)}")
    fd = os.open(newborn, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, secrets.token_bytes(_SALT_BYTES))
        os.fsync(fd)
        path.hardlink_to(newborn)
    except FileExistsError:
        pass
    finally:
        os.close(fd)
        newborn.unlink()
    sync_folder(path.parent)
