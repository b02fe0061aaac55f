"""Check how a reply is cleaned and when it is thrown away."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock_context import DayPart
from engine.reply_check import ReplyFault, clean_reply, find_fault

NOW = DayPart(weekday=2, part="오후")
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"]
PIECES = ["오늘", "내일", "는", "은", " ", "\n", "\u00a0", "\u202f", *INVISIBLE, "😊", "👩", "🎓", "a"]
RAW_REPLIES = st.text() | st.lists(st.sampled_from(PIECES), max_size=15).map("".join)


@given(text=RAW_REPLIES)
def test_clean_reply_has_no_invisible_or_no_break_space(text: str) -> None:
    cleaned = clean_reply(text)
    assert re.search("[\u200b\u200c\u2060\ufeff\u00ad\u00a0\u202f\u2007]", cleaned) is None
    assert re.search(r"(^|[\w\s])\u200d", cleaned) is None
    assert cleaned == " ".join(cleaned.split())


@given(text=RAW_REPLIES)
def test_clean_reply_has_no_broken_topic(text: str) -> None:
    cleaned = clean_reply(text)
    assert "오늘는" not in cleaned
    assert "내일는" not in cleaned


@given(text=RAW_REPLIES)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_reply(clean_reply(text)) == clean_reply(text)


@given(text=st.text(alphabet="가나다라 abc123!?.,~😊"))
def test_text_without_such_characters_is_only_trimmed(text: str) -> None:
    assert clean_reply(text) == " ".join(text.split())


def test_broken_topic_is_repaired() -> None:
    assert clean_reply(" 오늘는 쉬고 내일는 놀자\u200b\u00a0😊 ") == "오늘은 쉬고 내일은 놀자 😊"


def test_joined_emoji_stays_whole() -> None:
    assert clean_reply("나 대학생이야 👩\u200d🎓") == "나 대학생이야 👩\u200d🎓"


@pytest.mark.parametrize(
    "reply", ["안녕! 😊", "(읽씹)", "오늘은 수요일이야 😊", "3.5점이면 좋지 ㅋㅋ", "요약해 줄까? 📝", "(웃음) 그래"]
)
def test_good_reply_has_no_fault(reply: str) -> None:
    assert find_fault(reply, NOW) is None


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", ReplyFault.EMPTY),
        ("안녕 답변 종료", ReplyFault.STRAY_MARK),
        ("안녕 (답변 종료) 또", ReplyFault.STRAY_MARK),
        ("(사용자 안녕", ReplyFault.STRAY_MARK),
        ("안녕 요약)", ReplyFault.STRAY_MARK),
        ("(오로라 답변 요약) 안녕", ReplyFault.STRAY_MARK),
        ("(지금은 월요일 오전) 안녕", ReplyFault.STRAY_MARK),
        ("여기 봐 https://example.org", ReplyFault.LINK),
        ("여기 봐 WWW.example", ReplyFault.LINK),
        ("discord.gg/abc 로 와", ReplyFault.LINK),
        ("안\ufffd녕", ReplyFault.UNREADABLE),
        ("오늘은 금요일이야 😊", ReplyFault.WRONG_DAY),
        ("내일은 금요일이야 😊", ReplyFault.WRONG_DAY),
        ("불금이다 🍻", ReplyFault.WRONG_DAY),
    ],
)
def test_faulty_reply_is_named(reply: str, fault: ReplyFault) -> None:
    assert find_fault(reply, NOW) is fault


@pytest.mark.parametrize("reply", ["좋아! 😊 (답변 종", "좋아! 😊 (답변", "좋아! 😊 (요약 종료"])
def test_reply_cut_off_inside_its_stop_mark_is_thrown_away(reply: str) -> None:
    assert find_fault(reply, NOW) is ReplyFault.STRAY_MARK


@given(text=st.text())
def test_any_text_can_be_judged(text: str) -> None:
    fault = find_fault(clean_reply(text), NOW)
    assert (fault is ReplyFault.EMPTY) == (clean_reply(text) == "")
