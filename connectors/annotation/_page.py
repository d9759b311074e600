"""The page on which people label: the query, the choices, and below them, small, on what terms they are asked."""

import re
from html import escape
from xml.sax.saxutils import quoteattr

from kempelen.records import Briefing, Queue

CONTROL = "label"
"""Name of the question in the label configuration; each answer carries it as `from_name`."""

TEXT = "query"
"""Name of the text that the question is about, and the key under which an item holds it."""

_QUESTIONS = {
    Queue.ANNOTATORS: "Which label fits what this person was looking for?",
    Queue.EXPERTS: "Others could not settle it. Which label fits what this person was looking for?",
}
_HOTKEYS = "1234567890"
_WORD_JOINER = "\u2060"
_STYLE = """
.ask { max-width: 44rem; margin: 0 auto; padding: 8px 4px 16px; }
.ask h3 { text-align: center; font-size: 1.05rem; font-weight: 500; opacity: .8; }
.ask .asked { padding: 30px 24px; margin: 8px 0 10px; border-radius: 12px; text-align: center;
  border: 1px solid rgba(128, 128, 128, .35); }
.ask .asked [class*=richtext] { font-size: 1.7rem; line-height: 1.35; font-weight: 600; border: 0; padding: 0; }
.ask .why h4 { font-size: .95rem; line-height: 1.4; font-weight: 400; opacity: .75; text-align: center; }
.ask .lsf-choices { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; margin-top: 22px; }
.ask .lsf-choice { padding: 8px 14px; margin: 0; border-radius: 10px; border: 1px solid rgba(128, 128, 128, .35); }
.ask .lsf-choice:hover, .ask .lsf-choice:has(input:checked) { border-color: #4c5fa9; }
.ask .terms { margin: 26px auto 0; padding-top: 10px; border-top: 1px solid rgba(128, 128, 128, .22); }
.ask .terms h4 { margin: 2px 0 !important; font-size: .8rem; line-height: 1.5; font-weight: 400; opacity: .8;
  text-align: center; letter-spacing: 0; }
"""


def label_config(briefing: Briefing) -> str:
    """The page: the query, why it is asked about, one choice of the labels (keys 1 to 0), and the terms."""
    choices = "".join(_choice(briefing.labels, position) for position in range(len(briefing.labels)))
    small = "".join(f'<Header value={quoteattr(_plain(line))} size="6"/>' for line in footer(briefing))
    return (
        f'<View className="ask"><Style>{escape(_STYLE, quote=False)}</Style>'
        f'<Header value="{_QUESTIONS[briefing.queue]}" size="4"/>'
        f'<View className="asked"><Text name="{TEXT}" value="${TEXT}" selectionEnabled="false"/></View>'
        '<View className="why"><Header value="$note" size="6"/></View>'
        f'<Choices name="{CONTROL}" toName="{TEXT}" choice="single" showInline="true" required="true"'
        ' requiredMessage="Choose a label, or skip the item.">'
        f'{choices}</Choices><View className="terms">{small}</View></View>'
    )


def terms(briefing: Briefing) -> list[tuple[str, str]]:
    """On what terms people are asked: a heading and a sentence each, of those that there are."""
    hazards = ", ".join(hazard.replace("_", " ") for hazard in briefing.hazards)
    found = [
        ("Pay", briefing.pay),
        ("Your data", briefing.data_handling),
        ("What you may meet", f"Some queries may be about {hazards}. Skip whatever you would rather not read."),
        ("Known answers", "For some items the answer is known: they show how far answers can be trusted, no more."),
        ("Take your time", f"There is no hurry. A break after {briefing.break_after_minutes} minutes does good."),
    ]
    left_out = {"What you may meet": not hazards, "Known answers": not briefing.known_answers}
    return [(head, sentence(words)) for head, words in found if words.strip() and not left_out.get(head)]


def footer(briefing: Briefing) -> list[str]:
    """What stands below each item, small, a line each."""
    use = f", for {briefing.use}" if briefing.use else ""
    of_whom = " of experts, who decide," if briefing.queue is Queue.EXPERTS else ""
    asked = sentence(f"Asked{of_whom} by {briefing.asker} for the model {briefing.model}{use}")
    said = dict(terms(briefing))
    together = (("Pay", "Your data"), ("What you may meet",), ("Known answers",))
    lines = [" ".join(said[head] for head in heads if head in said) for heads in together]
    last = f"{said['Take your time']} Questions, or a time that is wrong: {briefing.contact}"
    return [asked, *filter(None, lines), sentence(last)]


def sentence(words: str) -> str:
    """The words with a capital letter before them and a full stop behind."""
    words = " ".join(words.split())
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "!", "?", "…")) or not words else f"{words}."


def _plain(line: str) -> str:
    """The line with nothing that Label Studio's page would take for the name of a field of the item, as `$15`."""
    return re.sub(r"\$(?=\w)", f"${_WORD_JOINER}", line)


def _choice(labels: tuple[str, ...], position: int) -> str:
    """The label in words on the page; the answer holds the label itself (its `alias`)."""
    label, shown = labels[position], labels[position].replace("_", " ")
    if sum(other.replace("_", " ") == shown for other in labels) > 1:
        shown = label
    hotkey = f' hotkey="{_HOTKEYS[position]}"' if position < len(_HOTKEYS) else ""
    return f"<Choice value={quoteattr(shown)} alias={quoteattr(label)}{hotkey}/>"
