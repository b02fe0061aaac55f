"""Make text of the model or of users harmless for a platform: no markup, mention, link or unseen character does anything.

What could be taken for a mention, a link or a tag is written with a lookalike, so that people read the same and clients see
nothing in it. Text that is ours alone (a command's help) goes through it too, and comes out as it was.
"""

from __future__ import annotations

import re
import unicodedata

from engine.plain_text import remove_invisible

_MOST_MARKS = 4  # combining marks on one letter; more of them climb over other lines
_MENTION = re.compile(r"@(?=[A-Za-z0-9_]{3})")
_SCHEME = re.compile(
    r"(?<=[A-Za-z0-9]):(?=//)|(?<=\bjavascript):|(?<=\bdata):|(?<=\btg):|(?<=\bmailto):", re.IGNORECASE
)
_DOMAIN_DOT = re.compile(r"(?<=[^\W_])\.(?=[A-Za-z]{2})")
_TAG = re.compile(r"<(?=[@#:/]|a:|t:|id:|https?:|mailto:)")
_DISCORD_MARKS = re.compile(r"[\\*_~`|\[\]]")
_DISCORD_LINE_START = re.compile(r"^([ \t]*)(#{1,3}(?= )|-#|>|[-+](?= ))", re.MULTILINE)
_DISCORD_MESSAGE = r"https://discord\.com/channels/(?:@me|\d{15,20})/\d{15,20}/\d{15,20}(?![^\s.,)])"
_DISCORD_PLACE = re.compile(rf"{_DISCORD_MESSAGE}|<(?:#|@&)\d{{1,20}}>")
_KEPT_CONTROLS = "\n\t"


def visible_text(text: str) -> str:
    """Return `text` without characters that nobody sees: control, zero-width and direction characters, heaps of marks."""
    text = remove_invisible(
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    )
    kept: list[str] = []
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MOST_MARKS or (category in {"Cc", "Cs", "Co", "Cn"} and letter not in _KEPT_CONTROLS):
            continue
        kept.append(letter)
    return re.sub(r"\n{3,}", "\n\n", "".join(kept))


def discord_text(text: str) -> str:
    """Return `text` for Discord: markdown escaped, mentions, tags and links written with lookalikes."""
    text = _TAG.sub("＜", _without_links(visible_text(text)))
    text = _DISCORD_MARKS.sub(r"\\\g<0>", text)
    return _DISCORD_LINE_START.sub(r"\1\\\2", text)


def discord_answer(text: str) -> str:
    """Return `text` as `discord_text` does, but let links to messages of Discord, names of channels and of roles stand, for answers.

    A role is shown, and nobody called: every message goes out with no mention allowed.
    """
    made, begin = [], 0
    for link in _DISCORD_PLACE.finditer(text):
        made += [discord_text(text[begin : link.start()]), link[0]]
        begin = link.end()
    return "".join([*made, discord_text(text[begin:])])


def telegram_text(text: str) -> str:
    """Return `text` for Telegram, sent without parse mode: only what clients make of plain text is written with lookalikes."""
    return _without_links(visible_text(text))


def one_line(text: str, limit: int) -> str:
    """Return the seen characters of `text` in one line of at most `limit`, for names, titles and labels."""
    line = " ".join(visible_text(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _without_links(text: str) -> str:
    text = _SCHEME.sub("：", _MENTION.sub("＠", text))
    return _DOMAIN_DOT.sub("․", text)
