"""Show alarms and labour cards where the flow runs are: as Prefect artifacts and events."""

import re
from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from kempelen.records import DriftReport


def show_alarm(model: str, reports: Sequence[DriftReport]) -> None:
    """A table of what changed, and the event `kempelen.drift` on the model."""
    create_table_artifact(
        table=[
            {
                "detector": report.detector,
                "what": evidence.subject,
                "before": f"{evidence.reference_count:g} ({evidence.reference_share:.2%})",
                "now": f"{evidence.current_count:g} ({evidence.current_share:.2%})",
                "taken for": evidence.label or "",
                "confidence": f"{evidence.confidence:.0%}" if evidence.confidence is not None else "",
                "p": f"{evidence.p_value:.1e}",
            }
            for report in reports
            for evidence in report.evidence
        ],
        key=_key("drift", model),
        description="; ".join(report.summary for report in reports),
    )
    emit_event(
        event="kempelen.drift",
        resource={"prefect.resource.id": f"kempelen.model.{model}", "prefect.resource.name": model},
        payload={report.detector: [e.subject for e in report.evidence] for report in reports},
    )


def show_labour_card(model: str, version: str, markdown: str) -> None:
    """The labour card of a version beside the flow run that made it."""
    create_markdown_artifact(markdown=markdown, key=_key("labour", f"{model}-{version}"))


def show_gate(model: str, summaries: Sequence[tuple[str, str, bool]]) -> None:
    """What the gate asked of each challenger: (model type, answer, passed)."""
    create_table_artifact(
        table=[{"challenger": t, "answer": s, "passed": "yes" if p else "no"} for t, s, p in summaries],
        key=_key("gate", model),
    )


def _key(kind: str, name: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{kind}-{name}".lower())
