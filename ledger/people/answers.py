"""An answer keeps the name under which it was booked, whatever has become of the person since."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from kempelen.records import Annotation
from ledger import accounts
from ledger.entries import Entry
from ledger.posting_rules import GIVEN, annotation_of


def names_on_record(entries: Iterable[Entry], remembered: Iterable[Annotation] = ()) -> dict[str, str]:
    """Who gave each answer, by its source_id: as the entries of a cycle say, and its answers that are remembered.

    The books come first: between booking and remembering an answer a process may have been killed, and the person
    forgotten.
    """
    names = {answer.source_id: answer.annotator for answer in remembered}
    for entry in entries:
        source_id = annotation_of(entry.source_id)
        if source_id.startswith(GIVEN) and entry.person is not None:
            names[source_id.removeprefix(GIVEN)] = accounts.name(entry.person)
    return names


def under_names(
    answers: Iterable[Annotation], on_record: Mapping[str, str], names: Callable[[Iterable[str]], Mapping[str, str]]
) -> list[Annotation]:
    """The answers of the annotation system, identities replaced by pseudonyms.

    One that is on record keeps its name, and its person is not even looked up: seeing an old answer again makes no new
    pseudonym for somebody who was forgotten, and books nothing twice. `names` is `Pseudonyms.many`.
    """
    known = list(answers)
    new = names({answer.annotator for answer in known if answer.source_id not in on_record})
    return [replace(answer, annotator=on_record.get(answer.source_id) or new[answer.annotator]) for answer in known]
