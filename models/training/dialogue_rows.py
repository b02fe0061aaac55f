"""Dialogue rows: what one turn teaches the four adapters, from the corpus of this project or from a CSV file.

`DialogueRow.input` is a final input as the engine builds it: a memory or the last summary in front, a time mark,
the message. The corpus is expanded by rule: slots are filled, noise is added, unrelated summaries stand in front.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.fronts import split_front
from models.training.augment import add_noise
from models.training.copying import WordStock, find_copied_nouns, sure_nouns, swap_copied_word
from models.training.csv_rows import read_csv
from models.training.dialogue_files import (
    DATA_DIR,
    CorpusError,
    DialogueFile,
    Exchange,
    read_dialogue_file,
)
from models.training.slots import PARTS_OF_DAY, TIME_WORDS, WEEKDAYS, draw_values, fill, read_slot_lists

OFTEN = {"care": 3, "guards": 3, "love": 3, "names": 10, "who_she_is": 40}
"""How many times as often as others the rows of some files are drawn, by name without the number behind it (`care_2`).

What she says to despair, abuse, declarations of love and forbidden requests must not be diluted; who she is and what people are called
are few lines that nearly everybody meets first.
"""
ALWAYS_TAUGHT = frozenset({*OFTEN, "herself", "her_world", "asked_her", "time_front"})
"""Files, by name without number, of which no topic is held out whole: who she is and what she can do, where she must be careful, what day it is."""
PLAIN = frozenset({"plain", "strangers"})
"""Files, by name without number, whose lines take up what the message says and react to it in common words: what a small model can do for
a message that nobody foresaw (docs/decisions/0038). The reply adapter reads them more than others."""
TOPIC_SHARE = 0.04
OTHER_NOUN_SHARE = 0.8
"""Of the noisy rows, where nouns of other exchanges are given to put in (docs/decisions/0039)."""
_CSV_COLUMNS = ("data_type", "input_data", "output_message", "memory", "summary", "eyes_mouth_pose")


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueRow:
    """One training or validation row. Empty `memory` means nothing to remember; None fields teach nothing.

    `topic` is that of the corpus, `source` the exchange and `answer` which of its replies this is; a row of a CSV file has none.
    """

    input: str
    reply: str
    memory: str | None = None
    summary: str | None = None
    expression: str | None = None
    topic: str = ""
    source: str = ""
    answer: int = 0


@dataclass(frozen=True, kw_only=True)
class DialogueCorpus:
    """The parsed dialogue files."""

    files: tuple[DialogueFile, ...]

    def exchanges(self) -> Iterator[tuple[DialogueFile, Exchange]]:
        """Yield every exchange with its file."""
        for file in self.files:
            for exchange in file.exchanges:
                yield file, exchange

    def is_held_out(self, exchange: Exchange, text: str) -> bool:
        """Tell whether `text` of `exchange` is kept from training.

        Held out are all of `held_out_topics`, and, of what no other exchange teaches, by hash 1 exchange in 25, and 1 paraphrase in 12
        of exchanges with four or more.
        """
        if exchange.topic in self.held_out_topics:
            return True
        if self._occurrences[split_front(text)[2]] > 1:
            return False
        key = "|".join(exchange.inputs)
        if is_share_below(key, 0.04):
            return True
        return len(exchange.inputs) >= 4 and is_share_below(f"{key}#{text}", 0.08)

    @cached_property
    def held_out_topics(self) -> frozenset[str]:
        """The names of topics of which nothing is trained on: by hash 1 in 25 of those that no file of `ALWAYS_TAUGHT` has."""
        kept = {exchange.topic for file, exchange in self.exchanges() if _group(file) in ALWAYS_TAUGHT}
        names = {exchange.topic for _, exchange in self.exchanges()} - kept
        return frozenset(name for name in names if is_share_below(f"## {name}", TOPIC_SHARE))

    @cached_property
    def _occurrences(self) -> Counter[str]:
        return Counter(split_front(text)[2] for _, exchange in self.exchanges() for text in exchange.inputs)

    def part(self, groups: Set[str], *, without: bool = False) -> DialogueCorpus:
        """Return the corpus of the files that belong to `groups`, names without number, or of all the others."""
        return DialogueCorpus(files=tuple(file for file in self.files if (_group(file) in groups) != without))

    def count_rows(self) -> int:
        """Return the number of rows before slots are filled and noise is added."""
        return sum(len(exchange.inputs) * len(exchange.replies) for _, exchange in self.exchanges())


def read_corpus(folder: Path = DATA_DIR) -> DialogueCorpus:
    """Read all dialogue files under `folder`.

    Raises:
        CorpusError: a file breaks the format, or there is none.
    """
    shared = read_slot_lists((folder / "slots.txt").read_text(encoding="utf-8").splitlines())
    paths = sorted((folder / "dialogue").glob("*.txt"))
    if not paths:
        raise CorpusError(f"no dialogue files in {folder / 'dialogue'}")
    return DialogueCorpus(files=tuple(read_dialogue_file(path, shared) for path in paths))


def is_share_below(text: str, share: float) -> bool:
    """Tell whether `text` falls, by its hash, into the first `share` (0..1) of all texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) < share * 2**32


def expand(
    corpus: DialogueCorpus,
    seed: int,
    *,
    held_out: bool = False,
    with_made_up: bool = True,
    other_nouns: Collection[str] = (),
) -> list[DialogueRow]:
    """Draw one widened set of rows; another seed draws other slot values, noise and contexts, and made-up nouns if they are wanted.

    With `other_nouns` and without made-up ones, most noisy rows have one of them where message and answer had the same noun.
    Held-out rows are drawn once each, without noise; training rows several times (`_widening`, `OFTEN`), the first time without noise.
    """
    rng = random.Random(seed)
    lists = (values for file in corpus.files for values in file.lists.values())
    stock = WordStock(lists, with_made_up=with_made_up, others=other_nouns)
    summaries = plain_summaries(corpus)
    rows: list[DialogueRow] = []
    for file, exchange in corpus.exchanges():
        slots = exchange.slots()
        copies, swapped_share = (1, 0.0) if held_out else _widening(exchange, slots)
        if not held_out:
            copies *= OFTEN.get(_group(file), 1)
            swapped_share = OTHER_NOUN_SHARE if other_nouns else swapped_share
        for text in exchange.inputs:
            if corpus.is_held_out(exchange, text) != held_out:
                continue
            replies = 1 if held_out else len(exchange.replies)
            for answer in range(replies):
                for copy in range(copies):
                    noisy = copy > 0 and not held_out
                    row = _make_row(
                        exchange, text, answer, draw_values(slots, file.lists, rng), summaries, rng, noisy=noisy
                    )
                    if noisy and rng.random() < swapped_share:
                        row = swap_copied_word(row, stock, rng)
                    rows.append(row)
    if held_out:  # a filled slot may spell a message that is taught elsewhere
        taught = {split_front(row.input)[2] for row in expand(corpus, seed)}
        rows = [row for row in rows if split_front(row.input)[2] not in taught]
    rng.shuffle(rows)
    return rows


def plain_summaries(corpus: DialogueCorpus) -> list[str]:
    """Return the summaries of her lines that have no slots, but those of held-out topics."""
    return [
        reply.summary
        for _, exchange in corpus.exchanges()
        if exchange.topic not in corpus.held_out_topics
        for reply in exchange.replies
        if reply.summary and "{" not in reply.summary
    ]


def copied_nouns(corpus: DialogueCorpus) -> frozenset[str]:
    """Return the nouns that stand in a message and again in an answer to it, anywhere in `corpus` but in its held-out part."""
    rows = [
        DialogueRow(input=text, reply=reply.text)
        for _, exchange in corpus.exchanges()
        for text in exchange.inputs
        if not corpus.is_held_out(exchange, text)
        for reply in exchange.replies
        if not exchange.slots()
    ]
    sure = sure_nouns(text for row in rows for text in (row.input, row.reply))
    return frozenset(noun for row in rows for noun in find_copied_nouns(row) if noun in sure)


def _group(file: DialogueFile) -> str:
    """Return the name of a file without the number behind it: care for `care_2.txt`."""
    return file.path.stem.rstrip("_0123456789")


def _widening(exchange: Exchange, slots: Set[str]) -> tuple[int, float]:
    """Return how often each row is drawn, and the share of the noisy ones in which a copied word is exchanged.

    A memory in front comes most often: to copy what nobody wrote into the corpus is learned from variety.
    """
    if any(text.startswith("[") for text in exchange.inputs):
        return 4, 0.5
    return (3, 0.25) if slots else (2, 0.25)


def _make_row(
    exchange: Exchange,
    text: str,
    answer: int,
    values: Mapping[str, str],
    summaries: Sequence[str],
    rng: random.Random,
    *,
    noisy: bool,
) -> DialogueRow:
    reply = exchange.replies[answer]
    return DialogueRow(
        input=dress_message(fill(text, values), summaries, rng, noisy=noisy),
        reply=fill(reply.text, values),
        memory=fill(exchange.memory, values) if exchange.memory or exchange.is_labelled else None,
        summary=fill(reply.summary, values) if reply.summary else None,
        expression=format_face(reply.face) if reply.face else None,
        topic=exchange.topic,
        source=exchange.source,
        answer=answer,
    )


def dress_message(text: str, summaries: Sequence[str], rng: random.Random, *, noisy: bool) -> str:
    """Return a final input with what may stand in front of it: a time mark where it speaks of time, in 3 of 10 an unrelated summary."""
    front, time_mark, message = split_front(text)
    if noisy:
        message = add_noise(message, rng)
    if not time_mark and TIME_WORDS.search(message):
        time_mark = f"(지금은 {rng.choice(WEEKDAYS)} {rng.choice(PARTS_OF_DAY)}) "
    if not front and rng.random() < 0.3 and summaries:
        front = f"(오로라 답변 요약) {rng.choice(summaries)} (사용자 질문) "
    return f"{front}{time_mark}{message}"


def format_face(face: tuple[str, str, str]) -> str:
    """Write expression levels as the eyes_mouth_pose adapter answers them."""
    eyes, mouth, head = (level.replace("아주크게", "아주 크게") for level in face)
    return f"(눈 {eyes}, 입 {mouth}, 고개 돌림 {head})"


def read_csv_rows(path: Path, split: str) -> list[DialogueRow]:
    """Read rows of a dialogue CSV whose `data_type` is `split` or `split_msg` (reply only).

    Raises:
        CorpusError: no such file, or it lacks a column.
    """
    rows = read_csv(path, _CSV_COLUMNS)
    return [_csv_row(row) for row in rows if row["data_type"] in {split, f"{split}_msg"}]


def _csv_row(raw: dict[str, str]) -> DialogueRow:
    reply_only = raw["data_type"].endswith("_msg")
    return DialogueRow(
        input=raw["input_data"].strip(),
        reply=raw["output_message"].strip(),
        memory=None if reply_only else raw["memory"].strip(),
        summary=None if reply_only else raw["summary"].strip() or None,
        expression=None if reply_only else raw["eyes_mouth_pose"].strip() or None,
    )
