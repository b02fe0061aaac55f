"""Check order, fairness, bounds, positions, cancelling and closing of the turn queue."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.expression import make_expression
from engine.load import Load
from engine.queue import QueuedTurn, TurnQueue, open_queue
from engine.settings import EngineSettings
from engine.types import (
    ChatOutcome,
    ChatReply,
    ChatRequest,
    EventSink,
    Rejection,
    RejectionReason,
    TextShown,
    TurnDetails,
)
from storage.records import ConversationKey, UserKey

NUMBERS = count(1)


class GatedRunner:
    """Starts every turn at once and ends one for each permit, the oldest first."""

    def __init__(self, permits: int = 0) -> None:
        self.started: list[ChatRequest] = []
        self.running: list[ChatRequest] = []
        self.most_at_once = 0
        self.permits = asyncio.Semaphore(permits)

    async def run(self, request: ChatRequest, show: EventSink, queued_ms: float) -> ChatOutcome:
        assert all(other.conversation != request.conversation for other in self.running)
        assert queued_ms >= 0
        self.started.append(request)
        self.running.append(request)
        self.most_at_once = max(self.most_at_once, len(self.running))
        try:
            await self.permits.acquire()
        finally:
            self.running.remove(request)
        if request.text == "fail":
            raise RuntimeError("no reply for this one")
        show(TextShown(text=request.text))
        return ChatReply(text=request.text, expression=make_expression(), notice=None, details=TurnDetails())

    async def end_one(self) -> None:
        """Let one turn end, and whatever follows from it happen."""
        self.permits.release()
        await settle()

    async def end_all(self) -> None:
        """Let every turn end, those that have not started too, and wait until nothing runs."""
        for _ in range(1000):
            self.permits.release()
        started = -1
        while self.running or started < len(self.started):
            started = len(self.started)
            await settle()


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def make_request(user: str = "a", conversation: str = "", text: str = "안녕?") -> ChatRequest:
    """Return a request, in a conversation of its own unless one is named."""
    number = next(NUMBERS)
    return ChatRequest(
        request_id=f"r-{number}",
        user=UserKey(platform="console", id=user),
        conversation=ConversationKey(platform="console", id=conversation or f"own {number}"),
        text=text,
        received_at=datetime(2026, 3, 11, tzinfo=UTC),
    )


def make_settings(workers: int = 1, **changes: float) -> EngineSettings:
    """Return settings with room for every test."""
    values: dict[str, float] = {"queue_capacity": 1000, "queue_capacity_per_user": 1000} | changes
    return EngineSettings(max_concurrent_turns=workers, **values)  # type: ignore[arg-type]


def reason(outcome: ChatOutcome) -> RejectionReason | None:
    """Return why there is no reply, or None where there is one."""
    return outcome.reason if isinstance(outcome, Rejection) else None


USERS = st.sampled_from("abcd")
SHARED = st.sampled_from(["x", "y", "z", ""])
SUBMISSIONS = st.lists(st.tuples(USERS, SHARED), max_size=30)
STEPS = st.lists(st.tuples(USERS, SHARED) | st.none(), max_size=40)  # None: one turn ends


async def play(queue: TurnQueue, runner: GatedRunner, steps: list[tuple[str, str] | None]) -> list[QueuedTurn]:
    """Submit a request for each pair, end a turn for each None; return what was submitted."""
    turns = []
    for step in steps:
        if step is None:
            await runner.end_one()
        else:
            turns.append(queue.submit(make_request(*step)))
            await settle()
    return turns


@settings(max_examples=60)
@given(steps=STEPS, workers=st.integers(min_value=1, max_value=4))
async def test_every_turn_runs_once_and_conversations_are_first_in_first_out(
    steps: list[tuple[str, str] | None], workers: int
) -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(workers)) as queue:
        turns = await play(queue, runner, steps)
        await runner.end_all()
        assert [reason(await turn.outcome()) for turn in turns] == [None] * len(turns)
    by_submission, by_start = defaultdict(list), defaultdict(list)
    for turn in turns:
        by_submission[turn.request.conversation].append(turn.request)
    for request in runner.started:
        by_start[request.conversation].append(request)
    assert by_start == by_submission
    assert runner.most_at_once <= workers


@settings(max_examples=60)
@given(steps=STEPS)
async def test_users_take_turns(steps: list[tuple[str, str] | None]) -> None:
    """With conversations of their own, each other user starts at most one turn more than stand before a user's own."""
    runner = GatedRunner()
    ahead: dict[str, tuple[int, int]] = {}  # by request: own turns waiting before it, all turns started before it
    sent: Counter[str] = Counter()
    async with open_queue(runner.run, make_settings()) as queue:
        for step in steps:
            if step is None:
                await runner.end_one()
                continue
            user = step[0]
            started = sum(request.user.id == user for request in runner.started)
            turn = queue.submit(make_request(user))
            ahead[turn.request.request_id] = (sent[user] - started, len(runner.started))
            sent[user] += 1
            await settle()
        await runner.end_all()
    for position, request in enumerate(runner.started):
        own, before = ahead[request.request_id]
        between = runner.started[before:position]
        for name in "abcd":
            if name != request.user.id:
                assert sum(other.user.id == name for other in between) <= own + 1


@pytest.mark.parametrize("workers", [1, 2, 5, 32])
async def test_flood_delays_another_user_by_one_turn_at_most(workers: int) -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(workers)) as queue:
        for _ in range(50):
            queue.submit(make_request("flood"))
        await settle()
        before = len(runner.started)
        turn = queue.submit(make_request("victim"))
        while turn.request not in runner.started:
            await runner.end_one()
        assert len(runner.started) - before - 1 <= 1
        assert before == max(1, workers // 2)
        await runner.end_all()


async def test_flood_in_many_conversations_leaves_half_of_the_places_to_others_who_begin_at_once() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(32)) as queue:
        for _ in range(100):
            queue.submit(make_request("flood"))
        await settle()
        assert len(runner.running) == 16
        others = [queue.submit(make_request(f"user {number}")) for number in range(16)]
        await settle()
        held = Counter(request.user.id for request in runner.running)
        assert held == {"flood": 16} | {f"user {number}": 1 for number in range(16)}
        assert all(turn.position is None for turn in others)
        await runner.end_all()


@pytest.mark.parametrize(("others", "share"), [(1, 16), (3, 8), (7, 4), (8, 4), (16, 2), (31, 1), (40, 1)])
async def test_flood_beside_others_begins_turns_up_to_an_equal_share(others: int, share: int) -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(32)) as queue:
        for number in range(others):
            queue.submit(make_request(f"user {number}"))
        for _ in range(100):
            queue.submit(make_request("flood"))
        await settle()
        held = Counter(request.user.id for request in runner.running)
        assert held["flood"] == (share if others < 32 else 0)
        assert set(held.values()) <= {1, share}
        await runner.end_all()


async def test_wait_of_a_flood_counts_the_turns_that_must_end_for_it() -> None:
    runner = GatedRunner()
    load = Load(32)
    load.note_turn(10.0)
    async with open_queue(runner.run, make_settings(32), load) as queue:
        for number in range(7):
            queue.submit(make_request(f"user {number}"))
        flood = [queue.submit(make_request("flood")) for _ in range(12)]
        await settle()
        assert [turn.wait_s for turn in flood[:4]] == [None] * 4  # they run
        waits = [turn.wait_s or 0.0 for turn in flood[4:]]
        # a user who has nothing more to say leaves a larger share: the first to end makes room for one more of the flood
        assert waits[0] == pytest.approx(10 / 11)
        assert waits[1] == pytest.approx(10 / 11 + 10 / 11)
        assert waits == sorted(waits)
        await runner.end_all()


async def test_freed_place_goes_to_whoever_holds_fewest() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(4)) as queue:
        for user in ("flood", "flood", "a", "b", "flood", "a", "b", "c", "d"):
            queue.submit(make_request(user))
        await settle()
        assert [request.user.id for request in runner.started] == ["flood", "a", "b", "c"]  # a place for each of them
        for _ in range(4):  # the first of the flood ends, and so on
            await runner.end_one()
        assert [request.user.id for request in runner.started[4:]] == ["d", "flood", "a", "b"]
        await runner.end_all()


@settings(max_examples=60)
@given(steps=STEPS, workers=st.integers(min_value=1, max_value=6))
async def test_nobody_holds_more_than_half_of_the_places_or_gets_a_second_before_others_have_one(
    steps: list[tuple[str, str] | None], workers: int
) -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(workers)) as queue:
        turns: list[QueuedTurn] = []
        for step in steps:
            before = {turn.request.user.id for turn in turns if turn.position is not None}
            holding = Counter(request.user.id for request in runner.running)
            begun = len(runner.started)
            turns += await play(queue, runner, [step and (step[0], "")])
            held = Counter(request.user.id for request in runner.running)
            assert all(count <= max(1, workers // 2) for count in held.values())
            for request in runner.started[begun:]:
                if held[request.user.id] > 1:
                    assert all(holding[other] for other in before - {request.user.id})
        await runner.end_all()


async def test_free_worker_starts_a_turn_at_once() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(3)) as queue:
        turns = [queue.submit(make_request(user)) for user in "abcd"]
        await settle()
        assert [turn.position for turn in turns] == [None, None, None, 0]
        await runner.end_all()


async def test_turn_whose_conversation_is_busy_does_not_hold_others_up() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(4)) as queue:
        queue.submit(make_request("a", "x"))
        queue.submit(make_request("a", "x"))
        other = queue.submit(make_request("a", "y"))
        await settle()
        assert other.request in runner.started
        assert len(runner.started) == 2
        await runner.end_all()


# --- positions ---


async def check_positions(
    steps: list[tuple[str, str] | None], more: list[tuple[str, str]], cancelled: set[int], workers: int = 1
) -> None:
    """Ask every waiting turn for its position, then see how many start before it when the oldest turn always ends first."""
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(workers)) as queue:
        queue.submit(make_request("first"))
        await settle()
        turns = await play(queue, runner, [*steps, *more])
        for index in cancelled:
            if index < len(turns) and turns[index].position is not None:
                turns[index].cancel()
        await settle()
        before = len(runner.started)
        positions = {turn.request.request_id: turn.position for turn in turns if turn.position is not None}
        while runner.running:
            await runner.end_one()
    order = [request.request_id for request in runner.started[before:]]
    assert positions == {request_id: place for place, request_id in enumerate(order)}


@settings(max_examples=60)
@given(steps=STEPS, more=SUBMISSIONS, cancelled=st.sets(st.integers(min_value=0, max_value=40), max_size=5))
async def test_position_is_the_number_of_turns_that_start_before(
    steps: list[tuple[str, str] | None], more: list[tuple[str, str]], cancelled: set[int]
) -> None:
    own = [step and (step[0], "") for step in steps]
    await check_positions(own, [(user, "") for user, _ in more], cancelled)


@settings(max_examples=60)
@given(
    steps=STEPS,
    more=SUBMISSIONS,
    cancelled=st.sets(st.integers(min_value=0, max_value=40), max_size=5),
    workers=st.integers(min_value=1, max_value=6),
)
async def test_position_is_truthful_where_users_share_conversations_and_several_turns_run(
    steps: list[tuple[str, str] | None], more: list[tuple[str, str]], cancelled: set[int], workers: int
) -> None:
    await check_positions(steps, more, cancelled, workers)


async def test_position_counts_the_older_turn_of_a_shared_conversation() -> None:
    await check_positions([], [("b", ""), ("b", "x"), ("a", "x")], set())


async def test_position_falls_as_turns_start_and_is_none_from_the_start_on() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        queue.submit(make_request("a", "x"))
        queue.submit(make_request("a", "x"))
        last = queue.submit(make_request("a", "x"))
        positions = []
        for _ in range(4):
            await settle()
            positions.append(last.position)
            await runner.end_one()
    assert positions == [1, 0, None, None]


# --- capacity ---


@given(
    users=st.lists(USERS, max_size=20),
    capacity=st.integers(min_value=0, max_value=8),
    per_user=st.integers(min_value=0, max_value=4),
)
async def test_waiting_turns_never_exceed_either_capacity(users: list[str], capacity: int, per_user: int) -> None:
    runner = GatedRunner()
    bounds = make_settings(queue_capacity=capacity, queue_capacity_per_user=per_user)
    queue = TurnQueue(runner.run, bounds, Load())  # without workers, so every admitted turn waits
    waiting: defaultdict[str, int] = defaultdict(int)
    for user in users:
        turn = queue.submit(make_request(user))
        is_full = sum(waiting.values()) >= capacity or waiting[user] >= per_user
        assert turn.future.done() == is_full
        if is_full:
            assert reason(await turn.outcome()) is RejectionReason.QUEUE_FULL
            assert turn.position is None
        else:
            waiting[user] += 1


async def test_room_comes_back_when_a_turn_starts_or_is_cancelled() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(queue_capacity=2)) as queue:
        queue.submit(make_request())
        await settle()
        waiting = [queue.submit(make_request()) for _ in range(2)]
        assert queue.submit(make_request()).future.done()
        waiting[0].cancel()
        assert not queue.submit(make_request()).future.done()
        assert queue.submit(make_request()).future.done()
        await runner.end_one()
        assert not queue.submit(make_request()).future.done()
        await runner.end_all()


# --- cancelling ---


async def test_cancelled_waiting_turn_never_starts() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        first = queue.submit(make_request())
        await settle()
        waiting = queue.submit(make_request())
        assert waiting.cancel()
        assert not waiting.cancel()
        assert reason(await waiting.outcome()) is RejectionReason.CANCELLED
        assert waiting.position is None
        await runner.end_all()
        assert reason(await first.outcome()) is None
    assert runner.started == [first.request]


async def test_cancelled_running_turn_makes_room_for_the_next_of_its_conversation() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        running = queue.submit(make_request("a", "x"))
        following = queue.submit(make_request("a", "x"))
        await settle()
        assert running.cancel()
        assert reason(await running.outcome()) is RejectionReason.CANCELLED
        await settle()
        assert runner.running == [following.request]
        await runner.end_all()
        assert reason(await following.outcome()) is None
    assert not running.cancel()


async def test_ended_turn_cannot_be_cancelled() -> None:
    async with open_queue(GatedRunner(permits=1).run, make_settings()) as queue:
        turn = queue.submit(make_request())
        assert reason(await turn.outcome()) is None
        assert not turn.cancel()


async def test_cancelling_the_head_of_a_conversation_frees_another_user_behind_it() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        queue.submit(make_request("c"))
        await settle()
        head = queue.submit(make_request("a", "x"))
        behind = queue.submit(make_request("b", "x"))
        head.cancel()
        await runner.end_one()
        assert runner.running == [behind.request]
        await runner.end_all()


async def test_waiter_that_goes_away_does_not_cancel_the_turn() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        turn = queue.submit(make_request())
        waiter = asyncio.create_task(turn.outcome())
        await settle()
        waiter.cancel()
        await settle()
        assert runner.running == [turn.request]
        await runner.end_all()
        assert reason(await turn.outcome()) is None


# --- failures ---


async def test_failed_turn_is_an_error_and_its_conversation_goes_on() -> None:
    async with open_queue(GatedRunner(permits=2).run, make_settings()) as queue:
        failed = queue.submit(make_request("a", "x", "fail"))
        following = queue.submit(make_request("a", "x"))
        assert reason(await failed.outcome()) is RejectionReason.ERROR
        assert reason(await following.outcome()) is None


async def test_turn_past_its_time_limit_is_an_error() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings(turn_timeout_s=0.01)) as queue:
        turn = queue.submit(make_request("a", "x"))
        assert reason(await turn.outcome()) is RejectionReason.ERROR
        assert runner.running == []


async def test_events_reach_the_one_who_submitted() -> None:
    events: list[object] = []
    async with open_queue(GatedRunner(permits=1).run, make_settings()) as queue:
        await queue.submit(make_request(text="안녕"), events.append).outcome()
    assert events == [TextShown(text="안녕")]


# --- closing ---


async def test_close_drains_what_waits_and_refuses_what_comes() -> None:
    runner = GatedRunner()
    async with open_queue(runner.run, make_settings()) as queue:
        turns = [queue.submit(make_request()) for _ in range(5)]
        await settle()
        closing = asyncio.create_task(queue.close())
        await settle()
        late = queue.submit(make_request())
        assert reason(await late.outcome()) is RejectionReason.QUEUE_FULL
        await runner.end_all()
        async with asyncio.timeout(2):
            await closing
        assert [reason(turn.future.result()) for turn in turns] == [None] * 5


async def test_turns_that_outlast_the_drain_are_cancelled() -> None:
    runner = GatedRunner()
    async with asyncio.timeout(2):
        async with open_queue(runner.run, make_settings(drain_timeout_s=0.01)) as queue:
            turns = [queue.submit(make_request()) for _ in range(3)]
            await settle()
    assert [reason(turn.future.result()) for turn in turns] == [RejectionReason.CANCELLED] * 3
    assert runner.running == []
    assert len(runner.started) == 1


async def test_empty_queue_closes_at_once() -> None:
    async with asyncio.timeout(1):
        async with open_queue(GatedRunner().run, make_settings(drain_timeout_s=60)):
            pass


def workers_alive() -> list[str]:
    """Return the names of the queue's workers that are not done."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("turn worker")]


async def test_no_worker_outlives_the_queue() -> None:
    async with open_queue(GatedRunner().run, make_settings(4)):
        await settle()
        assert len(workers_alive()) == 4
    assert workers_alive() == []


@pytest.mark.parametrize("ticks", range(5))
async def test_worker_that_is_stopped_while_its_turn_ends_does_stop(ticks: int) -> None:
    """On Python 3.11 `wait_for` swallows a cancellation that comes when its future is done."""
    runner = GatedRunner()
    queue = TurnQueue(runner.run, make_settings(), Load())
    worker = asyncio.create_task(queue.work())
    turn = queue.submit(make_request())
    await settle()
    runner.permits.release()
    for _ in range(ticks):
        await asyncio.sleep(0)
    worker.cancel()
    await settle()
    has_stopped = worker.done()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert has_stopped
    assert turn.future.done()


async def test_close_notices_a_turn_that_ends_just_as_it_begins_to_wait() -> None:
    """The drain must not wait out its whole limit for turns that have all ended."""
    runner = GatedRunner()
    async with asyncio.timeout(2):
        async with open_queue(runner.run, make_settings(drain_timeout_s=60)) as queue:
            turn = queue.submit(make_request())
            await settle()
            assert turn.running is not None
            runner.permits.release()
            await turn.running


async def test_second_cancel_during_the_drain_stops_the_workers_at_once() -> None:
    runner = GatedRunner()
    entered = asyncio.Event()

    async def serve() -> None:
        async with open_queue(runner.run, make_settings(drain_timeout_s=60)) as queue:
            queue.submit(make_request())
            entered.set()
            await asyncio.Event().wait()

    server = asyncio.create_task(serve())
    await entered.wait()
    await settle()
    for _ in range(2):  # the first begins the drain, the second ends it
        server.cancel()
        await settle()
    alive, running = workers_alive(), list(runner.running)
    for task in asyncio.all_tasks():
        if task.get_name().startswith("turn worker"):
            task.cancel()
    await settle()
    assert server.done()
    assert (alive, running) == ([], [])
