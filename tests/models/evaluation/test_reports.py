"""Check what the pages say of measurements made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.dialogue import GoldenPrompt, GradedAnswer
from models.evaluation.dialogue_report import front_of, write_dialogue_report
from models.evaluation.ethics import EthicsScores
from models.evaluation.ethics_report import write_ethics_report
from models.evaluation.memory import MemoryScores
from models.evaluation.memory_report import write_memory_report
from models.evaluation.report import Report
from models.profile import Profile
from models.training.encoder_data import CATEGORIES, EthicsSentence, Pair
from models.types import StepAnswer

LOVE, NORMAL, POLITICS, PAEDRIP, HATE = CATEGORIES
Page = Callable[[], str]


def files(report: Report) -> set[str]:
    return {file.name for file in report.folder.iterdir()}


def test_memory_page_tells_figures_retrieval_and_the_worst_pairs(report: Report, page: Page, profile: Profile) -> None:
    pairs = [Pair(first=f"[취미: {n}]", second=f"메시지 {n}", similarity=n / 29) for n in range(30)]
    true = np.array([pair.similarity for pair in pairs])
    write_memory_report(report, MemoryScores(pairs=pairs, true=true, cosines=np.full(30, 0.7)), profile)
    assert files(report) == {"page.md", "page-scatter.png", "page-scores.png"}
    text = page()
    assert "| 0.6 | 15 | 30 | 15 | 0.5000 | 1.0000 | 1 |" in text
    worst = text.split("most wrong")[1]
    assert worst.count("| [취미") == 20
    assert "| [취미: 0] | 메시지 0 | 0.00 | 0.70 |" in worst.splitlines()[4]


@pytest.fixture
def ethics() -> EthicsScores:
    rows = [
        ("사랑해", LOVE, [0.9, 0, 0, 0, 0], {LOVE}),
        ("안녕", NORMAL, [0, 0.9, 0, 0, 0], set()),
        ("선거 언제더라", NORMAL, [0, 0.3, 0.95, 0, 0], {POLITICS}),
        ("죽어", HATE, [0, 0.8, 0, 0, 0.2], set()),
        ("꺼져 | 좀", HATE, [0, 0, 0, 0.9, 0.3], {PAEDRIP}),
        ("좋은 아침", NORMAL, [0.5, 0.4, 0, 0, 0], set()),
    ]
    return EthicsScores(
        sentences=[EthicsSentence(text=text, category=name) for text, name, _, _ in rows],
        cosines=np.array([scores for _, _, scores, _ in rows]),
        offences=[frozenset(found) for _, _, _, found in rows],
        normal=NORMAL,
    )


def test_ethics_page_tells_categories_sanctions_and_what_goes_wrong(
    report: Report, page: Page, profile: Profile, ethics: EthicsScores
) -> None:
    write_ethics_report(report, ethics, profile)
    assert files(report) == {"page.md", "page-confusion.png", "page-scores.png"}
    lines = page().splitlines()
    assert f"| {NORMAL} (normal) | 1 | 1 | 1 | 0 | 0 | 0.5000 | 0.3333 |" in lines
    assert f"| {LOVE} (love) | 1 | 0 | 0 | 0 | 0 | 0.5000 | 1.0000 |" in lines
    assert f"{HATE} against {NORMAL}, the other categories left out: precision –, recall 0.0000." in lines
    assert f"| {HATE} | – | 2 | 0 (0 %) | 2 (100 %) | 1 (50 %) |" in lines
    assert f"| {NORMAL} | – | 3 | – | – | 1 (33 %) |" in lines
    assert lines[lines.index("## Wrong: 4 of 4") + 2 :] == [
        "| sentence | true | its score | predicted | its score | policy |",
        "| --- | --- | --- | --- | --- | --- |",
        f"| 선거 언제더라 | {NORMAL} | 0.30 | {POLITICS} | 0.95 | sanctioned without reason |",
        f"| 죽어 | {HATE} | 0.20 | {NORMAL} | 0.80 | missed |",
        f"| 꺼져 \\| 좀 | {HATE} | 0.30 | {PAEDRIP} | 0.90 | missed |",
        f"| 좋은 아침 | {NORMAL} | 0.40 | {LOVE} | 0.50 | lets it pass |",
    ]


def test_ethics_page_lists_forty_of_many_and_none_of_none(
    report: Report, page: Page, profile: Profile, ethics: EthicsScores
) -> None:
    many = EthicsScores(
        sentences=[*ethics.sentences] * 20,
        cosines=np.tile(ethics.cosines, (20, 1)),
        offences=[*ethics.offences] * 20,
        normal=NORMAL,
    )
    write_ethics_report(report, many, profile)
    assert "## Wrong: 40 of 80" in page()
    right = EthicsScores(
        sentences=ethics.sentences[:2], cosines=ethics.cosines[:2], offences=ethics.offences[:2], normal=NORMAL
    )
    write_ethics_report(report, right, profile)
    assert "## Wrong: none" in page()


@pytest.mark.parametrize(
    ("text", "front"),
    [
        ("안녕", "plain"),
        ("[취미: 등산] 안녕", "memory"),
        ("[취미: 등산] (지금은 금요일 저녁) 오늘 뭐 해", "memory"),
        ("(오로라 답변 요약) 인사함 (사용자 질문) 안녕", "summary"),
        ("(지금은 금요일 저녁) 오늘 뭐 해", "time"),
    ],
)
def test_front_of_an_input(text: str, front: str) -> None:
    assert front_of(text) == front


def grade(task: str, text: str, *, passed: bool, well_formed: bool = True) -> GradedAnswer:
    return GradedAnswer(
        prompt=GoldenPrompt(task=task, input=text, expect_any=(), forbid=()),
        answer=StepAnswer(text=f"답 {text}", is_well_formed=well_formed),
        passed=passed,
    )


def test_dialogue_page_counts_by_adapter_and_front_and_shows_answers(
    report: Report, page: Page, profile: Profile
) -> None:
    graded = [grade("output_message", f"말 {n}", passed=True) for n in range(30)]
    graded += [grade("output_message", f"[취미: 등산] 말 {n}", passed=False, well_formed=False) for n in range(50)]
    graded += [grade("memory", "나 졸려", passed=True)]
    write_dialogue_report(report, graded, profile)
    assert files(report) == {"page.md", "page-passed.png"}
    lines = page().splitlines()
    assert lines[lines.index("| --- | --- | --- | --- |") + 1 :][:5] == [
        "| `output_message` | 80 | 30 (38 %) | 30 (38 %) |",
        "| `output_message / plain` | 30 | 30 (100 %) | 30 (100 %) |",
        "| `output_message / memory` | 50 | 0 (0 %) | 0 (0 %) |",
        "| `memory` | 1 | 1 (100 %) | 1 (100 %) |",
        "| `all` | 81 | 31 (38 %) | 31 (38 %) |",
    ]
    assert "## Answers that passed: 20 of 31" in lines
    assert "## Answers that failed: 40 of 50" in lines
    assert sum(line.startswith("| `output_message` | [취미") for line in lines) == 40


def test_dialogue_page_without_failures_has_no_table_of_them(report: Report, page: Page, profile: Profile) -> None:
    write_dialogue_report(report, [grade("memory", "나 졸려", passed=True)], profile)
    assert page().endswith("## Answers that failed: 0 of 0\n")
