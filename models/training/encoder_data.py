"""Training pairs for the sentence encoders: ethics sentences with category names, memories with messages."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.fronts import split_front
from models.interview_bank import DEFAULT_BANK, load_bank
from models.training.augment import add_noise, obfuscate
from models.training.csv_rows import read_csv
from models.training.dialogue_files import DATA_DIR, CorpusError
from models.training.dialogue_rows import DialogueCorpus, is_share_below
from models.training.interview_files import read_blocks
from models.training.key_similarity import KeyGroups, KeySimilarity, MemoryLine
from models.training.memory_notes import read_memory_notes
from models.training.slots import draw_values, fill, read_slot_lists, slot_names
from models.training.text_lines import read_text_lines

CATEGORIES = ("사랑 고백/만남", "일반", "정치", "패드립", "혐오/기타")
NEGATIVES = 60
"""How many messages that are not alike each memory is paired with, where nothing else is asked for."""
FEELING = "오로라에 대한 감정"
"""The key of memories of what a user feels for her."""
_ASKS = re.compile("뭐|누구|어디|언제|몇|기억|맞혀|맞춰|추천|알지|알아|이름")
_MEMORY_LINE = re.compile(r"^(\[([^\[\]:]+): ([^\[\]]+)\])\s*(.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class EthicsSentence:
    """A user's message and the name of its category."""

    text: str
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two texts and the cosine that their embeddings should have."""

    first: str
    second: str
    similarity: float


def read_ethics_csv(path: Path, split: str) -> list[EthicsSentence]:
    """Read `type,user_prompt,category` rows whose type is `split` (all rows for "all").

    Raises:
        CorpusError: the file cannot be read, lacks a column, or names an unknown category.
    """
    sentences = []
    for number, row in enumerate(read_csv(path, ("type", "user_prompt", "category")), 2):
        if split not in {"all", row["type"]}:
            continue
        if row["category"] not in CATEGORIES:
            raise CorpusError(f"{path}:{number}: category {row['category']!r} is none of {', '.join(CATEGORIES)}")
        sentences.append(EthicsSentence(text=row["user_prompt"], category=row["category"]))
    return sentences


def read_ethics_corpus(folder: Path = DATA_DIR, *, held_out: bool = False, seed: int = 7) -> list[EthicsSentence]:
    """Read the sentences of `ethics/*.txt`, slots filled; 1 line in 12 is held out of training.

    Raises:
        CorpusError: a file without its `# category:` line.
    """
    shared = read_slot_lists((folder / "slots.txt").read_text(encoding="utf-8").splitlines())
    rng = random.Random(seed)
    sentences: list[EthicsSentence] = []
    for path in sorted((folder / "ethics").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        lists = shared | read_slot_lists(lines)
        category = lines[0].removeprefix("# category:").strip() if lines else ""
        if category not in CATEGORIES:
            raise CorpusError(f"{path}: the first line must be `# category: ` and one of {', '.join(CATEGORIES)}")
        for line in lines[1:]:
            line = line.strip()
            if not line or line.startswith(("#", "@")) or is_share_below(line, 1 / 12) != held_out:
                continue
            copies = 4 if slot_names(line) and not held_out else 1
            for _ in range(copies):
                text = fill(line, draw_values(slot_names(line), lists, rng))
                sentences.append(EthicsSentence(text=text, category=category))
    distinct = list(dict.fromkeys(sentences))
    if held_out:  # a filled slot may spell a sentence that is taught elsewhere
        taught = {sentence.text for sentence in read_ethics_corpus(folder, seed=seed)}
        return [sentence for sentence in distinct if sentence.text not in taught]
    return distinct


def read_ethics_dialogue(
    corpus: DialogueCorpus,
    folder: Path = DATA_DIR,
    *,
    held_out: bool = False,
    whole_topics: bool = False,
    seed: int = 7,
) -> list[EthicsSentence]:
    """Read messages of the dialogue corpus, trained on or held out, as ethics sentences, by `ethics/topics.toml`; most are normal.

    What is held out are single messages, or, with `whole_topics`, those of the topics of which nothing is trained on. A topic is looked up by its whole name, then by the group in front of its colon.
    """
    topics = tomllib.loads((folder / "ethics" / "topics.toml").read_text(encoding="utf-8"))
    category_of = {topic: category for category, names in topics.items() for topic in names}
    rng = random.Random(seed)
    sentences = []
    for file, exchange in corpus.exchanges():
        group = exchange.topic.partition(":")[0]
        category = category_of.get(exchange.topic, category_of.get(f"{group}:", "일반"))
        in_part = not held_out or (exchange.topic in corpus.held_out_topics) == whole_topics
        if category == "skip" or not in_part:
            continue
        slots = exchange.slots()
        for line in exchange.inputs:
            if corpus.is_held_out(exchange, line) == held_out:
                message = split_front(fill(line, draw_values(slots, file.lists, rng)))[2]
                sentences.append(EthicsSentence(text=message, category=category))
    return list(dict.fromkeys(sentences))


def read_ethics_notes(folder: Path = DATA_DIR) -> list[EthicsSentence]:
    """Read the messages of notes that are remembered as normal sentences; not what is felt for her, and not what is nothing to remember.

    The first may be a declaration of love, and an insult is nothing to remember.

    Raises:
        CorpusError: a file breaks its format.
    """
    notes = [row for row in read_memory_notes(folder) if row.memory and not row.memory.startswith(f"[{FEELING}:")]
    return [EthicsSentence(text=split_front(row.input)[2], category="일반") for row in notes]


def read_interview_answers(folder: Path = DATA_DIR, *, seed: int = 7) -> list[EthicsSentence]:
    """Read what learners answer in the interview files as normal sentences, whole and three words of it at a time; nothing without files.

    An interview judges answers so, and technical words are hard ones: processes are killed, data is poisoned (docs/decisions/0018).

    Raises:
        BankError: the bank is broken. CorpusError: a file breaks its format.
    """
    files = folder / "interview" / DEFAULT_BANK
    if not files.is_dir():
        return []
    rng = random.Random(seed)
    texts: dict[str, None] = {}
    for block in read_blocks(files, load_bank(DEFAULT_BANK)):
        for text in block.texts:
            texts[text] = None
            words = text.split()
            starts = range(max(0, len(words) - 2)) if len(words) > 3 else range(0)
            for start in rng.sample(starts, min(2, len(starts))):
                texts[" ".join(words[start : start + 3])] = None
    return [EthicsSentence(text=text, category="일반") for text in texts]


def ethics_pairs(sentences: Sequence[EthicsSentence], *, copies: int, seed: int) -> list[Pair]:
    """Return each sentence with every category name: 1 for its own, else 0.

    Each sentence comes `copies` times: as written, then with typing noise or disguised. Normal ones are disguised too, less often:
    symbols in a word are no offence by themselves.
    """
    rng = random.Random(seed)
    pairs = []
    for sentence in sentences:
        for copy in range(copies):
            text = sentence.text
            if copy and rng.random() < (0.15 if sentence.category == "일반" else 0.6):
                text = obfuscate(text, rng)
            elif copy:
                text = add_noise(text, rng)
            pairs += [Pair(first=text, second=name, similarity=float(name == sentence.category)) for name in CATEGORIES]
    return pairs


def read_memory_lines(path: Path) -> list[MemoryLine]:
    """Read `[key: value] message` lines; comments start with #.

    Raises:
        CorpusError: a line of another form, or the file cannot be read.
    """
    result = []
    for number, line in read_text_lines(path):
        match = _MEMORY_LINE.match(line)
        if match is None:
            raise CorpusError(f"{path}:{number}: a line is `[key: value] message`, not {line!r}")
        result.append(MemoryLine(memory=match[1], key=match[2].strip(), value=match[3].strip(), message=match[4]))
    return result


def read_front_lines(corpus: DialogueCorpus, *, each: int, seed: int) -> list[MemoryLine]:
    """Return at most `each` lines a key from the memories that stand in front in the dialogue corpus, slots filled.

    Only messages that ask after something are taken. One that stands behind several keys belongs to none of them and is left out,
    as is what is held out.
    """
    rng = random.Random(seed)
    keys: dict[str, set[str]] = {}
    lines = []
    for file, exchange in corpus.exchanges():
        for text in exchange.inputs:
            memory, _, message = split_front(text)
            if memory.startswith("["):
                keys.setdefault(message, set()).add(memory.partition(":")[0])
        for text in exchange.inputs:
            if text.startswith("[") and _ASKS.search(text.partition("]")[2]) and not corpus.is_held_out(exchange, text):
                lines.append((file, exchange, text))
    rng.shuffle(lines)
    by_key: dict[str, list[MemoryLine]] = {}
    for file, exchange, text in lines:
        if len(keys[split_front(text)[2]]) > 1:
            continue
        memory, _, message = split_front(fill(text, draw_values(exchange.slots(), file.lists, rng)))
        match = _MEMORY_LINE.match(f"{memory.strip()} {message}")
        if match is not None:
            line = MemoryLine(memory=match[1], key=match[2].strip(), value=match[3].strip(), message=match[4])
            by_key.setdefault(line.key, []).append(line)
    return [line for found in by_key.values() for line in list(dict.fromkeys(found))[:each]]


def read_memory_csv(path: Path) -> list[Pair]:
    """Read `memory_0,…,user_prompt_1,similarity_score` rows as pairs of memory_0 with user_prompt_1.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or holds a score that is no number.
    """
    pairs = []
    for number, row in enumerate(read_csv(path, ("memory_0", "user_prompt_1", "similarity_score")), 2):
        try:
            score = float(row["similarity_score"])
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: similarity_score {row['similarity_score']!r} is no number") from error
        if not -1 <= score <= 1:  # also true of nan
            raise CorpusError(f"{path}:{number}: similarity_score {row['similarity_score']!r} is not in -1..1")
        pairs.append(Pair(first=row["memory_0"], second=row["user_prompt_1"], similarity=score))
    return pairs


def memory_pairs(lines: Sequence[MemoryLine], keys: KeySimilarity, *, negatives: int | None, seed: int) -> list[Pair]:
    """Return pairs from the product of all memories with all messages.

    Of each memory all pairs with a similarity above 0 are kept, and `negatives` of the others, half of all with typing noise; None
    keeps the whole product as it is written.
    """
    if negatives is None:
        return product_pairs(lines, keys)
    rng = random.Random(seed)
    pairs = []
    for first in lines:
        scored = [(second.message, keys.between(first, second)) for second in lines]
        near = [(message, score) for message, score in scored if score > 0]
        far = [(message, score) for message, score in scored if score == 0]
        for message, score in near + rng.sample(far, min(negatives, len(far))):
            text = add_noise(message, rng) if rng.random() < 0.5 else message
            pairs.append(Pair(first=first.memory, second=text, similarity=score))
    return pairs


def product_pairs(lines: Sequence[MemoryLine], keys: KeySimilarity) -> list[Pair]:
    """Return the pairs of all memories with all messages."""
    return [
        Pair(first=first.memory, second=second.message, similarity=keys.between(first, second))
        for first in lines
        for second in lines
    ]


def unrelated_pairs(
    lines: Sequence[MemoryLine], corpus: DialogueCorpus, folder: Path = DATA_DIR, *, each: int, seed: int
) -> list[Pair]:
    """Return messages that call for no memory (`memory/unrelated.toml`), each with `each` random memories: similarity 0."""
    rule = tomllib.loads((folder / "memory" / "unrelated.toml").read_text(encoding="utf-8"))
    pattern = re.compile("|".join(rule["patterns"]))
    rng = random.Random(seed)
    pairs = []
    for file, exchange in corpus.exchanges():
        for text in exchange.inputs:
            message = split_front(fill(text, draw_values(exchange.slots(), file.lists, rng)))[2]
            if (file.path.stem in rule["files"] or pattern.search(message)) and not corpus.is_held_out(exchange, text):
                memories = rng.sample(lines, each)
                pairs += [Pair(first=line.memory, second=message, similarity=0.0) for line in memories]
    return pairs


def read_training_pairs(
    task: str, path: Path, *, seed: int, keys: KeySimilarity | None = None, negatives: int | None = NEGATIVES
) -> list[Pair]:
    """Read the training pairs of `task` (memory or ethics) from a CSV, or, for memory, from `[key: value] message` lines.

    Pairs of lines are alike by `keys` (without one by the groups), and sampled as `memory_pairs` says.

    Raises:
        CorpusError: another task, or a file that breaks its format.
    """
    if task == "ethics":
        return ethics_pairs(read_ethics_csv(path, "train"), copies=4, seed=seed)
    if task == "memory":
        if is_csv(path):
            return read_memory_csv(path)
        return memory_pairs(read_memory_lines(path), keys or KeyGroups(), negatives=negatives, seed=seed)
    raise CorpusError(f"no encoder task {task!r}; choose memory or ethics")


def read_test_pairs(path: Path, keys: KeySimilarity | None = None) -> list[Pair]:
    """Read pairs to measure: a CSV, or the whole product of `[key: value] message` lines, alike by `keys` (without one by the groups).

    Raises:
        CorpusError: the file breaks its format.
    """
    return read_memory_csv(path) if is_csv(path) else product_pairs(read_memory_lines(path), keys or KeyGroups())


def is_csv(path: Path) -> bool:
    """Tell by its name whether a file holds pairs with their similarities, rather than memory lines."""
    return path.suffix.lower() == ".csv"
