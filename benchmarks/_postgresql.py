"""A PostgreSQL server of one's own for as long as it is needed: in a folder that is removed, reached by a socket."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_PATIENCE_S = 60
_OWNER = "kempelen"
_NOT_ROOT = ("postgres", "nobody")
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, and the folder of its socket."""

    socket: Path
    data: Path
    version: str

    def address(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://{_OWNER}@/{database}?host={self.socket}"

    def make(self, database: str) -> str:
        """Make an empty database; its address."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
        return self.address(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(
                psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(database))
            )


@contextmanager
def running(*, durable: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server until the end of the block. Not `durable`: quick, and its data would not survive a power cut.

    RuntimeError when PostgreSQL is not installed, or does not start. Root may not run it: another account does.
    """
    folder, account = Path(tempfile.mkdtemp(prefix="pg-")), _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        _initialise(folder / "data", account)
        options = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "100"}
        with _process(folder, options | ({} if durable else _UNSAFE) | {**(settings or {})}, account):
            server = Server(socket=folder, data=folder / "data", version="")
            with psycopg.connect(server.address("postgres")) as connection:
                version = str(connection.info.server_version // 10_000)
            yield Server(socket=folder, data=folder / "data", version=version)
    finally:
        shutil.rmtree(folder)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs. RuntimeError when it is not installed."""
    folders = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / name).exists():
            return str(folder / name)
    raise RuntimeError("PostgreSQL is not installed: there is no `postgres`. On Debian, `apt-get install postgresql`.")


def _account() -> pwd.struct_passwd | None:
    """Who runs the server: whoever we are, but for root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in _NOT_ROOT if name in known)


def _who(account: pwd.struct_passwd | None) -> dict[str, int]:
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}


def _initialise(data: Path, account: pwd.struct_passwd | None) -> None:
    command = [program("initdb"), "-D", str(data), "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
    made = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False, **_who(account))  # type: ignore[call-overload]  # user and group
    if made.returncode:
        raise RuntimeError(f"PostgreSQL's initdb failed: {made.stdout}{made.stderr}")


@contextmanager
def _process(folder: Path, options: Mapping[str, str], account: pwd.struct_passwd | None) -> Iterator[None]:
    command = [program("postgres"), "-D", str(folder / "data")]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **_who(account))  # type: ignore[call-overload]
    try:
        _wait(folder, process)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # ends connections, and itself
        process.wait(_PATIENCE_S)


def _wait(folder: Path, process: "subprocess.Popen[str]") -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            psycopg.connect(f"postgresql://{_OWNER}@/postgres?host={folder}", connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}") from error
            time.sleep(0.05)
        else:
            return
