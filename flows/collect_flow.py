"""Scheduled, every few minutes: fetch what people answered and book their effort."""

from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from cycle.beside import book_what_waits
from cycle.collect import Collected, collect
from flows._wired import RETRY_DELAYS_S, app_of, can_be_retried, moment, run_name
from kempelen.errors import Problem


@flow(name="collect", flow_run_name=run_name)
def collect_flow(config: str, now: datetime | None = None, *, settle: bool = False) -> list[Collected]:
    """Fetch new answers of every open cycle, book them, and settle the cycles that are complete."""
    collected = _fetch_and_book(config, moment(now), settle=settle)
    booked, problems = _book_what_waits(config)
    logger = get_run_logger()
    if booked:
        logger.info("%d entries from beside the cycles were still to be booked", booked)
    for problem in problems:
        logger.warning("%s %s: %s %s", problem.stage, problem.subject, problem.message, problem.hint)
    for one in collected:
        logger.info("%s: %d of %d items answered, %s", one.cycle.cycle_id, one.answered, one.items, one.state.value)
        for problem in one.problems:
            logger.warning("%s %s: %s %s", problem.stage, problem.subject, problem.message, problem.hint)
    return collected


@task(
    name="fetch and book",
    retries=3,
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=can_be_retried,
    cache_policy=NO_CACHE,
)
def _fetch_and_book(config: str, now: datetime, *, settle: bool) -> list[Collected]:
    return collect(app_of(config), now, settle=settle)


@task(name="book what waits", cache_policy=NO_CACHE)
def _book_what_waits(config: str) -> tuple[int, list[Problem]]:
    app = app_of(config)
    return book_what_waits(app.settings, app.ledger.engine)
