"""Scheduled, daily or weekly: compare the books with the annotation system, annotation by annotation."""

from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from connectors.orchestration import prefect as orchestration
from cycle.reconcile import Reconciled, in_words, reconcile_all
from flows._wired import RETRY_DELAYS_S, app_of, can_be_retried, run_name


@flow(name="reconcile", flow_run_name=run_name)
def reconcile_flow(  # the flow run is named after `now`
    config: str,
    now: datetime | None = None,  # noqa: ARG001
    *,
    cycle: str | None = None,
) -> list[Reconciled]:
    """Compare every cycle, or one; whatever nobody can explain is a warning, and a row of the artifact."""
    compared = _compare(config, cycle)
    logger = get_run_logger()
    for one in compared:
        (logger.warning if one.unexplained or one.problems else logger.info)(one.says)
        for problem in one.problems:
            logger.warning("%s: %s %s", problem.subject, problem.message, problem.hint)
    rows = [
        (d.source_id, d.found.value, in_words(d.booked), in_words(d.there), d.explained)
        for one in compared
        for d in one.differences
    ]
    orchestration.show_reconciliation(app_of(config).model, [one.says for one in compared], rows)
    return compared


@task(
    name="compare",
    retries=3,
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=can_be_retried,
    cache_policy=NO_CACHE,
)
def _compare(config: str, cycle: str | None) -> list[Reconciled]:
    return reconcile_all(app_of(config), cycle)
