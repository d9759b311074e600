"""Simulated annotators are users of their own in a real Label Studio, and answer everything once."""

import json
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console import _persona_accounts, _persona_desk
from console.personas import EXPERT_ADDRESSES, EXPERTS, PERSONAS, answer, answer_all, order
from kempelen.errors import BadData, ConnectorRefused, ConnectorUnavailable
from kempelen.records import Annotation, Queue

QUERIES = tuple(f"query {number}" for number in range(10))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests of this file, so that the personas sign up once."""
    return tmp_path_factory.mktemp("state")


@contextmanager
def quiet(_message: str) -> Iterator[None]:
    yield


def let_answer(label_studio: Any, cycle_id: str, state: Path, **more: Any) -> int:
    usual = {"truth": lambda _item_id: "health", "state_folder": state, "seed": 7, "progress": quiet}
    return answer_all(label_studio.url, label_studio.token, cycle_id, **{**usual, **more})


def what_was_said(annotations: Sequence[Annotation]) -> Counter[tuple[str, str | None, float | None]]:
    return Counter((each.item_id, each.label, each.lead_time_s) for each in annotations)


def test_personas_answer_every_item_as_often_as_asked_and_then_stop(
    label_studio: Any, briefing: Any, ask: Any, state: Path
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    made = let_answer(label_studio, briefing.cycle_id, state)
    collection = connector.collect(briefing.cycle_id)
    annotations, problems = collection.annotations, collection.problems
    assert len(annotations) == made >= 2 * len(QUERIES)
    labels = defaultdict(list)
    for each in annotations:
        labels[each.item_id] += [each.label] if each.label else []
    assert {len(found) for found in labels.values()} == {2}
    assert len(labels) == len(QUERIES)
    assert problems == ()
    assert all(each.simulated for each in annotations)
    assert len({each.annotator for each in annotations}) == len(PERSONAS)
    assert len({(each.item_id, each.annotator) for each in annotations}) == made
    assert let_answer(label_studio, briefing.cycle_id, state) == 0


def test_what_they_say_is_what_the_persona_says_to_that_item(
    label_studio: Any, briefing: Any, ask: Any, state: Path
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES[:4]))
    let_answer(label_studio, briefing.cycle_id, state)
    by_label_studio = what_was_said(connector.collect(briefing.cycle_id).annotations)
    possible = {
        (request.item_id, given.label, given.seconds)
        for request in ask(*QUERIES[:4])
        for given in (answer(persona, request.item_id, "health", briefing.labels, seed=7) for persona in PERSONAS)
    }
    assert set(by_label_studio) <= possible


def test_a_run_that_was_cut_short_goes_on_to_the_same_answers(
    label_studio: Any, briefing: Any, ask: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, other = label_studio.connector(), replace(briefing, cycle_id=f"{briefing.cycle_id}-uncut")
    connector.submit(briefing, ask(*QUERIES))
    connector.submit(other, [replace(each, cycle_id=other.cycle_id) for each in ask(*QUERIES)])
    let_answer(label_studio, other.cycle_id, state)
    real, sent = _persona_desk._sent, []  # noqa: SLF001

    def cut(desk: Any, post: Any) -> bool:
        if len(sent) >= 5:
            raise ConnectorUnavailable("cut.", system="Label Studio", hint="")
        sent.append(post)
        return real(desk, post)

    monkeypatch.setattr(_persona_desk, "_sent", cut)
    with pytest.raises(ConnectorUnavailable):
        let_answer(label_studio, briefing.cycle_id, state)
    monkeypatch.setattr(_persona_desk, "_sent", real)
    with _persona_accounts.client(label_studio.url, label_studio.token) as desk:
        assert not real(desk, sent[0])  # Label Studio has it already
    let_answer(label_studio, briefing.cycle_id, state)
    uncut = what_was_said(connector.collect(other.cycle_id).annotations)
    assert what_was_said(connector.collect(briefing.cycle_id).annotations) == uncut


def test_personas_fill_up_what_people_have_left_open(label_studio: Any, briefing: Any, ask: Any, state: Path) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona", "lime"))
    first, _ = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(first["id"], "news")
    let_answer(label_studio, briefing.cycle_id, state)
    labelled = [each for each in connector.collect(briefing.cycle_id).annotations if each.label]
    assert Counter(each.item_id for each in labelled) == Counter(dict.fromkeys(connector.items(briefing.cycle_id), 2))
    assert [each.label for each in labelled if not each.simulated] == ["news"]


def test_a_third_opinion_is_the_next_personas(label_studio: Any, briefing: Any, ask: Any, state: Path) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona", "lime"))
    let_answer(label_studio, briefing.cycle_id, state)
    before = connector.collect(briefing.cycle_id)
    [item, _] = connector.items(briefing.cycle_id)
    assert connector.ask_again(briefing, {item: 3}) == 1
    assert let_answer(label_studio, briefing.cycle_id, state) >= 1
    after = connector.collect(briefing.cycle_id)
    given = [each for each in after.annotations if each.item_id == item and each.label]
    willing = (answer(persona, item, "health", briefing.labels, seed=7) for persona in order(item, 7))
    expected = [each for each in willing if each.label][:3]
    assert sorted((each.label, each.lead_time_s) for each in given) == sorted((e.label, e.seconds) for e in expected)
    assert set(before.annotations) <= set(after.annotations)


def test_the_experts_queue_is_left_to_the_simulated_expert(
    label_studio: Any, briefing: Any, ask: Any, state: Path
) -> None:
    connector = label_studio.connector(experts=EXPERT_ADDRESSES)
    experts = replace(briefing, queue=Queue.EXPERTS, answers_per_item=1)
    connector.submit(briefing, ask("corona"))
    let_answer(label_studio, briefing.cycle_id, state)
    before = connector.collect(briefing.cycle_id)
    assert not any(each.expert for each in before.annotations)
    connector.submit(experts, ask("corona"))
    assert let_answer(label_studio, briefing.cycle_id, state) == 1
    assert let_answer(label_studio, briefing.cycle_id, state) == 0
    [new] = set(connector.collect(briefing.cycle_id).annotations) - set(before.annotations)
    said = answer(EXPERTS[0], new.item_id, "health", briefing.labels, seed=7)
    assert (new.label, new.lead_time_s, new.expert, new.simulated) == (said.label, said.seconds, True, True)


def test_personas_leave_a_closed_cycle_alone(label_studio: Any, briefing: Any, ask: Any, state: Path) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    connector.close(briefing.cycle_id)
    assert let_answer(label_studio, briefing.cycle_id, state) == 0


def test_passwords_are_the_owners_alone_and_lost_ones_make_new_people(label_studio: Any, state: Path) -> None:
    people = _persona_accounts.accounts(label_studio.url, label_studio.token, ["ada"], state)
    file = state / "personas.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    logins = json.loads(file.read_text())
    assert logins["ada"]["email"] == "ada@simulated.invalid"
    logins["ada"]["token"] = "0" * 40
    file.write_text(json.dumps(logins))
    assert _persona_accounts.accounts(label_studio.url, label_studio.token, ["ada"], state) == people
    empty = state / "elsewhere"
    stranger = _persona_accounts.accounts(label_studio.url, label_studio.token, ["ada"], empty)
    assert stranger["ada"].user_id != people["ada"].user_id
    assert json.loads((empty / "personas.json").read_text())["ada"]["email"] == "ada-2@simulated.invalid"


def test_a_truth_that_is_no_choice_of_the_project_stops_before_anything_is_sent(
    label_studio: Any, briefing: Any, ask: Any, state: Path
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    with pytest.raises(BadData, match="'beer'"):
        let_answer(label_studio, briefing.cycle_id, state, truth=lambda _item_id: "beer")
    assert connector.collect(briefing.cycle_id).annotations == ()


def test_personas_say_in_our_words_why_they_cannot_work(label_studio: Any, tmp_path: Path) -> None:
    with pytest.raises(ConnectorUnavailable, match="nothing answers"):
        let_answer(replace(label_studio, url="http://127.0.0.1:1"), "any", tmp_path)
    with pytest.raises(ConnectorRefused, match="refused our token"):
        let_answer(replace(label_studio, token="0" * 40), "any", tmp_path)
