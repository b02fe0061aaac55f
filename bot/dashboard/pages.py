"""Templates made into answers. Everything shown is escaped; words come from the catalogues."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.dashboard.door import Visitor
from bot.rendering import LANGUAGES, Texts

_HERE = Path(__file__).resolve().parent
LANGUAGE_COOKIE = "ohlora_language"
ROOMS = {
    "log": "/",
    "appeals": "/appeals",
    "charts": "/charts",
    "replay": "/replay",
    "audit": "/audit",
}  # the navigation: each name's address; `dashboard.room.<name>` is its text
_A_YEAR_S = 365 * 24 * 3600


class Pages:
    """Renders templates for a visitor, or for somebody at the door."""

    def __init__(self, *, locale: str, zone: ZoneInfo) -> None:
        """Speak `locale` to whom nothing is known of."""
        self._locale = locale
        self._zone = zone

    def prepare(self) -> None:
        """Compile every template and read how each language writes moments: what would hold the first page up."""
        for name in _templates().list_templates():
            _templates().get_template(name)
        for language in LANGUAGES:
            Texts(language, self._zone).moment(datetime.now(UTC))

    def show(
        self, visitor: Visitor, template: str, *, status: int = 200, here: str = "", **values: object
    ) -> HTMLResponse:
        """Show a page inside; `here` names the part of the navigation that it belongs to."""
        return self._render(template, status, visitor.visit.texts, visitor=visitor, here=here, **values)

    def show_outside(self, request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Show a page at the door."""
        return self._render(template, status, self.texts_for(request), visitor=None, here="", **values)

    def texts_for(self, request: Request) -> Texts:
        """Return the words for somebody who is not inside: as they chose, as their browser says, else as the owner set."""
        chosen = chosen_language(request)
        if chosen is None:
            accepted = request.headers.get("accept-language", "")[:100].split(",")[0].split(";")[0].strip()
            chosen = accepted[:2].lower() if accepted[:2].lower() in LANGUAGES else self._locale
        return Texts(chosen, self._zone)

    async def static(self, request: Request) -> Response:
        """Serve one of our own few files: looked up by name, so that no path leads anywhere else."""
        name = request.path_params["name"]
        if name not in _assets():
            raise HTTPException(404)
        content, version = _assets()[name]
        kept = f"public, max-age={_A_YEAR_S}, immutable" if request.query_params.get("v") == version else "no-cache"
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, media_type=media_type, headers={"cache-control": kept})

    def _render(self, template: str, status: int, texts: Texts, **values: object) -> HTMLResponse:
        content = _templates().get_template(template).render(t=texts.get, texts=texts, **values)
        return HTMLResponse(content, status)


@cache
def _templates() -> Environment:
    """Return the templates, with what they all use; each is compiled once a process."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=_asset, rooms=ROOMS)
    return environment


def _asset(name: str) -> str:
    """Return the address of a static file, which changes with its content.

    Raises:
        KeyError: there is no such file.
    """
    return f"/static/{name}?v={_assets()[name][1]}"


@cache
def _assets() -> Mapping[str, tuple[bytes, str]]:
    """Return each static file's content and version by its name."""
    files = sorted(path for path in (_HERE / "static").iterdir() if path.suffix in (".css", ".js", ".svg"))
    contents = {path.name: path.read_bytes() for path in files}
    return {name: (content, hashlib.sha256(content).hexdigest()[:16]) for name, content in contents.items()}


def chosen_language(request: Request) -> str | None:
    """Return the language that was chosen on the page, None where none was."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else None


def see(address: str) -> RedirectResponse:
    """Send somebody on to another page of ours, with a GET."""
    return RedirectResponse(address, 303)
