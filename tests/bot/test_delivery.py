"""Check that messages reach their chats in order, at a pace, once, and that one chat's trouble stays its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from contextlib import suppress

import pytest

from bot.delivery import Delivery, DeliverySettings, Pace, Trouble, TroubleKind
from bot.errors import DeliveryFull, DeliveryGivenUp

LIMIT_S = 30


class Held(Exception):
    """The platform asks to wait."""


class Down(Exception):
    """The platform could not be reached."""


class Lost(Exception):
    """The answer did not come back."""


def diagnose(error: Exception) -> Trouble | None:
    if isinstance(error, Held):
        return Trouble(kind=TroubleKind.HOLD, seconds=float(error.args[0]))
    if isinstance(error, Down):
        return Trouble(kind=TroubleKind.UNREACHABLE)
    return Trouble(kind=TroubleKind.UNCERTAIN) if isinstance(error, Lost) else None


class Hours:
    """A clock that sleeping moves on at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Server:
    """Takes what is sent, after the scripted failures of each text."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.keys: dict[str, list[str]] = {}
        self.failures: dict[str, list[Exception]] = {}

    async def take(self, text: str, key: str) -> str:
        await asyncio.sleep(0)
        self.keys.setdefault(text, []).append(key)
        if self.failures.get(text):
            raise self.failures[text].pop(0)
        self.taken.append(text)
        return f"sent {text}"


def fast(_: str) -> Sequence[Pace]:
    return (Pace(count=1000, period_s=1.0),)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def delivery(hours: Hours) -> Delivery:
    settings = DeliverySettings(most_waiting=5)
    return Delivery(diagnose, pace_of=fast, settings=settings, sleep=hours.sleep, monotonic=hours)


async def send(delivery: Delivery, server: Server, chat: str, text: str, *, is_repeatable: bool = True) -> str:
    return await delivery.send(chat, lambda key: server.take(text, key), is_repeatable=is_repeatable)


async def test_answer_of_the_platform_comes_back(delivery: Delivery, server: Server) -> None:
    assert await send(delivery, server, "a", "하나") == "sent 하나"


async def test_order_within_a_chat_is_kept_while_the_first_is_tried_again(delivery: Delivery, server: Server) -> None:
    server.failures["1"] = [Down(), Held(3), Down()]
    await asyncio.gather(*(send(delivery, server, "a", text) for text in "12345"))
    assert server.taken == list("12345")


async def test_every_try_has_the_same_key_and_every_send_its_own(delivery: Delivery, server: Server) -> None:
    server.failures["1"] = [Lost(), Down()]
    await send(delivery, server, "a", "1")
    await send(delivery, server, "a", "2")
    assert len(server.keys["1"]) == 3
    assert len(set(server.keys["1"])) == 1
    assert server.keys["1"][0] != server.keys["2"][0]
    assert all(0 < len(key) <= 25 for key in server.keys["1"])


async def test_chat_that_is_held_holds_no_other_back(server: Server) -> None:
    released, holding = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        holding.set()
        await released.wait()

    delivery = Delivery(diagnose, pace_of=fast, sleep=sleep)
    server.failures["held"] = [Held(0.001)]
    slow = asyncio.create_task(send(delivery, server, "a", "held"))
    async with asyncio.timeout(LIMIT_S):
        await asyncio.sleep(0)
        assert await send(delivery, server, "b", "free") == "sent free"
        released.set()
        await slow
    assert server.taken == ["free", "held"]


async def test_retry_after_is_obeyed_to_the_second(delivery: Delivery, server: Server, hours: Hours) -> None:
    server.failures["1"] = [Held(17)]
    await send(delivery, server, "a", "1")
    assert hours.now >= 17
    assert len(server.keys["1"]) == 2


async def test_outage_of_twenty_minutes_loses_and_doubles_nothing(
    delivery: Delivery, server: Server, hours: Hours
) -> None:
    class Away(Server):
        async def take(self, text: str, key: str) -> str:
            if hours() < 1200:
                raise Down
            return await super().take(text, key)

    away = Away()
    await asyncio.gather(*(send(delivery, away, "a", text) for text in "123"))
    assert away.taken == ["1", "2", "3"]
    assert max(hours.slept) <= 30


async def test_endless_outage_is_given_up(delivery: Delivery, server: Server, hours: Hours) -> None:
    server.failures["1"] = [Down() for _ in range(10_000)]
    with pytest.raises(DeliveryGivenUp, match="given up"):
        await send(delivery, server, "a", "1")
    assert hours.now < 2 * 3600
    assert await send(delivery, server, "a", "2") == "sent 2"


async def test_lost_answer_is_not_sent_twice_where_that_could_double_it(delivery: Delivery, server: Server) -> None:
    server.failures["1"] = [Lost()]
    with pytest.raises(DeliveryGivenUp, match="double"):
        await send(delivery, server, "a", "1", is_repeatable=False)
    assert len(server.keys["1"]) == 1


async def test_error_that_means_nothing_else_is_raised_as_it_came(delivery: Delivery, server: Server) -> None:
    server.failures["1"] = [KeyError("forbidden")]
    with pytest.raises(KeyError):
        await send(delivery, server, "a", "1")


async def test_chat_takes_a_bounded_number_of_waiting_sends(server: Server) -> None:
    released = asyncio.Event()

    async def sleep(_: float) -> None:
        await released.wait()

    delivery = Delivery(diagnose, pace_of=fast, settings=DeliverySettings(most_waiting=2), sleep=sleep)
    server.failures["1"] = [Down()]
    waiting = [asyncio.create_task(send(delivery, server, "a", text)) for text in "12"]
    await asyncio.sleep(0)
    with pytest.raises(DeliveryFull):
        await send(delivery, server, "a", "3")
    assert await send(delivery, server, "b", "4") == "sent 4"
    released.set()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*waiting)
    assert server.taken == ["4", "1", "2"]


async def test_cancelled_send_leaves_its_place(server: Server) -> None:
    async def sleep(_: float) -> None:
        await asyncio.Event().wait()

    delivery = Delivery(diagnose, pace_of=fast, settings=DeliverySettings(most_waiting=1), sleep=sleep)
    server.failures["1"] = [Down()]
    stuck = asyncio.create_task(send(delivery, server, "a", "1"))
    for _ in range(5):
        await asyncio.sleep(0)
    stuck.cancel()
    with suppress(asyncio.CancelledError):
        await stuck
    assert await send(delivery, server, "a", "2") == "sent 2"


async def test_sends_of_a_chat_keep_its_pace(server: Server) -> None:
    delivery = Delivery(diagnose, pace_of=lambda _: (Pace(count=1, period_s=0.1),))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.gather(*(send(delivery, server, "a", text) for text in "123"))
    assert loop.time() - begun >= 0.2


async def test_unpaced_send_does_not_wait(server: Server) -> None:
    delivery = Delivery(diagnose, pace_of=lambda _: (Pace(count=1, period_s=3600),))
    await send(delivery, server, "a", "1")
    async with asyncio.timeout(LIMIT_S):
        await delivery.send("a", lambda key: server.take("typing", key), is_paced=False)
    assert server.taken == ["1", "typing"]


async def test_offer_is_left_out_where_the_chat_is_not_free(server: Server, hours: Hours) -> None:
    delivery = Delivery(diagnose, pace_of=lambda _: (Pace(count=1, period_s=3600),), sleep=hours.sleep, monotonic=hours)
    assert await delivery.offer("a", lambda key: server.take("1", key)) == "sent 1"
    assert await delivery.offer("a", lambda key: server.take("2", key)) is None
    assert server.taken == ["1"]


async def test_offer_that_fails_is_not_tried_again_but_holds_the_chat(
    delivery: Delivery, server: Server, hours: Hours
) -> None:
    server.failures["1"] = [Held(5)]
    assert await delivery.offer("a", lambda key: server.take("1", key)) is None
    assert delivery.held_s("a") == 5
    assert await delivery.offer("a", lambda key: server.take("2", key)) is None
    assert await send(delivery, server, "a", "3") == "sent 3"
    assert hours.now == 5
    assert server.taken == ["3"]


async def test_number_of_kept_chats_is_bounded(delivery: Delivery, server: Server) -> None:
    for number in range(1100):
        await send(delivery, server, str(number), "x")
    assert len(delivery._lanes) <= 1000


async def test_steps_of_a_text_leave_room_for_its_end(server: Server) -> None:
    delivery = Delivery(diagnose, pace_of=lambda _: (Pace(count=3, period_s=60.0),))
    for text in "1234":
        await delivery.offer("a", functools.partial(server.take, text))
    async with asyncio.timeout(LIMIT_S):
        await send(delivery, server, "a", "end")
    assert server.taken == ["1", "2", "end"]


async def test_step_of_a_text_does_not_wait_for_the_pace_of_all_chats(server: Server) -> None:
    delivery = Delivery(diagnose, pace_of=fast, overall=Pace(count=1, period_s=60.0))
    await send(delivery, server, "a", "1")
    async with asyncio.timeout(LIMIT_S):
        assert await delivery.offer("b", lambda key: server.take("2", key)) is None
    assert server.taken == ["1"]


async def test_chats_that_wait_for_the_pace_of_all_go_in_the_order_they_came(server: Server) -> None:
    delivery = Delivery(diagnose, pace_of=fast, overall=Pace(count=1, period_s=0.05))
    await asyncio.gather(*(send(delivery, server, f"chat {number}", str(number)) for number in range(9)))
    assert server.taken == list("012345678")
