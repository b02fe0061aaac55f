"""What stands in front of a message in a final input: a memory or what she last said, and the time."""

from __future__ import annotations

import re

_FRONT = re.compile(r"^(\[[^\[\]]+?: [^\[\]]+\] |\(오로라 답변 요약\) .+? \(사용자 질문\) )?(\(지금은 \S+ \S+\) )?")


def split_front(text: str) -> tuple[str, str, str]:
    """Split a final input into (memory or summary in front, time mark, message); what is not there is empty."""
    match = _FRONT.match(text)
    assert match is not None
    return match[1] or "", match[2] or "", text[match.end() :]
