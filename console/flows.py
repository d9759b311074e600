"""Run a flow in this process against the servers that the stack, or the settings, name."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from console.stack import Stack
from kempelen.errors import ConnectorUnavailable
from kempelen.settings import Settings


def use_servers(stack: Stack, settings: Settings | None = None) -> None:
    """Point this process to the servers. Must come before Prefect or MLflow is imported.

    Raises KempelenError that names the server when one that is needed is not running.
    """
    own = settings.servers if settings else None
    wanted = {
        "prefect": own.prefect_api if own else None,
        "mlflow": own.mlflow_uri if own else None,
        "label-studio": own.label_studio_url if own else None,
    }
    if settings and settings.annotation.connector != "label_studio":
        del wanted["label-studio"]
    local = [name for name, address in wanted.items() if address is None]
    environment = dict(stack.client_environment()) if local else {}
    if local:
        addresses = stack.addresses(local)
        environment |= {
            "KEMPELEN_SERVERS__MLFLOW_URI": addresses.mlflow_uri,
            "KEMPELEN_SERVERS__LABEL_STUDIO_URL": addresses.label_studio_url,
            "KEMPELEN_SERVERS__LABEL_STUDIO_TOKEN": addresses.label_studio_token,
        }
    for name, value in _given(settings).items():
        environment[name] = value
    os.environ.update(environment)


def quiet(*, debug: bool) -> None:
    """Keep the flows' log off the terminal; it is on the server all the same, and here with `--debug`.

    Must come before Prefect is imported.
    """
    if not debug:
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


@contextmanager
def reaching_prefect() -> Iterator[None]:
    """Say plainly that Prefect could not be reached; whatever a flow itself raises passes through."""
    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "reach API" not in str(error):
            raise
        raise ConnectorUnavailable(
            f"no answer at {os.environ.get('PREFECT_API_URL')}.",
            system="Prefect",
            hint="Start it (`kempelen up`, if it is the local one), or correct [servers] prefect_api.",
        ) from error


def _given(settings: Settings | None) -> Mapping[str, str]:
    """What the settings file itself says of servers wins over the local stack."""
    if settings is None:
        return {}
    own = settings.servers
    given = {
        "PREFECT_API_URL": own.prefect_api,
        "KEMPELEN_SERVERS__MLFLOW_URI": own.mlflow_uri,
        "KEMPELEN_SERVERS__LABEL_STUDIO_URL": own.label_studio_url,
        "KEMPELEN_SERVERS__LABEL_STUDIO_TOKEN": own.label_studio_token and own.label_studio_token.get_secret_value(),
    }
    return {name: value for name, value in given.items() if value}


def default_config(state: Path) -> Path | None:
    """The settings of the newest demo, for the hint when a folder has no kempelen.toml."""
    demos = sorted(state.glob("demo/*/kempelen.toml"), key=lambda file: file.stat().st_mtime)
    return demos[-1] if demos else None
