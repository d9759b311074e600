"""Scheduled, hourly or daily: look for change, and ask people when there is some."""

import logging
from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from connectors.orchestration import prefect as orchestration
from cycle.alarms import Alarm
from cycle.records import Look
from cycle.watch import Watched, publish, watch
from flows._wired import RETRY_DELAYS_S, app_of, can_be_retried, moment, run_name


@flow(name="watch", flow_run_name=run_name)
def watch_flow(config: str, now: datetime | None = None, *, open_cycle: bool = False) -> Watched:
    """Compare the traffic with the champion's reference; open a cycle on an alarm; put items before people."""
    watched = _look_and_ask(config, moment(now), open_cycle=open_cycle)
    logger = get_run_logger()
    for report in watched.look.reports:
        level = logging.WARNING if report.drifted else logging.INFO
        logger.log(level, "%s: %s", report.detector, report.summary)
    for problem in watched.look.problems:
        logger.warning("%s: %s %s", problem.subject, problem.message, problem.hint)
    for problem in watched.look.undecided:
        logger.info("%s cannot answer: %s", problem.subject, problem.message)
    for one in watched.look.set_aside:
        logger.info("%s %s: no alarm, %s", one.detector, one.subject, one.why)
    orchestration.show_alarms(watched.look, _publish(config, watched.look))
    return watched


@task(
    name="look and ask",
    retries=3,
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=can_be_retried,
    cache_policy=NO_CACHE,
)
def _look_and_ask(config: str, now: datetime, *, open_cycle: bool) -> Watched:
    return watch(app_of(config), now, open_cycle=open_cycle)


@task(
    name="publish",
    retries=3,
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=can_be_retried,
    cache_policy=NO_CACHE,
)
def _publish(config: str, look: Look) -> list[Alarm]:
    return publish(app_of(config), look)
