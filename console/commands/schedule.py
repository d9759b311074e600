"""`kempelen schedule`: the loop by itself, by Prefect's clock."""

from console import flows, output
from console.commands.common import COMMON, DONE, Common


def schedule(*, common: Common = COMMON) -> int:
    """Run watch, collect, retrain and reconcile by their schedules until stopped: see [schedule] in the settings.

    They are deployments in Prefect, where each run stands with its log, and can be started by hand, too.
    """
    settings = common.with_servers()
    from flows.schedule import deployments, serve_until_stopped

    with flows.reaching_prefect():
        made = deployments(settings.model.name, common.config_file, settings.schedule)
        rows = [
            {"flow": one.flow_name, "when": getattr(settings.schedule, str(one.flow_name)), "in Prefect": one.full_name}
            for one in made
        ]
        if common.json:
            output.show_json(rows)
        else:
            output.show_table(rows)
        output.flush()
        output.remark("Runs until you stop it with Ctrl-C.")
        serve_until_stopped(made)
    return DONE
