"""Check what is found for a message: the nearest thing that somebody wrote, nothing held out, nothing for a message like none."""

from __future__ import annotations

import pytest

from models.errors import ModelError
from models.exemplars import ExemplarIndex, written_exchanges
from models.training.dialogue_rows import read_corpus
from models.types import WrittenExchange

EXCHANGES = [
    WrittenExchange(input="배달이 한 시간째 안 와", answers=("가게에 전화는 해 봤어?",), source="a:1"),
    WrittenExchange(input="시험 망했어 ㅠㅠ", answers=("고생했어, 오늘은 푹 쉬자",), source="a:5"),
    WrittenExchange(input="(오로라 답변 요약) 시험이 어땠는지 물음 (사용자 질문) 망했어", answers=("다음엔 잘 볼 거야",), source="a:9"),
    WrittenExchange(input="(오로라 답변 요약) 요리가 어땠는지 물음 (사용자 질문) 망했어", answers=("간을 다시 맞춰 봐!",), source="a:13"),
]  # fmt: skip


@pytest.fixture(scope="module")
def index() -> ExemplarIndex:
    return ExemplarIndex(EXCHANGES)


def test_same_message_is_found_first_with_a_cosine_of_one(index: ExemplarIndex) -> None:
    (exchange, likeness), *_ = index.find("로라야, 배달이 한 시간째 안 와", 3)
    assert exchange is EXCHANGES[0]
    assert likeness == pytest.approx(1.0)


def test_another_wording_finds_it_too(index: ExemplarIndex) -> None:
    assert index.find("배달 언제 와 한 시간 넘었는데", 1)[0][0] is EXCHANGES[0]


def test_what_stands_in_front_decides_between_equal_messages(index: ExemplarIndex) -> None:
    found = index.find("(오로라 답변 요약) 요리는 잘 됐는지 물음 (사용자 질문) 망했어", 2)
    assert [exchange.source for exchange, _ in found] == ["a:13", "a:9"]
    assert index.find("망했어 ㅠㅠ", 1)[0][0].source == "a:5"


def test_answer_to_a_memory_is_only_for_a_message_with_one() -> None:
    plain, recalling = "내 이름 기억나?", "[이름: 현우] 내 이름 기억나?"
    index = ExemplarIndex(
        [WrittenExchange(input=text, answers=("응, 현우!",), source=text) for text in (plain, recalling)]
    )
    assert [exchange.source for exchange, _ in index.find("내 이름 기억나??", 5)] == [plain]
    assert [exchange.source for exchange, _ in index.find("[이름: 민재] 내 이름 기억나?", 5, 0.3)] == [recalling, plain]
    assert [exchange.source for exchange, _ in index.find("[별명: 민재] 내 이름 기억나?", 5)] == [plain]


@pytest.mark.parametrize(
    ("asked", "answers", "message", "expected"),
    [
        ("[이름: 현우] 나 누구게", ("현우잖아!",), "[이름: 민준] 나 누구게", ("민준이잖아!",)),
        ("[이름: 민준] 나 누구게", ("민준아! 민준이가 최고",), "[이름: 지수] 나 누구게", ("지수야! 지수가 최고",)),
        (
            "[반려동물: 강아지 콩이] 내 강아지",
            ("콩이지!", "강아지 콩이랑 산책!"),
            "[반려동물: 강아지 보리] 내 강아지",
            ("강아지 보리랑 산책!",),
        ),
    ],
)
def test_value_of_the_memory_takes_the_place_of_the_written_one(
    asked: str, answers: tuple[str, ...], message: str, expected: tuple[str, ...]
) -> None:
    index = ExemplarIndex([WrittenExchange(input=asked, answers=answers)])
    ((exchange, _),) = index.find(message, 5, adapted=True)
    assert (exchange.input, exchange.answers) == (message, expected)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("[상태: 비염] 비 온다", "[상태: 피곤함] 비 온다"),
        ("[취미: 비염] 비 온다", "[취미: 왼손잡이라 가위질이 힘들어] 비 온다"),
    ],
)
def test_state_or_sentence_takes_no_place_in_an_answer(asked: str, message: str) -> None:
    index = ExemplarIndex([WrittenExchange(input=asked, answers=("비염이랑 드디어 작별!", "다행이다 🎉"))])
    assert index.find(message, 5, adapted=True) == []


def test_answer_that_would_speak_of_another_value_is_left_out() -> None:
    index = ExemplarIndex([WrittenExchange(input="[반려동물: 강아지 콩이] 내 강아지", answers=("콩이지!",))])
    assert index.find("[반려동물: 고양이 나비] 내 강아지", 5, adapted=True) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("(지금은 금요일 오후) 오늘 뭐야", ("금요일 오후! 내일은 토요일이야", "글쎄!")),
        ("(지금은 수요일 오전) 오늘 뭐야", ("글쎄!",)),
        ("오늘 뭐야", ("글쎄!",)),
    ],
)
def test_day_of_the_message_takes_the_place_of_the_written_one_and_another_part_of_it_leaves_lines_out(
    message: str, expected: tuple[str, ...]
) -> None:
    answers = ("월요일 오후! 내일은 화요일이야", "글쎄!", "월요병이지?")
    index = ExemplarIndex([WrittenExchange(input="(지금은 월요일 오후) 오늘 뭐야", answers=answers)])
    ((exchange, _),) = index.find(message, 5, adapted=True)
    assert exchange.answers == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("(지금은 월요일 오후) 오늘 금요일이야?", "(지금은 수요일 오후) 오늘 금요일이야?"),
        ("(지금은 월요일 오후) 지금 오후야?", "(지금은 월요일 오전) 지금 오후야?"),
        ("(지금은 월요일 밤) 오늘 어때", "(지금은 월요일 오전) 오늘 어때"),
        ("(지금은 월요일 오후) 오늘 어때", "(지금은 월요일 밤) 오늘 어때"),
        ("[이름: 민준] 나 누구게", f"[이름: {'가' * 31}] 나 누구게"),
    ],
)
def test_exchange_that_cannot_be_put_into_the_terms_of_the_message_is_left_out(asked: str, message: str) -> None:
    index = ExemplarIndex(
        [WrittenExchange(input=asked, answers=("응!",)), WrittenExchange(input="뭐해", answers=("응",))]
    )
    assert asked.split()[-1] not in [exchange.input.split()[-1] for exchange, _ in index.find(message, 5, adapted=True)]


def test_day_in_the_users_own_memory_stays() -> None:
    index = ExemplarIndex(
        [WrittenExchange(input="[일정: 면접] (지금은 월요일 오후) 오늘 뭐 하지", answers=("월요일엔 쉬고 면접 준비!",))]
    )
    ((exchange, _),) = index.find("[일정: 금요일 시험] (지금은 수요일 오후) 오늘 뭐 하지", 5, adapted=True)
    assert exchange.input == "[일정: 금요일 시험] (지금은 수요일 오후) 오늘 뭐 하지"
    assert exchange.answers == ("수요일엔 쉬고 금요일 시험 준비!",)


def test_likeness_falls_and_no_more_is_found_than_asked(index: ExemplarIndex) -> None:
    found = [likeness for _, likeness in index.find("시험 배달 망했어", 2)]
    assert len(found) == 2
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("message", ["🙂", "zzzz", "", "뷁"])
def test_message_like_none_finds_nothing(index: ExemplarIndex, message: str) -> None:
    assert index.find(message, 5, adapted=True) == []


def test_corpus_without_exchanges_is_an_error() -> None:
    with pytest.raises(ModelError, match="no exchange"):
        ExemplarIndex([])


def test_shipped_corpus_lends_what_it_may_with_slots_filled() -> None:
    corpus = read_corpus()
    written = list(written_exchanges(corpus))
    assert len(written) > 80_000
    assert not any("{" in text for each in written for text in (each.input, *each.answers))
    lent = {(each.source, each.input) for each in written}
    held_out = {
        (exchange.source, text)
        for _, exchange in corpus.exchanges()
        for text in exchange.inputs
        if not exchange.slots() and corpus.is_held_out(exchange, text)
    }
    assert held_out
    assert not held_out & lent


@pytest.mark.parametrize(
    ("asked", "answer", "message", "expected"),
    [
        ("액정 수리비가 38만원이래", "38만 원이면 망설여지지", "액정 수리비가 34만원이래", "34만 원이면 망설여지지"),
        ("숙제 100문제 실화임", "100문제나 돼?", "숙제 50문제 남음", "50문제나 돼?"),
        ("헬스장 3개월에 두번 감", "3개월에 두 번이라니 ㅋㅋ", "헬스장 3개월에 네번 감", "3개월에 네 번이라니 ㅋㅋ"),
        ("서른 살인데 늦었나", "서른 살이 뭐가 늦어!", "스물다섯 살인데 늦었나", "스물다섯 살이 뭐가 늦어!"),
        ("119 부르고 두 시간 기다림", "119도 바쁜가 봐", "119 부르고 세 시간 기다림", "119도 바쁜가 봐"),
        ("한번 해 볼까", "한 번 해 봐!", "해 볼까", "한 번 해 봐!"),
        ("헬스장 두번 감", "5분만 뛰어도 돼", "헬스장 네번 감", "5분만 뛰어도 돼"),
        ("나는 민주라고 해", "민주야, 알려 줘서 고마워", "난 민준이라고 해", "민준아, 알려 줘서 고마워"),
        ("내 이름은 준호야", "준호구나! 반가워", "제 이름은 서연이에요", "서연이구나! 반가워"),
        ("저는 박준호라고 합니다", "준호야 반가워", "저는 김서아라고 해요", "서아야 반가워"),
        ("(오로라 답변 요약) 이름을 물음 (사용자 질문) 지우요", "지우구나!", "(오로라 답변 요약) 이름을 물음 (사용자 질문) 다들 저를 박여사라고 불러요", "박여사구나!"),
        ("나는 민주라고 해", "반가워! 자주 와", "안녕 나는 처음이야", "반가워! 자주 와"),
    ],
)  # fmt: skip
def test_number_or_name_of_the_message_takes_the_place_of_the_written_one(
    asked: str, answer: str, message: str, expected: str
) -> None:
    index = ExemplarIndex([WrittenExchange(input=asked, answers=(answer,))])
    ((exchange, _),) = index.find(message, 5, adapted=True)
    assert exchange.answers == (expected,)


@pytest.mark.parametrize(
    ("asked", "answer", "message"),
    [
        ("배고파 두 시간 굶음", "두 시간이나? 뭐라도 먹자", "배고파"),  # none to put there
        ("헬스장 두번 감", "오늘 세 번째 가자!", "헬스장 네번 감"),  # the next one after two
        ("구구단 3단 4단 외움", "3단까지 왔네!", "구구단 7단 외움"),  # which of both
    ],
)
def test_answer_with_a_number_that_the_message_lacks_is_left_out(asked: str, answer: str, message: str) -> None:
    index = ExemplarIndex([WrittenExchange(input=asked, answers=(answer,))])
    assert index.find(message, 5, adapted=True) == []
    assert index.find(message, 5) != []


def test_nobody_is_called_by_a_name_that_somebody_else_gave() -> None:
    index = ExemplarIndex([WrittenExchange(input="나는 민주라고 해", answers=("민주야, 고마워",))])
    assert index.find("나는 이거라고 생각해", 5, adapted=True) == []


def test_name_that_is_given_in_answer_to_her_question_finds_other_names() -> None:
    asked = "(오로라 답변 요약) 이름을 물음 (사용자 질문) "
    index = ExemplarIndex([
        WrittenExchange(input=f"{asked}지우", answers=("지우구나!",)),
        WrittenExchange(input=f"{asked}비밀", answers=("궁금하다!",)),
        WrittenExchange(input="도현아 어디야", answers=("여기!",)),
    ])  # fmt: skip
    (exchange, _), *_ = index.find(f"{asked}도현", 3, adapted=True)
    assert exchange.answers == ("도현이구나!",)
    (exchange, _), *_ = index.find(f"{asked}비밀이야", 3, adapted=True)
    assert exchange.answers == ("궁금하다!",)
