"""Check what is kept of her last messages."""

from __future__ import annotations

from bot.reply_chain import ReplyChain
from storage.records import ConversationKey, UserKey

ROOM, OTHER = (ConversationKey(platform="discord", id=name) for name in ("77", "78"))
MINJI, JIU = (UserKey(platform="discord", id=name) for name in ("1001", "2002"))


def test_message_is_found_in_its_conversation_alone() -> None:
    chain = ReplyChain()
    chain.keep(ROOM, "1", MINJI, "인사함")
    assert chain.find(ROOM, "1") == "인사함"
    assert chain.find(OTHER, "1") is None
    assert chain.find(ROOM, "2") is None
    assert chain.find(ROOM, None) is None


def test_what_was_said_to_a_user_or_in_a_conversation_is_forgotten() -> None:
    chain = ReplyChain()
    for room, message, user in ((ROOM, "1", MINJI), (ROOM, "2", JIU), (OTHER, "3", JIU)):
        chain.keep(room, message, user, "인사함")
    chain.drop_of(MINJI)
    assert [chain.find(ROOM, "1"), chain.find(ROOM, "2"), chain.find(OTHER, "3")] == [None, "인사함", "인사함"]
    chain.drop(ROOM)
    assert [chain.find(ROOM, "2"), chain.find(OTHER, "3")] == [None, "인사함"]


def test_only_the_last_ones_are_kept() -> None:
    chain = ReplyChain()
    for number in range(10_001):
        chain.keep(ROOM, str(number), MINJI, "인사함")
    assert chain.find(ROOM, "0") is None
    assert chain.find(ROOM, "1") == chain.find(ROOM, "10000") == "인사함"
