"""The projects of a cycle in a real Label Studio: found again, kept up to date, closed and archived."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kempelen.errors import ConnectorRefused, ConnectorUnavailable
from kempelen.records import Queue

QUERIES = ("corona", "corona virus", "corona extra", "is corona dangerous", "lime")


def test_the_address_is_found_again_and_names_a_page_that_exists(label_studio: Any, briefing: Any) -> None:
    connector = label_studio.connector()
    address = connector.open(briefing)
    assert connector.open(briefing) == label_studio.connector().open(briefing) == address
    assert address == f"{label_studio.url}/projects/{label_studio.project(briefing.cycle_id)}/data"


def test_a_cycle_whose_name_is_part_of_anothers_has_its_own_project(label_studio: Any, briefing: Any) -> None:
    connector = label_studio.connector()
    longer = replace(briefing, cycle_id=f"{briefing.cycle_id}-b")
    assert connector.open(longer) != connector.open(briefing)


def test_the_project_is_as_the_briefing_says(label_studio: Any, briefing: Any) -> None:
    label_studio.connector().open(briefing)
    found = label_studio.http.get(f"/api/projects/{label_studio.project(briefing.cycle_id)}/").json()
    assert found["title"] == briefing.title
    assert found["maximum_annotations"] == 2
    assert found["show_instruction"]
    assert "Jane &lt;jane@example.org&gt;" in found["expert_instruction"]
    assert found["parsed_label_config"]["label"]["labels"] == list(briefing.labels)


def test_a_closed_cycle_asks_nobody_keeps_its_answers_and_takes_no_items(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*QUERIES))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    queue = f"/api/projects/{label_studio.project(briefing.cycle_id)}/next"
    assert label_studio.http.get(queue).status_code == 200
    connector.close(briefing.cycle_id)
    connector.close(briefing.cycle_id)
    assert label_studio.http.get(queue).status_code == 404
    assert len(connector.collect(briefing.cycle_id).annotations) == 1
    assert connector.submit(briefing, ask(*QUERIES)) == 0
    with pytest.raises(ConnectorRefused, match="is closed, and 1 of its items") as caught:
        connector.submit(briefing, ask("lemon"))
    assert "new cycle" in caught.value.hint


def test_a_wrong_token_is_refused_in_words(label_studio: Any, briefing: Any) -> None:
    with pytest.raises(ConnectorRefused, match=r"refused our token: Invalid token\.") as caught:
        label_studio.connector(token="0" * 40).open(briefing)
    assert "servers.label_studio_token" in caught.value.hint
    assert "0" * 40 not in str(caught.value) + caught.value.hint


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # the SDK, when it renews such a token
def test_a_personal_access_token_works_as_well(label_studio: Any, briefing: Any, ask: Any) -> None:
    with httpx.Client(base_url=label_studio.url) as browser:
        browser.get("/user/login/")
        form = {
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            "email": label_studio.email,
            "password": label_studio.password,
        }
        browser.post("/user/login/", data=form, headers={"Referer": f"{label_studio.url}/user/login/"})
        headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": label_studio.url}
        token = browser.post("/api/token/", headers=headers).raise_for_status().json()["token"]
    assert label_studio.connector(token=token).submit(briefing, ask("corona")) == 1


def test_a_server_that_does_not_run_is_unavailable(label_studio: Any, briefing: Any, ask: Any) -> None:
    nowhere = replace(label_studio, url="http://127.0.0.1:1")
    with pytest.raises(ConnectorUnavailable, match=r"nothing answers at http://127\.0\.0\.1:1") as caught:
        nowhere.connector().submit(briefing, ask("corona"))
    assert "kempelen up" in caught.value.hint


def labels_of(label_studio: Any, cycle_id: str) -> list[str]:
    found = label_studio.http.get(f"/api/projects/{label_studio.project(cycle_id)}/").json()
    return found["parsed_label_config"]["label"]["labels"]


@pytest.mark.parametrize("call", ["open", "submit"])
def test_a_project_is_brought_up_to_date_once_when_its_labels_change(
    label_studio: Any, briefing: Any, ask: Any, network: Any, call: str
) -> None:
    wire = network()
    connector = label_studio.connector(transport=wire)
    connector.submit(briefing, ask("corona"))
    changed = replace(briefing, labels=("health", "news", "virus"), contact="John")
    for _ in range(3):
        connector.open(changed) if call == "open" else connector.submit(changed, ask("corona"))
    assert labels_of(label_studio, briefing.cycle_id) == ["health", "news", "virus"]
    assert len([sent for sent in wire.sent if sent.startswith("PATCH")]) == 1
    told = label_studio.http.get(f"/api/projects/{label_studio.project(briefing.cycle_id)}/").json()
    assert "John" in told["expert_instruction"]
    assert "a time that is wrong: John." in told["label_config"]


def test_answers_with_a_label_that_was_taken_away_become_problems_and_their_effort_stays(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona", "lime"))
    first, second = label_studio.tasks(briefing.cycle_id)
    label_studio.annotate(first["id"], "travel", lead_time=4.0)
    label_studio.annotate(second["id"], "news")
    before = connector.collect(briefing.cycle_id)
    assert [each.label for each in before.annotations] == ["travel", "news"]
    connector.open(replace(briefing, labels=("health", "news", "virus")))
    after = connector.collect(briefing.cycle_id, before.cursor)
    assert [(each.label, each.lead_time_s) for each in after.annotations] == [(None, 4.0), ("news", 5.0)]
    assert ["'travel' is none of" in problem.message for problem in after.problems] == [True]


def test_a_closed_cycle_says_so_in_its_title_and_is_not_brought_up_to_date(
    label_studio: Any, briefing: Any, ask: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    connector.submit(replace(briefing, queue=Queue.EXPERTS), ask("corona"))
    connector.close(briefing.cycle_id)
    connector.close(briefing.cycle_id)
    for queue in Queue:
        found = label_studio.http.get(f"/api/projects/{label_studio.project(briefing.cycle_id, queue)}/").json()
        assert found["title"] == f"Closed: {briefing.title}"
        assert "Nobody is asked any more" in found["expert_instruction"]
        assert found["expert_instruction"].count("This cycle is closed") == 1
        assert "jane@example.org" in found["expert_instruction"]
    connector.open(replace(briefing, labels=("health", "news")))
    assert labels_of(label_studio, briefing.cycle_id) == list(briefing.labels)


def test_a_closed_cycle_is_archived_whole_and_twice_is_as_once(
    label_studio: Any, briefing: Any, ask: Any, tmp_path: Path
) -> None:
    connector, folder = label_studio.connector(), tmp_path / "archive"
    connector.submit(briefing, ask(*QUERIES))
    connector.submit(replace(briefing, queue=Queue.EXPERTS), ask("lime"))
    label_studio.annotate(label_studio.tasks(briefing.cycle_id)[0]["id"], "health")
    with pytest.raises(ConnectorRefused, match="is not closed"):
        connector.archive(briefing.cycle_id, folder)
    assert not folder.exists()
    connector.close(briefing.cycle_id)
    files = connector.archive(briefing.cycle_id, folder)
    contents = [file.read_bytes() for file in files]
    held = [json.loads(gzip.decompress(content)) for content in contents]
    assert sorted(map(len, held)) == [1, 5]
    assert sum(len(task["annotations"]) for tasks in held for task in tasks) == 1
    assert connector.archive(briefing.cycle_id, folder) == files
    assert [file.read_bytes() for file in files] == contents
    assert sorted(folder.iterdir()) == files  # nothing unfinished lies about
    for queue, file in zip(Queue, files, strict=True):
        found = label_studio.http.get(f"/api/projects/{label_studio.project(briefing.cycle_id, queue)}/").json()
        assert found["description"].split("\n")[-1] == f"kempelen-archived: {file.name}"
    label_studio.http.delete(f"/api/projects/{label_studio.project(briefing.cycle_id)}/").raise_for_status()
    assert connector.archive(briefing.cycle_id, folder) == files


def test_an_export_that_is_cut_off_leaves_no_file(
    label_studio: Any, briefing: Any, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("corona"))
    connector.close(briefing.cycle_id)
    monkeypatch.setattr(connector._server, "export", lambda *_: b'[{"id": 1, "data": {"que')  # noqa: SLF001
    with pytest.raises(ConnectorUnavailable, match="not complete"):
        connector.archive(briefing.cycle_id, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_invitation_is_an_address_on_which_somebody_can_sign_up(label_studio: Any) -> None:
    address = label_studio.connector().invitation()
    assert address.startswith(f"{label_studio.url}/user/signup/?token=")
    page = httpx.get(address)
    assert page.status_code == 200
    assert 'name="email"' in page.text
