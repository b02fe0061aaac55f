"""Split a long text into parts that a platform takes: by paragraph, line, sentence and word; fences are closed and opened again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Measure = Callable[[str], int]

_FENCE = re.compile(r"^(?P<mark>```+|~~~+)(?P<info>[^`\n]*)$", re.MULTILINE)
# Where a text may be cut, the best first: each pattern ends where the next part begins.
_CUTS = tuple(
    re.compile(pattern) for pattern in (r"\n{2,}", r"\n", r"[.!?…。！？~♡♥]+[\"'”’)\]]*\s+", r"[,;:·、，]\s+", r"\s+")
)
_JOINERS = {"\u200d", "\ufe0f", "\ufe0e"}
_SMALLEST_LIMIT = 16


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of text; `fence` is its opening line where it is code."""

    text: str
    fence: str = ""


def utf16_length(text: str) -> int:
    """Return how long Telegram finds `text`: in UTF-16 units, so most emoji count two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def split_text(text: str, limit: int, measure: Measure = len) -> list[str]:
    """Split `text` into parts of at most `limit` by `measure`; none is empty or only white space.

    A fenced block that fits stays whole; a longer one is closed at the end of a part and opened again in the next.

    Raises:
        ValueError: `limit` is too small to hold a fence and a character.
    """
    if limit < _SMALLEST_LIMIT:
        raise ValueError(f"a part must hold at least {_SMALLEST_LIMIT} characters")
    parts: list[str] = []
    for block in _blocks(text):
        if parts and measure(_joined(parts[-1], block.text)) <= limit:
            parts[-1] = _joined(parts[-1], block.text)
            continue
        parts += _split_fence(block, limit, measure) if block.fence else _split_plain(block.text, limit, measure)
    return [part for part in parts if part.strip()]


def _joined(part: str, more: str) -> str:
    return f"{part}\n\n{more}" if not part.endswith("\n") else part + more


def _blocks(text: str) -> list[_Block]:
    """Cut a text into paragraphs and fenced blocks; a fence that is never closed is closed."""
    blocks: list[_Block] = []
    rest = text.strip("\n")
    while opening := _FENCE.search(rest):
        closing = re.compile(rf"^{re.escape(opening['mark'])}[ \t]*$", re.MULTILINE).search(rest, opening.end())
        body = rest[opening.end() : closing.start() if closing else len(rest)].strip("\n")
        blocks += _paragraphs(rest[: opening.start()])
        blocks.append(_Block(f"{opening[0]}\n{body}\n{opening['mark']}", fence=opening[0]))
        rest = rest[closing.end() :] if closing else ""
    return blocks + _paragraphs(rest)


def _paragraphs(text: str) -> list[_Block]:
    return [_Block(part) for part in re.split(r"\n{2,}", text.strip("\n")) if part.strip()]


def _split_plain(text: str, limit: int, measure: Measure) -> list[str]:
    parts: list[str] = []
    while measure(text) > limit:
        end = _cut(text, _longest(text, limit, measure))
        parts.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*parts, text] if text else parts


def _split_fence(block: _Block, limit: int, measure: Measure) -> list[str]:
    if measure(block.text) <= limit:
        return [block.text]
    mark = re.match(r"[`~]+", block.fence)
    assert mark is not None
    opening = block.fence if measure(block.fence) <= limit // 4 else mark[0]  # an endless info line is dropped
    room = limit - measure(f"{opening}\n\n{mark[0]}")
    body = block.text.removeprefix(block.fence).removesuffix(mark[0]).strip("\n")
    parts: list[str] = []
    while body:
        end = len(body)
        if measure(body) > room:
            end = _longest(body, room, measure)
            end = body.rfind("\n", 0, end) + 1 or _between_letters(body, end)
        parts.append(f"{opening}\n{body[:end].rstrip(chr(10))}\n{mark[0]}")
        body = body[end:]
    return parts


def _longest(text: str, limit: int, measure: Measure) -> int:
    """Return how many characters of `text` fit `limit`, at least one."""
    low, high = 1, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= limit else (low, middle - 1)
    return low


def _cut(text: str, end: int) -> int:
    """Return the best place to cut at or before `end`; a cut in the first third is too early unless there is none else."""
    for pattern in _CUTS:
        ends = [match.end() for match in pattern.finditer(text, 0, min(len(text), end + 1)) if match.end() <= end]
        if ends and ends[-1] > end // 3:
            return ends[-1]
    return _between_letters(text, end)


def _between_letters(text: str, end: int) -> int:
    """Move a cut back to where it parts no letter from its marks, no emoji and no escape; give up after 32 characters."""
    for place in range(end, max(0, end - 32), -1):
        if not _holds_together(text, place):
            return place
    return end


def _holds_together(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place : place + 1]
    if not after:
        return False
    return (
        after in _JOINERS
        or before == "\u200d"
        or before == "\\"
        or unicodedata.combining(after) != 0
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")  # flags
    )
