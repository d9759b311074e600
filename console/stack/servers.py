"""The servers of the local stack, one function a server: how each is started and how it is proven healthy.

All bind to 127.0.0.1. Nothing secret stands on a command line, where every local account could read it.
Data folders are named relative to the working folder, so that a blank or a `#` in a path cannot break a
database address.
"""

import base64
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from console.stack import label_studio
from console.stack.files import Credentials
from console.stack.ports import HOST
from console.stack.processes import SERVER_MARK, STATE_MARK, clean_environment
from kempelen.protocols import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where one stack lives: its state folder, its ports by server, its secrets."""

    state: Path
    ports: Mapping[str, int]
    credentials: Credentials

    def url(self, server: str) -> str:
        """The address of a server, without a slash at its end."""
        return f"http://{HOST}:{self.ports[server]}"

    def folder(self, server: str) -> Path:
        """Where the server keeps its data."""
        return self.state / "servers" / server


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question to a server, and what a healthy one answers (with status 200)."""

    path: str
    expected: Callable[[Any], bool]
    headers: Mapping[str, str]


def _nothing_to_prepare(site: Site, progress: Progress) -> None:
    del site, progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How to start one server, and how to know that it is well. `told` names servers whose address it gets."""

    name: str
    title: str
    command: Callable[[Site], Sequence[str]]
    environment: Callable[[Site], Mapping[str, str]]
    probes: Callable[[Site], Sequence[Probe]]
    prepare: Callable[[Site, Progress], None] = _nothing_to_prepare
    start_limit_s: float = 180.0
    told: tuple[str, ...] = ()


def marked_environment(server: Server, site: Site) -> dict[str, str]:
    """The whole environment of a server's process, with the marks by which it is found again."""
    return {
        **clean_environment(),
        **server.environment(site),
        STATE_MARK: str(site.state),
        SERVER_MARK: server.name,
    }


def ask(port: int, probe: Probe, timeout_s: float) -> str | None:
    """None when the server answers as a healthy one does; otherwise what was found, in words.

    Plain `http.client`: a proxy in the environment must not stand between us and the loopback.
    """
    connection = HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", probe.path, headers={"Accept": "application/json", **probe.headers})
        answer = connection.getresponse()
        body = answer.read(65_536)
    except (OSError, HTTPException) as error:
        return f"GET {probe.path} got no answer ({error or type(error).__name__})"
    finally:
        connection.close()
    if answer.status != 200 or not probe.expected(_parsed(body)):  # noqa: PLR2004 - HTTP's OK
        return f"GET {probe.path} was answered with {answer.status} {body[:80].decode('utf-8', 'replace')!r}"
    return None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", errors="replace").strip()


def client_environment(site: Site) -> dict[str, str]:
    """What flows and clients of this stack need in their environment before they import Prefect or MLflow."""
    here = _addresses(site)
    return {**QUIET, **here, **_no_proxy(os.environ)}


QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "true",  # the one spelling that both Prefect and MLflow take
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20 is too short for a fresh database
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job runner alone takes 2 GB
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Telemetry, version checks and decoration off, for servers and clients alike."""


def _addresses(site: Site) -> dict[str, str]:
    addresses = {
        "PREFECT_HOME": str(site.folder("prefect")),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(site.folder("prefect") / "results"),
        "PREFECT_API_AUTH_STRING": site.credentials.prefect_auth,
    }
    if "prefect" in site.ports:
        addresses["PREFECT_API_URL"] = f"{site.url('prefect')}/api"
    if "mlflow" in site.ports:
        addresses["MLFLOW_TRACKING_URI"] = site.url("mlflow")
    return addresses


def _no_proxy(inherited: Mapping[str, str]) -> dict[str, str]:
    known = inherited.get("NO_PROXY") or inherited.get("no_proxy") or ""
    hosts = list(dict.fromkeys([*(host.strip() for host in known.split(",") if host.strip()), HOST, "localhost"]))
    return {"NO_PROXY": ",".join(hosts), "no_proxy": ",".join(hosts)}


def _token(site: Site) -> dict[str, str]:
    return {"Authorization": f"Token {site.credentials.label_studio_token}"}


def _basic(site: Site) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(site.credentials.prefect_auth.encode()).decode()}


def prefect() -> Server:
    """Prefect's API, scheduler and pages in one process.

    With a password, although it listens on the loopback alone: whoever may call this API may run code
    through a deployment, and that is every account of the machine and, as Prefect answers any origin by
    default, every web page its owner happens to open.
    """

    def environment(site: Site) -> dict[str, str]:
        port = site.ports["prefect"]
        return {
            **QUIET,
            **_addresses(site),
            "PREFECT_SERVER_API_AUTH_STRING": site.credentials.prefect_auth,
            "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port},http://localhost:{port}",
            "PREFECT_CLI_PROMPT": "false",
        }

    return Server(
        name="prefect",
        title="Prefect",
        command=lambda site: _python(
            "-m", "prefect", "server", "start", "--host", HOST, "--port", str(site.ports["prefect"])
        ),
        environment=environment,
        probes=lambda site: [
            Probe(path="/api/health", expected=lambda body: body is True, headers={}),
            Probe(path="/api/admin/version", expected=lambda body: isinstance(body, str), headers=_basic(site)),
        ],
    )


def mlflow() -> Server:
    """MLflow's tracking server and registry on SQLite: one worker, no job runner (2.4 GB become 0.45)."""
    return Server(
        name="mlflow",
        title="MLflow",
        command=lambda site: _python(
            *("-m", "mlflow", "server", "--workers", "1", "--host", HOST, "--port", str(site.ports["mlflow"])),
            *("--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "./artifacts"),
            *("--allowed-hosts", f"{HOST}:*,localhost:*"),
        ),
        environment=lambda _: QUIET,
        probes=lambda _: [Probe(path="/health", expected=lambda body: body == "OK", headers={})],
    )


def annotation() -> Server:
    """Label Studio, from an environment of its own."""
    return Server(
        name="label-studio",
        title="Label Studio",
        command=lambda site: [
            str(label_studio.environment_folder() / "bin" / "label-studio"),
            *("start", "--no-browser", "--internal-host", HOST, "--port", str(site.ports["label-studio"])),
        ],
        environment=lambda site: {
            **label_studio.QUIET,
            "LABEL_STUDIO_BASE_DATA_DIR": str(site.folder("label-studio")),
            "LABEL_STUDIO_USERNAME": site.credentials.label_studio_username,
            "LABEL_STUDIO_PASSWORD": site.credentials.label_studio_password,
            "LABEL_STUDIO_USER_TOKEN": site.credentials.label_studio_token,
        },
        probes=lambda site: [
            Probe(path="/health", expected=lambda body: body == {"status": "UP"}, headers={}),
            Probe(path="/api/current-user/whoami", expected=_is_account, headers=_token(site)),
        ],
        prepare=lambda site, progress: label_studio.prepare(site.folder("label-studio"), progress),
        start_limit_s=300.0,
    )


def _is_account(body: Any) -> bool:
    return isinstance(body, dict) and "email" in body


def dashboard() -> Server:
    """Kempelen's own pages."""
    return Server(
        name="dashboard",
        title="the dashboard",
        command=lambda site: _python(
            "-m", "dashboard", "--state", str(site.state), "--port", str(site.ports["dashboard"])
        ),
        environment=lambda site: {**client_environment(site), "PYTHONPATH": _import_path()},
        probes=lambda _: [
            Probe(
                path="/health",
                expected=lambda body: (
                    isinstance(body, dict) and body.get("status") == "ok" and body.get("server") == "kempelen-dashboard"
                ),
                headers={},
            )
        ],
        start_limit_s=90.0,
        told=("prefect", "mlflow"),
    )


def _import_path() -> str:
    """Our own packages, from a checkout or installed, then what the caller added for plug-ins of their own."""
    ours = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH")]))


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def the_four() -> tuple[Server, ...]:
    """The stack, in the order of starting: Label Studio last, as its first start installs it."""
    return (prefect(), mlflow(), dashboard(), annotation())
