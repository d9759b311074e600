"""The four flows on their schedules, one run at a time, in a process that lives until it is stopped."""

import signal
from pathlib import Path
from typing import Any

from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import Flow
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.collect_flow import collect_flow
from flows.reconcile_flow import reconcile_flow
from flows.retrain_flow import retrain_flow
from flows.watch_flow import watch_flow
from kempelen.errors import ConfigError
from kempelen.settings import ScheduleSettings

_FLOWS: dict[str, Flow[..., Any]] = {
    "watch": watch_flow,
    "collect": collect_flow,
    "retrain": retrain_flow,
    "reconcile": reconcile_flow,
}


def deployments(model: str, config: Path, schedule: ScheduleSettings) -> list[RunnerDeployment]:
    """One Prefect deployment `FLOW/MODEL` for each flow that has a schedule.

    ConfigError for what is no cron expression.
    """
    return [
        _deployment(flow, name, model, config, cron)
        for name, flow in _FLOWS.items()
        if (cron := getattr(schedule, name))
    ]


def serve_until_stopped(made: list[RunnerDeployment]) -> None:
    """Run what is due until SIGINT or SIGTERM, then pause the schedules. What was missed meanwhile is not made up for.

    One run at a time: each is short, and none waits for people.
    """
    # A shell that starts this in the background has it ignore SIGINT, by which Prefect stops itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(*made, limit=1, print_starting_message=False)


def _deployment(flow: Flow[..., Any], name: str, model: str, config: Path, cron: str) -> RunnerDeployment:
    try:
        return RunnerDeployment.from_flow(
            flow,
            name=model,
            cron=cron,
            parameters={"config": str(config)},
            tags=["kempelen", model],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
    except (ValidationError, ValueError) as error:
        raise ConfigError(
            f"[schedule] {name} is {cron!r}, which is no cron expression.",
            hint="Five fields, as `*/5 * * * *` for every five minutes; empty for never.",
        ) from error
