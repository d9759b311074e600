"""An alarm and a look as tables and as a markdown page. What strangers typed is shown, and never obeyed."""

import html
import math
import re
from collections.abc import Iterable, Sequence

from connectors.orchestration._plot import picture
from connectors.orchestration._seen import Alarm, Look, SetAside
from kempelen.records import DriftReport, Evidence

Row = dict[str, str]

MOST_PLOTS = 8
"""Subjects of an alarm that are drawn; the table has all of them."""

NOBODY, EVERYTHING = "nobody yet", "everything it reports"

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def in_markdown(text: str) -> str:
    r"""Text that markdown shows as it is: no link, no tag, no table comes of it.

    >>> print(in_markdown("<b> a|b `c`"))
    \<b\> a\|b \`c\`
    """
    return _PUNCTUATION.sub(r"\\\g<0>", " ".join(text.split()))


def in_cell(text: str) -> str:
    """Text that a table shows as it is: its cells are taken for HTML."""
    return html.escape(text, quote=False)


# ---------------------------------------------------------------- a look


def look_rows(look: Look, alarms: Sequence[Alarm]) -> list[Row]:
    """What every detector said at a look, alarms first. One that could not answer is never shown as quiet."""
    on = {alarm.detector: alarm for alarm in alarms if alarm.version == look.version}
    rows = [_report_row(report, look, on.get(report.detector)) for report in look.reports]
    rows += [
        _row(problem.subject, "could not answer", on.get(problem.subject), says=f"{problem.message} {problem.hint}")
        for problem in look.undecided
    ]
    told = {row["detector"] for row in rows if row["alarm"]}
    rows += [
        _row(alarm.detector, "on, not seen at this look", alarm, alarm.report, alarm.report.summary)
        for alarm in alarms
        if alarm.version != look.version or in_cell(alarm.detector) not in told
    ]
    return sorted(rows, key=lambda row: not row["alarm"])


def verdict(report: DriftReport, look: Look, alarm: Alarm | None) -> str:
    """A report in a few words."""
    if report.hint:
        return "hint: look here" if report.drifted else "hint: nothing"
    if not report.drifted:
        return "no alarm"
    return "alarm" if alarm is not None and alarm.last_at == look.at else "changed, set aside"


def _report_row(report: DriftReport, look: Look, alarm: Alarm | None) -> Row:
    own = [one for one in look.set_aside if one.detector == report.detector]
    says = [report.summary, *(f"Set aside: {one.subject or EVERYTHING}, {one.why}." for one in own)]
    return _row(report.detector, verdict(report, look, alarm), alarm, report, " ".join(says))


def _row(detector: str, said: str, alarm: Alarm | None, report: DriftReport | None = None, says: str = "") -> Row:
    return {
        "detector": in_cell(detector),
        "verdict": said,
        "alarm": in_cell(alarm.alarm_id) if alarm else "",
        "severity": str(alarm.severity) if alarm else "",
        "statistic": f"{report.statistic:.2f}" if report else "",
        "threshold": f"{report.threshold:.2f}" if report else "",
        "what it says": in_cell(says),
    }


# ---------------------------------------------------------------- an alarm


def alarm_rows(alarm: Alarm) -> list[Row]:
    """What changed, one row a subject."""
    return [_evidence_row(alarm, evidence) for evidence in alarm.report.evidence]


def _evidence_row(alarm: Alarm, evidence: Evidence) -> Row:
    return {
        "severity": str(alarm.severity),
        "what": in_cell(evidence.subject),
        "together with": in_cell(", ".join(evidence.together)),
        "before": f"{evidence.reference_count:g} ({evidence.reference_share:.2%})",
        "now": f"{evidence.current_count:g} ({evidence.current_share:.2%})",
        "since": f"{evidence.since or ''}",
        "people": f"at least {evidence.users}" if evidence.users is not None else "",
        "taken for": in_cell(evidence.label or ""),
        "confidence": f"{evidence.confidence:.0%}" if evidence.confidence is not None else "",
        "p": f"{evidence.p_value:.1e}",
        "budget": f"{evidence.budget:.1e}",
        "acknowledged by": in_cell(alarm.acknowledged.by if alarm.acknowledged else NOBODY),
    }


def alarm_page(alarm: Alarm, aside: Iterable[SetAside]) -> str:
    """The alarm in pictures: daily counts, example queries, and what of it was set aside."""
    own = [one for one in aside if one.detector == alarm.detector]
    blocks = [
        f"## {str(alarm.severity).capitalize()}: {in_markdown(alarm.detector)}",
        f"{_seen(alarm)} {_acknowledged(alarm)}",
        _by_chance(alarm.report),
        *(_subject(evidence) for evidence in alarm.report.evidence[:MOST_PLOTS]),
        *_more(alarm),
        *(["### Set aside", "\n".join(f"- {_aside(one)}" for one in own)] if own else []),
        "Columns: share of a day's predictions; pale on the days it is compared with, strong on those in question.",
    ]
    return "\n\n".join(block for block in blocks if block)


def _seen(alarm: Alarm) -> str:
    looks = "at one look" if alarm.looks == 1 else f"at {alarm.looks} looks, the last {alarm.last_at:%Y-%m-%d %H:%M}"
    return f"Version {in_markdown(alarm.version)}, first seen {alarm.first_at:%Y-%m-%d %H:%M}, {looks}."


def _acknowledged(alarm: Alarm) -> str:
    seen = alarm.acknowledged
    return f"Seen by {in_markdown(seen.by)}: {in_markdown(seen.reason)}" if seen else "Nobody has acknowledged it yet."


def _by_chance(report: DriftReport) -> str:
    return (
        f"Statistic {report.statistic:.2f} against {report.threshold:.2f}. "
        f"By chance this detector raises an alarm in at most {report.alpha:.2%} of the years, however often it looks."
    )


def _subject(evidence: Evidence) -> str:
    lines = [f"### {in_markdown(evidence.subject)}", _change(evidence)]
    if evidence.daily:
        lines.append(picture(evidence))
    if evidence.examples:
        lines.append("\n".join(f"- {in_markdown(query)}" for query in evidence.examples))
    return "\n\n".join(lines)


def _change(evidence: Evidence) -> str:
    parts = [f"{evidence.reference_share:.2%} → **{evidence.current_share:.2%}**"]
    parts += [f"since {evidence.since}"] if evidence.since else []
    parts += [f"by at least {evidence.users} people"] if evidence.users is not None else []
    parts += [f"together with {in_markdown(', '.join(evidence.together))}"] if evidence.together else []
    if evidence.label:
        sure = "" if evidence.confidence is None else f" with {evidence.confidence:.0%} confidence"
        parts.append(f"taken for {in_markdown(evidence.label)}{sure}")
    return ", ".join(parts) + "."


def _more(alarm: Alarm) -> list[str]:
    """The subjects that are not drawn, by name."""
    drawn = {evidence.subject for evidence in alarm.report.evidence[:MOST_PLOTS]}
    rest = [subject for subject in alarm.subjects if subject not in drawn]
    return [f"Also named by this alarm: {in_markdown(', '.join(rest))}."] if rest else []


def _aside(one: SetAside) -> str:
    return f"{in_markdown(one.subject or EVERYTHING)}: {in_markdown(one.why)}"


def finite(number: float) -> float | None:
    """The number, or None for infinity, which JSON does not know."""
    return number if math.isfinite(number) else None
