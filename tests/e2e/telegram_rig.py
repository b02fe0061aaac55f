"""The real Telegram client and engine around fake models, a scripted desk, and the Bot API server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from bot.answers import Actor, Answer, Choice, ReportedMessage
from bot.case_post import CasePost
from bot.command_book import CommandBook
from bot.delivery import DeliverySettings
from bot.desk import Announce, AskRights, Desk, Manner, Sync, Value
from bot.handlers.chat import ChatHandler
from bot.handlers.reception import Reception
from bot.spoken import FaceMode
from bot.stream_pace import Cadence
from bot.talk import Talk
from bot.telegram_bot import TelegramFrontEnd, TelegramSettings
from bot.telegram_turns import TurnTimes
from engine.care import load_care
from engine.interview_banks import BankShelf
from engine.pipeline import ChatPipeline
from engine.policy_file import load_policy
from engine.queue import TurnQueue, open_queue
from engine.settings import EngineSettings
from engine.types import Expression
from models.profile import load_profile
from storage.database import Database
from storage.records import CommunityKey, ConversationKey, UserKey
from tests.e2e.telegram_server import TelegramServer, open_telegram_server
from tests.e2e.telegram_world import World, person
from tests.fakes import HATE, LOVE, POLITICS, FakeEmbedder, FakeGenerator

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")
MINJI, CHULSOO, OWNER = person(11, "민지"), person(12, "철수"), person(99, "주인")
REPLY = "응, 좋아! 😊"  # what the fake generator says
QUICK = TurnTimes(typing_s=4.0, patience_s=20.0, look_s=0.05, cadence=Cadence(first_s=0.0, every_s=0.3, longest_s=0.3))
_SCORES = {"사랑해": {LOVE: 0.99}, "대통령 어때?": {POLITICS: 0.97}, "범죄 얘기": {HATE: 0.95}}


class Picture:
    """A face that can be told from others, in place of a drawing."""

    def __init__(self) -> None:
        self.drawn: list[Expression] = []

    def png(self, expression: Expression, /) -> bytes:
        self.drawn.append(expression)
        return b"\x89PNG\r\n\x1a\n" + repr(expression).encode()


class ScriptedDesk:
    """Answers commands and presses with what a test scripted; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception] = {}
        self.failures: dict[str, Exception] = {}
        self.asked: list[tuple[str, Actor, object]] = []
        self.seen: set[str] = set()
        self.free_channels: set[str] = set()
        self.faces = FaceMode.OFF
        self.languages: dict[str, str] = {}
        self.sync: Sync | None = None
        self.announcers: dict[str, Announce] = {}
        self.rights: dict[str, AskRights] = {}
        self.on_run: Callable[[], None] = lambda: None

    async def run(self, actor: Actor, command: str, arguments: Mapping[str, Value]) -> Answer:
        return self._answer(command, actor, dict(arguments))

    async def press(self, actor: Actor, token: str) -> Answer:
        return self._answer(f"press {token}", actor, None)

    async def submit(self, actor: Actor, token: str, values: Mapping[str, str]) -> Answer:
        return self._answer(f"submit {token}", actor, dict(values))

    async def complete(self, actor: Actor, command: str, option: str, typed: str) -> list[Choice]:
        return []

    async def report(self, actor: Actor, message: ReportedMessage) -> Answer:
        return self._answer("report", actor, message)

    async def manner_of(self, actor: Actor) -> Manner:
        language = self.languages.get(actor.user.id, "en" if actor.client_locale.startswith("en") else "ko")
        return Manner(language=language, zone=SEOUL, face_mode=self.faces)

    async def talks_freely(self, community: CommunityKey, channels: Sequence[str]) -> bool:
        self._fail("talks_freely")
        return not self.free_channels.isdisjoint(channels)

    async def is_new(self, platform: str, update_id: str) -> bool:
        self._fail("is_new")
        is_new = update_id not in self.seen
        self.seen.add(update_id)
        return is_new

    def offer_sync(self, platform: str, sync: Sync) -> None:
        self.sync = sync

    def offer_announcer(self, platform: str, announce: Announce) -> None:
        self.announcers[platform] = announce

    def offer_post(self, platform: str, post: CasePost) -> None:
        pass

    async def news_for(self, actor: Actor) -> list[str]:
        return []

    def offer_rights(self, platform: str, ask: AskRights) -> None:
        self.rights[platform] = ask

    def when_forgotten(self, forget: Callable[[UserKey], None]) -> None:
        pass

    def when_reset(self, forget: Callable[[ConversationKey], None]) -> None:
        pass

    def questions(self, name: str) -> list[tuple[Actor, object]]:
        """Return who asked for `name`, and with what."""
        return [(actor, what) for asked, actor, what in self.asked if asked == name]

    def _fail(self, name: str) -> None:
        if name in self.failures:
            raise self.failures[name]

    def _answer(self, name: str, actor: Actor, what: object) -> Answer:
        self.asked.append((name, actor, what))
        self.on_run()
        answer = self.answers.get(name, Answer(text=f"[{name}]"))
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(kw_only=True)
class Rig:
    """What a test of the Telegram front end holds in its hands."""

    server: TelegramServer
    desk: ScriptedDesk
    talk: Talk
    queue: TurnQueue
    generator: FakeGenerator
    front: TelegramFrontEnd
    faces: Picture
    commands: CommandBook
    make_front: Callable[..., TelegramFrontEnd]
    running: asyncio.Task[None] | None = field(default=None)

    @property
    def world(self) -> World:
        return self.server.world

    async def start(self, front: TelegramFrontEnd | None = None) -> None:
        """Run a front end, and wait until it polls."""
        self.front = front or self.front
        self.running = asyncio.create_task(self.front.run(), name="front end under test")
        polls = self.server.polls
        await self.server.until(lambda: self.server.polls > polls or (self.running and self.running.done()))

    async def stop(self) -> None:
        """Stop the front end as the program does: receive no more, then write what is left."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running
        await self.front.close()

    async def ask(self, user: dict[str, object], text: str) -> list[str]:
        """Say something in private; return all that she has written there so far, one message more than before."""
        chat = int(str(user["id"]))
        before = len(self.world.texts(chat))
        self.world.say(user, text)
        return await self.server.texts(chat, before + 1)


@asynccontextmanager
async def open_rig(
    database: Database,
    *,
    gate: asyncio.Event | None = None,
    most_at_once: int = 4,
    settings: Callable[[str], TelegramSettings] | None = None,
    server: TelegramServer | None = None,
    real_desk: Desk | None = None,
    starts: bool = True,
) -> AsyncIterator[Rig]:
    """Open everything, with a scripted desk unless a real one is given; at the end nothing may have broken the specification."""
    generator = FakeGenerator(gate=gate)
    pipeline = ChatPipeline(
        profile=load_profile("ohlora-v4"),
        policy=load_policy("default"),
        care=load_care(),
        generator=generator,
        embedder=FakeEmbedder(_SCORES),
        database=database,
        clock=lambda: NOW,
        seed=7,
    )
    limits = EngineSettings(max_concurrent_turns=most_at_once, turn_timeout_s=600.0, drain_timeout_s=1.0)
    desk, faces = ScriptedDesk(), Picture()
    with TemporaryDirectory() as folder:
        async with open_telegram_server(server) as api, open_queue(pipeline.run, limits) as queue:
            commands = CommandBook(Path(folder) / "telegram_commands.txt")
            chat = ChatHandler(queue, lambda: NOW)
            talk = Talk(chat, real_desk or desk, default_zone=SEOUL)
            if isinstance(real_desk, Reception):
                talk.dress_interviews(real_desk.hold_interviews(chat, BankShelf()).extras)

            def make_front(**changes: object) -> TelegramFrontEnd:
                make = settings or quick_settings
                return TelegramFrontEnd(
                    token=str(changes.get("token", api.token)),
                    desk=real_desk or desk,
                    talk=talk,
                    faces=faces,
                    clock=lambda: NOW,
                    commands=commands,
                    settings=make(str(changes.get("url", api.url))),
                )

            rig = Rig(
                server=api, desk=desk, talk=talk, queue=queue, generator=generator, front=make_front(), faces=faces,
                make_front=make_front, commands=commands,
            )  # fmt: skip
            try:
                if starts:
                    await rig.start()
                yield rig
            finally:
                if gate is not None:
                    gate.set()
                await rig.stop()
            assert not api.violations


def quick_settings(
    url: str, *, times: TurnTimes = QUICK, read_s: float = 20.0, longest_wait_s: float = 0.5
) -> TelegramSettings:
    """Return settings with short waits."""
    return TelegramSettings(
        api_url=url,
        owners=frozenset({str(OWNER["id"])}),
        first_wait_s=0.1,
        longest_wait_s=longest_wait_s,
        poll_s=5,
        stop_s=2.0,
        read_s=read_s,
        times=times,
        delivery=DeliverySettings(first_wait_s=0.05, longest_wait_s=longest_wait_s),
    )
