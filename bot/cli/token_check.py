"""Ask a platform whether it takes a token, by the smallest request there is: who am I."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.rendering import printable

DISCORD_API = "https://discord.com/api/v10"
TIMEOUT_S = 5.0
_AGENT = "DiscordBot (self-hosted, 1)"  # Discord asks bots to name themselves in this form
_REFUSED = {"discord": {401}, "telegram": {401, 404}}  # Telegram says 404 of a token that never was
_LONGEST_NAME = 64


class TokenState(StrEnum):
    """Say what came of asking."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNREACHED = "unreached"
    ODD = "odd"  # an answer that is neither


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What came of asking; `text` is the bot's name, or why there is none. A token is in neither."""

    state: TokenState
    text: str


async def ask_all(
    tokens: Mapping[str, str], urls: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> list[TokenAnswer]:
    """Ask each platform (discord, telegram) at its address, all at once; the answers are in the order of `tokens`."""
    with _without_request_logs():
        return await asyncio.gather(*(ask(name, token, urls[name], timeout_s) for name, token in tokens.items()))


async def ask(platform: str, token: str, url: str, timeout_s: float = TIMEOUT_S) -> TokenAnswer:
    """Ask the API of a platform at `url` for the name of the bot that a token belongs to. Never raises for what failed."""
    base = url.rstrip("/")
    address = f"{base}/users/@me" if platform == "discord" else f"{base}/bot{token}/getMe"
    headers = {"Authorization": f"Bot {token}", "User-Agent": _AGENT} if platform == "discord" else {}
    place = urlsplit(base).hostname or "there"
    try:
        async with asyncio.timeout(timeout_s), httpx.AsyncClient(timeout=timeout_s) as client:
            response = await client.get(address, headers=headers)
    except TimeoutError:
        return TokenAnswer(state=TokenState.UNREACHED, text=f"{place} did not answer within {timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # its own text may hold the address, and so the token
        return TokenAnswer(state=TokenState.UNREACHED, text=f"{place} cannot be reached ({type(error).__name__})")
    return _read(platform, place, response)


def _read(platform: str, place: str, response: httpx.Response) -> TokenAnswer:
    if response.status_code in _REFUSED[platform]:
        return TokenAnswer(state=TokenState.REFUSED, text=f"{place} refuses it ({response.status_code})")
    name = _name_in(platform, response) if response.status_code == 200 else ""
    if not name:
        return TokenAnswer(state=TokenState.ODD, text=f"{place} answered {response.status_code}, and no name")
    return TokenAnswer(state=TokenState.TAKEN, text=name)


def _name_in(platform: str, response: httpx.Response) -> str:
    """Return the bot's name in an answer, one line of it; empty where there is none."""
    try:
        content: Any = response.json()
        name = (content if platform == "discord" else content["result"])["username"]
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(printable(name).split())[:_LONGEST_NAME] if isinstance(name, str) else ""


@contextmanager
def _without_request_logs() -> Iterator[None]:
    """Keep the client from logging addresses, which hold Telegram's token, whatever level the owner chose."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
