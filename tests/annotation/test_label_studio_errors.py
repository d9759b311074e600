"""Every way in which Label Studio can fail to answer is one of our errors, and none of them tells a secret."""

import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.annotation import _briefing
from connectors.annotation.label_studio import build
from kempelen.errors import ConfigError, ConnectorError, ConnectorRefused, ConnectorUnavailable
from kempelen.records import Briefing

TOKEN = "5ecre7" * 6 + "abcd"
COOKIE = "sessionid=c00kie"


def failing(handler: Callable[[httpx.Request], httpx.Response], token: str = TOKEN) -> Any:
    return build("http://127.0.0.1:9", token, transport=httpx.MockTransport(handler))


def answering(status: int, **content: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, headers={"Set-Cookie": COOKIE}, **content)


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def the_error_of(connector: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        connector.items("cycle-1")
    told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert TOKEN not in told
    assert COOKIE not in told
    return caught.value


@pytest.mark.parametrize(
    ("status", "content", "kind", "found"),
    [
        (401, {"json": {"detail": "Invalid token."}}, ConnectorRefused, "it refused our token: Invalid token."),
        (403, {"json": {"detail": "No."}}, ConnectorRefused, "status 403: No."),
        (404, {"text": "<html>Not here</html>"}, ConnectorRefused, "status 404."),
        (400, {"json": {"validation_errors": {"title": ["short"]}}}, ConnectorRefused, "{'title': ['short']}"),
        (409, {"json": {"detail": "Twice."}}, ConnectorRefused, "status 409: Twice."),
        (408, {"json": {}}, ConnectorUnavailable, "status 408."),
        (429, {"json": {}}, ConnectorUnavailable, "status 429."),
        (500, {"json": {"detail": "database is locked"}}, ConnectorUnavailable, "database is locked"),
        (502, {"text": "<html>Bad gateway</html>"}, ConnectorUnavailable, "status 502."),
        (200, {"json": {}}, ConnectorRefused, "does not speak as Label Studio does"),
        (200, {"text": "<html>A router's page</html>"}, ConnectorRefused, "does not speak as Label Studio does"),
    ],
)
def test_an_answer_that_is_not_a_yes_is_translated(status: int, content: Any, kind: type, found: str) -> None:
    error = the_error_of(failing(answering(status, **content)))
    assert type(error) is kind
    assert found in str(error)
    assert "<html>" not in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("raised", "found"),
    [
        (httpx.ConnectError("refused"), "nothing answers at http://127.0.0.1:9."),
        (httpx.ConnectTimeout("slow"), "nothing answers at http://127.0.0.1:9."),
        (httpx.ReadTimeout("slow"), "no answer in time"),
        (httpx.WriteTimeout("slow"), "no answer in time"),
        (httpx.PoolTimeout("slow"), "no answer in time"),
        (httpx.RemoteProtocolError("gone"), "the connection broke"),
        (httpx.ReadError("gone"), "the connection broke"),
        (httpx.DecodingError("junk"), "the connection broke"),
    ],
)
def test_a_silence_can_be_tried_again(raised: Exception, found: str) -> None:
    error = the_error_of(failing(raising(raised)))
    assert isinstance(error, ConnectorUnavailable)
    assert found in str(error)


def test_every_error_of_the_http_library_is_one_of_ours() -> None:
    kinds = [httpx.HTTPError, httpx.InvalidURL]
    for kind in kinds:
        kinds += kind.__subclasses__()
    leaves = {kind for kind in kinds if not kind.__subclasses__() and kind is not httpx.HTTPStatusError}
    assert len(leaves) > 10
    for kind in leaves:
        the_error_of(failing(raising(kind("found"))))


@pytest.mark.parametrize("token", ["", "tök", f"{TOKEN}\nX-Other: 1", f" {TOKEN}"])
def test_a_token_that_cannot_be_one_is_a_wrong_setting_and_is_not_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("http://127.0.0.1:9", token)
    assert TOKEN not in str(caught.value) + caught.value.hint
    assert "servers.label_studio_token" in caught.value.hint


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError) as caught:
        build("localhost:8080", TOKEN)
    assert "servers.label_studio_url" in caught.value.hint


def test_nothing_is_sent_while_the_connector_is_built() -> None:
    failing(raising(AssertionError("sent")))


def test_a_refused_connection_does_not_wait_for_items_that_cannot_come(briefing: Briefing, ask: Any) -> None:
    """Otherwise this test would last for `late_commit_s`."""
    told = _briefing.told(briefing)
    project = {
        "id": 1,
        "title": briefing.title,
        **told,
        "maximum_annotations": 2,
        "parsed_label_config": {"label": {"labels": list(briefing.labels)}},
    }

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ConnectError("refused")
        if request.url.path.startswith("/api/projects"):
            return httpx.Response(200, json={"count": 1, "results": [project]})
        return httpx.Response(200, json={"tasks": [], "total": 0, "total_annotations": 0, "total_predictions": 0})

    patient = build("http://127.0.0.1:9", TOKEN, late_commit_s=1e6, transport=httpx.MockTransport(handler))
    with pytest.raises(ConnectorUnavailable, match="nothing answers"):
        patient.submit(briefing, ask("corona"))
