"""Check interviews, their steps and review cards against a real database."""

from dataclasses import replace
from datetime import datetime, timedelta

from storage.database import Database
from storage.interview_records import Interview, InterviewState, InterviewStep, ReviewCard, StepKind
from storage.interviews import InterviewStore
from storage.records import ConversationKey, UserKey

ROOM = ConversationKey(platform="discord", id="room")


def step(now: datetime, kind: StepKind = StepKind.ANSWERED, text: str = "행렬을 둘로 나눠요") -> InterviewStep:
    return InterviewStep(
        question="LoRA",
        kind=kind,
        next_question="PEFT",
        at=now,
        label="LoRA",
        score=0.91,
        close_to="LoRA",
        closeness=0.91,
        text=text,
    )


async def start(database: Database, user: UserKey, now: datetime, room: ConversationKey = ROOM) -> Interview | None:
    async with database.begin() as session:
        return await InterviewStore(session).start(user, room, "ml", "인사", now)


async def test_interview_comes_back_with_its_steps_in_order(database: Database, user: UserKey, now: datetime) -> None:
    begun = await start(database, user, now)
    assert begun is not None
    later = now + timedelta(minutes=5)
    steps = [step(later), step(later, StepKind.HINT, "")]
    async with database.begin() as session:
        await InterviewStore(session).add_steps(begun.id, steps, later)
    async with database.read() as session:
        found = await InterviewStore(session).open_in(ROOM)
    assert found is not None
    assert found == replace(begun, steps=(*begun.steps, *steps), updated_at=later)
    assert (begun.question, found.question) == ("인사", "PEFT")


async def test_conversation_has_one_open_interview(database: Database, user: UserKey, now: datetime) -> None:
    begun = await start(database, user, now)
    other = replace(user, id="2002")
    assert begun is not None
    assert await start(database, other, now) is None
    assert await start(database, other, now, replace(ROOM, id="hall")) is not None
    async with database.begin() as session:
        store = InterviewStore(session)
        await store.set_state(begun.id, InterviewState.PAUSED, now)
        assert await store.start(other, ROOM, "ml", "인사", now) is None
        await store.set_state(begun.id, InterviewState.ENDED, now)
        assert await store.open_in(ROOM) is None
        ended = await store.get(begun.id)
    assert ended is not None
    assert (ended.state, ended.ended_at) == (InterviewState.ENDED, now)
    assert await start(database, other, now) is not None


async def test_interviews_of_a_user_are_listed(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    first = await start(database, user, now)
    await start(database, stranger, now, ConversationKey(platform="telegram", id="room"))
    second = await start(database, user, now, replace(ROOM, id="hall"))
    async with database.read() as session:
        assert await InterviewStore(session).of_user(user) == [first, second]


async def test_card_of_an_answer_is_replaced(
    database: Database, user: UserKey, stranger: UserKey, now: datetime
) -> None:
    card = ReviewCard(bank="ml", question="LoRA", label="LoRA", box=1, asked_at=now, due_at=now + timedelta(days=1))
    other = replace(card, bank="sql")
    async with database.begin() as session:
        store = InterviewStore(session)
        await store.save_cards(user, [card, other])
        await store.save_cards(user, [better := replace(card, box=2)])
        assert await store.cards(user, "ml") == [better]
        assert await store.cards(user) == [better, other]
        assert await store.cards(stranger) == []
