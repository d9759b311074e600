"""What Label Studio, its SDK and the network raise, said in our own errors.

The foreign error is never chained: an `ApiError` prints the session cookie, and httpx prints the
token when it cannot be sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

import httpx

from kempelen.errors import ConnectorError, ConnectorRefused, ConnectorUnavailable

SYSTEM = "Label Studio"

_LONGEST_REASON = 300
_TRY_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_HINTS = {
    401: "Make a new token in Label Studio (Account & Settings), and give it as servers.label_studio_token.",
    403: "Use the token of a member of the organisation that holds the project.",
    404: "Was the project or the item deleted in Label Studio? Is servers.label_studio_url its address?",
}


class NeverSent(ConnectorUnavailable):
    """No connection was made, so the request cannot have changed anything."""


@contextmanager
def speaking(url: str) -> Iterator[None]:
    """Translate what a call to the Label Studio at `url` raises.

    ConnectorUnavailable when there was no answer, or one that says "later"; ConnectorRefused when
    there was one and it is no.
    """
    from label_studio_sdk.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        raise answered(error.status_code, error.body) from None
    except httpx.HTTPStatusError as error:
        raise answered(error.response.status_code, _body(error.response)) from None
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        raise ConnectorRefused(
            "the token cannot be sent: it is empty or holds characters that no token has.",
            system=SYSTEM,
            hint="Copy the token again, without blanks around it.",
        ) from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects):
        raise ConnectorRefused(
            f"{url} is no address that can be called.", system=SYSTEM, hint="Correct servers.label_studio_url."
        ) from None
    except httpx.HTTPError as error:
        raise _silent(error, url) from None
    except JSONDecodeError:
        raise answered(HTTPStatus.OK, None) from None


def answered(status: int | None, body: Any) -> ConnectorError:
    """The error for an answer that is not a yes."""
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_LATER:
        return ConnectorUnavailable(
            f"it failed with status {status}{_reason(body)}",
            system=SYSTEM,
            hint="It will be tried again. If it goes on, read Label Studio's own log.",
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return ConnectorRefused(f"it refused our token{_reason(body)}", system=SYSTEM, hint=_HINTS[401])
    if status < HTTPStatus.BAD_REQUEST:
        return ConnectorRefused(
            "what answers there does not speak as Label Studio does.",
            system=SYSTEM,
            hint="Is servers.label_studio_url the address of Label Studio?",
        )
    hint = _HINTS.get(status, "Correct what it names and try again.")
    return ConnectorRefused(f"it said no with status {status}{_reason(body)}", system=SYSTEM, hint=hint)


def _silent(error: Exception, url: str) -> ConnectorUnavailable:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NeverSent(
            f"nothing answers at {url}.",
            system=SYSTEM,
            hint="Start it with `kempelen up`, or see `kempelen doctor`.",
        )
    found = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
    return ConnectorUnavailable(
        f"{found} ({type(error).__name__}).",
        system=SYSTEM,
        hint="It will be tried again. A busy server recovers by itself.",
    )


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _reason(body: Any) -> str:
    """What the body says of the cause; nothing for a page of HTML."""
    if not isinstance(body, dict):
        return "."
    details = " ".join(str(body.get("validation_errors") or body.get("detail") or "").split()).rstrip(".")
    return f": {details[:_LONGEST_REASON]}." if details else "."
