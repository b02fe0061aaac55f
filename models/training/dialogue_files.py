"""Read and check the dialogue files of `models/data/dialogue` (format: `models/data/README.md`)."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import ModelError
from models.fronts import split_front
from models.training.faces import conventional_face
from models.training.slots import WEEKDAYS, SlotError, draw_values, read_slot_lists, slot_names, without_slots

DATA_DIR = Path(__file__).resolve().parent.parent / "data"
EYES = ("작게", "보통", "크게", "아주크게")
MOUTH = ("보통", "크게", "아주크게")
HEAD = ("없음", "보통", "많이")
_MEMORY = re.compile(r"^\[[^\[\]:]+: [^\[\]:]+\]$")
_TIME_MARK = re.compile(r"\(지금은 (\S+) (오전|오후|저녁)\) ")


class CorpusError(ModelError):
    """A corpus file breaks its format; the message names file, line and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: her line, its summary, and its expression levels (eyes, mouth, head); a line without labels teaches the line alone."""

    text: str
    summary: str | None = None
    face: tuple[str, str, str] | None = None


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Inputs that mean the same, what to remember of them, and the replies that fit every one."""

    topic: str
    source: str
    inputs: list[str] = field(default_factory=list)
    memory: str = ""
    replies: list[Reply] = field(default_factory=list)

    @property
    def is_labelled(self) -> bool:
        """Tell whether the replies say what else a turn leaves: summary and face, and that nothing is remembered without a memory."""
        return all(reply.summary is not None for reply in self.replies)

    def slots(self) -> set[str]:
        """Return the slot names used anywhere in the exchange."""
        parts = [*self.inputs, self.memory]
        for reply in self.replies:
            parts += [reply.text, reply.summary or ""]
        return set().union(*(slot_names(part) for part in parts))


@dataclass(slots=True, kw_only=True)
class DialogueFile:
    """The exchanges of one file with the word lists they may use."""

    path: Path
    exchanges: list[Exchange]
    lists: dict[str, list[str]]


def read_dialogue_file(path: Path, shared_lists: dict[str, list[str]]) -> DialogueFile:
    """Parse one dialogue file.

    Raises:
        CorpusError: a line that is no `##`, `>`, `=`, `<`, `@` or `#` line, or a broken one.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    lists = shared_lists | read_slot_lists(lines)
    exchanges: list[Exchange] = []
    topic, current = "", None
    for number, line in enumerate([*lines, ""], 1):
        where = f"{path.name}:{number}"
        mark, _, rest = line.strip().partition(" ")
        if not mark:
            if current is not None:
                _check_exchange(current, lists)
                exchanges.append(current)
            current = None
        elif mark == "##":
            topic = rest.strip()
        elif mark.startswith(("#", "@")):
            continue
        elif mark in {">", "=", "<"}:
            if not topic:
                raise CorpusError(f"{where}: put a `## topic` line before the first exchange")
            current = current or Exchange(topic=topic, source=where)
            _add_line(current, mark, rest.strip(), where)
        else:
            raise CorpusError(f"{where}: a line starts with ##, >, =, <, @ or #, not {mark!r}")
    return DialogueFile(path=path, exchanges=exchanges, lists=lists)


def _add_line(exchange: Exchange, mark: str, rest: str, where: str) -> None:
    if not rest:
        raise CorpusError(f"{where}: nothing behind {mark!r}")
    if mark == ">":
        exchange.inputs.append(rest)
    elif mark == "=":
        if not _MEMORY.match(without_slots(rest)):
            raise CorpusError(f"{where}: a memory is written [key: value], not {rest!r}")
        exchange.memory = rest
    else:
        exchange.replies.append(_read_reply(rest, where))


def _read_reply(rest: str, where: str) -> Reply:
    parts = [part.strip() for part in rest.split("|")]
    if len(parts) == 1:
        return Reply(text=rest)
    if len(parts) != 3 or not all(parts):
        raise CorpusError(f"{where}: a reply is `text | summary | eyes mouth head`, or `text` alone")
    face = tuple(parts[2].split())
    if len(face) != 3 or face[0] not in EYES or face[1] not in MOUTH or face[2] not in HEAD:
        raise CorpusError(f"{where}: {parts[2]!r} is no expression: eyes {EYES}, mouth {MOUTH}, head {HEAD}")
    return Reply(text=parts[0], summary=parts[1], face=(face[0], face[1], face[2]))


def _check_exchange(exchange: Exchange, lists: dict[str, list[str]]) -> None:
    import random

    if not exchange.inputs or not exchange.replies:
        raise CorpusError(f"{exchange.source}: an exchange needs a `>` and a `<` line")
    if len({reply.summary is None for reply in exchange.replies}) > 1:
        raise CorpusError(f"{exchange.source}: either all replies of an exchange have summary and face or none has")
    used = exchange.slots()
    if not used:
        return
    try:
        draw_values(used, lists, random.Random(0))
    except SlotError as error:
        raise CorpusError(f"{exchange.source}: {error}") from error
    given = set().union(*(slot_names(text) for text in exchange.inputs))
    named = {name for name in used if "요일" in name or name == "때"}
    for text in exchange.inputs:
        missing = used - slot_names(text) - named
        if missing:
            raise CorpusError(f"{exchange.source}: {text!r} lacks the slot {sorted(missing)} used in the exchange")
    if named and not (named & given):
        raise CorpusError(f"{exchange.source}: a weekday slot in a reply needs one in the input")


def find_style_problems(file: DialogueFile, facts: Path = DATA_DIR / "facts.toml") -> Iterator[str]:
    """Yield what breaks her facts or voice: forbidden patterns, overlong lines, loose weekdays, faces outside the convention."""
    forbidden = tomllib.loads(facts.read_text(encoding="utf-8"))["forbidden"]
    for exchange in file.exchanges:
        in_front = any(split_front(text)[0] for text in exchange.inputs)
        timed = all(_TIME_MARK.search(text) for text in exchange.inputs)
        for reply in exchange.replies:
            for pattern in forbidden["patterns"]:
                if re.search(pattern, reply.text) and not (in_front and pattern in forbidden["allow_with_memory"]):
                    yield f"{exchange.source}: reply matches the forbidden {pattern!r}: {reply.text}"
            if len(reply.text) > 75:
                yield f"{exchange.source}: reply of {len(reply.text)} characters (aim at 20-40): {reply.text}"
            if reply.summary and len(reply.summary) > 40:
                yield f"{exchange.source}: summary of {len(reply.summary)} characters: {reply.summary}"
            if not timed and not in_front and any(day in reply.text for day in WEEKDAYS if day != "금요일"):
                yield f"{exchange.source}: reply names a weekday but no time mark decides it: {reply.text}"
            if reply.face and (face := conventional_face(reply.text, reply.face)) != reply.face:
                yield (
                    f"{exchange.source}: face {' '.join(face)} by the convention (`python -m models.training.faces` mends): {reply.text}"
                )
        for text in exchange.inputs:
            if len(split_front(text)[2]) > 70:
                yield f"{exchange.source}: message of over 70 characters: {text}"


def main(arguments: list[str]) -> int:
    """Check dialogue files; print problems and counts. Return 1 if a file is broken."""
    shared = read_slot_lists((DATA_DIR / "slots.txt").read_text(encoding="utf-8").splitlines())
    paths = [Path(argument) for argument in arguments] or sorted((DATA_DIR / "dialogue").glob("*.txt"))
    rows = 0
    for path in paths:
        try:
            file = read_dialogue_file(path, shared)
        except CorpusError as error:
            print(f"broken: {error}")
            return 1
        for problem in find_style_problems(file):
            print(problem)
        count = sum(len(exchange.inputs) * len(exchange.replies) for exchange in file.exchanges)
        topics = len({exchange.topic for exchange in file.exchanges})
        print(f"{path.name}: {topics} topics, {len(file.exchanges)} exchanges, {count} rows before slots")
        rows += count
    print(f"{rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
