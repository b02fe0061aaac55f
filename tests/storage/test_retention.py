"""Check that what is past its time goes, what is not stays, and that the keys of old summaries go with them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from storage.appeals import AppealStore
from storage.conversations import ConversationStore
from storage.database import Database
from storage.records import AppealState, ConversationKey, Sanction, Scope, Turn, UserKey
from storage.reports import ReportStore
from storage.retention import RetentionSettings, sweep
from storage.sanctions import SanctionStore
from storage.turns import TurnStore

DAY = timedelta(days=1)
LIMITS = RetentionSettings(turns=100, summaries=30, evidence=50, cases=60)


async def test_each_kind_goes_after_its_own_time(
    database: Database,
    user: UserKey,
    make_sanction: Callable[..., Sanction],
    make_turn: Callable[..., Turn],
    now: datetime,
) -> None:
    moderator, scope = replace(user, id="9"), Scope(platform=user.platform)
    room = ConversationKey(platform=user.platform, id="room")
    async with database.begin() as session:
        await TurnStore(session).add(make_turn("old", received_at=now))
        await TurnStore(session).add(make_turn("new", received_at=now + 80 * DAY))
        await ConversationStore(session).save_summary(room, "요약", now)
        over = await SanctionStore(session).add(make_sanction(block=DAY, text="나쁜 말"))
        running = await SanctionStore(session).add(make_sanction(block=365 * DAY, text="더 나쁜 말"))
        disputed = await SanctionStore(session).add(make_sanction(text="다툼"))
        await AppealStore(session).open(over, "억울해요", now)
        await AppealStore(session).decide(over.id or 0, AppealState.DENIED, moderator, "아니에요", now)
        await AppealStore(session).open(disputed, "저도요", now)
        for link in ("closed", "open"):
            await ReportStore(session).add(moderator, user, "7", "욕설", link, now)
        (closed, _) = await ReportStore(session).waiting(scope)
        await ReportStore(session).close(closed.id, scope, moderator, now)

    assert not any((await sweep(database, LIMITS, now + 29 * DAY)).values())
    assert await sweep(database, RetentionSettings(turns=None, summaries=None, evidence=None, cases=None), now + 999 * DAY) == {
        "turns": 0, "evidence": 0, "appeals": 0, "reports": 0, "summaries": 0,
    }  # fmt: skip
    first = await sweep(database, LIMITS, now + 61 * DAY)
    assert first == {"turns": 0, "evidence": 1, "appeals": 1, "reports": 1, "summaries": 1}
    assert len(database.vault.keyring.state().destroyed) == 1  # the conversation's
    second = await sweep(database, LIMITS, now + 101 * DAY)
    assert second == {"turns": 1, "evidence": 0, "appeals": 0, "reports": 0, "summaries": 0}
    async with database.read() as session:
        texts = {each.id: each.evidence.text for each in await SanctionStore(session).of_user(user)}
        assert texts == {over.id: "", running.id: "더 나쁜 말", disputed.id: "다툼"}
        assert [(each.text, each.reason) for each in await AppealStore(session).of_user(user)] == [
            ("", None),
            ("저도요", None),
        ]
        assert [report.link for report in await ReportStore(session).waiting(scope)] == ["open"]
        assert [turn.request_id for turn in await TurnStore(session).recent(user, 9)] == ["new"]
        conversation = await ConversationStore(session).get(room)
    assert conversation is not None
    assert (conversation.last_summary, conversation.turns) == (None, 1)


async def test_key_of_a_conversation_in_use_is_renewed_when_it_is_as_old_as_turns_get(
    database: Database, user: UserKey
) -> None:
    room, moment = ConversationKey(platform=user.platform, id="room"), database.vault.clock()
    for day in (0, 99, 101):
        async with database.begin() as session:
            await ConversationStore(session).save_summary(room, f"{day}일", moment + day * DAY)
        await sweep(database, LIMITS, moment + day * DAY)
        destroyed = len(database.vault.keyring.state().destroyed)
        assert destroyed == (1 if day > 100 else 0)
    async with database.begin() as session:
        await ConversationStore(session).save_summary(room, "새로", moment + 102 * DAY)
        conversation = await ConversationStore(session).get(room)
    assert conversation is not None
    assert conversation.last_summary == "새로"
