"""`kempelen doctor`: is everything here that Kempelen needs, and what to do about each thing that is not?

It looks and changes nothing. No library is imported to learn its version.
"""

import importlib.metadata
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from console.stack import ServerState, ServerStatus, Stack, label_studio
from console.stack.processes import Marked
from kempelen import settings
from kempelen.errors import ConfigError, KempelenError

GIGABYTE = 1_000_000_000
DISK_TIGHT_BYTES = 2 * GIGABYTE
DISK_FULL_BYTES = 200_000_000
STACK_LIMIT_BYTES = int(2.5 * GIGABYTE)


class DiskUsage(Protocol):
    """What `shutil.disk_usage` answers."""

    @property
    def free(self) -> int:
        """Bytes that may still be written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `ok` is None for what works now and deserves attention, or is only told."""

    name: str
    ok: bool | None
    found: str
    advice: str = ""


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements() -> Sequence[str] | None:
    try:
        return importlib.metadata.requires("kempelen") or []
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How the doctor asks the machine; tests put other answers here."""

    disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage
    available_memory: Callable[[], int] = lambda: int(psutil.virtual_memory().available)
    installed: Callable[[str], str | None] = _installed
    requirements: Callable[[], Sequence[str] | None] = _requirements
    python: str = platform.python_version()
    program: Callable[[str], str | None] = shutil.which


def doctor(
    state: Path, settings_file: Path | None, *, stack: Stack | None = None, machine: Machine | None = None
) -> list[Finding]:
    """Look at versions, settings, state folder, disk, memory and servers; everything, even when much is wrong."""
    machine = machine or Machine()
    stack = stack or Stack(state)
    statuses, broken = _look_at(stack)
    return [
        *_versions(machine),
        _label_studio_environment(),
        _settings(settings_file),
        *_state_folder(state, stack),
        _disk(state, machine),
        _memory(statuses, machine),
        _chromium(machine),
        *broken,
        *(_server(status) for status in statuses),
        *_strays(stack),
    ]


# ---------------------------------------------------------------- versions


def _versions(machine: Machine) -> list[Finding]:
    stated = machine.requirements()
    if stated is None:
        advice = "Run `make setup`, and use the `kempelen` of that environment."
        return [Finding(name="Packages", ok=False, found="Kempelen itself is not installed here.", advice=advice)]
    required = [Requirement(text) for text in stated]
    basic = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [finding for one in basic if (finding := _package(one, machine)) is not None]
    good = f"{len(basic) - len(wrong)} of {len(basic)} packages are at versions that were tested together."
    summary = [] if wrong else [Finding(name="Packages", ok=True, found=good)]
    return [_python(machine), *summary, *wrong, *_torch(required, machine)]


def _python(machine: Machine) -> Finding:
    fits = SpecifierSet(">=3.11,<3.13").contains(machine.python)
    advice = "" if fits else "Install Python 3.11 or 3.12, and run `make setup` with it."
    return Finding(name="Python", ok=fits, found=f"{machine.python} at {sys.executable}", advice=advice)


def _package(one: Requirement, machine: Machine) -> Finding | None:
    version = machine.installed(one.name)
    if version is not None and one.specifier.contains(version, prereleases=True):
        return None
    found = "It is not installed." if version is None else f"{version} is installed; {one.specifier} was tested."
    advice = f"Run `make setup`, or: {sys.executable} -m pip install '{one.name}{one.specifier}'"
    return Finding(name=f"Package {one.name}", ok=False, found=found, advice=advice)


def _torch(required: Sequence[Requirement], machine: Machine) -> list[Finding]:
    wanted = [one for one in required if one.name == "torch"]
    if not wanted:
        return []
    version = machine.installed("torch")
    if version is None:
        advice = "Only models of the type `embedding_bag` need it: pip install 'kempelen[torch]'"
        return [Finding(name="Package torch", ok=None, found="It is not installed.", advice=advice)]
    return [_package(wanted[0], machine) or Finding(name="Package torch", ok=True, found=version)]


def _label_studio_environment() -> Finding:
    folder = label_studio.environment_folder()
    version, name = label_studio.installed_version(folder), "Label Studio's environment"
    if version is None:
        advice = "`kempelen up` installs it on first use: a package index and 1 GB of disk are needed."
        return Finding(name=name, ok=None, found=f"There is none in {folder}.", advice=advice)
    if version != label_studio.VERSION:
        advice = f"{label_studio.VERSION} was tested. Unset {label_studio.OVERRIDE}, or install that version there."
        return Finding(name=name, ok=None, found=f"{version} in {folder}", advice=advice)
    return Finding(name=name, ok=True, found=f"{version} in {folder}")


# ---------------------------------------------------------------- settings, state folder, disk, memory


def _settings(file: Path | None) -> Finding:
    if file is None:
        advice = "Run `kempelen init` to write one."
        return Finding(name="Settings", ok=None, found="No settings file was named or found.", advice=advice)
    try:
        loaded = settings.load(file)
    except ConfigError as wrong:
        return Finding(name="Settings", ok=False, found=str(wrong), advice=wrong.hint)
    return Finding(name="Settings", ok=True, found=f"{file}, for the model {loaded.model.name}")


def _state_folder(state: Path, stack: Stack) -> list[Finding]:
    if not state.exists():
        return [
            Finding(name="State folder", ok=None, found=f"{state} is not there yet.", advice="`kempelen up` makes it.")
        ]
    try:
        with tempfile.TemporaryFile(dir=state):
            pass
    except OSError as error:
        advice = f"Make it a folder that you may write to (chmod u+rwx {state}), or name another `state` folder."
        found = f"Nothing can be written to {state}: {error.strerror}."
        return [Finding(name="State folder", ok=False, found=found, advice=advice)]
    exposed = [path for path in (state, stack.credentials_file) if path.exists() and _open_to_others(path)]
    return [_exposed(path) for path in exposed] or [
        Finding(name="State folder", ok=True, found=f"{state} is writable, and closed to other accounts.")
    ]


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _exposed(path: Path) -> Finding:
    secret = path.is_file()
    mode = stat.filemode(path.stat().st_mode)
    advice = f"Run: chmod {'600' if secret else '700'} {path}"
    name = "Credentials" if secret else "State folder"
    return Finding(
        name=name, ok=False if secret else None, found=f"Other accounts may open {path} ({mode}).", advice=advice
    )


def _disk(state: Path, machine: Machine) -> Finding:
    existing = next(folder for folder in (state.absolute(), *state.absolute().parents) if folder.exists())
    free = machine.disk_usage(existing).free
    found = f"{free / GIGABYTE:.1f} GB are free for {state}."
    if free >= DISK_TIGHT_BYTES:
        return Finding(name="Disk", ok=True, found=found)
    advice = (
        f"Make room, or set `state` in kempelen.toml to a larger disk; {DISK_TIGHT_BYTES / GIGABYTE:.0f} GB is safe."
    )
    return Finding(name="Disk", ok=None if free >= DISK_FULL_BYTES else False, found=found, advice=advice)


def _memory(statuses: Sequence[ServerStatus], machine: Machine) -> Finding:
    used, free = sum(status.memory_bytes for status in statuses), machine.available_memory()
    found = f"The stack uses {used / GIGABYTE:.2f} GB; {free / GIGABYTE:.1f} GB are available."
    if used > STACK_LIMIT_BYTES:
        advice = "At rest it needs under 2.5 GB. Run `kempelen down` and `kempelen up` if nothing is at work."
        return Finding(name="Memory", ok=None, found=found, advice=advice)
    if used + free < STACK_LIMIT_BYTES:
        advice = "The stack takes about 1 GB, and training comes on top: end other programs, or use your own servers."
        return Finding(name="Memory", ok=None, found=found, advice=advice)
    return Finding(name="Memory", ok=True, found=found)


def _chromium(machine: Machine) -> Finding:
    found = machine.program("chromium")
    if found:
        return Finding(name="Chromium", ok=True, found=f"{found}, with which the tests look at pages.")
    return Finding(
        name="Chromium",
        ok=None,
        found="There is none. Only the tests need it.",
        advice="Before `make test`, run `apt-get install chromium`.",
    )


# ---------------------------------------------------------------- servers


def _look_at(stack: Stack) -> tuple[list[ServerStatus], list[Finding]]:
    try:
        return stack.status(), []
    except KempelenError as error:
        return [], [Finding(name="Servers", ok=False, found=str(error), advice=error.hint)]


def _server(status: ServerStatus) -> Finding:
    name = f"{status.title[:1].upper()}{status.title[1:]}"
    said = "".join(f"\n  {line}" for line in status.last_lines)
    if status.state is ServerState.RUNNING:
        return Finding(name=name, ok=True, found=f"running at {status.url}, {status.memory_bytes / 1e6:.0f} MB")
    found = f"{status.state.value}: {status.detail}"
    match status.state:
        case ServerState.STOPPED:
            return Finding(name=name, ok=None, found=found, advice="Start it with `kempelen up`.")
        case ServerState.STARTING:
            return Finding(name=name, ok=None, found=found, advice="Wait for `kempelen up`, or run it again.")
        case _:
            quoted = f" The last lines of {status.log}:{said}" if said else ""
            return Finding(name=name, ok=False, found=found + quoted, advice="Run `kempelen up`: it is started again.")


def _strays(stack: Stack) -> list[Finding]:
    strays = stack.strays()
    here = [one for one in strays if Path(one.state).is_dir()]
    gone = [one for one in strays if not Path(one.state).is_dir()]
    findings = []
    if here:
        found = f"{_pids(here)} belong to this stack, but its state file does not know them."
        findings.append(
            Finding(name="Stray processes", ok=False, found=found, advice="Run `kempelen down`, then `kempelen up`.")
        )
    if gone:
        folders = ", ".join(sorted({one.state for one in gone}))
        found = f"{_pids(gone)} belong to stacks whose state folder is gone: {folders}."
        pids = " ".join(str(one.process.pid) for one in gone)
        findings.append(Finding(name="Stray processes", ok=None, found=found, advice=f"End them: kill {pids}"))
    return findings or [Finding(name="Stray processes", ok=True, found="none")]


def _pids(strays: Sequence[Marked]) -> str:
    described = [f"{one.process.pid} ({one.server})" for one in strays]
    return f"Processes {', '.join(described)}"
