"""Answer only those who call this machine by a loopback name, and let pages load nothing from elsewhere."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""There is no sign-in: the dashboard listens, and answers, on this machine alone."""

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
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

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
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


_REFUSAL = PlainTextResponse(
    "This dashboard answers only to 127.0.0.1 and localhost. To see it from another machine, forward its port "
    "(ssh -L) and open http://127.0.0.1.\n",
    status_code=403,
)
