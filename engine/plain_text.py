"""What is in a text: links, and characters that nobody sees."""

from __future__ import annotations

import re

# Soft hyphen, zero-width characters, direction marks, byte order mark; the zero-width joiner where it joins no emoji.
_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u3164\uffa0]"
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
)
_LINK = re.compile(
    r"https?://|www\.|\b[\w-]+\.(com|net|org|io|kr|gg|ai|me|ly|co|be|xyz|info|app|dev|shop|link|site|tv|us|jp|cn|ru)(?![A-Za-z0-9-])",
    re.IGNORECASE,
)


def has_link(text: str) -> bool:
    """Tell whether `text` holds an address of the web."""
    return _LINK.search(text) is not None


def remove_invisible(text: str) -> str:
    """Return `text` without invisible characters, and with plain spaces in place of no-break ones."""
    return _INVISIBLE.sub("", text.replace("\u00a0", " ").replace("\u202f", " "))
