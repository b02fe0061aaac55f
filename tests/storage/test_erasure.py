"""Check erasure and export against a real database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from storage.appeals import AppealStore
from storage.conversations import ConversationStore
from storage.database import Database
from storage.erasure import ErasureStore
from storage.export import ExportStore
from storage.forgetting import forget_user
from storage.interview_records import InterviewStep, ReviewCard, StepKind
from storage.interviews import InterviewStore
from storage.memories import MemoryStore
from storage.records import MANUAL, ConversationKey, Sanction, Turn, UserKey, UserSettings
from storage.reports import ReportStore
from storage.sanctions import SanctionStore
from storage.tables import Base, SanctionRow
from storage.turns import TurnStore
from storage.user_settings import UserSettingsStore


async def fill(
    database: Database,
    user: UserKey,
    make_sanction: Callable[..., Sanction],
    make_turn: Callable[..., Turn],
    now: datetime,
) -> None:
    """Store something of every kind about a user."""
    other = replace(user, id="2002")
    rooms = {name: ConversationKey(platform=user.platform, id=f"{user.platform} {name}") for name in ("alone", "hall")}
    async with database.begin() as session:
        await MemoryStore(session).remember(user, "이름", "민지", now, "r")
        memory = await MemoryStore(session).remember(user, "취미", "수영", now, "r")
        assert memory is not None
        await MemoryStore(session).forget(user, memory.id, now)
        for number, (who, room) in enumerate([(user, "alone"), (user, "hall"), (other, "hall")]):
            turn = replace(make_turn(f"{user.platform} {number}", of=who), conversation=rooms[room])
            await TurnStore(session).add(turn)
            await ConversationStore(session).save_summary(rooms[room], "요약", now)
        interview = await InterviewStore(session).start(user, rooms["alone"], "ml", "인사", now)
        assert interview is not None
        said = InterviewStep(question="인사", kind=StepKind.TALKED, next_question="LoRA", at=now, text="준비됐어")
        await InterviewStore(session).add_steps(interview.id, [said], now)
        card = ReviewCard(bank="ml", question="LoRA", label="LoRA", box=1, asked_at=now, due_at=now)
        await InterviewStore(session).save_cards(user, [card])
        await UserSettingsStore(session).save(user, UserSettings(locale="en"))
        sanction = await SanctionStore(session).add(make_sanction(block=timedelta(days=7), of=user))
        await SanctionStore(session).end(sanction.id or 0, now + timedelta(days=1), other, "줄임", now)
        await AppealStore(session).open(sanction, "억울해요", now)
        await ReportStore(session).add(other, user, "9", "욕설", f"{user.platform} 1", now)
        await ReportStore(session).add(user, other, "9", "다른 욕설", f"{user.platform} 2", now)


async def count_rows(database: Database) -> dict[str, int]:
    async with database.read() as session:
        tables = Base.metadata.tables.values()
        return {table.name: await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


async def test_erasure_leaves_only_emptied_records_and_touches_nobody_else(
    database: Database,
    user: UserKey,
    stranger: UserKey,
    make_sanction: Callable[..., Sanction],
    make_turn: Callable[..., Turn],
    now: datetime,
) -> None:
    await fill(database, stranger, make_sanction, make_turn, now)
    before = await count_rows(database)
    async with database.read() as session:
        theirs = await ExportStore(session).of_user(stranger)
    await fill(database, user, make_sanction, make_turn, now)
    async with database.begin() as session:
        await ErasureStore(session).erase(user, now)
    after = await count_rows(database)
    left = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    kept = {"sanctions": 1, "sanction_changes": 1, "appeals": 1, "reports": 2, "audit": 1}
    theirs_too = {"turns": 1, "conversations": 1, "data_keys": 1}  # the turn, the place and the words of the other one
    assert left == kept | theirs_too
    async with database.read() as session:
        assert await ExportStore(session).of_user(stranger) == theirs
        mine = await ExportStore(session).of_user(user)
        hall = await ConversationStore(session).get(ConversationKey(platform="discord", id="discord hall"))
        reports = await ReportStore(session).by_reporter(replace(user, id="2002"))
        assert await SanctionStore(session).active_block(user, now) is not None
    assert hall is not None
    assert hall.last_summary is None
    assert [report.text for report in reports] == [""]
    assert (mine["memories"], mine["memory_changes"], mine["turns"], mine["conversations"]) == ([], [], [], [])
    assert (mine["interviews"], mine["review_cards"]) == ([], [])
    (sanction,) = mine["sanctions"]
    assert (sanction["evidence"]["text"], sanction["evidence"]["reply"]) == ("", None)
    assert sanction["category"] == "정치"
    assert [appeal["text"] for appeal in mine["appeals"]] == [""]


async def test_export_tells_nothing_of_moderators_of_who_was_reported_and_of_who_reports(
    database: Database,
    user: UserKey,
    make_sanction: Callable[..., Sanction],
    make_turn: Callable[..., Turn],
    now: datetime,
) -> None:
    await fill(database, user, make_sanction, make_turn, now)
    async with database.read() as session:
        data = await ExportStore(session).of_user(user)
    assert "2002" not in str(data)
    assert "다른 욕설" not in str(data)
    assert [(report["text"], "reporter" in report) for report in data["reports_received"]] == [("욕설", False)]
    assert [change["reason"] for change in data["sanction_changes"]] == ["줄임"]
    assert [memory["value"] for memory in data["memories"]] == ["민지"]
    assert len(data["memory_changes"]) == 3
    assert len(data["turns"]) == 2
    assert [report["link"] for report in data["reports_made"]] == ["discord 2"]
    assert [step["text"] for each in data["interviews"] for step in each["steps"]] == ["", "준비됐어"]
    assert [card["label"] for card in data["review_cards"]] == ["LoRA"]


async def test_reason_of_a_block_by_hand_goes_with_its_user_and_the_block_holds(
    database: Database, user: UserKey, make_sanction: Callable[..., Sanction], now: datetime
) -> None:
    case = make_sanction("도배를 함", block=timedelta(days=7), text="", reply=None)
    case = replace(case, evidence=replace(case.evidence, policy_version=MANUAL))
    async with database.begin() as session:
        await SanctionStore(session).add(case, by=UserKey(platform=user.platform, id="9"))
    async with database.read() as session:
        assert (await ExportStore(session).of_user(user))["sanctions"][0]["category"] == "도배를 함"
    await forget_user(database, user, now)
    async with database.read() as session:
        block = await SanctionStore(session).active_block(user, now)
        assert block is not None
        assert (block.category, block.is_manual) == (MANUAL, True)
        assert (await session.scalars(select(SanctionRow.reason))).all() == [None]
