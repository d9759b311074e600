"""What people read before they label in files of their own: who asks, on what terms, and how to answer."""

from collections.abc import Iterator

from kempelen.records import Briefing, Queue

_EXPERTS = (
    "You are asked as an expert: others could not settle these items, and what you say decides. For each query, choose "
    "the label that fits what the person was looking for. You see neither their answers nor the model's guess, so that "
    "they do not sway you."
)
_GUESS = (
    "For each query, choose the label that fits what the person was looking for. Where the column `suggestion` holds "
    "a label, it is the model's guess. It may be wrong, and that is why you are asked."
)
_SKIP = (
    "**You may skip.** If you do not know, or would rather not, write `yes` in the column `skip`: it counts as work, "
    "and nothing is held against you."
)
_TIME = (
    "**Your time counts.** If you know them, write the seconds that an item took in the column `seconds`. They show "
    "how much human work each version of the model rests on, and help to check that it is paid. They are not used to "
    "compare people. Take the time you need."
)
_SHIELD = (
    "An apostrophe at the beginning of a cell, as in `'10-12`, is not part of the query. It keeps spreadsheets from "
    "taking the text for a number, a date or a formula."
)


def briefing(told: Briefing, suffix: str) -> str:
    """The document as Markdown; `suffix` is that of the items file."""
    return "\n\n".join([f"# {_line(told.title) or told.cycle_id}", *_paragraphs(told, suffix)]) + "\n"


def _paragraphs(told: Briefing, suffix: str) -> Iterator[str]:
    use = f" It is used for: {_line(told.use)}." if told.use else ""
    yield f"**{_line(told.asker)}** asks you, for the model **{_line(told.model)}**.{use}"
    yield _EXPERTS if told.queue is Queue.EXPERTS else _GUESS
    yield _SKIP
    yield _TIME
    yield f"{_overlap(told.answers_per_item)} An item marked `asked_again` needs one more opinion."
    yield from (_line(text) for text in (told.pay, told.data_handling) if text)
    if told.known_answers:
        yield "The answer to some items is known. They show how far answers can be trusted, and never rank people."
    if told.hazards:
        names = ", ".join(_line(name) for name in told.hazards)
        yield f"**Some items may distress you** ({names}). The column `hazards` says which. You may always skip them."
    yield f"After {told.break_after_minutes} minutes, a break does you good."
    yield f"Questions, or a time that is wrong: {_line(told.contact)}."
    yield _how(told, suffix)


def _how(told: Briefing, suffix: str) -> str:
    up = "../" if told.queue is Queue.EXPERTS else ""
    steps = (
        f"1. Open `items{suffix}`. Take the items from the top: the order is meant.\n"
        f"2. Write your answers into a copy of `{up}answers-template.csv`, one row an item: its `item_id`, you as "
        "`annotator` (always the same name or number), and a `label` exactly as below.\n"
        f'3. Save it as "CSV UTF-8" under a name of your own in the folder `{up}answers`. You may save it as often as '
        "you like; to change an answer, change its row or add another."
    )
    labels = "\n".join(f"- `{label}`" for label in told.labels)
    shield = f"\n\n{_SHIELD}" if suffix == ".csv" else ""
    return f"## How to answer\n\n{steps}{shield}\n\n## The labels\n\n{labels}"


def _overlap(answers: int) -> str:
    return "One person answers each item." if answers == 1 else f"{answers} people answer each item, independently."


def _line(text: str) -> str:
    return " ".join(text.split())
