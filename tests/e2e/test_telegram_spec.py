"""The check of the Telegram server itself: what breaks the official specification is found, where that file is present."""

from __future__ import annotations

import pytest

from tests.e2e.telegram_spec import SPEC_NAME, load_spec


@pytest.mark.skipif(
    load_spec() is None, reason=f"the Bot API's specification (shared/data/specs/{SPEC_NAME}) is not here"
)
def test_calls_that_break_the_specification_are_found() -> None:
    spec = load_spec()
    assert spec is not None
    assert list(spec.check_call("sendMessage", {"chat_id": 7, "text": "안녕"}, set())) == []
    assert list(spec.check_call("sendMessage", {"text": "안녕"}, set())) != [], "chat_id is required"
    assert list(spec.check_call("sendMessage", {"chat_id": 7, "text": "안녕", "colour": "red"}, set())) != []
    assert list(spec.check_call("sendNothing", {}, set())) != []
