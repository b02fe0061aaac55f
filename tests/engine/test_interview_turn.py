"""Turns of an interview over fake models and a real database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.interview_banks import BankShelf
from engine.interview_words import load_interview_words
from engine.interviewer import INTERVIEWER
from engine.policy_file import load_policy
from engine.types import ChatOutcome, ChatReply, InterviewAct, Rejection, RejectionReason
from models.interview_bank import load_bank
from models.interview_text import ANSWER_ENCODER, NEXT_ENCODER
from models.profile import AdapterProfile, EncoderProfile, Profile, load_profile
from storage.erasure import ErasureStore
from storage.interview_records import InterviewState, StepKind
from storage.interviews import InterviewStore
from storage.records import SanctionKind, UserSettings
from tests.engine.rig import MakeRig, Rig, user_key
from tests.fakes import HATE, LOVE, PAEDRIP, FakeGenerator

ML = load_bank()
WORDS = load_interview_words()
TRIO, LLM = "인공지능, 머신러닝, 딥러닝 차이", "거대 언어 모델 정의"
Scores = Mapping[str, Mapping[str, float]]


def interview_profile() -> Profile:
    """Return a profile with an interviewer and the interview's encoders."""
    plain = load_profile("ohlora-v4")
    adapter = AdapterProfile(
        base=next(iter(plain.bases)),
        source="x",
        start_mark=" (발화 시작)",
        stop_mark="(발화 종료)",
        max_total_tokens=512,
        tries=3,
        temperature=0.6,
    )
    encoders = {name: EncoderProfile(source="x") for name in (ANSWER_ENCODER, NEXT_ENCODER)}
    return replace(plain, adapters={**plain.adapters, INTERVIEWER: adapter}, encoders={**plain.encoders, **encoders})


@pytest.fixture
def make_interview(make_rig: MakeRig) -> MakeRig:
    """Make a rig whose profile has the models of an interview; cosines by what its encoders read."""

    def make(scores: Scores | None = None, *, generator: FakeGenerator | None = None) -> Rig:
        ready = {"면접 시작 인사 -> 준비됐어": {"면접 시작 인사": 0.9}}
        return make_rig({**ready, **(scores or {})}, generator=generator, profile=interview_profile())

    return make


async def begin(rig: Rig, user: str = "1001") -> None:
    """Start an interview and greet, so that the first real question stands."""
    assert isinstance(await rig.command(InterviewAct.START, user=user), ChatReply)
    assert view(await rig.say("준비됐어", user=user)).question == TRIO


def reply(outcome: ChatOutcome) -> ChatReply:
    assert isinstance(outcome, ChatReply), outcome
    return outcome


def view(outcome: ChatOutcome):  # type: ignore[no-untyped-def]
    found = reply(outcome).interview
    assert found is not None
    return found


def reason(outcome: ChatOutcome) -> RejectionReason:
    assert isinstance(outcome, Rejection), outcome
    return outcome.reason


async def steps(rig: Rig) -> list[tuple[StepKind, str | None, str]]:
    (interview,) = await rig.interviews()
    return [(step.kind, step.label, step.next_question) for step in interview.steps[1:]]


def asks(line: str, question: str) -> bool:
    return any(line.endswith(ask) for ask in ML.question(question).ask)


async def test_interview_begins_with_a_greeting_of_the_bank(make_interview: MakeRig) -> None:
    rig = make_interview()
    begun = reply(await rig.command(InterviewAct.START))
    assert begun.text in ML.questions[0].ask
    assert begun.interview is not None
    assert (begun.interview.asked, begun.interview.total) == (0, 15)
    (interview,) = await rig.interviews()
    assert (interview.bank, interview.state) == ("machine_learning", InterviewState.RUNNING)


async def test_right_answer_leads_to_the_next_question_in_her_words(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> 사람의 지능": {"인공지능": 0.9, "답변 실패": 0.1}})
    await begin(rig)
    rig.generator.enqueue(INTERVIEWER, "정답! 그럼 머신러닝은 뭘까? 😊")
    said = reply(await rig.say("사람의 지능"))
    assert said.text == "정답! 그럼 머신러닝은 뭘까? 😊"
    assert rig.generator.prompts(INTERVIEWER)[-1] == (
        f"(대화 주제) {TRIO} (사용자 답변) 사람의 지능 (성공한 답변) 인공지능 (다음 질문) {TRIO} (발화 시작)"
    )
    assert (await steps(rig))[-1] == (StepKind.ANSWERED, "인공지능", TRIO)
    (interview,) = await rig.interviews()
    assert (interview.steps[-1].score, interview.steps[-1].text) == (0.9, "사람의 지능")


async def test_line_that_cannot_stand_is_drawn_anew_and_the_question_is_added_at_last(make_interview: MakeRig) -> None:
    rig = make_interview()
    await rig.command(InterviewAct.START)
    rig.generator.enqueue(INTERVIEWER, "1. 다음 질문", "(다음 질문) 뭐", "좋아 😊")
    said = reply(await rig.say("준비됐어"))
    assert said.text.startswith("좋아 😊 ")
    assert asks(said.text, TRIO)
    assert len(rig.generator.prompts(INTERVIEWER)) == 3


async def test_line_that_passes_over_a_right_answer_is_drawn_anew(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> 사람의 지능": {"인공지능": 0.9, "답변 실패": 0.1}})
    await begin(rig)
    rig.generator.enqueue(
        INTERVIEWER, "오케이, 모르는 건 적어 두고! 그럼 머신러닝은 뭘까?", "좋아! 그럼 머신러닝은 뭘까?"
    )
    assert reply(await rig.say("사람의 지능")).text == "좋아! 그럼 머신러닝은 뭘까?"


async def test_greeting_is_not_passed_over(make_interview: MakeRig) -> None:
    rig = make_interview()
    await rig.command(InterviewAct.START)
    rig.generator.enqueue(INTERVIEWER, "좋아, 미련 없이 넘어가자! 인공지능은 뭐야?", "좋아! 인공지능은 뭐야?")
    assert "미련" not in reply(await rig.say("준비됐어")).text


async def test_line_that_praises_a_wrong_answer_is_drawn_anew(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> 빠른 거": {"답변 실패": 0.9}})
    await begin(rig)
    rig.generator.enqueue(INTERVIEWER, "정답! 다시 한번 들려줘", "음, 사람의 무엇을 흉내 내는 걸까?")
    assert reply(await rig.say("빠른 거")).text.startswith("음, 사람의 무엇을 흉내 내는 걸까?")


@pytest.mark.parametrize(
    "slip",
    [
        "오, 신경망을 짚어 줬네! 그럼 머신러닝은 뭘까?",
        "면접 끝! 마지막으로 머신러닝은 뭐야?",
        "좋아! 잠은 잘 잤어?",
    ],
)
async def test_line_beside_the_point_is_not_said(make_interview: MakeRig, slip: str) -> None:
    rig = make_interview({f"{TRIO} -> 사람의 지능": {"인공지능": 0.9, "답변 실패": 0.1}})
    await begin(rig)
    rig.generator.enqueue(INTERVIEWER, *[slip] * 3)
    said = reply(await rig.say("사람의 지능")).text
    assert slip not in said
    assert any(said.startswith(line) for line in WORDS.lines["right"])
    assert "머신러닝" in said


async def test_failed_answer_keeps_the_question_and_earns_a_nudge(make_interview: MakeRig) -> None:
    answer = {f"{TRIO} -> {text}": {"답변 실패": 0.9} for text in ("빠른 거", "아마 빠른 거 같은데")}
    rig = make_interview(answer)
    await begin(rig)
    plain = reply(await rig.say("빠른 거")).text
    hedged = reply(await rig.say("아마 빠른 거 같은데")).text
    assert any(plain.endswith(line) for line in WORDS.lines["nudge"])
    assert any(hedged.endswith(line) for line in WORDS.lines["nudge_hedge"])
    assert [step[0] for step in (await steps(rig))[1:]] == [StepKind.FAILED] * 2
    assert (await rig.interviews())[0].question == TRIO


async def test_who_does_not_know_is_welcomed_with_a_hint_and_then_told(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> 잘 모르겠어": {"답변 실패": 0.9}})
    await begin(rig)
    first = reply(await rig.say("잘 모르겠어")).text
    assert any(first.startswith(line) for line in WORDS.lines["welcome_unknown"])
    assert "힌트" in first
    second = reply(await rig.say("잘 모르겠어"))
    first_answer = ML.question(TRIO).answers[0]
    assert f"\n· {first_answer.label}: {first_answer.points[0].text}" in second.text
    assert view(second).question == LLM
    assert asks(second.text, LLM)


async def test_term_that_is_asked_about_is_explained(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> Softmax가 뭐야?": {"용어 질문": 0.9}})
    await begin(rig)
    said = reply(await rig.say("Softmax가 뭐야?"))
    term = ML.find_term("Softmax")
    assert term is not None
    assert said.text.startswith(term.explanation)
    assert view(said).question == TRIO


async def test_one_message_may_answer_several_parts(make_interview: MakeRig) -> None:
    text = "인공지능은 지능이고, 머신러닝은 데이터로 배우는 거고, 딥러닝은 신경망이야"
    parts = {
        "인공지능은 지능이고": "인공지능",
        "머신러닝은 데이터로 배우는 거고": "머신러닝",
        "딥러닝은 신경망이야": "딥러닝",
    }
    rig = make_interview({f"{TRIO} -> {part}": {label: 0.9} for part, label in {text: "인공지능", **parts}.items()})
    await begin(rig)
    assert view(await rig.say(text)).question == LLM
    assert [label for _, label, _ in (await steps(rig))[1:]] == ["인공지능", "머신러닝", "딥러닝"]


async def test_encoder_chooses_among_the_questions_that_may_follow(make_interview: MakeRig) -> None:
    rig = make_interview(
        {
            "Loss Function 예시 -> MSE": {"Loss Function 예시": 0.9},
            "Loss Function 예시 -> MSE (모든 질문 해결 완료)": {"BCE Loss 설명": 0.8, "LoRA": 0.5},
        }
    )
    await begin(rig)
    for _ in range(3):
        outcome = await rig.command(InterviewAct.SKIP)
    assert view(outcome).question == "Loss Function 예시"
    assert view(await rig.say("MSE")).question == "BCE Loss 설명"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ㅤ", RejectionReason.EMPTY), ("가" * 4000, RejectionReason.ANSWER_TOO_LONG)],
)
async def test_silence_and_pasted_pages_cost_no_try(
    make_interview: MakeRig, text: str, expected: RejectionReason
) -> None:
    rig = make_interview()
    await begin(rig)
    before = await steps(rig)
    assert reason(await rig.say(text)) is expected
    assert await steps(rig) == before
    assert (await rig.turns())[0].reason == expected


async def test_technical_words_draw_no_sanction(make_interview: MakeRig) -> None:
    violent = {"자식 프로세스를 죽이고 slave를 kill": {HATE: 0.99}}
    rig = make_interview({**violent, f"{TRIO} -> 자식 프로세스를 죽이고 slave를 kill": {"답변 실패": 0.9}})
    await begin(rig)
    assert isinstance(await rig.say("자식 프로세스를 죽이고 slave를 kill"), ChatReply)
    assert await rig.sanctions() == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("slave 노드야 이 쓰레기야", "이것 노드야 이 쓰레기야"),
        ("kill -9 넌 정말 쓰레기야 slave", "넌 정말 쓰레기야"),
        (
            "손실은 차이를 재는 함수이고 그 값을 줄이는데 넌 정말 쓰레기야 그래서 회귀에는 그걸 써",
            "넌 정말 쓰레기야",
        ),
        ("master-slave 구조로 복제해요. 넌 쓰레기야. 데드락도 피하고요.", "넌 쓰레기야."),
    ],
)
async def test_abuse_among_technical_words_is_blocked(make_interview: MakeRig, text: str, part: str) -> None:
    rig = make_interview({part: {PAEDRIP: 0.99}})
    await begin(rig)
    outcome = await rig.say(text)
    assert reason(outcome) is RejectionReason.BLOCKED
    (sanction,) = await rig.sanctions()
    assert (sanction.category, sanction.kind, sanction.evidence.text) == (PAEDRIP, SanctionKind.BLOCK, text)
    assert reason(await rig.command(InterviewAct.SKIP)) is RejectionReason.BLOCKED


async def test_policy_with_thresholds_of_its_own_judges_interviews_by_them(make_rig: MakeRig) -> None:
    strict = load_policy("default")
    hate = replace(strict.categories[HATE], threshold=0.5)
    policy = replace(strict, categories={**strict.categories, HATE: hate})
    scores = {"면접 시작 인사 -> 준비됐어": {"면접 시작 인사": 0.9}, "넌 쓰레기야": {HATE: 0.6}}
    rig = make_rig(scores, profile=interview_profile(), policy=policy)
    await begin(rig)
    assert reason(await rig.say("넌 쓰레기야")) is RejectionReason.BLOCKED


async def test_confession_that_she_declines_is_warned_of_and_the_question_waits(make_interview: MakeRig) -> None:
    rig = make_interview({"나랑 사귀자": {LOVE: 0.99}})
    await begin(rig)
    rig.generator.enqueue("output_message", "미안, 우리 친구로 지내자 😅")
    said = reply(await rig.say("나랑 사귀자"))
    assert said.text.startswith("미안, 우리 친구로 지내자 😅 ")
    assert asks(said.text, TRIO)
    assert said.notice is not None
    assert [sanction.category for sanction in await rig.sanctions()] == [LOVE]
    assert len(await steps(rig)) == 1


async def test_despair_is_answered_before_any_question(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    rig.generator.enqueue("output_message", "혼자 있지 마, 109에 전화해 줘")
    assert reply(await rig.say("면접 다 망했어 그냥 죽고 싶어")).text == "혼자 있지 마, 109에 전화해 줘"
    assert len(await steps(rig)) == 1


async def test_others_in_the_room_talk_as_ever(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    assert reply(await rig.say("안녕?", user="2002")).text == "응, 좋아! 😊"
    for act in (InterviewAct.SKIP, InterviewAct.HINT, InterviewAct.END, InterviewAct.START):
        assert reason(await rig.command(act, user="2002")) is RejectionReason.INTERVIEW_TAKEN
    assert (await rig.interviews())[0].question == TRIO


async def test_paused_interview_leaves_messages_to_the_chat(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    assert view(await rig.command(InterviewAct.PAUSE)).state is InterviewState.PAUSED
    assert reply(await rig.say("안녕?")).interview is None
    resumed = reply(await rig.command(InterviewAct.RESUME))
    assert asks(resumed.text, TRIO)
    assert view(resumed).state is InterviewState.RUNNING


async def test_interview_survives_a_restart(make_interview: MakeRig) -> None:
    scores = {f"{TRIO} -> 사람의 지능": {"인공지능": 0.9}}
    await begin(make_interview(scores))
    again = make_interview(scores)
    await again.say("사람의 지능")
    assert (await steps(again))[-1] == (StepKind.ANSWERED, "인공지능", TRIO)


async def test_interview_can_be_gone_on_with_for_a_week(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    await rig.command(InterviewAct.PAUSE)
    rig.clock.advance(timedelta(days=7, seconds=-1))
    await rig.command(InterviewAct.RESUME)
    rig.clock.advance(timedelta(days=7))
    assert reply(await rig.say("안녕?")).interview is None
    assert reason(await rig.command(InterviewAct.RESUME)) is RejectionReason.INTERVIEW_LAPSED
    assert (await rig.interviews())[0].state is InterviewState.ENDED
    assert isinstance(await rig.command(InterviewAct.START), ChatReply)


async def test_second_press_of_one_button_does_nothing(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    assert view(await rig.command(InterviewAct.SKIP, question=TRIO)).question == LLM
    assert reason(await rig.command(InterviewAct.SKIP, question=TRIO)) is RejectionReason.INTERVIEW_MOVED_ON
    assert (await rig.interviews())[0].question == LLM


async def test_hints_come_one_after_another(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    texts = [reply(await rig.command(InterviewAct.HINT)).text for _ in range(3)]
    assert len(set(texts)) == 3
    assert [kind for kind, _, _ in (await steps(rig))[1:]] == [StepKind.HINT] * 3


async def test_ended_interview_leaves_its_cards_and_the_conversation_free(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    await rig.command(InterviewAct.SKIP)
    assert view(await rig.command(InterviewAct.END)).state is InterviewState.ENDED
    assert reason(await rig.command(InterviewAct.HINT)) is RejectionReason.INTERVIEW_NONE
    assert reply(await rig.say("안녕?")).interview is None
    async with rig.database.read() as session:
        cards = await InterviewStore(session).cards(user_key("1001"))
    assert {(card.label, card.box) for card in cards} == {("인공지능", 1), ("머신러닝", 1), ("딥러닝", 1)}
    assert TRIO in reply(await rig.command(InterviewAct.START)).text


async def test_user_who_was_forgotten_meanwhile_is_not_stored_again(make_interview: MakeRig) -> None:
    generator = FakeGenerator()
    rig = make_interview(generator=generator)
    await begin(rig)

    async def forget() -> None:
        async with rig.database.begin() as session:
            await ErasureStore(session).erase(user_key("1001"), rig.clock())

    await forget()
    assert reply(await rig.say("사람의 지능")).interview is None
    assert await rig.interviews() == []


async def test_who_paused_recording_is_interviewed_without_their_words_kept(make_interview: MakeRig) -> None:
    rig = make_interview({f"{TRIO} -> 사람의 지능": {"인공지능": 0.9}})
    await begin(rig)
    await rig.choose(UserSettings(is_paused=True))
    await rig.say("사람의 지능")
    step = (await rig.interviews())[0].steps[-1]
    assert (step.kind, step.label, step.text) == (StepKind.ANSWERED, "인공지능", "")


async def test_unknown_bank_is_refused_by_name(make_interview: MakeRig) -> None:
    rig = make_interview()
    assert reason(await rig.command(InterviewAct.START, bank="없는 은행")) is RejectionReason.INTERVIEW_UNKNOWN_BANK
    assert await rig.interviews() == []


async def test_running_interview_is_not_started_twice(make_interview: MakeRig) -> None:
    rig = make_interview()
    await begin(rig)
    assert reason(await rig.command(InterviewAct.START)) is RejectionReason.INTERVIEW_OPEN


async def test_open_question_is_named_again_where_no_adapter_writes_not_asked_as_if_it_were_new(rig: Rig) -> None:
    bank = load_bank("operating_systems")
    asked = bank.questions[1]
    await rig.command(InterviewAct.START, bank=bank.name)
    await rig.say("시작하자")
    for text in ("빠른 거", "잘 모르겠어"):
        said = reply(await rig.say(text)).text
        assert asked.label in said
        assert not any(line in said for line in asked.ask)


async def test_interview_without_the_interviewer_adapter_is_judged_by_encoders_and_led_in_the_banks_words(
    make_rig: MakeRig,
) -> None:
    whole = interview_profile()
    bare = replace(whole, adapters={name: each for name, each in whole.adapters.items() if name != INTERVIEWER})
    scores = {
        "면접 시작 인사 -> 준비됐어": {"면접 시작 인사": 0.9},
        f"{TRIO} -> 사람의 지능": {"인공지능": 0.9},
        f"{TRIO} -> 데이터로": {"머신러닝": 0.9},
        f"{TRIO} -> 신경망": {"딥러닝": 0.9},
    }
    rig = make_rig(scores, profile=bare)
    await begin(rig)
    said = reply(await rig.say("사람의 지능")).text
    left = ML.question(TRIO).answer("머신러닝").ask
    assert any(said.startswith(line) for line in WORDS.lines["right"])
    assert any(said.endswith(line) for line in left)
    await rig.say("데이터로")
    assert asks(reply(await rig.say("신경망")).text, LLM)
    assert [label for _, label, _ in (await steps(rig))[1:]] == ["인공지능", "머신러닝", "딥러닝"]


async def test_bank_without_encoders_is_held_by_its_key_points(rig: Rig) -> None:
    bank = BankShelf().load("operating_systems")
    await rig.command(InterviewAct.START, bank=bank.name)
    outcome = await rig.say("시작하자")
    question = bank.question(view(outcome).question)
    points = ". ".join(point.text for answer in question.answers for point in answer.points)
    words = " ".join(point.words[0] for answer in question.answers for point in answer.points)
    assert view(await rig.say(f"{points} {words}")).question != question.label
    assert rig.generator.prompts(INTERVIEWER) == []
