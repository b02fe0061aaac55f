"""What holds for every request before a page sees it: the host's name, the size of the body; and the headers of every answer."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.dashboard.settings import DashboardSettings

MOST_BODY = 256 * 1024  # bytes; the longest thing anybody sends is a policy file
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SAME_SITE = ("same-origin", "none")  # none: typed, or opened from a bookmark


class BodyTooLarge(HTTPException):
    """More came than any page takes."""

    def __init__(self) -> None:
        """Answer 413."""
        super().__init__(413)


class Guard:
    """Wraps the app. What it refuses is answered in one plain line, the same for everybody."""

    def __init__(self, app: ASGIApp, settings: DashboardSettings) -> None:
        """Let through what asks for one of the names in `settings`."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a websocket is no request of ours."""
        if scope["type"] != "http":
            return
        guarded = self._with_headers(send)
        if refusal := self._refusal(scope):
            await refusal(scope, receive, guarded)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY:
                raise BodyTooLarge
            return message

        await self._app(scope, counted, guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self._settings.names:
            return PlainTextResponse("this server does not go by that name\n", 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("no such method here\n", 405, headers={"allow": "GET, HEAD, POST"})
        if scope["method"] == "POST":
            if headers.get("sec-fetch-site", "same-origin") not in _SAME_SITE:
                return PlainTextResponse("this came from another site\n", 403)
            if not self._is_ours(headers.get("origin")):
                return PlainTextResponse("this came from another site\n", 403)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length[:12]) > MOST_BODY:
            return _too_large()
        return None

    def _is_ours(self, origin: str | None) -> bool:
        """Tell whether an Origin header is one of ours. Browsers send `null` under our own Referrer-Policy; tokens decide then."""
        if origin is None or origin == "null":
            return True
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and host_name(rest) in self._settings.names

    def _with_headers(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
                if self._settings.is_secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        return guarded


def host_name(value: str) -> str:
    """Return the name in a Host header, in small letters, without its port; empty where it is none."""
    name, bracket, rest = value.strip().lower().partition("]")
    if bracket:
        return name.removeprefix("[") if name.startswith("[") and (not rest or rest[1:].isdigit()) else ""
    name, _, port = name.partition(":")
    return name if not port or (port.isascii() and port.isdigit()) else ""


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(f"too much: {MOST_BODY // 1024} KiB at most\n", 413)
