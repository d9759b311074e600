"""When a cycle's labels are settled: train challengers, judge, promote, and account for the effort."""

from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from connectors.orchestration import prefect as orchestration
from cycle.account import card_of
from cycle.retrain import Retrained, retrain
from flows._wired import RETRY_DELAYS_S, app_of, can_be_retried, moment, run_name
from ledger import card


@flow(name="retrain", flow_run_name=run_name)
def retrain_flow(config: str, now: datetime | None = None) -> list[Retrained]:
    """Take every cycle that has its labels to its end; train the first version if there is none."""
    finished = _train_to_account(config, moment(now))
    app = app_of(config)
    for one in finished:
        if one.version is None:
            get_run_logger().warning("%s: a cycle was abandoned: %s", app.model, one.note)
            continue
        version = one.version.version
        verdict = "promoted" if one.promoted else "rejected"
        get_run_logger().info("%s version %s (%s) %s", app.model, version, one.version.model_type, verdict)
        if one.cycle:
            judgements = app.store.judgements(one.cycle.cycle_id)
            rows = [(j.model_type, check.summary, check.passed) for j in judgements for check in j.report.checks]
            orchestration.show_gate(app.model, rows)
        orchestration.show_labour_card(app.model, version, card.markdown(card_of(app, version, moment(now))))
    return finished


@task(
    name="train to account",
    retries=3,
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=can_be_retried,
    cache_policy=NO_CACHE,
)
def _train_to_account(config: str, now: datetime) -> list[Retrained]:
    return retrain(app_of(config), now)
