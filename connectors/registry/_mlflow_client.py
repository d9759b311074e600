"""One quiet, quick way to speak to MLflow, with its errors translated into ours."""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kempelen.errors import ConnectorRefused, ConnectorUnavailable

SYSTEM = "MLflow"

_DEFAULTS = {
    # "true" and not "1": MLflow understands no other word here.
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # MLflow's own patience (7 tries, 2 minutes each) would hold a flow for minutes; flows try again by themselves.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

_TRY_AGAIN = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}

ABSENT = "RESOURCE_DOES_NOT_EXIST"
PRESENT = "RESOURCE_ALREADY_EXISTS"

_globals = threading.RLock()


def client(uri: str) -> Any:
    """A client of the server (or SQLite file) at `uri`. What the operator set in the environment stays."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    with _without_warnings():
        import mlflow
        import mlflow.pyfunc

    # The error that is raised says all that these would print: one line a try, and hints at other settings.
    for chatty in ("mlflow", "urllib3.connectionpool"):
        logging.getLogger(chatty).setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])
    with speaking(uri):
        return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def fluent(uri: str) -> Iterator[None]:
    """Hold MLflow's process-wide state: its address, and the model that a serving file has just set.

    Two threads inside would log to one another's server, or load one another's model.
    """
    import mlflow

    with _globals:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        yield


@contextmanager
def _without_warnings() -> Iterator[None]:
    """MLflow warns of its own type hints when it is imported; nobody here can act on that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def speaking(uri: str) -> Iterator[None]:
    """Translate what MLflow and its transport raise: no answer is Unavailable, a no is Refused."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        yield
    except MlflowException as error:
        if _is_outage(error):
            raise _unavailable(uri, error) from error
        raise ConnectorRefused(f"{_brief(error)}", system=SYSTEM, hint=_what_to_do(error)) from error
    except RequestException as error:
        raise _unavailable(uri, error) from error
    except OSError as error:
        raise ConnectorRefused(
            f"a file could not be read or written: {_brief(error)}",
            system=SYSTEM,
            hint="Check the disk, and the folder in which MLflow keeps its artifacts.",
        ) from error


def _is_outage(error: Any) -> bool:
    """Whether nobody answered. MLflow says INTERNAL_ERROR of that, and also of a serving file that is no Python."""
    from mlflow.exceptions import RestException

    spoken = isinstance(error, RestException) or str(error).startswith("API request to")
    return error.error_code in _TRY_AGAIN and (spoken or "OperationalError" in str(error))


def _unavailable(uri: str, error: Exception) -> ConnectorUnavailable:
    return ConnectorUnavailable(
        f"no answer from {uri}: {_brief(error)}",
        system=SYSTEM,
        hint="See `kempelen doctor`; start the local stack with `kempelen up`, or check [servers] mlflow_uri.",
    )


def _what_to_do(error: Any) -> str:
    if "Host header" in str(error):
        return "Start the MLflow server with --allowed-hosts and the name by which you call it."
    if error.error_code in {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}:
        return "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, and what that account may do."
    if error.error_code == ABSENT:
        return "See what is there with `kempelen champion`, or in MLflow's pages."
    return "Look at this model in MLflow's pages, and at the server's log."


def _brief(error: Exception) -> str:
    """The first line, without the address that urllib3 repeats at length."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
