"""What people read in Label Studio before and while they label: the question, and who asks it.

Label Studio cleans the instruction of anything that is not plain HTML, but everything that comes
from settings is escaped here, too: a contact may well be `Jane <jane@example.org>`.
"""

from html import escape
from xml.sax.saxutils import quoteattr

from kempelen.records import Briefing

CONTROL = "label"
"""Name of the question in the label configuration; each answer carries it as `from_name`."""

TEXT = "query"
"""Name of the text that the question is about, and the key under which an item holds it."""

_TITLE_MIN, _TITLE_MAX = 3, 50
_HOTKEYS = "1234567890"
_STYLE = """
.ask { max-width: 44rem; margin: 0 auto; padding: 8px 4px 24px; }
.ask h3 { text-align: center; font-size: 1.05rem; font-weight: 500; opacity: .8; }
.ask .asked { padding: 30px 24px; margin: 8px 0 10px; border-radius: 12px; text-align: center;
  border: 1px solid rgba(128, 128, 128, .35); }
.ask .asked [class*=richtext] { font-size: 1.7rem; line-height: 1.35; font-weight: 600; border: 0; padding: 0; }
.ask .why h4 { font-size: .95rem; line-height: 1.4; font-weight: 400; opacity: .75; text-align: center; }
.ask .lsf-choices { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; margin-top: 22px; }
.ask .lsf-choice { padding: 8px 14px; margin: 0; border-radius: 10px; border: 1px solid rgba(128, 128, 128, .35); }
.ask .lsf-choice:hover, .ask .lsf-choice:has(input:checked) { border-color: #4c5fa9; }
"""

_GUESS = (
    "Read the query and choose the label that fits what the person was looking for. You may see a label that is "
    "chosen already: it is the model's guess. It may be wrong, and that is why you are asked."
)
_SKIP = (
    "<b>You may skip.</b> If you do not know, or would rather not, press Skip: "
    "it counts as work, and nothing is held against you."
)
_TIME = (
    "<b>Your time is recorded</b>: the seconds from opening an item to sending it. They are kept to show how much "
    "human work each version of the model rests on, and to check that it is paid. They are not used to compare people."
)


def key_line(cycle_id: str) -> str:
    """The first line of a project's description, by which the cycle's project is found again."""
    return f"kempelen-cycle: {cycle_id}"


def description(briefing: Briefing) -> str:
    """The project's description: the key, then words for people."""
    return f"{key_line(briefing.cycle_id)}\n{briefing.title}. Asked by {briefing.asker}."


def title(briefing: Briefing) -> str:
    """The title, in the 3 to 50 characters that Label Studio takes."""
    text = " ".join(briefing.title.split()) or briefing.cycle_id
    if len(text) > _TITLE_MAX:
        text = text[: _TITLE_MAX - 1].rstrip() + "…"
    return text.ljust(_TITLE_MIN, ".")


def label_config(briefing: Briefing) -> str:
    """The page: the query, why it is asked about, and one choice of the labels, with the keys 1 to 0."""
    choices = "".join(_choice(briefing.labels, position) for position in range(len(briefing.labels)))
    return (
        f'<View className="ask"><Style>{escape(_STYLE, quote=False)}</Style>'
        '<Header value="Which label fits what this person was looking for?" size="4"/>'
        f'<View className="asked"><Text name="{TEXT}" value="${TEXT}" selectionEnabled="false"/></View>'
        '<View className="why"><Header value="$note" size="6"/></View>'
        f'<Choices name="{CONTROL}" toName="{TEXT}" choice="single" showInline="true" required="true"'
        ' requiredMessage="Choose a label, or skip the item.">'
        f"{choices}</Choices></View>"
    )


def _choice(labels: tuple[str, ...], position: int) -> str:
    """The label in words on the page; the answer holds the label itself (its `alias`)."""
    label, shown = labels[position], labels[position].replace("_", " ")
    if sum(other.replace("_", " ") == shown for other in labels) > 1:
        shown = label
    hotkey = f' hotkey="{_HOTKEYS[position]}"' if position < len(_HOTKEYS) else ""
    return f"<Choice value={quoteattr(shown)} alias={quoteattr(label)}{hotkey}/>"


def instruction(briefing: Briefing) -> str:
    """Who asks, for which model and what use, and what is recorded of the person."""
    use = f" It is used for: {escape(briefing.use)}." if briefing.use else ""
    paragraphs = (
        f"<b>{escape(briefing.asker)}</b> asks you, for the model <b>{escape(briefing.model)}</b>.{use}",
        _GUESS,
        _SKIP,
        _TIME,
        f"{_overlap(briefing.answers_per_item)} Questions, or a time that is wrong: {escape(briefing.contact)}.",
    )
    # Label Studio's page takes the space between paragraphs away, so each is followed by a blank line.
    return f"<h3>{escape(briefing.title)}</h3><br>" + "<br>".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def _overlap(answers: int) -> str:
    return "One person answers each item." if answers == 1 else f"{answers} people answer each item, independently."
