"""Show looks in a flow, in a process of its own: `show_looks.py FILE [killed]`; FILE holds pairs (look, alarms)."""

import pickle
import sys
from pathlib import Path

from prefect import flow

from connectors.orchestration import prefect as orchestration


def killed(**_: object) -> None:
    """The run ends before it has written a table."""
    raise KeyboardInterrupt


@flow(name="show looks")
def show(file: str) -> None:
    """One look after the other, each with the alarms that are on."""
    for look, alarms in pickle.loads(Path(file).read_bytes()):  # noqa: S301 - the test next to it wrote it
        orchestration.show_alarms(look, alarms)


if sys.argv[2:] == ["killed"]:
    orchestration.create_table_artifact = killed  # type: ignore[assignment]  # that is the fault
show(sys.argv[1])
