"""Check the training pairs of the sentence encoders and the readers of their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from models.fronts import split_front
from models.profile import MODELS_DIR
from models.training.dialogue_files import DATA_DIR, CorpusError
from models.training.dialogue_rows import DialogueCorpus
from models.training.encoder_data import (
    CATEGORIES,
    EthicsSentence,
    Pair,
    ethics_pairs,
    memory_pairs,
    read_ethics_corpus,
    read_ethics_csv,
    read_ethics_dialogue,
    read_ethics_notes,
    read_front_lines,
    read_interview_answers,
    read_memory_csv,
    read_memory_lines,
    read_test_pairs,
    read_training_pairs,
)
from models.training.key_similarity import KeyGroups, MemoryLine

GOLDEN = MODELS_DIR / "evaluation" / "golden"


@pytest.fixture(scope="module")
def ethics() -> list[EthicsSentence]:
    """What the ethics encoder is taught from sentences of its own, under the seed that is usual."""
    return read_ethics_corpus()


def test_ethics_corpus_has_enough_of_every_category(ethics: list[EthicsSentence]) -> None:
    assert len(ethics) >= 4_000
    assert len(set(ethics)) == len(ethics)
    counts = Counter(sentence.category for sentence in ethics)
    assert set(counts) == set(CATEGORIES)
    assert min(counts.values()) >= 80
    assert not any("{" in sentence.text for sentence in ethics)


def test_ethics_lines_held_out_are_not_in_training(ethics: list[EthicsSentence]) -> None:
    held = {sentence.text for sentence in read_ethics_corpus(held_out=True)}
    assert len(held) > 50
    assert sorted(held & {sentence.text for sentence in ethics}) == []


def test_learners_answers_are_normal_whole_and_three_words_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "interview" / "machine_learning" / "kinds.txt"
    file.parent.mkdir(parents=True)
    answer = "쓸모없는 뉴런을 꺼 버리는 규제예요"
    file.write_text(f"## 거대 언어 모델 정의\n= 답변 실패\n> {answer}\n> 몰라\n< 괜찮아!\n", encoding="utf-8")
    sentences = read_interview_answers(tmp_path)
    assert {each.category for each in sentences} == {"일반"}
    texts = [each.text for each in sentences]
    assert {answer, "몰라"} < set(texts)
    windows = [text for text in texts if text not in (answer, "몰라")]
    assert len(windows) == 2
    assert all(text in answer and len(text.split()) == 3 for text in windows)
    assert read_interview_answers(tmp_path / "nothing here") == []


def test_ethics_corpus_is_decided_by_the_seed(ethics: list[EthicsSentence]) -> None:
    assert read_ethics_corpus(seed=7) == ethics
    assert read_ethics_corpus(seed=1) != ethics


def test_remembered_notes_are_normal_sentences_but_feelings_for_her_are_not(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    notes = "난 무조건 부먹 => 좋아하는 음식: 부먹\n저리 꺼져라 =>\n너 없으면 못 살아 => 오로라에 대한 감정: 없으면 못 삶\n[취미: 사진] 필름만 써 => 취미: 필름\n"
    (tmp_path / "memory" / "notes_1.txt").write_text(notes, "utf-8")
    assert read_ethics_notes(tmp_path) == [
        EthicsSentence(text="난 무조건 부먹", category="일반"),
        EthicsSentence(text="필름만 써", category="일반"),
    ]


@pytest.mark.parametrize("name", ["ethics.csv", "ethics_unseen.csv"])
def test_golden_sentences_are_not_in_the_training_text(ethics: list[EthicsSentence], name: str) -> None:
    golden = {sentence.text for sentence in read_ethics_csv(GOLDEN / name, "all")}
    assert golden
    assert sorted(golden & {sentence.text for sentence in ethics}) == []


def test_dialogue_messages_teach_the_ethics_encoder(shipped_corpus: DialogueCorpus) -> None:
    sentences = read_ethics_dialogue(shipped_corpus)
    counts = Counter(sentence.category for sentence in sentences)
    assert counts["일반"] > 1000
    assert set(counts) <= set(CATEGORIES)
    assert counts["사랑 고백/만남"] > 10
    assert not any(any(split_front(sentence.text)[:2]) for sentence in sentences)


def test_ethics_topics_name_topics_that_exist(shipped_corpus: DialogueCorpus) -> None:
    import tomllib

    topics = tomllib.loads((DATA_DIR / "ethics" / "topics.toml").read_text("utf-8"))
    known = {exchange.topic for _, exchange in shipped_corpus.exchanges()}
    known |= {f"{topic.partition(':')[0]}:" for topic in known if ":" in topic}
    assert {topic for names in topics.values() for topic in names} - known == set()
    assert set(topics) <= {*CATEGORIES, "skip"}


def test_each_sentence_is_paired_with_every_category() -> None:
    sentences = [EthicsSentence(text="사랑해", category="사랑 고백/만남"), EthicsSentence(text="안녕", category="일반")]
    pairs = ethics_pairs(sentences, copies=3, seed=1)
    assert len(pairs) == 2 * 3 * 5
    assert pairs[:5] == [
        Pair(first="사랑해", second=name, similarity=float(name == "사랑 고백/만남")) for name in CATEGORIES
    ]
    assert sum(pair.similarity for pair in pairs) == 6
    assert ethics_pairs(sentences, copies=3, seed=1) == pairs
    assert len({pair.first for pair in pairs if pair.similarity == 1 and pair.second == "사랑 고백/만남"}) > 1


def test_ordinary_sentences_are_disguised_too_so_that_symbols_are_no_offence() -> None:
    sentences = [EthicsSentence(text="오늘 집에 가는 길", category="일반")]
    texts = {pair.first for pair in ethics_pairs(sentences, copies=60, seed=1)}
    assert any(text.startswith("오 늘 집 에") for text in texts)


def test_memory_corpus_is_large_enough() -> None:
    lines = read_memory_lines(DATA_DIR / "memory" / "lines.txt")
    assert len(lines) >= 400
    assert len({line.key for line in lines}) >= 80


def _line(key: str, value: str, message: str = "응") -> MemoryLine:
    return MemoryLine(memory=f"[{key}: {value}]", key=key, value=value, message=message)


def test_memory_pairs_keep_all_near_and_some_far() -> None:
    lines = [_line("취미", "등산", "산 가자"), _line("취미", "독서", "책 읽자")] + [
        _line(f"열쇠{number}", "x", f"말 {number}") for number in range(20)
    ]
    pairs = memory_pairs(lines, KeyGroups(path=None), negatives=3, seed=1)
    hobby = [pair for pair in pairs if pair.first == "[취미: 등산]"]
    assert sum(pair.similarity == 1 for pair in hobby) == 2
    assert sum(pair.similarity == 0 for pair in hobby) == 3
    assert memory_pairs(lines, KeyGroups(path=None), negatives=3, seed=1) == pairs


def test_memory_pairs_with_all_negatives_are_the_whole_product_as_written() -> None:
    lines = [_line(f"열쇠{number}", "x", f"말 {number}") for number in range(12)]
    pairs = memory_pairs(lines, KeyGroups(path=None), negatives=None, seed=1)
    assert pairs == [
        Pair(first=f"[열쇠{one}: x]", second=f"말 {two}", similarity=float(one == two))
        for one in range(12)
        for two in range(12)
    ]


def test_memories_in_front_teach_the_memory_encoder(shipped_corpus: DialogueCorpus) -> None:
    lines = read_front_lines(shipped_corpus, each=3, seed=7)
    counts = Counter(line.key for line in lines)
    assert len(counts) >= 80
    assert max(counts.values()) == 3
    held_out: set[str] = set()
    taught: set[str] = set()
    for _, exchange in shipped_corpus.exchanges():
        for text in exchange.inputs:
            (held_out if shipped_corpus.is_held_out(exchange, text) else taught).add(split_front(text)[2])
    assert not (held_out - taught) & {line.message for line in lines}
    assert not [line for line in lines if "{" in line.memory + line.message]
    assert read_front_lines(shipped_corpus, each=3, seed=7) == lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_files_are_read_with_or_without_a_byte_order_mark(write: Callable[..., Path], encoding: str) -> None:
    ethics = write(
        "e.csv", 'type,user_prompt,category\ntrain,"사랑해, 로라",사랑 고백/만남\ntest,안녕,일반\n', encoding
    )
    assert read_ethics_csv(ethics, "train") == [EthicsSentence(text="사랑해, 로라", category="사랑 고백/만남")]
    assert len(read_ethics_csv(ethics, "all")) == 2
    assert len(read_training_pairs("ethics", ethics, seed=1)) == 4 * 5
    memory = write(
        "m.csv",
        "memory_0,user_prompt_0,memory_1,user_prompt_1,similarity_score\n[a: b],가,[c: d],나,0.25\n",
        encoding,
    )
    assert read_memory_csv(memory) == [Pair(first="[a: b]", second="나", similarity=0.25)]
    assert read_training_pairs("memory", memory, seed=1) == read_test_pairs(memory) == read_memory_csv(memory)
    lines = write("m.txt", "# 설명\n\n[상태: 졸림] 하암\n[취미: 등산: 겨울] 산에 가자\n", encoding)
    assert [(line.key, line.value, line.message) for line in read_memory_lines(lines)] == [
        ("상태", "졸림", "하암"),
        ("취미", "등산: 겨울", "산에 가자"),
    ]
    assert len(read_test_pairs(lines)) == 4
    assert read_training_pairs("memory", lines, seed=1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("e.csv", "type,user_prompt\ntrain,안녕\n", "lacks the column category"),
        ("e.csv", "", "lacks the column type"),
        ("e.csv", "type,user_prompt,category\ntrain,안녕,보통\n", "e.csv:2: category '보통'"),
        ("e.csv", "type,user_prompt,category\ntrain,안녕\n", "e.csv:2"),
        ("m.csv", "memory_0,user_prompt_1\n[a: b],가\n", "lacks the column similarity_score"),
        ("m.csv", "memory_0,user_prompt_1,similarity_score\n[a: b],가,높음\n", "m.csv:2: similarity_score '높음'"),
        ("m.csv", "memory_0,user_prompt_1,similarity_score\n[a: b],가,nan\n", "m.csv:2: similarity_score 'nan'"),
        ("m.csv", "memory_0,user_prompt_1,similarity_score\n[a: b],가,\n", "m.csv:2"),
        ("m.txt", "[상태: 졸림] 하암\n상태: 졸림\n", "m.txt:2"),
        ("m.txt", "[상태: 졸림]\n", "m.txt:1"),
    ],
)
def test_file_that_breaks_its_format_is_named_with_its_line(
    write: Callable[..., Path], name: str, text: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        read_training_pairs("ethics" if name.startswith("e") else "memory", write(name, text), seed=1)


def test_unreadable_files_and_other_tasks_are_refused(tmp_path: Path) -> None:
    for name in ("nothing.csv", "nothing.txt"):
        with pytest.raises(CorpusError, match="cannot read"):
            read_training_pairs("memory", tmp_path / name, seed=1)
    with pytest.raises(CorpusError, match="'manners'"):
        read_training_pairs("manners", tmp_path / "x.csv", seed=1)
    folder = tmp_path / "ethics"
    folder.mkdir()
    (tmp_path / "slots.txt").touch()
    (folder / "x.txt").write_text("안녕\n", "utf-8")
    with pytest.raises(CorpusError, match="first line"):
        read_ethics_corpus(tmp_path)
