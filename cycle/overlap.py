"""How many people an item still needs: some at first, one more when they disagree, an expert when they still do.

Label Studio's Community edition has no such rule: it asks everybody the same number of times.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kempelen.records import Annotation
from kempelen.settings import AnnotationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an item needs: so many answers in all from annotators, perhaps an expert's, or nothing more."""

    answers: int
    expert: bool
    done: bool


def need(answers: Sequence[Annotation], settings: AnnotationSettings) -> Need:
    """What one item needs, given all answers to it so far.

    Answers agree when more than half of the people who chose a label chose the same. An item that as many
    people skipped as were to answer it goes to an expert at once, or is done without a label.
    """
    standing = _latest(answers)
    experts = [answer for answer in standing if answer.expert and not answer.skipped]
    votes = Counter(answer.label for answer in standing if not answer.skipped)
    given, skipped = votes.total(), sum(answer.skipped for answer in standing)
    wanted = settings.answers_per_item
    if experts:
        return Need(answers=given, expert=False, done=True)
    if skipped >= wanted:
        return _last_resort(given, settings)
    if given < wanted:
        return Need(answers=wanted, expert=False, done=False)
    if max(votes.values()) > given / 2:
        return Need(answers=given, expert=False, done=True)
    if given < settings.max_answers:
        return Need(answers=given + 1, expert=False, done=False)
    return _last_resort(given, settings)


def needs(item_ids: Sequence[str], answers: Sequence[Annotation], settings: AnnotationSettings) -> dict[str, Need]:
    """What each item needs, in the given order."""
    of: dict[str, list[Annotation]] = defaultdict(list)
    for answer in answers:
        of[answer.item_id].append(answer)
    return {item_id: need(of[item_id], settings) for item_id in item_ids}


def _last_resort(given: int, settings: AnnotationSettings) -> Need:
    return Need(answers=given, expert=bool(settings.experts), done=not settings.experts)


def _latest(answers: Sequence[Annotation]) -> list[Annotation]:
    """One answer a person: the last one."""
    in_order = sorted(answers, key=lambda answer: (answer.submitted_at, answer.source_id))
    return list({answer.annotator: answer for answer in in_order}.values())
