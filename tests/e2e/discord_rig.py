"""The Discord front end over the real client library, a Discord on loopback, the real queue, and a mind and a desk that tests script."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.answers import Actor, Answer, Choice, ReportedMessage
from bot.case_post import CasePost
from bot.command_book import CommandBook, name_of
from bot.delivery import Delivery, DeliverySettings, Sleep
from bot.desk import Announce, AskRights, Desk, Manner, Sync, Value
from bot.discord_bot import DiscordFrontEnd, DiscordSettings
from bot.discord_commands import command_payload
from bot.discord_trouble import diagnose
from bot.discord_turns import TurnTimes
from bot.face_pictures import FacePictures
from bot.handlers.chat import ChatHandler
from bot.handlers.reception import Reception
from bot.spoken import FaceMode
from bot.stream_pace import Cadence
from bot.talk import Talk
from engine.expression import make_expression
from engine.interview_banks import BankShelf
from engine.queue import RunTurn, TurnQueue, open_queue
from engine.settings import EngineSettings
from engine.types import (
    ChatOutcome,
    ChatReply,
    ChatRequest,
    EventSink,
    Mouth,
    TextShown,
    TurnDetails,
)
from storage.records import CommunityKey
from tests.e2e.discord_objects import Channel, Json
from tests.e2e.discord_server import DiscordServer, open_discord_server
from tests.e2e.discord_world import TOKEN

SEOUL = ZoneInfo("Asia/Seoul")
SMILE = make_expression(mouth=Mouth.WIDE)
NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)


class Mind:
    """Stands in for the pipeline: says what is scripted for a text, else that it heard it; waits at gates."""

    def __init__(self) -> None:
        self.says: dict[str, deque[str | ChatOutcome]] = defaultdict(deque)
        self.pieces: dict[str, list[str]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.heard: list[ChatRequest] = []
        self.ended: list[str] = []

    def hold(self, text: str) -> asyncio.Event:
        """Let nothing be said to `text` until the returned event is set."""
        return self.gates.setdefault(text, asyncio.Event())

    async def run(self, request: ChatRequest, show: EventSink, _: float) -> ChatOutcome:
        """Answer one message."""
        self.heard.append(request)
        for piece in self.pieces.get(request.text, []):
            show(TextShown(text=piece))
            await asyncio.sleep(0.02)
        if request.text in self.gates:
            await self.gates[request.text].wait()
        scripted = self.says[request.text]
        said = scripted.popleft() if scripted else f"들었어: {request.text}"
        self.ended.append(request.text)
        if not isinstance(said, str):
            return said
        return ChatReply(text=said, expression=SMILE, notice=None, details=TurnDetails())


@dataclass(kw_only=True)
class StubDesk:
    """Stands in for the reception: answers what is scripted, and notes who asked what."""

    answers: dict[str, Answer] = field(default_factory=dict)
    presses: dict[str, Answer] = field(default_factory=dict)
    forms: dict[str, Answer] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    free: set[str] = field(default_factory=set)
    faces: FaceMode = FaceMode.OFF
    language: str | None = None
    ran: list[tuple[Actor, str, dict[str, Value]]] = field(default_factory=list)
    pressed: list[tuple[Actor, str]] = field(default_factory=list)
    submitted: list[tuple[Actor, str, dict[str, str]]] = field(default_factory=list)
    reported: list[tuple[Actor, ReportedMessage]] = field(default_factory=list)
    completed: list[tuple[str, str, str]] = field(default_factory=list)
    syncs: dict[str, Sync] = field(default_factory=dict)
    announcers: dict[str, Announce] = field(default_factory=dict)
    rights: dict[str, AskRights] = field(default_factory=dict)
    slow: Callable[[], Awaitable[None]] | None = None
    seen: set[str] | Exception = field(default_factory=set)
    forgetters: list[Callable[..., None]] = field(default_factory=list)

    async def run(self, actor: Actor, command: str, arguments: Mapping[str, Value]) -> Answer:
        self.ran.append((actor, command, dict(arguments)))
        if self.slow is not None:
            await self.slow()
        return self.answers.get(command, Answer(text=f"/{command}"))

    async def press(self, actor: Actor, token: str) -> Answer:
        self.pressed.append((actor, token))
        return self.presses[token]

    async def submit(self, actor: Actor, token: str, values: Mapping[str, str]) -> Answer:
        self.submitted.append((actor, token, dict(values)))
        return self.forms[token]

    async def complete(self, actor: Actor, command: str, option: str, typed: str) -> list[Choice]:
        self.completed.append((command, option, typed))
        if self.slow is not None:
            await self.slow()
        return self.choices

    async def report(self, actor: Actor, message: ReportedMessage) -> Answer:
        self.reported.append((actor, message))
        return Answer(text="신고를 받았어요")

    async def manner_of(self, actor: Actor) -> Manner:
        language = self.language or ("en" if actor.client_locale.startswith("en") else "ko")
        return Manner(language=language, zone=SEOUL, face_mode=self.faces)

    async def talks_freely(self, community: CommunityKey, channels: Sequence[str]) -> bool:
        return not self.free.isdisjoint(channels)

    async def is_new(self, platform: str, update_id: str) -> bool:
        if isinstance(self.seen, Exception):
            raise self.seen
        is_new = update_id not in self.seen
        self.seen.add(update_id)
        return is_new

    def offer_sync(self, platform: str, sync: Sync) -> None:
        self.syncs[platform] = sync

    def offer_announcer(self, platform: str, announce: Announce) -> None:
        self.announcers[platform] = announce

    def offer_post(self, platform: str, post: CasePost) -> None:
        pass

    async def news_for(self, actor: Actor) -> list[str]:
        return []

    def offer_rights(self, platform: str, ask: AskRights) -> None:
        self.rights[platform] = ask

    def when_forgotten(self, tell: Callable[..., None]) -> None:
        self.forgetters.append(tell)

    def when_reset(self, tell: Callable[..., None]) -> None:
        self.forgetters.append(tell)


@dataclass(kw_only=True)
class Rig:
    """A front end that is connected, and everything around it."""

    server: DiscordServer
    desk: StubDesk
    mind: Mind
    talk: Talk
    queue: TurnQueue
    front: DiscordFrontEnd
    running: asyncio.Task[None]

    async def connected(self) -> None:
        """Wait until the bot is ready."""
        await self.server.world.until(lambda: self.server.gateway.identified or self.running.done())
        if self.running.done():
            await self.running


def discord_settings(server: DiscordServer, **more: object) -> DiscordSettings:
    """Return settings with short waits, pointed at the fake."""
    settings = DiscordSettings(
        token=TOKEN,
        api_url=server.api_url,
        gateway_url=server.gateway_url,
        owners=frozenset({server.world.owner.id}),
        first_wait_s=0.05,
        longest_wait_s=0.2,
        guild_ready_timeout_s=0.05,
        times=TurnTimes(patience_s=0.2, renew_s=0.2, cadence=Cadence(first_s=0.02, every_s=0.05)),
    )
    return replace(settings, **more)  # type: ignore[arg-type]


def hurried_delivery(haste: float) -> Delivery:
    """Return the delivery with its own settings, for which time passes `haste` times as fast."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / haste)

    return Delivery(diagnose, pace_of=lambda _: (), sleep=sleep, monotonic=lambda: time.monotonic() * haste)


@asynccontextmanager
async def open_rig(
    folder: Path,
    *,
    limits: EngineSettings | None = None,
    prepare: Callable[[DiscordServer], object] = lambda _: None,
    wait: bool = True,
    server: DiscordServer | None = None,
    delivery: Delivery | None = None,
    reception: Desk | None = None,
    run_turn: RunTurn | None = None,
    is_first: bool = False,
    sleep: Sleep = asyncio.sleep,
    **settings: object,
) -> AsyncIterator[Rig]:
    """Serve the fake, connect the front end to it, and take both down at the end; an open `server` is used as it is.

    `reception` is the real desk in place of the scripted one, `run_turn` what answers in place of the scripted mind. Unless it `is_first` that she is here, her commands are registered. At the end nothing may have broken the
    specification.
    """
    if server is None:
        own = open_discord_server()
        async with (
            own as made,
            open_rig(
                folder,
                limits=limits,
                prepare=prepare,
                wait=wait,
                server=made,
                delivery=delivery,
                reception=reception,
                run_turn=run_turn,
                is_first=is_first,
                sleep=sleep,
                **settings,
            ) as rig,
        ):
            yield rig
        return
    commands = CommandBook(folder / "discord_commands.txt")
    if not is_first:
        server.world.register(command_payload())
        commands.write(name_of(int(server.world.application_id), command_payload()))
    prepare(server)
    desk, mind = StubDesk(), Mind()
    limits = limits or EngineSettings(max_concurrent_turns=8, drain_timeout_s=1.0)
    quick = Delivery(diagnose, pace_of=lambda _: (), settings=DeliverySettings(first_wait_s=0.05, longest_wait_s=0.2))
    async with open_queue(run_turn or mind.run, limits) as queue:
        asked = reception or _as_desk(desk)
        chat = ChatHandler(queue, lambda: NOW)
        talk = Talk(chat, asked, default_zone=SEOUL)
        if isinstance(reception, Reception):
            talk.dress_interviews(reception.hold_interviews(chat, BankShelf()).extras)
        front = DiscordFrontEnd(
            discord_settings(server, **settings),
            desk=asked,
            talk=talk,
            faces=FacePictures(size=32),
            commands=commands,
            delivery=delivery or quick,
            sleep=sleep,
        )
        running = asyncio.create_task(front.run(), name="front end")
        running.add_done_callback(lambda _: server.world.tell())
        rig = Rig(server=server, desk=desk, mind=mind, talk=talk, queue=queue, front=front, running=running)
        try:
            if wait:
                await rig.connected()
            yield rig
        finally:
            for gate in mind.gates.values():
                gate.set()
            await front.close()
            running.cancel()
            await asyncio.wait([running])
    assert server.world.violations == []


def _as_desk(desk: StubDesk) -> Desk:
    return desk


def put(server: DiscordServer, *channels: Channel) -> None:
    """Put channels into the fake's server before the bot connects."""
    for channel in channels:
        channel.guild = server.world.guild_id
        server.world.channels[channel.id] = channel


async def replied(rig: Rig, channel: Channel, *texts: str) -> list[Json]:
    """Wait until exactly these replies stand in a channel and their turns are over."""
    world = rig.server.world
    await world.until(lambda: world.texts(channel) == list(texts))
    return world.replies(channel)


async def settled(rig: Rig, channel: Channel, count: int = 1) -> list[Json]:
    """Wait until `count` replies stand in a channel, each with its button to try again or no longer edited."""
    world = rig.server.world
    await world.until(lambda: len(world.replies(channel)) == count and world.replies(channel)[-1]["components"])
    return world.replies(channel)
