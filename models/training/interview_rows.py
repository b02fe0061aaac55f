"""Interview rows: one turn as the two encoders and the interviewer adapter learn it, from interview files or from a CSV."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.interview_bank import Collect, Question, QuestionBank, QuestionKind
from models.interview_text import answer_input, interviewer_input, marked_answer, next_input, quiet, shorten, unmarked
from models.profile import AdapterProfile
from models.training.augment import add_noise
from models.training.csv_rows import read_csv
from models.training.dialogue_files import CorpusError
from models.training.interview_files import EVERYWHERE, Block, read_blocks

_COLUMNS = (
    "data_type", "user_input", "current_remaining_user_answer", "current_question", "output_data", "output_answered",
    "output_next_question",
)  # fmt: skip

PLACES_EACH = 12  # places at which a text that fits every question is taught
_ENDS_ITSELF = (QuestionKind.BREAK, QuestionKind.CLOSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewRow:
    """One turn: what was asked and answered, which answer that was, what is still to be given, what is asked next, and her line.

    `asks` is what the interviewer reads of the next question, where that is not its label: the answer that was drawn of several.
    """

    topic: str
    text: str
    answered: str
    left: tuple[str, ...]
    next_question: str
    line: str
    asks: str = ""


def read_rows(data: Path, bank: QuestionBank, split: str, *, seed: int = 7) -> list[InterviewRow]:
    """Read `data`, a CSV or a folder of interview files; `split` is train, valid (what files hold out), or all.

    Raises:
        CorpusError: the data breaks its format or names a label that the bank has not.
    """
    if not data.is_dir():
        return read_interview_csv(data, bank, split)
    rows = []
    for held_out in (False, True) if split == "all" else (split != "train",):
        rows += expand_blocks(read_blocks(data, bank, held_out=held_out), bank, seed=seed)
    return rows


def read_interview_csv(path: Path, bank: QuestionBank, split: str) -> list[InterviewRow]:
    """Read the rows of the published form whose data_type is `split` (valid takes test too, all takes all).

    Rows without a question open the interview and are left out.

    Raises:
        CorpusError: the file breaks the form or names a label that the bank has not.
    """
    rows = []
    for number, row in enumerate(read_csv(path, _COLUMNS), 2):
        kind = "valid" if row["data_type"] == "test" else row["data_type"]
        if split not in {"all", kind} or not row["current_question"]:
            continue
        for column, known in (("output_answered", bank.answer_labels), ("output_next_question", bank.question_labels)):
            if row[column] not in known:
                raise CorpusError(f"{path}:{number}: {column} {row[column]!r} is no label of the bank {bank.name}")
        left = row["current_remaining_user_answer"]
        rows.append(
            InterviewRow(
                topic=row["current_question"],
                text=row["user_input"],
                answered=row["output_answered"],
                left=() if left == bank.marks.nothing_left else tuple(left.split(", ")),
                next_question=row["output_next_question"],
                line=row["output_data"],
            )
        )
    return rows


def expand_blocks(blocks: Iterable[Block], bank: QuestionBank, *, seed: int) -> list[InterviewRow]:
    """Return a row for each text of the blocks in each state in which it may come, with a line of hers drawn for each.

    A text that may come at any question is put to `PLACES_EACH` of them, a wish to go on to all.
    """
    rng = random.Random(seed)
    rows: list[InterviewRow] = []
    for block in blocks:
        places = _places(block, bank)
        for text in block.texts:
            for place in places if block.moves_on else rng.sample(places, min(PLACES_EACH, len(places))):
                rows += _rows_of(block, text, *place, bank, rng)
    return rows


def _places(block: Block, bank: QuestionBank) -> list[tuple[str, Question, str]]:
    """Return where a block may stand: topic, question, and the answer that is wanted where they come in order or one is drawn."""
    graded = [question.label for question in bank.questions if question.is_graded]
    topics = graded if block.topic == EVERYWHERE else [block.topic]
    places = []
    for topic in topics:
        question = bank.topics[topic]
        if question.collect is Collect.ALL:
            places.append((topic, question, ""))
        elif question.collect is Collect.ONE:
            places.append((topic, question, topic))
        else:
            wanted = [block.answered] if block.answered in question.answer_labels else question.answer_labels
            places += [(topic, question, label) for label in wanted]
    return places


def _rows_of(
    block: Block, text: str, topic: str, question: Question, wanted: str, bank: QuestionBank, rng: random.Random
) -> Iterator[InterviewRow]:
    follow = bank.choices(question.label, {q.label for q in bank.questions[: bank.questions.index(question) + 1]})
    for left_before in _states(question, wanted, block.answered):
        left = question.left_after(left_before, block.answered)
        stays = not block.moves_on and bool(left) and question.kind not in _ENDS_ITSELF
        chosen = question.label if stays else _choose(follow, text, bank)
        asks = ""
        if chosen != bank.marks.end and bank.question(chosen).collect is Collect.ONE:
            asks = rng.choice(bank.question(chosen).answer_labels)
        yield InterviewRow(
            topic=topic,
            text=marked_answer(question, wanted, text),
            answered=block.answered,
            left=left,
            next_question=chosen,
            line=_line(block, text, question, left, asks or chosen, bank, rng),
            asks=asks,
        )


def _states(question: Question, wanted: str, answered: str) -> list[tuple[str, ...]]:
    """Return which answers may be open before this turn."""
    labels = question.answer_labels
    if question.collect is Collect.ONE:
        return [(wanted,)]
    if question.collect is Collect.IN_ORDER:
        return [labels[labels.index(wanted) :]]
    subsets = (chosen for size in range(1, len(labels) + 1) for chosen in itertools.combinations(labels, size))
    return [chosen for chosen in subsets if answered not in labels or answered in chosen]


def _choose(follow: Sequence[str], text: str, bank: QuestionBank) -> str:
    """Return the first question that the text itself names, else the first."""
    named = (label for label in follow if label != bank.marks.end and bank.question(label).is_asked_by(text))
    return next(named, follow[0]) if len(follow) > 1 else follow[0]


def _line(
    block: Block,
    text: str,
    question: Question,
    left: tuple[str, ...],
    chosen: str,
    bank: QuestionBank,
    rng: random.Random,
) -> str:
    """Return what she says: a line of the block, and behind it what she asks next, unless the line holds it or there is nothing to ask."""
    term = bank.find_term(text) if block.answered == bank.marks.term else None
    line = term.explanation if term else rng.choice(block.lines) if block.lines else ""
    if chosen == bank.marks.end or (chosen == question.label and block.answered not in question.answer_labels):
        return line
    if chosen != question.label:
        asked = bank.topics[chosen]
        drawn = asked.answer(chosen).ask if asked.collect is Collect.ONE else asked.ask
        return f"{line} {rng.choice(drawn)}".strip()
    if question.kind is QuestionKind.GREETING:
        return line
    return f"{line} {rng.choice(question.answer(rng.choice(left)).ask or question.ask)}"


def encoder_texts(
    task: Callable[[InterviewRow], tuple[str, str]], rows: Iterable[InterviewRow], *, copies: int, seed: int
) -> list[tuple[str, str]]:
    """Return distinct (text, label) of a task, each also in `copies` - 1 ways with typing noise."""
    rng = random.Random(seed)
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        for copy in range(copies):
            text = add_noise(row.text, rng) if copy and not row.text.startswith("[") else row.text
            found[task(replace(row, text=text))] = None
    return list(found)


def answer_of(row: InterviewRow) -> tuple[str, str]:
    """Return what the answer encoder reads of a row, and the label it should find."""
    return answer_input(row.topic, row.text), row.answered


def next_of(row: InterviewRow) -> tuple[str, str]:
    """Return what the next-question encoder reads of a row, and the label it should find."""
    return next_input(row.topic, row.text, row.left), row.next_question


def interview_examples(
    rows: Iterable[InterviewRow], adapter: AdapterProfile, shown: int, *, copies: int = 1, seed: int = 7
) -> list[tuple[str, str]]:
    """Return the distinct (prompt, answer) pairs of the interviewer adapter; users' texts are cut to `shown` characters."""
    rng = random.Random(seed)
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        for copy in range(copies if row.line else 0):
            text = unmarked(row.text)
            text = shorten(quiet(add_noise(text, rng) if copy else text), shown)
            prompt = interviewer_input(row.topic, text, row.answered, row.asks or row.next_question)
            found[(f"{prompt}{adapter.start_mark}", f" {row.line} {adapter.stop_mark}")] = None
    return list(found)
