"""All answers to a cycle's items, out of every file that people dropped, each answer once.

The same person's rows about one item are one answer: the first says when it was given, the last what it is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from connectors.annotation import _files_rows as rows
from connectors.annotation import _files_tables as tables
from connectors.annotation._checks import STAGE
from connectors.annotation._files_seen import AnswerFile, Cursor, look
from connectors.annotation._files_tables import Fault
from kempelen.errors import Problem
from kempelen.records import Annotation, Collection

_SHOWN = 5
"""Problems of one kind in one file that are told one by one; the others are counted."""

_HINT_KIND = 'Save it as "CSV UTF-8" or JSON Lines; spreadsheets and archives are not opened.'
_HINT_GONE = "If that was not meant, put it back: nothing is lost."

Answers = dict[str, Annotation | list[Annotation]]
"""By source id: nearly all were given once, and a list for each would take as much memory as the answers."""


def collect(folder: Path, asked: rows.Asked, of: str, before: Cursor | None) -> Collection:
    """What the files say of the items that changed since `before`; of all without it.

    `of` stands for the items, labels and experts: when they change, everything is read again. So it is when
    a file went or changed otherwise than by growing, for then nobody knows whom the change concerns.
    """
    if before is not None and before.of != of:
        before = None
    files = look(folder, before.files if before else {})
    faults = Faults()
    changed = [file for file in files if before is None or before.files.get(file.path.name) != file.seen]
    gone = sorted(set(before.files) - {file.path.name for file in files}) if before else []
    for name in gone:
        faults.gone(name)
    everything = before is None or bool(gone) or any(_rewritten(file, before) for file in changed)
    read = frozenset(asked.items) if everything else _touched(changed, asked)
    answers, drafts = _answers(files, asked, read, {file.path for file in changed}, faults)
    begun = drafts - answers.keys()
    return Collection(
        annotations=_in_order(answers),
        read=read,
        problems=tuple(faults.problems()),
        drafts=len(begun),
        cursor=str(Cursor(of=of, files={file.path.name: file.seen for file in files})),
    )


def _rewritten(file: AnswerFile, before: Cursor) -> bool:
    """Whether rows may have gone or changed, and not only been added."""
    return file.path.name in before.files and not file.grown


def _touched(changed: Sequence[AnswerFile], asked: rows.Asked) -> frozenset[str]:
    found = (rows.item_of(row, asked) for file in changed for row in _rows(file) if isinstance(row, tables.Row))
    return frozenset(item_id for item_id in found if item_id is not None)


def _rows(file: AnswerFile) -> Iterator[tables.Row | Fault]:
    """The rows of the bytes that were seen: what was added since is for the next reading."""
    if not file.ours:
        return
    with file.path.open("rb") as opened:
        yield from tables.rows(opened, file.seen.size, rows.COLUMNS, jsonl=file.jsonl)


def _answers(
    files: Sequence[AnswerFile], asked: rows.Asked, read: AbstractSet[str], told: AbstractSet[Path], faults: "Faults"
) -> tuple[Answers, set[str]]:
    """The answers to the items in `read` by source id, and the drafts; problems are told of some files only.

    Of a file that has not changed, they were told when it was read first.
    """
    answers: Answers = {}
    drafts: set[str] = set()
    for file in _each_once(files):
        report = faults.reporter(file.name) if file.path in told else _unheard
        if not file.ours and file.path in told:
            faults.stranger(file.name)
        saved = file.saved
        for row in _rows(file) if read or file.path in told else ():
            if isinstance(row, Fault):
                report(row)
                continue
            item_id = rows.item_of(row, asked)
            if item_id is not None and item_id not in read:
                continue
            found = rows.read(row, asked, saved, report)
            if found.draft:
                drafts.add(found.draft)
            if found.annotation:
                _add(answers, found.annotation)
    return answers, drafts


def _each_once(files: Sequence[AnswerFile]) -> list[AnswerFile]:
    """The files without copies of others; of those with the same content, the one that was saved first."""
    first: dict[str, AnswerFile] = {}
    for file in sorted(files, key=lambda file: (file.seen.saved_ns, file.path.name)):
        first.setdefault(f"{file.jsonl}/{file.seen.digest}" if file.ours else file.path.name, file)
    return sorted(first.values(), key=lambda file: file.path.name)


def _unheard(_fault: Fault) -> None:
    """Told before."""


def _add(answers: Answers, row: Annotation) -> None:
    """Remember a row beside the others of the same answer, unless it says nothing new."""
    known = answers.setdefault(row.source_id, row)
    if isinstance(known, list):
        if known[-1] != row:
            known.append(row)
    elif known != row:
        answers[row.source_id] = [known, row]


def _in_order(answers: Answers) -> tuple[Annotation, ...]:
    """One annotation an answer, oldest first."""
    merged = [merge(rows) if isinstance(rows, list) else rows for rows in answers.values()]
    answers.clear()
    merged.sort(key=lambda each: (each.submitted_at, each.source_id))
    return tuple(merged)


def merge(given: Sequence[Annotation]) -> Annotation:
    """One answer out of its rows, which stand in the order of reading.

    The row with the latest moment counts, of equal ones the last; an earlier one still tells a time that the
    later ones leave out. The answer was given at the earliest moment, and changed if it says something else now.
    """
    in_order = sorted(given, key=lambda row: row.submitted_at)
    seconds = next((row.lead_time_s for row in reversed(in_order) if row.lead_time_s is not None), None)
    started = next((row.started_at for row in in_order if row.started_at is not None), None)
    changes = [later.submitted_at for earlier, later in pairwise(in_order) if _differ(earlier, later)]
    return replace(
        in_order[-1],
        lead_time_s=seconds,
        started_at=started,
        submitted_at=in_order[0].submitted_at,
        changed_at=changes[-1] if changes else None,
        simulated=any(row.simulated for row in in_order),
    )


def _differ(earlier: Annotation, later: Annotation) -> bool:
    times = (earlier.lead_time_s, later.lead_time_s)
    return earlier.label != later.label or (None not in times and times[0] != times[1])


class Faults:
    """What was wrong in the files: a few of each kind one by one, and how many more there are."""

    def __init__(self) -> None:
        self._told: list[Problem] = []
        self._count: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], Fault] = {}

    def reporter(self, name: str) -> Callable[[Fault], None]:
        """What is called with the faults of a file."""
        return lambda fault: self._add(name, fault)

    def _add(self, name: str, fault: Fault) -> None:
        kind = (name, fault.kind)
        self._count[kind] += 1
        self._last[kind] = fault
        if self._count[kind] <= _SHOWN:
            found = f"answers/{name}, line {fault.line}: {fault.found}."
            self._told.append(_problem(f"{name}:{fault.line}", found, fault.hint))

    def stranger(self, name: str) -> None:
        """A file or folder that is no table of ours."""
        self._told.append(_problem(name, f"answers/{name} is neither .csv nor .jsonl; it is not read.", _HINT_KIND))

    def gone(self, name: str) -> None:
        """A file that was there at the last reading."""
        shown = name.encode("utf-8", "replace").decode()
        self._told.append(_problem(shown, f"answers/{shown} is gone: its answers count as deleted.", _HINT_GONE))

    def problems(self) -> Iterator[Problem]:
        """Those that are told, and one for the others of each kind."""
        yield from self._told
        for (name, kind), count in self._count.items():
            if count > _SHOWN:
                fault = self._last[name, kind]
                found = f"{count - _SHOWN:,} more lines have the same fault, the last is line {fault.line}"
                yield _problem(f"{name}:{fault.line}", f"answers/{name}: {found} ({fault.found}).", fault.hint)


def _problem(subject: str, message: str, hint: str) -> Problem:
    return Problem(stage=STAGE, subject=subject, message=message, hint=hint)
