"""Check what is held out of a small corpus, and how answers to it are judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation.corpus_match import OTHER_TEXT, READ_TOPICS, TASKS, is_same_text, is_without_topics
from models.evaluation.held_out import (
    HeldOutPrompt,
    Part,
    check_answer,
    held_out_figures,
    read_forbidden,
    read_held_out_ethics,
    read_held_out_memory,
    read_held_out_prompts,
)
from models.evaluation.held_out_report import write_held_out_reports
from models.evaluation.held_out_run import HeldOutRun, held_out_run_figures, measure_held_out
from models.evaluation.report import Report
from models.fronts import split_front
from models.profile import ADAPTER_NAMES, BaseModelProfile, Profile, with_weights
from models.training.dialogue_rows import expand, read_corpus
from models.training.encoder_data import CATEGORIES, read_ethics_corpus, read_ethics_dialogue
from models.training.key_similarity import KeyGroups
from models.training.manifest import hash_corpus
from models.types import StepAnswer
from tests.fakes import FakeEmbedder

FACTS = "[forbidden]\npatterns = ['ENFP', '습니다']\nallow_with_memory = ['ENFP']\n"
WHOLE_TOPIC = "주제 67"
HELD_OUT_KEYS = ("열쇠 0", "열쇠 1", "열쇠 2", "열쇠 7")  # by hash; the second is of the first one's group
ALIKE = {"key_alike", "key_alike_value_right", "key_alike_value_near"}
FACE = "(눈 크게, 입 보통, 고개 돌림 없음)"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 120 exchanges of their own, 120 paraphrases of one, a topic held out whole, and sentences of every category."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "dialogue").mkdir()
    (folder / "ethics").mkdir()
    own = [f"> 혼자 {n}\n= [번호: {n}]\n< 대답 {n} | 번호 {n} | 크게 보통 없음\n" for n in range(120)]
    filled = [f"> 나 {{음식:을/를}} {n} 먹음\n< {{음식:이/가}} 좋지 | 먹었음 | 크게 보통 없음\n" for n in range(60)]
    shared = "\n".join(f"> 함께 {n}" for n in range(120)) + "\n< 함께한 대답 | 함께함 | 보통 크게 없음\n"
    whole = [f"> 통째로 {n}\n< 남긴 대답 {n} | 남김 {n} | 크게 보통 없음\n" for n in range(5)]
    again = "> 혼자 3\n< 남긴 대답 | 남김 | 크게 보통 없음\n"  # taught by another topic too
    text = "\n".join(["## 말", *own, *filled, shared, f"\n## {WHOLE_TOPIC}", *whole, again])
    (folder / "dialogue" / "a.txt").write_text(text, "utf-8")
    (folder / "memory").mkdir()
    lines = [f"[{key} {n}: 값] 메시지 {n}" for key in ("열쇠",) for n in range(12)]
    (folder / "memory" / "lines.txt").write_text("\n".join(lines), "utf-8")
    (folder / "memory" / "key_groups.txt").write_text("same:\n열쇠 0, 열쇠 1\n", "utf-8")
    (folder / "slots.txt").write_text("@음식: 김밥, 라면\n", "utf-8")
    (folder / "facts.toml").write_text(FACTS, "utf-8")
    for number, category in enumerate(CATEGORIES):
        lines = [f"{category} 문장 {line}" for line in range(60)] + [f"함께 {line}" for line in range(60)]
        text = "\n".join(lines if number == 1 else lines[:60])
        (folder / "ethics" / f"{number}.txt").write_text(f"# category: {category}\n{text}\n", "utf-8")
    (folder / "ethics" / "topics.toml").write_text("skip = []\n", "utf-8")
    return folder


def test_prompts_are_the_held_out_rows_for_all_adapters(data: Path) -> None:
    prompts = read_held_out_prompts(data, seed=7)
    rows = expand(read_corpus(data), 7, held_out=True)
    for task in ("output_message", "memory"):
        assert {each.input for each in prompts if each.task == task} == {row.input for row in rows}
    summaries = {each.input for each in prompts if each.task == "summary"}
    assert summaries == {f"{row.input} (오로라 답변){row.reply}" for row in rows}
    taught = {row.input for row in expand(read_corpus(data), 7)}
    assert not {each.input for each in prompts} & taught


def test_replies_that_other_inputs_teach_are_no_prompts_of_expressions(data: Path) -> None:
    rows = expand(read_corpus(data), 7, held_out=True)
    assert {"함께한 대답", "김밥이 좋지", "라면이 좋지"} & {row.reply for row in rows}
    faces = [each for each in read_held_out_prompts(data, seed=7) if each.task == "eyes_mouth_pose"]
    assert faces
    assert all(each.input.startswith(("대답 ", "남긴 대답 ")) for each in faces)


def test_prompts_of_a_topic_that_is_held_out_whole_stand_apart(data: Path) -> None:
    prompts = read_held_out_prompts(data, seed=7)
    by_topic = {each.input for each in prompts if each.part is Part.TOPIC and each.task == "memory"}
    assert {split_front(text)[2] for text in by_topic} == {f"통째로 {n}" for n in range(5)}
    assert not [each for each in prompts if each.part is Part.LINE and "통째로" in each.input]


def test_pairs_of_held_out_keys_are_all_memories_with_all_messages(data: Path) -> None:
    pairs = read_held_out_memory(data)
    assert {pair.first for pair in pairs} == {f"[{key}: 값]" for key in HELD_OUT_KEYS}
    assert len(pairs) == 16
    assert sum(pair.similarity == 1 for pair in pairs) == 6  # each with its own, two of them with each other's


def test_limit_is_for_each_adapter_and_takes_the_same_rows(data: Path) -> None:
    prompts = read_held_out_prompts(data, seed=7, limit=2)
    assert [each.task for each in prompts] == [name for name in ADAPTER_NAMES for _ in range(2)]
    assert set(prompts) <= set(read_held_out_prompts(data, seed=7))


def test_ethics_sentences_that_something_teaches_are_left_out(data: Path) -> None:
    corpus = read_corpus(data)
    written = {each.text for each in read_ethics_corpus(data, held_out=True)}
    said = {each.text for each in read_ethics_dialogue(corpus, data, held_out=True)}
    topics = {each.text for each in read_ethics_dialogue(corpus, data, held_out=True, whole_topics=True)}
    taught = {each.text for each in (*read_ethics_corpus(data), *read_ethics_dialogue(corpus, data))}
    sentences = {part: {each.text for each in found} for part, found in read_held_out_ethics(data).items()}
    assert sentences[Part.LINE] == (written | said) - taught
    assert {text.split()[0] for text in written - sentences[Part.LINE]} == {"함께"}
    assert topics == {"혼자 3", *(f"통째로 {n}" for n in range(5))}
    assert sentences[Part.TOPIC] == topics - {"혼자 3"}
    assert {part: len(found) for part, found in read_held_out_ethics(data, limit=3).items()} == {
        Part.LINE: 2,
        Part.TOPIC: 1,
    }


@pytest.mark.parametrize(
    ("final_input", "reply", "forbidden"),
    [
        ("안녕", "나 ENFP야", True),
        ("[MBTI: ENFP] 안녕", "너 ENFP지", False),
        ("[MBTI: ENFP] 안녕", "그렇습니다", True),
        ("안녕", "안녕!", False),
    ],
)
def test_forbidden_patterns_may_be_allowed_behind_a_front(
    write: Callable[..., Path], final_input: str, reply: str, forbidden: bool
) -> None:
    assert read_forbidden(write("facts.toml", FACTS))(final_input, reply) == forbidden


def check(task: str, expected: str, text: str, *, well_formed: bool = True, forbidden: bool = False) -> dict[str, bool]:
    prompt = HeldOutPrompt(task=task, input="안녕", expected=expected)
    return check_answer(prompt, StepAnswer(text=text, is_well_formed=well_formed), lambda *_: forbidden, KeyGroups())


@pytest.mark.parametrize(
    ("expected", "text", "holds"),
    [
        ("[상태: 졸림]", "[상태: 졸림]", {"decision_right", "with_memory", "key_right", "value_right", "both_right", "value_near", "key_right_value_near", "passed", *ALIKE}),
        ("[내일  일정: 큰 시험]", "[내일 일정:  큰  시험]", {"decision_right", "with_memory", "key_right", "value_right", "both_right", "value_near", "key_right_value_near", "passed", *ALIKE}),
        ("[상태: 졸림]", "[상태: 피곤]", {"decision_right", "with_memory", "key_right", "key_alike"}),
        ("[좋아하는 가수: 뷔]", "[좋아하는 아이돌: 뷔]", {"decision_right", "with_memory", "value_right", "value_near", *ALIKE}),
        ("[기상: 3:30]", "[시각: 3:30]", {"decision_right", "with_memory", "value_right", "value_near"}),
        ("[상태: 발목을 삠]", "[상태: 발목을 삐었음]", {"decision_right", "with_memory", "key_right", "value_near", "key_right_value_near", "key_alike", "key_alike_value_near"}),
        ("[상태: 졸림]", "", {"with_memory", "missed"}),
        ("", "[상태: 졸림]", {"stored_needlessly"}),
        ("", "", {"decision_right", "passed"}),
    ],
)  # fmt: skip
def test_memory_is_judged_by_the_decision_and_by_key_and_value(expected: str, text: str, holds: set[str]) -> None:
    checks = check("memory", expected, text)
    assert {name for name, is_so in checks.items() if is_so} - {"well_formed"} == holds


@pytest.mark.parametrize(
    ("text", "well_formed", "agrees"),
    [
        (FACE, True, True),
        ("(눈 크게, 입 보통, 고개 돌림 많이)", True, True),
        ("(눈 아주 크게, 입 보통, 고개 돌림 없음)", True, False),
        ("(눈 크게, 입 크게, 고개 돌림 없음)", True, False),
        (FACE, False, False),  # the plain face stood in
    ],
)
def test_expression_agrees_on_eyes_and_mouth(text: str, well_formed: bool, agrees: bool) -> None:
    checks = check("eyes_mouth_pose", FACE, text, well_formed=well_formed)
    assert checks == {"well_formed": well_formed, "eyes_and_mouth_right": agrees, "passed": agrees}


@pytest.mark.parametrize(
    ("text", "well_formed", "passes"),
    [("인사함", True, True), ("가" * 40, True, True), ("가" * 41, True, False), ("", False, False)],
)
def test_summary_is_judged_by_its_form(text: str, well_formed: bool, passes: bool) -> None:
    assert check("summary", "다른 요약", text, well_formed=well_formed)["passed"] == passes


def test_reply_passes_when_well_formed_and_not_forbidden() -> None:
    assert check("output_message", "", "좋아")["passed"]
    assert not check("output_message", "", "좋아", forbidden=True)["passed"]
    assert not check("output_message", "", "(읽씹)", well_formed=False)["passed"]


async def run_on(data: Path, profile: Profile, tasks: Sequence[str]) -> HeldOutRun:
    async def answer(task: str, text: str) -> StepAnswer:
        answers = {"output_message": "좋아!", "memory": "[번호: 1]", "summary": "", "eyes_mouth_pose": FACE}
        return StepAnswer(text=answers[task], is_well_formed=task != "summary")

    def sanctioned(scores: Mapping[str, float]) -> list[str]:
        return [name for name, score in scores.items() if name != "일반" and score > 0.5]

    return await measure_held_out(
        profile, tasks, answer, FakeEmbedder(), sanctioned, lambda _: lambda *_: None, seed=7, limit=4, data=data
    )


async def test_all_tasks_are_measured_counted_and_reported(data: Path, profile: Profile, report: Report) -> None:
    run = await run_on(data, profile, TASKS)
    figures = held_out_run_figures(run)
    for part in Part:
        dialogue, ethics = figures[part]["dialogue"], figures[part]["ethics"]
        assert dialogue["output_message"] == {"n": 2, "well_formed": 2, "forbidden": 0, "passed": 2}
        assert dialogue["summary"] == {"n": 2, "well_formed": 0, "passed": 0}
        assert dialogue["eyes_mouth_pose"]["passed"] == 2
        assert (ethics["n"], ethics["false_sanctions"], ethics["caught"]) == (2, 0, 0)
    assert figures["by_topic"]["memory"]["n"] == 16
    assert figures["without_topics"] == dict.fromkeys(TASKS)
    pages = {name: replace(report, name=f"held-out-{name}") for name in TASKS}
    write_held_out_reports(
        pages, replace(run, same_text=False, without_topics={**dict.fromkeys(TASKS), "memory": False})
    )
    for name in pages:
        page = (report.folder / f"held-out-{name}.md").read_text("utf-8")
        assert OTHER_TEXT in page
        assert (READ_TOPICS in page) == (name == "memory")
    dialogue = (report.folder / "held-out-dialogue.md").read_text("utf-8")
    assert "| `summary` | by line | 2 | 0 (0 %) | 0 (0 %) |" in dialogue
    assert "| `summary` | by topic | 2 | 0 (0 %) | 0 (0 %) |" in dialogue
    assert "| by topic | 2 |" in (report.folder / "held-out-ethics.md").read_text("utf-8")
    assert "## Failed, `summary`: 4 of 4" in dialogue
    assert "## Failed, `output_message`" not in dialogue


async def test_one_task_alone_leaves_the_others_out(data: Path, profile: Profile, report: Report) -> None:
    run = await run_on(data, profile, ("ethics",))
    figures = held_out_run_figures(run)
    assert [set(figures[part]) for part in Part] == [{"ethics"}, {"ethics"}]
    write_held_out_reports({"ethics": report}, run)
    assert {file.name for file in report.folder.iterdir()} == {"page.md", "page-confusion.png", "page-scores.png"}


def test_figures_of_nothing_are_empty() -> None:
    assert held_out_figures([]) == {}


@pytest.mark.parametrize(
    ("manifest", "same"),
    [('{"corpus_sha256": "HASH"}', True), ('{"corpus_sha256": "0"}', False), ("{}", None), ("{", None), (None, None)],
)
def test_weights_tell_by_their_manifest_whether_they_know_this_text(
    data: Path, profile: Profile, tmp_path: Path, manifest: str | None, same: bool | None
) -> None:
    (tmp_path / "weights" / "base").mkdir(parents=True)
    if manifest is not None:
        (tmp_path / "weights" / "manifest.json").write_text(manifest.replace("HASH", hash_corpus(data)), "utf-8")
    moved = replace(profile, bases={"main": BaseModelProfile(source=str(tmp_path / "weights" / "base"))})
    assert is_same_text(moved, data) is same


@pytest.mark.parametrize(
    ("parts", "dialogue", "ethics"),
    [
        (None, False, False),  # a manifest of before
        (["base", "encoder ethics"], False, True),
        (["base", *(f"adapter {name}" for name in ADAPTER_NAMES)], True, False),
    ],
)
def test_weights_tell_by_their_manifest_what_was_trained_without_the_held_out_topics(
    profile: Profile, tmp_path: Path, parts: list[str] | None, dialogue: bool, ethics: bool
) -> None:
    assert is_without_topics(profile, "dialogue") is None
    for folder in ("base", "encoders/ethics", *(f"adapters/{name}" for name in ADAPTER_NAMES)):
        (tmp_path / folder).mkdir(parents=True)
    manifest = {} if parts is None else {"without_topics": parts}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    moved = with_weights(profile, tmp_path)
    assert (is_without_topics(moved, "dialogue"), is_without_topics(moved, "ethics")) == (dialogue, ethics)
