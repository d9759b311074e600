"""Prefect, MLflow, Label Studio and the dashboard as they are: healthy, modest, private, and gone after `down`."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import psutil

from console.stack import ServerState, ServerStatus, Stack, processes

Started = tuple[Stack, float]


def get(url: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - addresses of our own servers
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, None


def family(stack: Stack) -> list[psutil.Process]:
    state = str(stack.credentials_file.parent)
    return [one.process for one in processes.marked() if one.state == state]


def test_all_servers_are_healthy_in_a_folder_with_a_difficult_name(real_stack: Started) -> None:
    statuses = real_stack[0].status()
    assert {s.name: s.state for s in statuses if s.state is not ServerState.RUNNING} == {}
    assert [s.name for s in statuses] == ["prefect", "mlflow", "dashboard", "label-studio"]
    assert real_stack[0].strays() == []


def test_at_rest_it_takes_less_than_two_and_a_half_gigabytes(real_stack: Started) -> None:
    taken = {status.name: status.memory_bytes for status in real_stack[0].status()}
    assert min(taken.values()) > 2_000_000
    assert sum(taken.values()) < 2_500_000_000, taken


def test_a_second_up_keeps_them_all(real_stack: Started, progress: Any) -> None:
    done = real_stack[0].up(progress)
    assert done.started == ()
    assert len(done.kept) == 4


def test_everything_listens_on_the_loopback_alone(real_stack: Started) -> None:
    assert {ip for ip, _ in processes.listening(family(real_stack[0]))} == {"127.0.0.1"}


def test_nothing_is_connected_to_another_machine(real_stack: Started) -> None:
    connections = [c for process in family(real_stack[0]) for c in process.net_connections(kind="inet")]
    far = {c.raddr.ip for c in connections if c.raddr and not c.raddr.ip.startswith("127.")}
    assert far == set()


def test_prefect_answers_with_the_password_and_not_without(real_stack: Started) -> None:
    stack, _ = real_stack
    environment, addresses = stack.client_environment(), stack.addresses()
    basic = "Basic " + base64.b64encode(environment["PREFECT_API_AUTH_STRING"].encode()).decode()
    assert environment["PREFECT_API_URL"] == addresses.prefect_api
    assert get(f"{addresses.prefect_api}/admin/version")[0] == 401
    assert get(f"{addresses.prefect_api}/admin/version", Authorization=basic) == (200, "3.8.8")


def test_label_studio_takes_our_token_and_signs_nobody_up_without_an_invitation(real_stack: Started) -> None:
    addresses = real_stack[0].addresses()
    known = {"Authorization": f"Token {addresses.label_studio_token}"}
    assert get(f"{addresses.label_studio_url}/api/projects")[0] == 401
    assert get(f"{addresses.label_studio_url}/api/projects", **known)[0] == 200
    status, me = get(f"{addresses.label_studio_url}/api/current-user/whoami", **known)
    assert (status, me["email"].endswith("@kempelen.local")) == (200, True)
    assert get(f"{addresses.label_studio_url}/api/version", **known)[1]["release"] == "1.23.2"


def test_mlflow_keeps_its_files_in_the_state_folder_and_refuses_foreign_hosts(real_stack: Started) -> None:
    stack, _ = real_stack
    url = f"{stack.addresses().mlflow_uri}/api/2.0/mlflow/experiments/search?max_results=5"
    assert get(url)[0] == 200
    assert get(url, Host="evil.example")[0] == 403
    assert (stack.credentials_file.parent / "servers" / "mlflow" / "mlflow.db").exists()


def _mlflow(stack: Stack) -> ServerStatus:
    return next(status for status in stack.status() if status.name == "mlflow")


def test_a_killed_mlflow_is_started_again_on_the_same_port(
    real_stack: Started, progress: Any, eventually: Callable[..., None]
) -> None:
    """Its worker outlives the process we started, and holds the port."""
    stack, _ = real_stack
    before = {status.name: status for status in stack.status()}
    psutil.Process(before["mlflow"].pid).kill()
    eventually(lambda: _mlflow(stack).state is ServerState.CRASHED)
    found = _mlflow(stack)
    assert found.last_lines
    done = stack.up(progress)
    assert done.started == ("mlflow",)
    after = {status.name: status for status in stack.status()}
    assert after["mlflow"].state is ServerState.RUNNING
    assert after["mlflow"].url == before["mlflow"].url
    assert after["prefect"].pid == before["prefect"].pid
