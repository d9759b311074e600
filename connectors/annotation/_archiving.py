"""Write what Label Studio holds of a closed cycle to files: its own export, a file for each project."""

import gzip
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from connectors.annotation import _briefing
from connectors.annotation._errors import SYSTEM
from connectors.annotation._held import Project
from connectors.annotation._server import Server
from kempelen.errors import ConnectorRefused, ConnectorUnavailable

_LONGEST_NAME = 60


def archive(server: Server, cycle_id: str, folder: Path, timeout_s: float) -> list[Path]:
    """A compressed JSON file for each project of the cycle, those of projects that were deleted since included.

    A file is there whole or not at all, and has the same bytes as long as nothing changes; the project's
    description then names it. ConnectorRefused while somebody is still asked.
    """
    projects = server.projects(cycle_id)
    _must_be_closed(cycle_id, projects)
    folder.mkdir(parents=True, exist_ok=True)
    for project in projects:
        file = folder / f"{_stem(cycle_id)}-{project.id}.json.gz"
        _write(file, gzip.compress(_whole(server, project, timeout_s), mtime=0))
        described = _briefing.archived(project.description, file.name)
        if described != project.description:
            server.change_project(project, description=described)
    return sorted(folder.glob(f"{_stem(cycle_id)}-*.json.gz"))


def _must_be_closed(cycle_id: str, projects: Sequence[Project]) -> None:
    still_open = [project.id for project in projects if not project.closed]
    if still_open:
        raise ConnectorRefused(
            f"cycle {cycle_id} is not closed: project {still_open[0]} still asks people.",
            system=SYSTEM,
            hint="Close the cycle, then archive it.",
        )


def _whole(server: Server, project: Project, timeout_s: float) -> bytes:
    """The export, once it is sure that nothing is cut off: the server does not say how long it is."""
    content, expected = server.export(project, timeout_s), server.count(project)
    try:
        found = len(json.loads(content))
    except ValueError:
        found = -1
    if found != expected:
        raise ConnectorUnavailable(
            f"the export of project {project.id} is not complete.", system=SYSTEM, hint="It will be tried again."
        )
    return content


def _stem(cycle_id: str) -> str:
    """A file name for any cycle id, and for no other one."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", cycle_id)[:_LONGEST_NAME]
    return f"label-studio-{readable}-{hashlib.sha256(cycle_id.encode()).hexdigest()[:8]}"


def _write(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
