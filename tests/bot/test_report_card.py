"""The card of an interview as text, picture and page."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

import pytest

from bot.rendering import Texts
from bot.report_card import write_card_page, write_card_text
from bot.report_chart import draw_chart_png, draw_chart_svg
from engine.interview_report import AnswerResult, AnswerState, MissReason, QuestionResult, Report
from tests.bot.conftest import NOW, SEOUL

LANGUAGES = ("ko", "en")
HOSTILE = "<script>alert('x')</script> & \"따옴표\""


def answer(state: AnswerState, label: str = "LoRA", reason: MissReason | None = None, said: str = "") -> AnswerResult:
    is_missed = state is AnswerState.MISSED
    return AnswerResult(
        label=label,
        state=state,
        reason=reason,
        tries=3 if is_missed else 1,
        hints=0,
        judged_as="답변 실패" if is_missed else label,
        score=0.93,
        closeness=0.41 if is_missed else 0.97,
        said=said,
        covered=("작은 행렬 두 개",),
        missing=("원래 가중치는 그대로 둔다",),
    )


def report(*answers: AnswerResult, title: str = "머신러닝") -> Report:
    question = QuestionResult(label="LoRA", topic="LLM 파인튜닝", answers=answers, read=("Hu 외 2021, LoRA",))
    other = QuestionResult(
        label="MSE Loss 설명", topic="손실 함수", answers=(answer(AnswerState.NOT_REACHED, "MSE"),), read=("Bishop",)
    )
    return Report(
        bank="ml", title=title, started_at=NOW, ended_at=NOW + timedelta(hours=1), questions=(question, other)
    )


MISSED = report(answer(AnswerState.MISSED, reason=MissReason.WRONG, said=HOSTILE))
PERFECT = report(answer(AnswerState.ANSWERED))


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_says_what_was_missed_why_and_what_to_read(language: str) -> None:
    text = write_card_text(MISSED, Texts(language, SEOUL))
    assert "LoRA" in text
    assert "답변 실패 0.93" in text
    assert "0.41" in text
    assert ": 원래 가중치는 그대로 둔다" in text
    assert "작은 행렬 두 개" not in text  # that half was said
    assert "· Hu 외 2021, LoRA" in text
    assert "Bishop" not in text


def test_text_of_who_knew_everything_has_nothing_to_study() -> None:
    text = write_card_text(PERFECT, Texts("en", SEOUL))
    assert "Nothing missed" in text
    assert "Study again" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_chart_is_a_picture_with_words_in_both_languages(language: str) -> None:
    texts = Texts(language, SEOUL)
    png = draw_chart_png(MISSED, texts)
    assert png.startswith(b"\x89PNG")
    assert draw_chart_png(PERFECT, texts) != png
    svg = draw_chart_svg(MISSED, texts)
    assert "LLM 파인튜닝" in svg
    assert "0/1" in svg


def test_every_letter_of_the_chart_is_drawn() -> None:
    texts = Texts("ko", SEOUL)
    assert draw_chart_png(report(title="가나다"), texts) != draw_chart_png(report(title="라마바"), texts)


class Tags(HTMLParser):
    """Collect the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name in {"src", "href"} or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_holds_what_was_said_and_runs_nothing_of_it() -> None:
    page = Tags()
    page.feed(write_card_page(MISSED, Texts("ko", SEOUL)).decode())
    assert "script" not in page.tags
    assert HOSTILE in page.text
    assert "svg" in page.tags
    assert "원래 가중치는 그대로 둔다" in page.text
