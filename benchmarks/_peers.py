"""Peers live in environments of their own, made once from pinned versions; they can break nothing of ours."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._measure import Measured, ask

PINS = Path(__file__).parent / "peers"
"""One file of pins for each environment, and the scripts that run there."""

QUIET = {
    "DO_NOT_TRACK": "1",  # Evidently
    "NML_DISABLE_USAGE_LOGGING": "1",  # NannyML
    "PYTHONWARNINGS": "ignore",
    # Nothing they might still want to fetch or send leaves this machine.
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "",
}
"""No telemetry and no network while a peer runs."""


class PeerUnavailable(Exception):
    """The environment of a peer cannot be made; the message ends with what pip said."""


def run(peer: str, script: str, question: Mapping[str, Any]) -> Measured:
    """Run `peers/<script>.py` in the environment of `peer`, which is made if it is not there yet."""
    python = environment(peer) / "bin" / "python"
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    paths = {"PYTHONPATH": str(PINS.parent / "sides")}
    return ask([str(python), str(PINS / f"{script}.py")], question, environment={**variables, **QUIET, **paths})


def versions(peer: str) -> dict[str, str]:
    """The pinned version of every package in the environment of a peer."""
    lines = (PINS / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def environment(peer: str) -> Path:
    """The folder of the peer's environment; made on the first call, found on later ones.

    Being killed on the way is harmless: it is made beside its place, and gets its name when it is complete.
    """
    place = _place(peer)
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        if not place.exists():
            unfinished = place.with_name(f".{place.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _make(unfinished, PINS / f"{peer}.txt")
            unfinished.rename(place)
    return place


def _place(peer: str) -> Path:
    pins = (PINS / f"{peer}.txt").read_bytes()
    made_of = hashlib.sha256(pins + platform.python_version().encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kempelen" / f"peers-{peer}-{made_of}"


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time makes an environment; the lock goes with its process."""
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, pins: Path) -> None:
    print(f"Installing {pins.stem} for the benchmarks; this takes a minute and happens once.", file=sys.stderr)
    _pip([sys.executable, "-m", "venv", str(folder)])
    # The pins are complete, so nothing is resolved: a newer release of a dependency cannot come in.
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", str(pins)]
    _pip([str(folder / "bin" / "python"), *install])


def _pip(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith("WARNING: Location")]
        raise PeerUnavailable(f"{' '.join(command)} ended with {done.returncode}: " + "\n".join(said[-20:]))
