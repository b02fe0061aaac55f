"""The local front end: a conversation in a terminal, or one line a turn when piped, as text or as JSON lines."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from prompt_toolkit import PromptSession
from prompt_toolkit.utils import get_cwidth

from bot.command_texts import write_misread
from bot.command_words import Read, read_words
from bot.commands import TELEGRAM
from bot.handlers.chat import ChatHandler
from bot.handlers.interview_cards import InterviewCards
from bot.handlers.memory import MemoryHandler
from bot.handlers.sanctions import SanctionHandler
from bot.outcome_json import outcome_to_json
from bot.rendering import Texts, draw_face, printable
from engine.types import ChatEvent, ChatOutcome, ChatReply, Clock, InterviewAct, InterviewCommand, TextShown
from storage.errors import StorageError
from storage.interview_records import InterviewState
from storage.records import ConversationKey, UserKey

_log = logging.getLogger(__name__)
PLATFORM = "console"
_LONGEST_NAME = 64
_BLOCK = 65536  # bytes read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """How the console talks: who speaks, language and time zone, JSON or text, where the cards of interviews are kept."""

    user: str
    locale: str
    zone: ZoneInfo
    as_json: bool
    card_folder: Path


class Console:
    """Reads lines, sends them as turns or runs them as commands, and writes what comes back."""

    def __init__(
        self,
        *,
        chat: ChatHandler,
        cards: InterviewCards,
        memory: MemoryHandler,
        sanctions: SanctionHandler,
        clock: Clock,
        options: ConsoleOptions,
        out: TextIO | None = None,
    ) -> None:
        """Write to `out`, or to standard output; pages of interviews go to the options' folder."""
        self._chat = chat
        self._cards = cards
        self._memory = memory
        self._sanctions = sanctions
        self._clock = clock
        self._options = options
        self._out = out or sys.stdout
        self._user = options.user
        self._texts = Texts(options.locale, options.zone)

    async def run_interactive(self) -> None:
        """Talk until end of input, Ctrl-C or /quit."""
        session: PromptSession[str] = PromptSession()
        self._write(self._texts.get("console.hello"))
        while True:
            try:
                line = await session.prompt_async(self._texts.get("console.prompt", user=self._user))
            except (EOFError, KeyboardInterrupt):
                break
            if line.strip() == "/quit":
                break
            if line.strip():
                await self._answer(line, stream=True)
        self._write(self._texts.get("console.goodbye"))

    async def run_piped(self, lines: AsyncIterator[str]) -> None:
        """Answer each line in order."""
        async for line in lines:
            if line.strip() == "/quit":
                break
            await self._answer(line, stream=False)

    async def _answer(self, line: str, *, stream: bool) -> None:
        command = self._read_interview(line)
        if isinstance(command, str):
            self._write_command(command)
            return
        if command is None and line.startswith("/"):
            try:
                text = await self._run_command(line)
            except StorageError as error:
                _log.error("a command failed: %s", error)
                text = self._texts.get("rejection.error", request_id="-")
            self._write_command(text)
            return
        view = _ReplyView(self._out, self._texts.get("console.her_name")) if stream else None
        turn = self._chat.submit(
            UserKey(platform=PLATFORM, id=self._user),
            ConversationKey(platform=PLATFORM, id=self._user),
            "" if command else line,
            interview=command,
            locale=self._options.locale,
            zone=self._options.zone,
            show=view.show if view else lambda _: None,
        )
        try:
            outcome = await turn.outcome()
        except asyncio.CancelledError:
            turn.cancel()
            raise
        if view is not None:
            view.finish()
        self._write_outcome(outcome, turn.request.request_id)
        if isinstance(outcome, ChatReply) and outcome.interview and outcome.interview.state is InterviewState.ENDED:
            await self._write_card(outcome.interview.id)

    def _read_interview(self, line: str) -> InterviewCommand | str | None:
        """Read /interview and its words; a text says what is wrong with them, None that it is something else, or its status."""
        word, _, rest = line.strip().partition(" ")
        if word != "/interview":
            return None
        read = read_words(TELEGRAM, "interview", rest)
        if not isinstance(read, Read):
            return write_misread(self._texts, read) if read else None
        if read.command.word == "status":
            return None
        return InterviewCommand(act=InterviewAct(read.command.word), bank=str(read.arguments.get("bank", "")))

    async def _write_card(self, interview_id: int) -> None:
        """Write an interview's card, and keep its page."""
        card = await self._cards.card(interview_id, self._texts)
        if card is None:
            return
        self._write_command(card.text)
        try:
            self._options.card_folder.mkdir(parents=True, exist_ok=True)
            for file in (card.page, card.picture):
                path = self._options.card_folder / file.name
                path.write_bytes(file.data)
                self._write_command(self._texts.get("console.interview_saved", path=path))
        except OSError as error:
            _log.error("a card cannot be kept in %s: %s", self._options.card_folder, error.strerror)

    def _write_command(self, text: str) -> None:
        self._write(self._json({"kind": "command", "text": text}) if self._options.as_json else text)

    def _write_outcome(self, outcome: ChatOutcome, request_id: str) -> None:
        if self._options.as_json:
            self._write(self._json(outcome_to_json(outcome, request_id, self._texts)))
            return
        face = f"{draw_face(outcome.expression)} " if isinstance(outcome, ChatReply) else ""
        name = self._texts.get("console.her_name")
        self._write(f"{name} {face}{self._texts.outcome(outcome, request_id)}")
        if isinstance(outcome, ChatReply) and outcome.notice is not None:
            self._write(f"⚠ {self._texts.notice(outcome.notice)}")
        for memory in outcome.details.memories_saved:
            self._write(self._texts.get("console.remembered", memory=memory))

    async def _run_command(self, line: str) -> str:
        command, _, argument = line.strip().partition(" ")
        argument = argument.strip()
        user = UserKey(platform=PLATFORM, id=self._user)
        match command:
            case "/memory":
                return await self._list_memories(user)
            case "/forget":
                return await self._forget(user, argument)
            case "/undo":
                return self._texts.memory_undone(await self._memory.undo_last(user))
            case "/sanctions":
                return await self._list_sanctions(user)
            case "/whoami":
                return self._switch_user(argument)
            case "/interview":
                here = ConversationKey(platform=PLATFORM, id=self._user)
                return (await self._cards.status(user, here, self._texts)).text
            case "/help":
                return self._texts.get("console.help")
        return self._texts.get("console.unknown", command=printable(command[:40]))

    async def _list_memories(self, user: UserKey) -> str:
        memories = await self._memory.list(user)
        if not memories:
            return self._texts.get("memory.none")
        sources = await self._memory.sources(user)
        items = [
            self._texts.memory_line(number, memory, sources.get(memory.id)) for number, memory in enumerate(memories, 1)
        ]
        return "\n".join([self._texts.get("memory.list", user=user.id), *items])

    async def _forget(self, user: UserKey, argument: str) -> str:
        if not (argument.isascii() and argument.isdigit() and len(argument) < 10):
            return self._texts.get("memory.forget_usage")
        memory = await self._memory.forget(user, int(argument))
        if memory is None:
            return self._texts.get("memory.no_such", number=int(argument))
        return self._texts.get("memory.forgotten", memory=memory.text)

    async def _list_sanctions(self, user: UserKey) -> str:
        sanctions = await self._sanctions.list(user)
        if not sanctions:
            return self._texts.get("sanctions.none")
        now = self._clock()
        items = [self._texts.sanction(number, sanction, now) for number, sanction in enumerate(sanctions, 1)]
        return "\n".join([self._texts.get("sanctions.list", user=user.id), *items])

    def _switch_user(self, name: str) -> str:
        if not name:
            return self._texts.get("console.whoami", user=self._user)
        if not is_user_name(name):
            return self._texts.get("console.bad_name")
        self._user = name
        return self._texts.get("console.you_are", user=name)

    def _json(self, value: dict[str, object]) -> str:
        return json.dumps(value, ensure_ascii=False)

    def _write(self, text: str) -> None:
        print(printable(text), file=self._out, flush=True)


class _ReplyView:
    """Shows a reply while it is written, on a line that the finished one replaces."""

    def __init__(self, out: TextIO, name: str) -> None:
        self._out = out
        self._start = f"{name} … "
        self._width = 0  # columns that are shown; Hangul takes two each

    def show(self, event: ChatEvent) -> None:
        """Add new text, or take back what was shown."""
        if isinstance(event, TextShown):
            text = printable(event.text).replace("\n", " ")
            text = text if self._width else self._start + text
            self._width += get_cwidth(text)
            print(text, end="", file=self._out, flush=True)
        else:
            self.finish()

    def finish(self) -> None:
        """Clear every row that the reply took so far."""
        if self._width:
            rows_above = (self._width - 1) // shutil.get_terminal_size().columns
            up = f"\x1b[{rows_above}A" if rows_above else ""
            print(f"\r{up}\x1b[J", end="", file=self._out, flush=True)
            self._width = 0


def is_user_name(name: str) -> bool:
    """Tell whether `name` may stand for a user: 1 to 64 printable characters."""
    return 1 <= len(name) <= _LONGEST_NAME and name.isprintable() and bool(name.strip())


async def read_lines(stream: TextIO | None = None) -> AsyncIterator[str]:
    """Yield the lines of a pipe (standard input) without their line ends; broken UTF-8 is replaced.

    A thread that nobody waits for reads ahead by one block, so that Ctrl-C ends the program while no line comes.
    """
    buffer = (stream or sys.stdin).buffer
    raw = getattr(buffer, "raw", buffer)  # the buffered reader would be locked while the program ends
    loop = asyncio.get_running_loop()
    blocks: asyncio.Queue[bytes] = asyncio.Queue()
    wanted = threading.Semaphore(1)

    def read() -> None:
        block = b"more"
        while block and wanted.acquire():
            try:
                block = raw.read(_BLOCK) or b""
            except OSError:
                block = b""  # the terminal is gone: the end of the input
            with suppress(RuntimeError):  # the loop is closed: the program ends
                loop.call_soon_threadsafe(blocks.put_nowait, block)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    rest = b""
    while block := await blocks.get():
        wanted.release()
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield _decode(line)
    if rest:
        yield _decode(rest)


def _decode(line: bytes) -> str:
    return line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
