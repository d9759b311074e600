"""Show looks, alarms and labour cards where the flow runs are: as Prefect artifacts and events.

Prefect itself remembers what it was told: the table of the latest look names the alarms that were on, each with its
severity. An event is sent only for what that table does not say yet, and before the next table is
written: a run that is killed in between sends it again, under the same event id, and it counts once.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from prefect.artifacts import Artifact, create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from connectors.orchestration import _page as page
from connectors.orchestration._seen import Alarm, Look

RAISED, ENDED = "kempelen.drift", "kempelen.drift.ended"


def show_alarms(look: Look, alarms: Sequence[Alarm]) -> None:
    """A table of the look, a table and a page with plots for each alarm that is on, and events for what is new.

    `alarms` are those that are on at the moment of the look. The event `kempelen.drift` is sent when an alarm is new or
    its severity rose, `kempelen.drift.ended` when it is over.
    """
    key = _key("look", look.model)
    told = _told(key)
    for alarm in alarms:
        if told.get(alarm.alarm_id) != str(alarm.severity):
            _emit(RAISED, look.model, alarm.alarm_id, str(alarm.severity), _payload(look, alarm))
    for alarm_id in told.keys() - {alarm.alarm_id for alarm in alarms}:
        over = {"alarm": alarm_id, "model": look.model, "severity": told[alarm_id], "at": look.at.isoformat()}
        _emit(ENDED, look.model, alarm_id, told[alarm_id], over)
    for alarm in alarms:
        _show_alarm(look, alarm)
    create_table_artifact(table=page.look_rows(look, alarms), key=key, description=_headline(look, alarms))


def show_labour_card(model: str, version: str, markdown: str) -> None:
    """The labour card of a version beside the flow run that made it."""
    create_markdown_artifact(markdown=markdown, key=_key("labour", f"{model}-{version}"))


def show_gate(model: str, summaries: Sequence[tuple[str, str, bool]]) -> None:
    """What the gate asked of each challenger: (model type, answer, passed)."""
    create_table_artifact(
        table=[{"challenger": t, "answer": s, "passed": "yes" if p else "no"} for t, s, p in summaries],
        key=_key("gate", model),
    )


def show_reconciliation(model: str, said: Sequence[str], differences: Sequence[tuple[str, str, str, str, str]]) -> None:
    """What the books and the annotation system do not agree on: (annotation, what, books, there, why)."""
    heads = "annotation", "what", "books", "annotation system", "why"
    rows = [dict(zip(heads, map(page.in_markdown, row), strict=True)) for row in differences]
    create_table_artifact(
        table=rows, key=_key("reconciliation", model), description="  \n".join(map(page.in_markdown, said))
    )


def _told(key: str) -> Mapping[str, str]:
    """The alarms that the latest look's table names, each with its severity."""
    latest: Any = Artifact.get(key)
    rows = json.loads(latest.data) if latest is not None and latest.data else []
    return {html.unescape(row["alarm"]): row["severity"] for row in rows if row.get("alarm")}


def _show_alarm(look: Look, alarm: Alarm) -> None:
    key = _key("alarm", alarm.alarm_id)
    summary = page.in_markdown(alarm.report.summary)
    create_table_artifact(table=page.alarm_rows(alarm), key=key, description=summary)
    create_markdown_artifact(markdown=page.alarm_page(alarm, look.set_aside), key=f"{key}-days", description=summary)


def _headline(look: Look, alarms: Sequence[Alarm]) -> str:
    mute = f", {len(look.undecided)} could not answer" if look.undecided else ""
    on = f"{len(alarms)} alarm{'' if len(alarms) == 1 else 's'} on" if alarms else "no alarm is on"
    return f"Look of {look.at:%Y-%m-%d %H:%M} at version {page.in_markdown(look.version)}: {on}{mute}."


def _payload(look: Look, alarm: Alarm) -> dict[str, Any]:
    return {
        "alarm": alarm.alarm_id,
        "model": look.model,
        "version": alarm.version,
        "detector": alarm.detector,
        "severity": str(alarm.severity),
        "subjects": list(alarm.subjects),
        "statistic": page.finite(alarm.report.statistic),
        "threshold": page.finite(alarm.report.threshold),
        "alpha": alarm.report.alpha,
        "first_at": alarm.first_at.isoformat(),
        "at": look.at.isoformat(),
    }


def _emit(event: str, model: str, alarm_id: str, severity: str, payload: dict[str, Any]) -> None:
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"kempelen.model.{model}", "prefect.resource.name": model},
        related=[
            {
                "prefect.resource.id": f"kempelen.alarm.{alarm_id}",
                "prefect.resource.name": alarm_id,
                "prefect.resource.role": "alarm",
            }
        ],
        payload=payload,
        id=uuid5(NAMESPACE_URL, f"{event}/{alarm_id}/{severity}"),
    )


def _key(kind: str, name: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{kind}-{name}".lower())
