"""How many people an item still needs: some at first, one more when they disagree, an expert when they still do.

Label Studio's Community edition has no such rule: it asks everybody the same number of times.

People are counted, whatever the consensus rule makes of them: a count depends on the item's own answers alone, so that
what is asked does not sway to and fro with what others say of other items. The rule has its say once the count is
content with every item: `doubted` are those that it gives no label all the same.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from kempelen.records import Annotation
from kempelen.settings import AnnotationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an item needs: so many answers in all from annotators, perhaps an expert's, or nothing more."""

    answers: int
    expert: bool
    done: bool


def need(answers: Sequence[Annotation], settings: AnnotationSettings, *, doubted: bool = False) -> Need:
    """What one item needs, given all answers to it so far.

    Answers agree when more than half of the people who chose a label chose the same; `doubted` ones do not, however
    many they are. An item that as many people skipped as were to answer it goes to an expert at once, or is done
    without a label; so is one that every expert skipped.
    """
    standing = _latest(answers)
    experts = [answer for answer in standing if answer.expert]
    votes = Counter(answer.label for answer in standing if not answer.skipped)
    given, wanted = votes.total(), settings.answers_per_item
    skipped = sum(answer.skipped for answer in standing) - sum(answer.skipped for answer in experts)
    if any(not answer.skipped for answer in experts):
        return Need(answers=given, expert=False, done=True)
    if given >= wanted and max(votes.values()) > given / 2 and not doubted:
        return Need(answers=given, expert=False, done=True)
    if skipped < wanted and given < max(wanted, settings.max_answers):
        return Need(answers=max(wanted, given + 1), expert=False, done=False)
    turned_to = len(experts) < len(settings.experts)
    return Need(answers=given, expert=turned_to, done=not turned_to)


def needs(
    item_ids: Sequence[str],
    answers: Sequence[Annotation],
    settings: AnnotationSettings,
    *,
    doubted: AbstractSet[str] = frozenset(),
) -> dict[str, Need]:
    """What each item needs, in the given order."""
    of: dict[str, list[Annotation]] = defaultdict(list)
    for answer in answers:
        of[answer.item_id].append(answer)
    return {item_id: need(of[item_id], settings, doubted=item_id in doubted) for item_id in item_ids}


def _latest(answers: Sequence[Annotation]) -> list[Annotation]:
    """One answer a person: the last one."""
    in_order = sorted(answers, key=lambda answer: (answer.submitted_at, answer.source_id))
    return list({answer.annotator: answer for answer in in_order}.values())
