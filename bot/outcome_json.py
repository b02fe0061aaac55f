"""An outcome as the JSON object that the console prints with --json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.rendering import Texts
from engine.stopwatch import STEPS
from engine.types import ChatOutcome, ChatReply, Notice


def outcome_to_json(outcome: ChatOutcome, request_id: str, texts: Texts) -> dict[str, Any]:
    """Return the object of one turn; fields without a value are None, and `timings_ms` are whole milliseconds."""
    details = outcome.details
    is_reply = isinstance(outcome, ChatReply)
    return {
        "request_id": request_id,
        "kind": "reply" if is_reply else "rejection",
        "reason": None if isinstance(outcome, ChatReply) else outcome.reason.value,
        "text": texts.outcome(outcome, request_id),
        "expression": asdict(outcome.expression) if isinstance(outcome, ChatReply) else None,
        "notice": _notice(outcome.notice),
        "ethics": dict(details.ethics) or None,
        "memory_used": details.memory_used,
        "memories_saved": list(details.memories_saved),
        "summary": details.summary,
        "timings_ms": {step: round(details.timings_ms.get(step, 0)) for step in STEPS},
    }


def _notice(notice: Notice | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    return {
        "kind": notice.kind.value,
        "categories": list(notice.categories),
        "level": notice.level,
        "expires_at": notice.expires_at.isoformat() if notice.expires_at else None,
    }
