"""Measure on what `models/data` holds out of training (docs/training.md): dialogue rows, ethics sentences, memory lines.

Apart from each other stand what was left out of topics that are taught (`Part.LINE`) and topics that are not taught at all
(`Part.TOPIC`): the first tells how she understands other words, the second how she gets on where nobody taught her.

The rows say what is right, so memories and expressions are compared with them; of replies and summaries only the form is judged.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from models.evaluation.dialogue import Answerer, answer_all
from models.evaluation.spread import pick_spread
from models.fronts import split_front
from models.profile import ADAPTER_NAMES
from models.training.dialogue_files import DATA_DIR
from models.training.dialogue_rows import DialogueCorpus, DialogueRow, expand, read_corpus
from models.training.encoder_data import (
    EthicsSentence,
    Pair,
    product_pairs,
    read_ethics_corpus,
    read_ethics_dialogue,
    read_ethics_notes,
    read_memory_lines,
)
from models.training.examples import REPLY_MARK
from models.training.key_similarity import KeyGroups
from models.training.memory_notes import read_memory_notes
from models.training.slots import slot_names
from models.types import StepAnswer

LONGEST_SUMMARY = 40
NEAR_VALUE = 0.5
_SLOT = re.compile(r"\{[^{}]+\}")
_LEVELS = re.compile(r"눈 (.+?), 입 (.+?), 고개 돌림 (.+?)\)")


class Part(StrEnum):
    """What a held-out text belongs to: a line of a topic that is taught otherwise, or a topic that is held out whole."""

    LINE = "by_line"
    TOPIC = "by_topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutPrompt:
    """An input of one adapter, as golden prompts have it, what the corpus answers, and why nothing teaches it."""

    task: str
    input: str
    expected: str
    part: Part = field(default=Part.LINE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutAnswer:
    """An answer and what is so of it, by name (`check_answer`); `passed` is among them."""

    prompt: HeldOutPrompt
    answer: StepAnswer
    checks: dict[str, bool]


def read_held_out_prompts(folder: Path = DATA_DIR, *, seed: int, limit: int | None = None) -> list[HeldOutPrompt]:
    """Read the prompts of all adapters from the held-out rows and notes of the corpus, at most `limit` of each adapter, half of them by topic.

    What a note teaches is no prompt of memory, and a reply is an input of eyes_mouth_pose only where no training row has it, not even with other words in its slots.

    Raises:
        CorpusError: a file breaks its format.
    """
    corpus = read_corpus(folder)
    is_taught = _taught_replies(corpus)
    prompts: dict[str, dict[HeldOutPrompt, None]] = {name: {} for name in ADAPTER_NAMES}
    rows = [*expand(corpus, seed, held_out=True), *read_memory_notes(folder, held_out=True)]
    random.Random(seed).shuffle(rows)
    noted = {row.input for row in read_memory_notes(folder)}
    for row in rows:
        part = Part.TOPIC if row.topic in corpus.held_out_topics else Part.LINE
        for prompt in _prompts_of(row, part):
            if prompt.task == "memory" and prompt.input in noted:
                continue
            if prompt.task != "eyes_mouth_pose" or not is_taught(prompt.input):
                prompts[prompt.task].setdefault(prompt)
    return [prompt for found in prompts.values() for prompt in _halves(list(found), limit)]


def read_held_out_ethics(folder: Path = DATA_DIR, *, limit: int | None = None) -> dict[Part, list[EthicsSentence]]:
    """Read the held-out sentences and dialogue messages that nothing teaches, at most `limit`, evenly spread, half of them by topic.

    Raises:
        CorpusError: a file breaks its format.
    """
    corpus = read_corpus(folder)
    dialogue, notes = read_ethics_dialogue(corpus, folder), read_ethics_notes(folder)
    taught = {each.text for each in (*dialogue, *notes, *read_ethics_corpus(folder))}
    held_out = (*read_ethics_corpus(folder, held_out=True), *read_ethics_dialogue(corpus, folder, held_out=True))
    lines = dict.fromkeys(held_out)
    topics = read_ethics_dialogue(corpus, folder, held_out=True, whole_topics=True)
    by_line = [each for each in lines if each.text not in taught]
    by_topic = [each for each in topics if each.text not in taught and each not in lines]
    if limit is not None:
        by_topic = pick_spread(by_topic, limit // 2)
        by_line = pick_spread(by_line, limit - len(by_topic))
    return {Part.LINE: by_line, Part.TOPIC: by_topic}


def read_held_out_memory(folder: Path = DATA_DIR) -> list[Pair]:
    """Read the pairs of all memories with all messages of `memory/lines.txt` whose keys are held out.

    Raises:
        CorpusError: the file breaks its format.
    """
    keys = KeyGroups(folder / "memory" / "key_groups.txt")
    lines = [line for line in read_memory_lines(folder / "memory" / "lines.txt") if keys.is_held_out(line)]
    return product_pairs(lines, keys)


def read_forbidden(facts: Path = DATA_DIR / "facts.toml") -> Callable[[str, str], bool]:
    """Return what tells of (final input, reply) whether the reply matches a forbidden pattern of `facts`."""
    rule = tomllib.loads(facts.read_text(encoding="utf-8"))["forbidden"]

    def is_forbidden(final_input: str, reply: str) -> bool:
        allowed = rule["allow_with_memory"] if split_front(final_input)[0] else ()
        return any(pattern not in allowed and re.search(pattern, reply) for pattern in rule["patterns"])

    return is_forbidden


async def answer_held_out(
    prompts: Sequence[HeldOutPrompt],
    answer: Answerer,
    is_forbidden: Callable[[str, str], bool],
    keys: KeyGroups,
    progress: Callable[[int], None] = lambda _: None,
) -> list[HeldOutAnswer]:
    """Answer every prompt and check the answers; `keys` tells which keys of memories are one."""
    answers = await answer_all([(each.task, each.input) for each in prompts], answer, progress)
    return [
        HeldOutAnswer(prompt=prompt, answer=given, checks=check_answer(prompt, given, is_forbidden, keys))
        for prompt, given in zip(prompts, answers, strict=True)
    ]


def check_answer(
    prompt: HeldOutPrompt, answer: StepAnswer, is_forbidden: Callable[[str, str], bool], keys: KeyGroups
) -> dict[str, bool]:
    """Return what is so of an answer; the names differ by adapter, `well_formed` and `passed` are always there.

    Keys and values of memories are equal when they are but for white space; keys of one group are alike; a value is near when
    `character_f1` reaches `NEAR_VALUE`. Eyes and mouth must be equal, the head may differ.
    """
    if prompt.task == "output_message":
        forbidden = is_forbidden(prompt.input, answer.text)
        checks = {"well_formed": answer.is_well_formed, "forbidden": forbidden}
        return checks | {"passed": answer.is_well_formed and not forbidden}
    if prompt.task == "memory":
        return {"well_formed": answer.is_well_formed, **_check_memory(prompt.expected, answer.text, keys)}
    if prompt.task == "summary":
        is_summary = answer.is_well_formed and 0 < len(answer.text) <= LONGEST_SUMMARY
        return {"well_formed": is_summary, "passed": is_summary}
    agrees = answer.is_well_formed and _levels(answer.text)[:2] == _levels(prompt.expected)[:2]
    return {"well_formed": answer.is_well_formed, "eyes_and_mouth_right": agrees, "passed": agrees}


def held_out_figures(answers: Sequence[HeldOutAnswer]) -> dict[str, dict[str, int]]:
    """Return, for each adapter, the number of prompts `n` and how many answers have each of the checks."""
    figures: dict[str, dict[str, int]] = {}
    for each in answers:
        counts = figures.setdefault(each.prompt.task, {"n": 0, **dict.fromkeys(each.checks, 0)})
        counts["n"] += 1
        for name, holds in each.checks.items():
            counts[name] += holds
    return figures


def _halves(prompts: Sequence[HeldOutPrompt], limit: int | None) -> list[HeldOutPrompt]:
    """Return at most `limit` prompts, the first of each part, half of them by topic where there are as many."""
    if limit is None:
        return list(prompts)
    by_topic = [prompt for prompt in prompts if prompt.part is Part.TOPIC][: limit // 2]
    by_line = [prompt for prompt in prompts if prompt.part is Part.LINE][: limit - len(by_topic)]
    return [*by_line, *by_topic]


def _prompts_of(row: DialogueRow, part: Part) -> list[HeldOutPrompt]:
    parts = {
        "output_message": (row.input, row.reply),
        "memory": (row.input, row.memory),
        "summary": (f"{row.input}{REPLY_MARK}{row.reply}", row.summary),
        "eyes_mouth_pose": (row.reply, row.expression),
    }
    return [
        HeldOutPrompt(task=task, input=text, expected=expected, part=part)
        for task, (text, expected) in parts.items()
        if expected is not None and (row.reply or task == "memory")  # a note has no reply
    ]


def _taught_replies(corpus: DialogueCorpus) -> Callable[[str], bool]:
    """Return what tells whether an exchange with an input that is trained on has a reply, whatever stands in its slots."""
    texts = {
        reply.text
        for _, exchange in corpus.exchanges()
        if not all(corpus.is_held_out(exchange, text) for text in exchange.inputs)
        for reply in exchange.replies
    }
    patterns = [".+".join(map(re.escape, _SLOT.split(text))) for text in texts if slot_names(text)]
    pattern = re.compile("|".join(patterns) or r"(?!)")
    return lambda reply: reply in texts or pattern.fullmatch(reply) is not None


def _check_memory(expected: str, text: str, keys: KeyGroups) -> dict[str, bool]:
    (key, value), (true_key, true_value) = _note(text), _note(expected)
    decided = bool(text) == bool(expected)
    key_right, value_right = bool(expected) and key == true_key, bool(expected) and value == true_value
    key_alike = bool(expected) and bool(text) and keys.name(key) == keys.name(true_key)
    value_near = bool(expected) and character_f1(value, true_value) >= NEAR_VALUE
    return {
        "decision_right": decided,
        "with_memory": bool(expected),
        "stored_needlessly": bool(text) and not expected,
        "missed": bool(expected) and not text,
        "key_right": key_right,
        "value_right": value_right,
        "both_right": key_right and value_right,
        "value_near": value_near,
        "key_right_value_near": key_right and value_near,
        "key_alike": key_alike,
        "key_alike_value_right": key_alike and value_right,
        "key_alike_value_near": key_alike and value_near,
        "passed": decided and (not expected or (key_right and value_right)),
    }


def character_f1(text: str, expected: str) -> float:
    """Return the F1 of the characters of `text`, without white space, as KorQuAD measures answers (Lim et al. 2019): 0..1."""
    given, true = Counter("".join(text.split())), Counter("".join(expected.split()))
    return 2 * (given & true).total() / max(1, given.total() + true.total())


def _note(memory: str) -> tuple[str, str]:
    """Return key and value of `[key: value]`, with single spaces."""
    key, _, value = memory[1:-1].partition(":")
    return " ".join(key.split()), " ".join(value.split())


def _levels(expression: str) -> tuple[str, ...]:
    """Return the levels of eyes, mouth and head."""
    match = _LEVELS.search(expression)
    assert match is not None, expression
    return match.groups()
