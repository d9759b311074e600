"""What people are told in Label Studio before they label: who asks, what for, and on what terms.

Label Studio cleans the instruction of anything that is not plain HTML, but everything that comes
from settings is escaped here, too: a contact may well be `Jane <jane@example.org>`.
"""

from html import escape

from connectors.annotation._page import CONTROL, TEXT, label_config, terms
from kempelen.records import Briefing, Queue

__all__ = ["CONTROL", "TEXT", "archived", "closed", "instruction", "key_line", "queue_of", "title", "told"]

_TITLE_MIN, _TITLE_MAX = 3, 50
_KEYS = {Queue.ANNOTATORS: "kempelen-cycle: ", Queue.EXPERTS: "kempelen-experts: "}
_ARCHIVED = "kempelen-archived: "
_CLOSED = "Closed: "

_CHOOSE = "Read the query and choose the label that fits what the person was looking for."
_GUESS = (
    f"{_CHOOSE} You may see a label that is chosen already: it is the model's guess. It may be wrong, and that is why "
    "you are asked."
)
_NO_GUESS = f"{_CHOOSE} You see neither the model's guess nor what others answered, so that they do not sway you."
_SKIP = (
    "<b>You may skip.</b> If you do not know, or would rather not, press Skip: "
    "it counts as work, and nothing is held against you."
)
_TIME = (
    "<b>Your time is recorded</b>: the seconds from opening an item to sending it. They are kept to show how much "
    "human work each version of the model rests on, and to check that it is paid. They are not used to compare people."
)
_DECIDE = "<b>Others could not settle</b> these items: they differed, skipped, or left doubts. What you choose decides."
_OVER = "<b>This cycle is closed.</b> Nobody is asked any more, and there is nothing left to do here. Thank you."


def key_line(cycle_id: str, queue: Queue = Queue.ANNOTATORS) -> str:
    """The first line of a project's description, by which the project of a cycle's queue is found again."""
    return f"{_KEYS[queue]}{cycle_id}"


def queue_of(description: str | None, cycle_id: str) -> Queue | None:
    """The queue of this cycle that a project with this description is; None when it is another project."""
    first = (description or "").split("\n", 1)[0].strip()
    return next((queue for queue in Queue if first == key_line(cycle_id, queue)), None)


def told(briefing: Briefing) -> dict[str, str]:
    """The fields of a project in which people read what they are asked, and find again by key what is asked."""
    return {
        "description": f"{key_line(briefing.cycle_id, briefing.queue)}\n{briefing.title}. Asked by {briefing.asker}.",
        "label_config": label_config(briefing),
        "expert_instruction": instruction(briefing),
    }


def archived(description: str, name: str) -> str:
    """The description of a project that was written to the file `name`."""
    kept = [line for line in description.split("\n") if not line.startswith(_ARCHIVED)]
    return "\n".join([*kept, f"{_ARCHIVED}{name}"])


def title(text: str, otherwise: str = "") -> str:
    """A title in the 3 to 50 characters that Label Studio takes."""
    text = " ".join(text.split()) or otherwise
    if len(text) > _TITLE_MAX:
        text = text[: _TITLE_MAX - 1].rstrip() + "…"
    return text.ljust(_TITLE_MIN, ".")


def closed(title_before: str, instruction_before: str) -> dict[str, str]:
    """The fields of a project that asks nobody any more."""
    return {
        "title": title(f"{_CLOSED}{title_before.removeprefix(_CLOSED)}"),
        "expert_instruction": f"<p>{_OVER}</p><br>{instruction_before}",
    }


def instruction(briefing: Briefing) -> str:
    """Who asks, for which model and what use, on what terms, and what is recorded of the person."""
    use = f" It is used for: {escape(briefing.use)}." if briefing.use else ""
    task = (_DECIDE, _NO_GUESS) if briefing.queue is Queue.EXPERTS else (_GUESS,)
    paragraphs = (
        f"<b>{escape(briefing.asker)}</b> asks you, for the model <b>{escape(briefing.model)}</b>.{use}",
        *task,
        _SKIP,
        _TIME,
        *(f"<b>{escape(heading)}.</b> {escape(sentence)}" for heading, sentence in terms(briefing)),
        f"{_overlap(briefing.answers_per_item)} Questions, or a time that is wrong: {escape(briefing.contact)}.",
    )
    # Label Studio's page takes the space between paragraphs away, so each is followed by a blank line.
    return f"<h3>{escape(briefing.title)}</h3><br>" + "<br>".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def _overlap(answers: int) -> str:
    if answers == 1:
        return "One person answers each item."
    return f"{answers} people answer each item, independently; when they disagree, another one may be asked."
