"""Answer only those who call this machine by a loopback name, and let pages load nothing from elsewhere."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""There is no sign-in: the dashboard listens, and answers, on this machine alone."""

_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "

_HEADERS = {
    "Content-Security-Policy": f"{_POLICY}'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

PERSONAL = "/me/"
"""Where the pages of single persons are, which have forms and belong into no index of a search engine."""

_PERSONAL_HEADERS = _HEADERS | {
    "Content-Security-Policy": f"{_POLICY}'self'",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


class Guard:
    """ASGI middleware that refuses foreign `Host` headers and adds security headers to every answer.

    A web page elsewhere can let its own name resolve to 127.0.0.1 and so read what a loopback server
    says (DNS rebinding); its requests still carry that name as `Host`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = _PERSONAL_HEADERS if scope["path"].startswith(PERSONAL) else _HEADERS

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        known = host_name(Headers(scope=scope).get("host", "")) in LOOPBACK
        await (self._app if known else _REFUSAL)(scope, receive, guarded)


def host_name(header: str) -> str:
    """The name in a `Host` header, without port and brackets.

    >>> host_name("LOCALHOST:8080"), host_name("[::1]:8080"), host_name("evil.example:80")
    ('localhost', '::1', 'evil.example')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def same_origin(headers: Headers) -> bool:
    """Whether a form was sent from a page of this dashboard, or by no browser at all.

    Browsers say so in `Sec-Fetch-Site`. Those that do not name the page's origin, or `null` since our pages send no
    referrer. A program without either needs no page to be tricked by.

    >>> same_origin(Headers({"sec-fetch-site": "cross-site"})), same_origin(Headers({"origin": "http://evil.example"}))
    (False, False)
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


_REFUSAL = PlainTextResponse(
    "This dashboard answers only to 127.0.0.1 and localhost. To see it from another machine, forward its port "
    "(ssh -L) and open http://127.0.0.1.\n",
    status_code=403,
)
