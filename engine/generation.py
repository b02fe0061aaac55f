"""The four generations of a turn: ask an adapter, check what it answers, try again within the profile's limits."""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.care import CareKind, CareRule
from engine.clock_context import DayPart
from engine.draft_choice import choose_draft, count_departures, draw_exemplars
from engine.exemplars import first_of_each, key_shares, remembered_share, show_exemplars
from engine.expression import make_expression, parse_expression
from engine.final_input import MARK_WORDS, build_summary_input
from engine.memory import NOTHING, MemoryNote, is_grounded, is_reading, parse_memory
from engine.memory_firewall import find_objection
from engine.quotation import can_be_quoted, is_said, quote
from engine.reply_check import ReplyFault, clean_reply, find_fault
from engine.types import EventSink, Exemplar, Expression, TextShown, TextWithdrawn
from models.profile import Profile
from models.types import FinishReason, Generation, Sampling, TextEmbedder, TextGenerator

_NOTE_OPENING = "["
"""How a note begins; an answer that says nothing cannot begin so."""
_VOTED_KEYS = 4
_NO_VOTE = 0.05
"""What a key has beside its share of the notes, so that one without a vote can still be the right one."""


class SeedSource:
    """Gives every try of a turn its seed; a turn with the same name and the same root draws the same."""

    def __init__(self, root: int | None, name: str) -> None:
        """Derive seeds from `root` and the turn's `name`; without a root they are drawn anew."""
        self._root = secrets.randbits(64) if root is None else root
        self._name = name

    def seed(self, purpose: str, attempt: int | tuple[int, int]) -> int:
        """Return a 63-bit seed for one try of one purpose, or for one draft of a try."""
        digest = hashlib.sha256(f"{self._root}|{self._name}|{purpose}|{attempt}".encode()).digest()
        return int.from_bytes(digest[:8]) >> 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReply:
    """Her finished line, how many tries it took, and when its first token came (seconds from the first try)."""

    text: str
    tries: int
    first_token_s: float
    is_fallback: bool


class Writer:
    """Runs the adapters of a profile for one turn."""

    def __init__(
        self,
        generator: TextGenerator,
        embedder: TextEmbedder,
        profile: Profile,
        care: CareRule,
        seeds: SeedSource,
        temperature: float | None = None,
        exemplars: Mapping[str, Sequence[Exemplar]] | None = None,
    ) -> None:
        """Ask `generator` with the marks, limits and temperatures of `profile`; `temperature` overrules that of her lines.

        `embedder` tells which draft answers a message, where the profile wants that; adapters are shown what `exemplars` has for them, nearest first.
        """
        self._generator = generator
        self._embedder = embedder
        self._profile = profile
        self._care = care
        self._seeds = seeds
        self._temperature = temperature
        self._exemplars = exemplars or {}

    async def write_reply(
        self, final_input: str, message: str, now: DayPart, show: EventSink, declining: tuple[str, ...] = ()
    ) -> WrittenReply:
        """Write her line to `final_input`, which holds `message`, streaming it to `show`; after the last try it is a fallback.

        Where the profile wants several drafts, they are drawn at once and the line is shown when it is chosen. Drafts that hold one of
        the words `declining`, which a message that looks like an offence calls for, go before the others; a number to call in need is named where most drafts
        name one, or the nearest exemplar does. Each draft is written after another exemplar, as far as they go;
        where one departs from its exemplar's answer, that answer is a draft, too.

        Raises:
            GenerationError, EmbeddingError: a model failed.
        """
        adapter = self._profile.adapters["output_message"]
        drafts = adapter.drafts
        need = self._care.find(message)
        nearest = first_of_each(self._exemplars.get("output_message", ()), lambda each: each.answer)
        wrong_days = 0
        first_token_s = 0.0
        for attempt in range(adapter.tries):
            shown = _Stream(show)
            base = adapter.sampling_temperature if self._temperature is None else self._temperature
            temperature = base + adapter.temperature_step * wrong_days
            drawing = self._seeds.seed("exemplars", attempt)
            exemplars = await draw_exemplars(self._embedder, self._profile, final_input, nearest, drawing)
            answers = await self._draft(
                final_input, exemplars, attempt, temperature, drafts, shown if drafts == 1 else None
            )
            first_token_s = first_token_s or min(answer.first_token_s for answer in answers)
            texts = [clean_reply(answer.text) for answer in answers]
            faults = [self._find_fault(*each, now, need) for each in zip(answers, texts, strict=True)]
            good = [text for text, fault in zip(texts, faults, strict=True) if fault is None]
            left = self._answers_left(texts, exemplars, final_input)
            good += [line for line in left if self._find_fault_of(line, now, need) is None]
            if good:
                good = [text for text in good if any(word in text for word in declining)] or good
                good = good if need or self._is_alarm(nearest) else self._without_stray_alarms(good)
                seed = self._seeds.seed("choice", attempt)
                told = [*zip(texts, exemplars, strict=False), *left.items()]
                after = dict(reversed(told))  # equal drafts: the nearest exemplar's
                text = await choose_draft(
                    self._generator, self._embedder, self._profile, final_input, good, seed, after
                )
                if drafts > 1:
                    shown.push(text)
                return WrittenReply(text=text, tries=attempt + 1, first_token_s=first_token_s, is_fallback=False)
            wrong_days += ReplyFault.WRONG_DAY in faults
            shown.withdraw()
        fallback = need.fallback if need else self._profile.fallback_reply
        return WrittenReply(text=fallback, tries=adapter.tries, first_token_s=first_token_s, is_fallback=True)

    async def _draft(
        self,
        final_input: str,
        exemplars: Sequence[Exemplar],
        attempt: int,
        temperature: float,
        drafts: int,
        stream: _Stream | None,
    ) -> list[Generation]:
        """Draw `drafts` answers at once, each after its exemplar if there is one; the first failure cancels the others."""
        push = stream.push if stream else None
        adapter = self._profile.adapters["output_message"]
        fronts = [show_exemplars(adapter, [each]) for each in exemplars] + [""] * (drafts - len(exemplars))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(
                        self._ask("output_message", final_input, (attempt, draft), temperature, push, front)
                    )
                    for draft, front in enumerate(fronts)
                ]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    def _is_alarm(self, exemplars: Sequence[Exemplar]) -> bool:
        """Tell whether what is nearest to the message, and near enough, was answered with where help is."""
        use = self._profile.adapters["output_message"].exemplars
        nearest = exemplars[0] if exemplars else None
        return bool(use and nearest and nearest.nearness >= use.alarm and self._care.is_given(nearest.answer))

    def _without_stray_alarms(self, drafts: list[str]) -> list[str]:
        """Leave out the drafts that name an emergency number, where most do not: somebody in need is told of it by most of them."""
        calm = [text for text in drafts if not self._care.is_given(text)]
        return calm if 2 * len(calm) > len(drafts) else drafts

    def _find_fault(self, answer: Generation, text: str, now: DayPart, need: CareKind | None) -> ReplyFault | None:
        if answer.finish_reason is FinishReason.LENGTH:
            return ReplyFault.CUT_OFF
        return self._find_fault_of(text, now, need)

    def _find_fault_of(self, text: str, now: DayPart, need: CareKind | None) -> ReplyFault | None:
        if need and not need.is_given(text):
            return ReplyFault.CARELESS
        return find_fault(text, now)

    def _answers_left(
        self, texts: Sequence[str], exemplars: Sequence[Exemplar], final_input: str
    ) -> dict[str, Exemplar]:
        """Return the answers, with their exemplars, from which drafts depart in words of their own: a small model mostly loses its way there."""
        choice = self._profile.adapters["output_message"].choice
        if choice is None or not choice.departure:
            return {}
        return {
            clean_reply(each.answer): each
            for text, each in zip(texts, exemplars, strict=False)
            if count_departures(text, each.answer, final_input)
        }

    async def extract_memory(self, final_input: str, message: str) -> MemoryNote | None:
        """Return what is worth remembering of the user, or None; a note that is unsafe to store is dropped.

        A note that `message` does not bear out is another try's turn, like a malformed one; a reading of it in other words is
        borne out when another try says the same (decision 0008). Notes on messages like this one may decide that there is nothing, or that there is
        something, which the adapter then only has to name (decision 0042), and they vote on its key (0044). Where the profile `quotes`, what is not said word by word is kept in
        the words of `message` instead (decision 0035). Of a message from somebody in danger nothing is remembered.

        Raises:
            GenerationError: the generator failed.
        """
        need = self._care.find(message)
        if need and not need.is_remembered:
            return None
        use, notes = self._profile.adapters["memory"].exemplars, self._exemplars.get("memory", ())
        if use is None or not notes:
            return await self._note(final_input, message)
        front = show_exemplars(self._profile.adapters["memory"], notes[: use.shown])
        shares = key_shares(notes)
        share = remembered_share(shares)
        if share is not None and share < use.nothing_below:
            return None
        opening = _NOTE_OPENING if share is not None and share > use.something_above else ""
        note = await self._note(final_input, message, front, opening)
        if note is None or not use.key_vote:
            return note
        key = await self._likeliest_key(f"{front}{final_input}", note.key, shares, use.key_vote)
        if key == note.key:
            return note
        return await self._note(final_input, message, front, f"{_NOTE_OPENING}{key}:") or note

    async def _note(self, final_input: str, message: str, front: str = "", opening: str = "") -> MemoryNote | None:
        """Return the first note of a try that can be kept; None where there is nothing, or none can be. Its text begins with `opening`."""
        adapter = self._profile.adapters["memory"]
        readings: set[MemoryNote] = set()
        for attempt in range(adapter.tries):
            answer = await self._ask("memory", final_input, attempt, adapter.temperature, None, front, opening)
            if answer.finish_reason is FinishReason.LENGTH:
                continue
            note = parse_memory(answer.text)
            if note == NOTHING:
                return None
            if not isinstance(note, MemoryNote):
                continue
            if find_objection(note) is not None:
                return None
            if (kept := self._keep(note, message, readings)) is not None:
                return kept
        return None

    async def _likeliest_key(self, prompt: str, own: str, shares: Mapping[str, float], weight: float) -> str:
        """Return the likeliest of the adapter's `own` key and those with the largest `shares` of notes, which count `weight` times."""
        voted = sorted((key for key in shares if key), key=lambda key: -shares[key])[:_VOTED_KEYS]
        keys = list(dict.fromkeys([own, *voted]))
        if len(keys) == 1:
            return own
        start = f"{prompt}{self._profile.adapters['memory'].start_mark}"
        scores = await self._generator.score("memory", [(start, f" {_NOTE_OPENING}{key}:") for key in keys])
        worth = [
            score + weight * math.log(shares.get(key, 0.0) + _NO_VOTE) for key, score in zip(keys, scores, strict=True)
        ]
        return keys[max(range(len(keys)), key=worth.__getitem__)]

    def _keep(self, note: MemoryNote, message: str, readings: set[MemoryNote]) -> MemoryNote | None:
        """Return `note` as it is kept, None where another try is due; a reading is noted in `readings` until one agrees with it."""
        quotes = self._profile.adapters["memory"].quotes
        if quotes and (quoted := self._in_their_words(note, message)) is not None:
            return quoted
        if self._imagines_need(note, message):
            return None
        if is_grounded(note, message) or note in readings:
            return note
        if is_reading(note):
            readings.add(note)
        return None

    def _in_their_words(self, note: MemoryNote, message: str) -> MemoryNote | None:
        """Return `note` with a value that is said in `message`, its own if it is; None for what is not to be quoted: a name, a cry for help."""
        if not can_be_quoted(note) or self._care.is_called_for(message):
            return None
        quoted = note if is_said(note, message) else quote(note, message)
        return quoted if find_objection(quoted) is None else None

    def _imagines_need(self, note: MemoryNote, message: str) -> bool:
        return self._care.is_called_for(note.value) and not self._care.is_called_for(message)

    async def summarise(self, final_input: str, reply: str) -> str | None:
        """Return one line on what she said, or None when every try was cut off, empty or held a mark.

        Raises:
            GenerationError: the generator failed.
        """
        adapter = self._profile.adapters["summary"]
        prompt = build_summary_input(final_input, reply)
        for attempt in range(adapter.tries):
            answer = await self._ask("summary", prompt, attempt, adapter.temperature)
            text = clean_reply(answer.text)
            is_whole = answer.finish_reason is FinishReason.STOP and "\ufffd" not in text
            if text and is_whole and not any(word in text for word in MARK_WORDS):
                return text
        return None

    async def choose_expression(self, reply: str) -> Expression:
        """Return the face for `reply`; the plain face when every try was unreadable.

        Raises:
            GenerationError: the generator failed.
        """
        adapter = self._profile.adapters["eyes_mouth_pose"]
        for attempt in range(adapter.tries):
            answer = await self._ask("eyes_mouth_pose", reply, attempt, adapter.temperature)
            levels = parse_expression(answer.text)
            if levels is not None:
                return make_expression(*levels)
        return make_expression()

    async def _ask(
        self,
        name: str,
        prompt: str,
        attempt: int | tuple[int, int],
        temperature: float,
        on_text: Callable[[str], None] | None = None,
        front: str = "",
        opening: str = "",
    ) -> Generation:
        """Ask the adapter `name`; `front` stands before the prompt and counts in no limit, the answer begins with `opening`."""
        adapter = self._profile.adapters[name]
        text = f"{prompt}{adapter.start_mark}{opening and f' {opening}'}"
        sampling = Sampling(
            temperature=temperature,
            top_p=adapter.top_p,
            max_new_tokens=adapter.new_token_limit(self._generator.count_tokens(name, text)),
            stop=adapter.stop_mark,
            seed=self._seeds.seed(name, attempt),
        )
        answer = await self._generator.generate(name, f"{front}{text}", sampling, on_text=on_text)
        return replace(answer, text=f"{opening}{answer.text}")


class _Stream:
    """Passes on the text of one try without the space in front, and can take it back."""

    def __init__(self, show: EventSink) -> None:
        self._show = show
        self._has_shown = False

    def push(self, text: str) -> None:
        text = text if self._has_shown else text.lstrip()
        if text:
            self._has_shown = True
            self._show(TextShown(text=text))

    def withdraw(self) -> None:
        if self._has_shown:
            self._show(TextWithdrawn())
