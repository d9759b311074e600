"""What every flow needs: its parts from a settings file, the time, and when trying again can help."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import runtime
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from cycle.app import App
from cycle.wiring import wire
from kempelen.errors import ConnectorUnavailable
from kempelen.settings import load

RETRY_DELAYS_S = [2.0, 10.0, 30.0]
"""Pauses before a step that met a silent server is tried again."""


def app_of(config: str) -> App:
    """The parts of the model that a settings file describes."""
    return wire(load(Path(config)))


def moment(now: datetime | None) -> datetime:
    """The given moment, or the present one: the only place in a flow that reads the clock."""
    return now or datetime.now(UTC)


def run_name() -> str:
    """What a flow run is called: flow, model and day, so that a list of runs can be read."""
    parameters = runtime.flow_run.parameters
    model = load(Path(parameters["config"])).model.name
    return f"{runtime.flow_run.flow_name} {model} {moment(parameters.get('now')):%Y-%m-%d}"


def can_be_retried(step: Task[..., Any], run: TaskRun, state: State) -> bool:  # noqa: ARG001 - Prefect's signature
    """Whether trying again can help: only when an outside system gave no answer."""
    failure = state.result(raise_on_failure=False)
    return isinstance(failure, ConnectorUnavailable)
