"""The web app: every address, who may use it, and what is asked of a form before its page sees it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from bot.dashboard.attempts import Attempts
from bot.dashboard.door import SESSION_LASTS, Door, Refusal, Visitor
from bot.dashboard.guard import MOST_BODY, Guard
from bot.dashboard.pages import LANGUAGE_COOKIE, Pages, chosen_language, see
from bot.dashboard.settings import DashboardSettings
from bot.dashboard.signing import Signatures
from bot.rendering import LANGUAGES, Texts
from storage.errors import StorageError

_log = logging.getLogger(__name__)
_ENTRY_COOKIE = "ohlora_entry"
_ENTRY_LASTS = timedelta(minutes=10)
_LONGEST_COOKIE = 512
_STATUS = {Refusal.NO_SESSION: 401, Refusal.NO_RIGHTS: 403, Refusal.UNKNOWN: 503}
_WHY = {404: "not_found", 405: "not_found", 413: "too_large"}
_MOST_FIELDS = 30

Form = Mapping[str, str]
Serve = Callable[[Request], Awaitable[Response]]
Show = Callable[[Request, Visitor], Awaitable[Response]]
Do = Callable[[Request, Visitor, Form], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One address inside: what it shows, and what it does with a form."""

    path: str
    show: Show | None = None
    do: Do | None = None


class Entrance:
    """Serves the door itself, and every room behind it to those who are let in."""

    def __init__(
        self, door: Door, pages: Pages, signatures: Signatures, attempts: Attempts, settings: DashboardSettings
    ) -> None:
        """Count attempts to enter in `attempts`."""
        self._door = door
        self._pages = pages
        self._signatures = signatures
        self._attempts = attempts
        self._is_secure = settings.is_secure
        prefix = (
            "__Host-" if settings.is_secure else ""
        )  # browsers take such a cookie by https only, for this host only
        self.session_cookie = f"{prefix}ohlora"
        self._entry_cookie = f"{prefix}{_ENTRY_COOKIE}"

    def routes(self, rooms: tuple[Room, ...]) -> list[BaseRoute]:
        """Return every address."""
        return [
            Route("/static/{name}", self._pages.static, methods=["GET"]),
            Route("/enter/{link}", self._edge(self._ask_to_enter), methods=["GET"]),
            Route("/enter/{link}", self._edge(self._enter), methods=["POST"]),
            Route("/leave", self._inside_post(self._leave), methods=["POST"]),
            Route("/language", self._inside_post(self._choose_language), methods=["POST"]),
            *(Route(room.path, self._inside(room.show), methods=["GET"]) for room in rooms if room.show is not None),
            *(Route(room.path, self._inside_post(room.do), methods=["POST"]) for room in rooms if room.do is not None),
        ]

    async def _ask_to_enter(self, request: Request) -> Response:
        """Show the button that spends a link: programs that look at links for a preview press no buttons."""
        nonce = secrets.token_urlsafe(16)
        response = self._pages.show_outside(request, "enter.html", entry=self._signatures.form_token(nonce))
        self._set_cookie(response, self._entry_cookie, nonce, _ENTRY_LASTS)
        return response

    async def _enter(self, request: Request) -> Response:
        """Spend a link. The form must come from the page that this browser was shown: nobody is made to enter as another."""
        if not self._attempts.may_try(_address(request)):
            return self._too_many(request)
        form = await read_form(request)
        nonce = request.cookies.get(self._entry_cookie, "")
        is_own_form = nonce and self._signatures.is_form_token(form.get("entry", ""), nonce)
        cookie = await self._door.enter(request.path_params["link"]) if is_own_form else None
        if cookie is None:
            return self._pages.show_outside(request, "refused.html", status=403, why="bad_link")
        response = see("/")
        self._set_cookie(response, self.session_cookie, cookie, SESSION_LASTS)
        response.delete_cookie(self._entry_cookie, path="/", secure=self._is_secure, httponly=True, samesite="strict")
        return response

    async def _leave(self, request: Request, visitor: Visitor, form: Form) -> Response:
        if form.get("everywhere"):
            await self._door.leave_everywhere(visitor)
        else:
            await self._door.leave(visitor.token)
        response = self._pages.show_outside(request, "refused.html", why="left")
        response.delete_cookie(self.session_cookie, path="/", secure=self._is_secure, httponly=True, samesite="strict")
        return response

    async def _choose_language(self, request: Request, visitor: Visitor, form: Form) -> Response:
        language = form.get("language", "")
        if language not in LANGUAGES:
            raise HTTPException(400)
        response = see("/")
        self._set_cookie(response, LANGUAGE_COOKIE, language, timedelta(days=365))
        return response

    def _inside(self, show: Show) -> Serve:
        async def serve(request: Request) -> Response:
            visitor = await self._admit(request)
            return visitor if isinstance(visitor, Response) else await show(request, visitor)

        return self._edge(serve)

    def _inside_post(self, do: Do) -> Serve:
        async def serve(request: Request) -> Response:
            visitor = await self._admit(request)
            if isinstance(visitor, Response):
                return visitor
            form = await read_form(request)
            if not self._signatures.is_form_token(form.get("csrf", ""), visitor.token):
                return self._pages.show_outside(request, "refused.html", status=403, why="bad_form")
            return await do(request, visitor, form)

        return self._edge(serve)

    def _edge(self, serve: Serve) -> Serve:
        """Answer what fails with a number that the log has too: a traceback may quote what somebody wrote."""

        async def guarded(request: Request) -> Response:
            try:
                return await serve(request)
            except HTTPException:
                raise
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it
            except Exception as error:
                number = secrets.token_hex(8)
                why = f": {error}" if isinstance(error, StorageError) else ""
                _log.error("request %s: the dashboard failed: %s%s", number, type(error).__name__, why)
                _log.debug("request %s", number, exc_info=error)
                return self._pages.show_outside(request, "failed.html", status=500, number=number)

        return guarded

    async def _admit(self, request: Request) -> Visitor | Response:
        """Return who comes, or the page that says why they may not."""
        cookie = request.cookies.get(self.session_cookie)
        admitted = await self._door.admit(cookie if cookie and len(cookie) <= _LONGEST_COOKIE else None)
        if isinstance(admitted, Refusal):
            return self._pages.show_outside(request, "refused.html", status=_STATUS[admitted], why=admitted.value)
        language = chosen_language(request)
        if language is None:
            return admitted
        texts = Texts(language, admitted.visit.actor.zone)
        return replace(admitted, visit=replace(admitted.visit, texts=texts))

    def _too_many(self, request: Request) -> Response:
        return self._pages.show_outside(request, "refused.html", status=429, why="too_many")

    def _set_cookie(self, response: Response, name: str, value: str, lasts: timedelta) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )


def build_web(entrance: Entrance, pages: Pages, rooms: tuple[Room, ...], settings: DashboardSettings) -> ASGIApp:
    """Put the addresses, the pages of errors and the guard together."""

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        why = _WHY.get(status, "bad_request")
        return pages.show_outside(request, "refused.html", status=status, why=why)

    app = Starlette(routes=entrance.routes(rooms), exception_handlers={HTTPException: refused})
    app.router.redirect_slashes = False
    return Guard(app, settings)


async def read_form(request: Request) -> Form:
    """Return the fields of a form as text, the last one of each name; an uploaded file as its text.

    Raises:
        HTTPException: it is no form, has too many fields, or a file is not UTF-8.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(415)
    fields: dict[str, str] = {}
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=MOST_BODY) as form:
        for name, value in form.multi_items():
            fields[name] = await _text_of(value)
    return fields


async def _text_of(value: UploadFile | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return (await value.read()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HTTPException(400) from error


def _address(request: Request) -> str:
    """Return where a request came from as the connection says it; headers that anybody can write are not asked."""
    return request.client.host if request.client is not None else ""
