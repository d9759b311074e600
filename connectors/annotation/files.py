"""People label elsewhere, in a spreadsheet, a tool of their own, at a vendor: items go out as files, answers come in.

What is where, and what may stand in it, is in docs/annotation_files.md. The files themselves are the only record,
so whatever people do to them is seen at the next call, and what is missing is written again.

The source id of an answer is a keyed hash of cycle, item and annotator. It goes into the books, and without the
key (`source-ids.key`) nobody can try names until one fits.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.annotation import _files_answers as answers
from connectors.annotation import _files_disk, _files_items
from connectors.annotation._checks import STAGE
from connectors.annotation._files_cycle import CLOSED, SUFFIXES, CycleFolder, digest
from connectors.annotation._files_disk import SYSTEM, only_writer, speaking, write
from connectors.annotation._files_rows import Asked, person
from connectors.annotation._files_seen import cursor
from connectors.annotation._requests import by_item
from kempelen.errors import ConfigError, ConnectorRefused, Problem
from kempelen.records import Briefing, Collection, LabelRequest, Queue

__all__ = ["CLOSED", "Files", "build"]


class Files:
    """An `AnnotationConnector` for a folder that people share; on their side there is no program at all."""

    def __init__(self, folder: Path, *, experts: frozenset[str], suffix: str) -> None:
        self._folder = folder
        self._experts = experts
        self._suffix = suffix

    def open(self, briefing: Briefing) -> str:
        """The folder of this cycle, for experts theirs, as a `file:` address; made, or brought up to date."""
        cycle = self._cycle(briefing.cycle_id)
        with self._writing():
            cycle.prepare(briefing, self._suffix)
        return cycle.queue(briefing.queue).resolve().as_uri()

    def submit(self, briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        """Add the items that are not there to the items file, in the order given; how many were new.

        Rows that are there stay where they are, and of doubles the first. Raises ConnectorRefused when the
        cycle is closed and some items are missing, or the folder cannot be used; ConnectorUnavailable when
        trying again can help.
        """
        requested, cycle = by_item(briefing, requests), self._cycle(briefing.cycle_id)
        with self._writing():
            path = cycle.prepare(briefing, self._suffix)
            items = _files_items.read(path)
            held = {found["item_id"]: found for found in reversed(items)}
            missing = [item_id for item_id in requested if item_id not in held]
            if missing:
                cycle.refuse_closed(f"{len(missing)} of its items were never submitted")
            if missing or len(held) < len(items):
                fresh = {item_id: _files_items.item(each, briefing) for item_id, each in requested.items()}
                kept = [_renewed(held[item_id], fresh) for item_id in dict.fromkeys(each["item_id"] for each in items)]
                write(path, _files_items.content([*kept, *(fresh[item_id] for item_id in missing)], path.suffix))
        return len(missing)

    def ask_again(self, briefing: Briefing, wanted: Mapping[str, int]) -> int:
        """Raise the answers that these items want, and mark them as asked again; how many items that changed.

        An item that somebody has deleted is left out; `submit` brings it back.
        """
        cycle = self._cycle(briefing.cycle_id)
        with self._writing():
            path = cycle.prepare(briefing, self._suffix)
            items = _files_items.read(path)
            raised = [_raised(found, wanted.get(found["item_id"], 0)) for found in items]
            changed = {new["item_id"] for old, new in zip(items, raised, strict=True) if old != new}
            if changed:
                cycle.refuse_closed(f"{len(changed)} of its items should be asked about again")
                write(path, _files_items.content(raised, path.suffix))
        return len(changed)

    def collect(self, cycle_id: str, since: str | None = None) -> Collection:
        """Every answer, skips included, to the items that changed since a cursor; to all items without one.

        What cannot be used is a problem that names file and line. Each file is read once to know whether it
        changed, and a second time only if one did. Memory is that of the answers that are returned.

        Raises ConnectorUnavailable or ConnectorRefused when a file cannot be read: its answers would seem to be
        deleted.
        """
        cycle = self._cycle(cycle_id)
        with speaking(self._folder):
            if not cycle.state():
                return _nothing(cycle_id, f"{cycle.path} is not there, or has no cycle.json")
            if not cycle.answers.is_dir():
                return _nothing(cycle_id, f"the folder {cycle.answers} is gone")
            key = _files_disk.read_key(self._folder)
            state = cycle.checked(key)
            asked = Asked(
                cycle_id=cycle_id,
                items=frozenset(item_id for queue in Queue for item_id in cycle.items(queue)),
                labels=state.labels if state else (),
                experts=self._experts,
                key=key,
            )
            of = digest([cycle_id, *sorted(asked.items), "", *asked.labels, "", *sorted(asked.experts)])
            return answers.collect(cycle.answers, asked, of, cursor(since))

    def items(self, cycle_id: str) -> list[str]:
        """The item ids that annotators are shown, in the order of asking, doubles included.

        The experts' file holds some of them a second time: it is not counted here.
        """
        with speaking(self._folder):
            return self._cycle(cycle_id).items(Queue.ANNOTATORS)

    def close(self, cycle_id: str) -> None:
        """Leave a note that nobody is asked any more; whatever is answered stays readable."""
        cycle = self._cycle(cycle_id)
        with speaking(self._folder):
            if not cycle.path.is_dir():
                return
        with self._writing():
            cycle.close()

    def archive(self, cycle_id: str, folder: Path) -> list[Path]:
        """One .tar.gz of the cycle's folder; the same content gives the same file. Nothing for an unknown cycle.

        It holds the names by which annotators are known. ConnectorRefused while the cycle is not closed.
        """
        cycle = self._cycle(cycle_id)
        with speaking(self._folder):
            if not cycle.path.is_dir():
                return []
            if not cycle.closed:
                raise ConnectorRefused(
                    f"cycle {cycle_id} is not closed.", system=SYSTEM, hint="Close it before it is archived."
                )
        target = folder / f"{quote(cycle_id, safe='')}.tar.gz"
        with self._writing(), speaking(folder):
            cycle.pack(target)
        return [target]

    def _cycle(self, cycle_id: str) -> CycleFolder:
        return CycleFolder(self._folder, cycle_id)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with speaking(self._folder), only_writer(self._folder):
            yield


def build(
    folder: str | os.PathLike[str],
    *,
    experts: Iterable[str] = (),
    format: str = "csv",  # noqa: A002 - what the setting is called
) -> Files:
    """Exchange files in `folder`; nothing is written yet.

    Parameters
    ----------
    folder
        Where each cycle gets a folder of its own. On a local disk, or a network drive that knows locks.
    experts
        Those whose answers decide, as they call themselves in the column `annotator`; case makes no difference.
    format
        Of the items files of new cycles: `csv` or `jsonl`. Answers are read in both.
    """
    if format not in SUFFIXES:
        raise ConfigError(f"The format of annotation files is {format!r}.", hint=f"Use {' or '.join(SUFFIXES)}.")
    return Files(Path(folder), experts=frozenset(map(person, experts)), suffix=SUFFIXES[format])


def _renewed(found: Mapping[str, Any], fresh: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A row that is there, with our columns as they were first: a spreadsheet may have spoilt their letters."""
    first = fresh.get(found["item_id"], {})
    return {**found, **{name: value for name, value in first.items() if name not in _files_items.OF_ASKING_AGAIN}}


def _raised(found: dict[str, Any], answers_wanted: int) -> dict[str, Any]:
    if answers_wanted <= _files_items.wanted(found):
        return found
    return {**found, "answers_wanted": answers_wanted, "asked_again": True}


def _nothing(cycle_id: str, found: str) -> Collection:
    problem = Problem(
        stage=STAGE,
        subject=cycle_id,
        message=f"No answers to cycle {cycle_id} can be read: {found}.",
        hint="If nobody was asked yet, all is well; else somebody moved it: put it back. What was collected is kept.",
    )
    return Collection(annotations=(), read=frozenset(), problems=(problem,))
