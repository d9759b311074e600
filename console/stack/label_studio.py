"""Label Studio's own environment: installed on first use, at the pinned versions, shared by all checkouts.

It cannot share ours: it pins python-json-logger 2.0.4, and Prefect needs a newer one. An installation
counts only once its marker is written, which is the last thing to happen; whatever a kill leaves behind
is removed and made again.

Its database takes 324 migrations, a minute on two cores. They run once, as part of the installation, on an
empty database without any account; each new state folder starts from a copy of that file. The key that
signs sessions is made in each state folder and never copied.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from console.stack.files import log_tail, only_one, private_folder
from console.stack.processes import clean_environment
from kempelen.errors import ConfigError, KempelenError
from kempelen.protocols import Progress

VERSION = "1.23.2"
OVERRIDE = "KEMPELEN_LABEL_STUDIO_ENV"
CONSTRAINTS = Path(__file__).with_name("label_studio_constraints.txt")

_MARKER = "kempelen-installed"
_DATABASE = "label_studio.sqlite3"

# Label Studio's own list of addresses that webhooks and imports may not reach, without the loopback:
# the dashboard's webhook is there. Link-local and private networks stay closed.
_CLOSED_NETWORKS = (
    "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,192.168.0.0/16,198.18.0.0/15,"
    "224.0.0.0/4,240.0.0.0/4,::/128,::ffff:0:0/96,::ffff:0:0:0/96,64:ff9b::/96,64:ff9b:1::/48,100::/64,"
    "2001:0000::/32,2001:20::/28,2002::/16,fc00::/7,fe80::/10,ff00::/8"
)

QUIET: Mapping[str, str] = {
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_SENTRY_DSN": "",
    "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",  # annotators come by invitation
    "LABEL_STUDIO_USE_DEFAULT_BANNED_SUBNETS": "false",
    "LABEL_STUDIO_USER_ADDITIONAL_BANNED_SUBNETS": _CLOSED_NETWORKS,
    # An item that was looked at and left goes to somebody else after a quarter of an hour, not after a day.
    "LABEL_STUDIO_TASK_LOCK_TTL": "900",
}
"""Label Studio's settings that are the same everywhere. Without them it asks a package index and reports home."""


def cache_folder() -> Path:
    """Where installations are kept, shared by all checkouts of this person."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home).expanduser() / "kempelen"


def environment_folder() -> Path:
    """The environment that is used: KEMPELEN_LABEL_STUDIO_ENV, or the one in the cache."""
    given = os.environ.get(OVERRIDE)
    return Path(given).expanduser().absolute() if given else cache_folder() / f"label-studio-{VERSION}"


def installed_version(environment: Path) -> str | None:
    """The version of Label Studio in an environment; None when it is absent or not complete."""
    if not (environment / "bin" / "python").exists() or not (environment / "bin" / "label-studio").exists():
        return None
    if not os.environ.get(OVERRIDE) and not (environment / _MARKER).exists():
        return None
    packages = environment.glob("lib/python3*/site-packages/label_studio-*.dist-info")
    return next((folder.name.removeprefix("label_studio-").removesuffix(".dist-info") for folder in packages), None)


def install(progress: Progress) -> Path:
    """Make the environment and the empty database, unless both are there. Safe to call from several checkouts."""
    environment, cache = environment_folder(), private_folder(cache_folder())
    with only_one(cache / "label-studio.lock", progress, "Waiting for another installation of Label Studio") as lock:
        if installed_version(environment) is None:
            _install_packages(environment, cache, progress, lock)
        version = installed_version(environment)
        if version is not None and not _empty_database(version).exists():
            with progress("Preparing Label Studio's empty database (once, about a minute)"):
                _migrate(environment, cache, _empty_database(version), lock)
    return environment


def prepare(data: Path, progress: Progress) -> None:
    """Install if need be, and give a new data folder its migrated database."""
    environment = install(progress)
    target = data / _DATABASE
    if not target.exists():
        template = _empty_database(installed_version(environment) or VERSION)
        copy = target.with_suffix(".copied")
        shutil.copyfile(template, copy)
        copy.chmod(0o600)
        copy.replace(target)


def _empty_database(version: str) -> Path:
    return cache_folder() / f"label-studio-{version}-empty.sqlite3"


def _install_packages(environment: Path, cache: Path, progress: Progress, lock: int) -> None:
    if os.environ.get(OVERRIDE):
        raise ConfigError(
            f"{OVERRIDE} is {environment}, and there is no Label Studio in it.",
            hint=f"Unset {OVERRIDE}, or install label-studio=={VERSION} there.",
        )
    log = cache / "label-studio-install.log"
    shutil.rmtree(environment, ignore_errors=True)
    with progress(f"Installing Label Studio {VERSION} into {environment} (once, one or two minutes)"):
        _run([sys.executable, "-m", "venv", str(environment)], log, _installer_environment(), lock)
        _run(
            [
                *(str(environment / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"),
                *("--no-input", "--constraint", str(CONSTRAINTS), f"label-studio=={VERSION}"),
            ],
            log,
            _installer_environment(),
            lock,
        )
        (environment / _MARKER).write_text(f"label-studio=={VERSION}\n", encoding="utf-8")


def _installer_environment() -> dict[str, str]:
    """Ours (package index, proxy, certificates), without what would lead pip to another place."""
    misleading = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT", "PIP_REQUIRE_VIRTUALENV"}
    return {
        key: value
        for key, value in os.environ.items()
        if key not in misleading and not (key.startswith("PYTHON") and key != "PYTHONUTF8")
    }


def _migrate(environment: Path, cache: Path, target: Path, lock: int) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="label-studio-migration-") as folder:
        # `version` migrates and ends; it makes no account, as none is named.
        _run(
            [str(environment / "bin" / "label-studio"), "version"],
            cache / "label-studio-install.log",
            {**clean_environment(), **QUIET, "LABEL_STUDIO_BASE_DATA_DIR": folder},
            lock,
        )
        made = Path(folder) / _DATABASE
        _must_be_empty(made)
        made.replace(target)


def _must_be_empty(database: Path) -> None:
    connection = sqlite3.connect(database)
    try:
        (accounts,) = connection.execute("SELECT count(*) FROM htx_user").fetchone()
    except sqlite3.DatabaseError as broken:
        raise KempelenError(
            f"Label Studio left no usable database: {broken}.",
            hint=f"See {cache_folder() / 'label-studio-install.log'}, and try again.",
        ) from broken
    finally:
        connection.close()
    if accounts:
        raise KempelenError(
            f"Label Studio's empty database holds {accounts} accounts.",
            hint="Another program must have written to it; try again.",
        )


def _run(command: Sequence[str], log: Path, environment: Mapping[str, str], lock: int) -> None:
    """Run to the end. The child holds the lock, too: if we are killed, nobody installs beside it."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"$ {' '.join(command)}\n")
        stream.flush()
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            check=False,
        )
    if done.returncode:
        tail = "\n  ".join(log_tail(log))
        raise KempelenError(
            f"Label Studio could not be installed: {Path(command[0]).name} ended with {done.returncode}.\n  {tail}",
            hint=f"A package index, 1 GB of disk and Python's venv are needed; see {log}, then run `kempelen up`.",
        )
