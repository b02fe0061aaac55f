"""Check the exemplars that drafts are written after: which are found, what the adapter reads, and what they count in the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.care import load_care
from engine.clock_context import DayPart
from engine.draft_choice import count_departures, draw_exemplars
from engine.exemplars import ExemplarRetriever, count_foreign_words, first_of_each, key_shares, remembered_share
from engine.generation import SeedSource, Writer
from engine.memory import MemoryNote
from engine.types import Exemplar, ignore_event
from models.exemplars import ExemplarIndex
from models.profile import DraftChoice, ExemplarUse, Profile, load_profile
from models.types import HER_LINE, WrittenExchange
from tests.fakes import FakeEmbedder, FakeGenerator

NOW = DayPart(weekday=2, part="오후")
USE = ExemplarUse(considered=5, answers_each=2)
INDEX = ExemplarIndex([
    WrittenExchange(input="배고파 죽겠어", answers=("뭐라도 먹자!", "냉장고부터 열어 봐", "나도 배고파")),
    WrittenExchange(input="배고파", answers=("뭐라도 먹자!", "라면 어때? 🍜")),
    WrittenExchange(input="시험 망했어", answers=("고생했어",)),
])  # fmt: skip


def profile_with(*, drafts: int = 3, use: ExemplarUse | None = USE) -> Profile:
    profile = load_profile("embedded")
    choice = DraftChoice(drafts=drafts, contrast=0.0, nearness=100.0) if drafts > 1 else None
    adapter = replace(profile.adapters["output_message"], choice=choice, exemplars=use)
    return replace(profile, adapters={**profile.adapters, "output_message": adapter})


async def find(profile: Profile, text: str, embedder: FakeEmbedder | None = None) -> list[Exemplar]:
    found = await ExemplarRetriever({"output_message": INDEX}, embedder or FakeEmbedder(), profile).find(text)
    return found["output_message"]


async def test_nearest_first_and_two_answers_of_a_message() -> None:
    found = await find(profile_with(), "배고파")
    assert [each.input for each in found] == ["배고파", "배고파", "배고파 죽겠어", "배고파 죽겠어"]
    assert [each.answer for each in found] == ["뭐라도 먹자!", "라면 어때? 🍜", "뭐라도 먹자!", "냉장고부터 열어 봐"]
    assert [each.answer for each in first_of_each(found, lambda each: each.answer)] == [
        "뭐라도 먹자!",
        "라면 어때? 🍜",
        "냉장고부터 열어 봐",
    ]
    assert found[0].nearness == pytest.approx(2.0)  # the same words, the same vector


async def test_answer_with_words_of_another_message_comes_later() -> None:
    found = await find(profile_with(use=replace(USE, foreign=0.5)), "배고파")
    assert [each.answer for each in found][:3] == ["뭐라도 먹자!", "라면 어때? 🍜", "뭐라도 먹자!"]
    assert count_foreign_words("독일 교환학생이라니!", "교환학생 독일로 가요", "교환학생 어디로 갈까") == 1
    assert count_foreign_words("교환학생이라니!", "교환학생 독일로 가요", "교환학생 어디로 갈까") == 0


async def test_what_is_weighed_is_as_near_as_what_is_found() -> None:
    profile, embedder = profile_with(), FakeEmbedder({"배고파!": {"배고파 죽겠어": 0.9}})
    retriever = ExemplarRetriever({"output_message": INDEX}, embedder, profile)
    found = (await retriever.find("배고파!"))["output_message"]
    exchanges = [WrittenExchange(input=each.input, answers=(each.answer,)) for each in found]
    weighed = await retriever.weigh("output_message", "배고파!", exchanges)
    assert [each.nearness for each in weighed] == pytest.approx([each.nearness for each in found])
    (strange,) = await retriever.weigh("output_message", "배고파!", [WrittenExchange(input="zz", answers=("응",))])
    assert strange.nearness == pytest.approx(0.0)
    assert await retriever.weigh("output_message", "배고파!", []) == []
    assert await retriever.weigh("memory", "배고파!", exchanges) == []


async def test_encoder_of_relevance_may_put_another_first() -> None:
    embedder = FakeEmbedder({"배고파!": {"배고파 죽겠어": 0.9}})
    found = await find(profile_with(), "배고파!", embedder)
    assert found[0].input == "배고파 죽겠어"
    assert found[0].nearness > 1.0


async def test_profile_without_exemplars_or_no_index_finds_nothing() -> None:
    without = profile_with(use=None)
    assert await ExemplarRetriever({"output_message": INDEX}, FakeEmbedder(), without).find("배고파") == {}
    assert await ExemplarRetriever({}, FakeEmbedder(), profile_with()).find("배고파") == {}


def exemplars(*answers: str) -> list[Exemplar]:
    return [Exemplar(input="배고파", answer=answer, nearness=1.0 - place / 10) for place, answer in enumerate(answers)]


async def write(generator: FakeGenerator, profile: Profile, *answers: str) -> str:
    shown = {"output_message": exemplars(*answers)}
    writer = Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(7, "turn"), exemplars=shown)
    return (await writer.write_reply("나 배고파", "나 배고파", NOW, ignore_event)).text


async def test_each_draft_reads_its_exemplar_as_a_turn_before_and_the_rest_read_none() -> None:
    generator = FakeGenerator()
    await write(generator, profile_with(), "라면 어때?", "먹자!")
    assert generator.prompts("output_message") == [
        "배고파 (답변 시작) 라면 어때? (답변 종료) 나 배고파 (답변 시작)",
        "배고파 (답변 시작) 먹자! (답변 종료) 나 배고파 (답변 시작)",
        "나 배고파 (답변 시작)",
    ]


async def test_exemplar_takes_no_room_from_the_line() -> None:
    generator = FakeGenerator()
    await write(generator, profile_with(), "라면 어때?")
    limits = {sampling.max_new_tokens for _, _, sampling in generator.calls}
    assert limits == {profile_with().adapters["output_message"].new_token_limit(4)}


async def test_draft_after_the_nearest_exemplar_is_said_unless_it_has_a_fault() -> None:
    for first, said in (("라면 먹자!", "라면 먹자!"), ("https://a.b", "밥 먹자!")):
        generator = FakeGenerator()
        generator.enqueue("output_message", first, "밥 먹자!", "안녕")
        assert await write(generator, profile_with(), "라면 어때?", "먹자!") == said


async def test_equal_drafts_count_as_after_the_nearer_exemplar() -> None:
    generator = FakeGenerator()
    generator.enqueue("output_message", "먹자!", "밥 어때?", "먹자!")
    assert await write(generator, profile_with(), "a", "b", "c") == "먹자!"


async def remember(generator: FakeGenerator, use: ExemplarUse, *notes: str) -> MemoryNote | None:
    profile = profile_with()
    memory = replace(profile.adapters["memory"], exemplars=use)
    profile = replace(profile, adapters={**profile.adapters, "memory": memory})
    shown = {"memory": exemplars(*notes)}
    writer = Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(7, "turn"), exemplars=shown)
    return await writer.extract_memory("나 배고파", "나 배고파")


async def test_memory_reads_as_many_notes_as_the_profile_shows_the_nearest_last() -> None:
    generator = FakeGenerator()
    await remember(generator, ExemplarUse(considered=3, shown=2), "[상태: 배고픔]", "", "[취미: 낚시]")
    assert generator.prompts("memory") == [
        "배고파 (요약 시작) (요약 종료) 배고파 (요약 시작) [상태: 배고픔] (요약 종료) 나 배고파 (요약 시작)"
    ]


VOTES = ExemplarUse(considered=3, nothing_below=0.4, something_above=0.6)


async def test_where_most_notes_remember_nothing_the_adapter_is_not_asked() -> None:
    generator = FakeGenerator()
    assert await remember(generator, VOTES, "", "", "[상태: 배고픔]") is None
    assert generator.calls == []


async def test_where_most_notes_remember_something_the_answer_is_a_note() -> None:
    generator = FakeGenerator()
    generator.enqueue("memory", "상태: 배고픔]")
    note = await remember(generator, VOTES, "[상태: 배고픔]", "[상태: 피곤함]", "")
    assert note == MemoryNote(key="상태", value="배고픔")
    assert generator.prompts("memory")[0].endswith("나 배고파 (요약 시작) [")


async def test_where_notes_do_not_agree_the_adapter_decides() -> None:
    generator = FakeGenerator()
    generator.enqueue("memory", "")
    assert await remember(generator, VOTES, "[상태: 배고픔]", "") is None
    assert generator.prompts("memory")[0].endswith("나 배고파 (요약 시작)")


KEYS = replace(VOTES, key_vote=1.0)
PROMPT = "나 배고파 (요약 시작)"


async def test_key_that_notes_vote_for_takes_the_place_of_a_hardly_likelier_one() -> None:
    generator = FakeGenerator()
    generator.scores = {(PROMPT, " [고민:"): -1.0, (PROMPT, " [상태:"): -2.0}
    generator.enqueue("memory", "고민: 배고픔]", " 배고파]")
    assert await remember(generator, KEYS, "[상태: 배고픔]", "[상태: 피곤함]") == MemoryNote(key="상태", value="배고파")
    assert [prompt.rpartition("(요약 시작)")[2] for prompt in generator.prompts("memory")] == [" [", " [상태:"]


@pytest.mark.parametrize(
    ("scores", "use", "second"),
    [
        pytest.param({" [고민:": -1.0, " [상태:": -9.0}, KEYS, [], id="a much likelier key stays"),
        pytest.param({" [고민:": -1.0, " [상태:": -2.0}, VOTES, [], id="without a vote"),
        pytest.param(
            {" [고민:": -1.0, " [상태:": -2.0}, KEYS, ["]", "", "[", "]", ""], id="nothing comes of the other key"
        ),
    ],
)
async def test_note_keeps_its_key_where_no_other_is_better(
    scores: dict[str, float], use: ExemplarUse, second: list[str]
) -> None:
    generator = FakeGenerator()
    generator.scores = {(PROMPT, text): score for text, score in scores.items()}
    generator.enqueue("memory", "고민: 배고픔]", *second)
    note = await remember(generator, use, "[상태: 배고픔]", "[상태: 피곤함]")
    assert note == MemoryNote(key="고민", value="배고픔")


async def test_lone_key_is_compared_with_nothing() -> None:
    generator = FakeGenerator()
    generator.enqueue("memory", "상태: 배고픔]")
    assert await remember(generator, KEYS, "[상태: 배고픔]") == MemoryNote(key="상태", value="배고픔")
    assert len(generator.prompts("memory")) == 1


def test_keys_share_by_the_square_of_nearness_and_nothing_is_a_key_too() -> None:
    notes = [
        Exemplar(input="", answer=answer, nearness=nearness)
        for answer, nearness in (("[상태: 졸림]", 2.0), ("[취미: 잠]", 1.0), ("", 1.0), ("[상태: 피곤]", -1.0))
    ]
    shares = key_shares(notes)
    assert shares == pytest.approx({"상태": 4 / 6, "취미": 1 / 6, "": 1 / 6})
    assert key_shares([]) == {}


def test_share_weighs_notes_by_the_square_of_their_nearness() -> None:
    notes = [Exemplar(input="", answer="[a: b]", nearness=2.0), Exemplar(input="", answer="", nearness=1.0)]
    assert remembered_share(key_shares(notes)) == pytest.approx(0.8)
    assert remembered_share(key_shares([])) is None
    assert remembered_share(key_shares([Exemplar(input="", answer="", nearness=-0.5)])) is None


@pytest.mark.parametrize(("nearness", "said"), [(1.2, "무섭겠다, 112에 전화하자"), (0.9, "잘 자!")])
async def test_nearest_exemplar_with_a_number_to_call_is_followed_when_it_is_near(nearness: float, said: str) -> None:
    generator = FakeGenerator()
    generator.enqueue("output_message", "무섭겠다, 112에 전화하자", "잘 자!", "잘 자!")
    found = [
        Exemplar(input="집에 누가 있는 것 같아", answer="112에 전화하자", nearness=nearness),
        Exemplar(input="집에 가", answer="잘 자!", nearness=0.5),
    ]
    writer = Writer(
        generator,
        FakeEmbedder(),
        profile_with(),
        load_care(),
        SeedSource(7, "turn"),
        exemplars={"output_message": found},
    )
    assert (await writer.write_reply("집 앞에 차가 서 있어", "집 앞에 차가 서 있어", NOW, ignore_event)).text == said


def near(*nearness: float) -> list[Exemplar]:
    return [Exemplar(input=f"말 {each}", answer=f"대답 {each}", nearness=each) for each in nearness]


async def draw(
    exemplars: list[Exemplar], seed: int, embedder: FakeEmbedder | None = None, **more: float
) -> list[Exemplar]:
    """Draw two of `exemplars`."""
    choice = DraftChoice(drafts=2, contrast=0.0, nearness=30.0, **({"spread": 1.0} | more))  # type: ignore[arg-type]
    profile = profile_with()
    adapter = replace(profile.adapters["output_message"], choice=choice)
    profile = replace(profile, adapters={**profile.adapters, "output_message": adapter})
    return await draw_exemplars(embedder or FakeEmbedder(), profile, "말", exemplars, seed)


async def test_as_many_exemplars_are_drawn_as_there_are_drafts_nearest_first() -> None:
    assert await draw(near(1.9, 1.0, 0.2), seed=1) == near(1.9, 1.0)
    assert await draw(near(1.9), seed=1) == near(1.9)
    assert await draw([], seed=1) == []


async def test_exemplars_that_are_as_near_take_turns() -> None:
    drawn = [await draw(near(1.93, 1.92, 1.91, 1.9, 0.2), seed) for seed in range(40)]
    assert len({tuple(each.answer for each in some) for some in drawn}) >= 5
    assert all(0.2 not in {each.nearness for each in some} for some in drawn)
    assert drawn[7] == await draw(near(1.93, 1.92, 1.91, 1.9, 0.2), seed=7)  # a turn can be repeated
    assert await draw(near(1.93, 1.92, 1.91), seed=3, spread=0.0) == near(1.93, 1.92)


async def test_exemplar_whose_answer_is_relevant_is_drawn() -> None:
    embedder = FakeEmbedder({"말": {f"{HER_LINE}대답 1.0": 0.9}})
    assert await draw(near(1.2, 1.1, 1.0), 5, embedder, relevance=60.0) == near(1.2, 1.0)


async def test_answer_that_is_near_to_its_own_message_must_be_nearer_here() -> None:
    near_here = {f"{HER_LINE}대답 1.1": 0.5, f"{HER_LINE}대답 1.0": 0.4}
    embedder = FakeEmbedder({"말": near_here, "말 1.1": {f"{HER_LINE}대답 1.1": 0.9}})
    assert await draw(near(1.2, 1.1, 1.0), 5, embedder, relevance=60.0) == near(1.1, 1.0)
    assert await draw(near(1.2, 1.1, 1.0), 5, embedder, relevance=60.0, own_share=0.75) == near(1.2, 1.0)


@pytest.mark.parametrize(
    ("draft", "answer", "message", "departures"),
    [
        ("얼른 자!", "얼른 자!", "졸려", 0),
        ("김밥 맛있겠다", "라면 맛있겠다", "김밥 먹어", 0),  # the message's word for the exemplar's
        ("라면 맛있어진대", "라면 맛있겠다", "김밥 먹어", 0),  # words are told apart by their beginnings
        ("섬은 다 꾸몼어?", "섬은 다 꾸몄어?", "동물의숲 할래", 2),
        ("연락이 왔으면 좋겠어", "연락이 왔으면 좋겠는 거지?", "튀지 않나", 1),
        ("비슷할 것이랑 비슷할 것 같아", "비슷할 것 같아", "무섭지 않아?", 2),
        ("힌트가 더 재밌어", "힌트: 로라는 착하다. 내 취미가 더 재밌어", "보여줘", 3),
    ],
)
def test_departures_are_words_of_neither_exemplar_nor_message(
    draft: str, answer: str, message: str, departures: int
) -> None:
    assert count_departures(draft, answer, message) == departures


@pytest.mark.parametrize(
    ("answer", "departure", "said"),
    [
        ("섬은 다 꾸몄어?", 4.0, "섬은 다 꾸몄어?"),
        ("섬은 https://a.b 꾸몄어?", 4.0, "같이 하자!"),  # what may not be shown is no draft
        ("섬은 다 꾸몄어?", 0.0, "섬은 다 꾸몼어?"),
    ],
)
async def test_draft_that_departs_from_its_exemplar_gives_way_to_its_answer(
    answer: str, departure: float, said: str
) -> None:
    generator = FakeGenerator()
    generator.enqueue("output_message", "섬은 다 꾸몼어?", "같이 하자!")
    found = [
        Exemplar(input="동물의숲 해", answer=answer, nearness=1.2),
        Exemplar(input="같이 해", answer="같이 하자!", nearness=1.0),
    ]
    profile = profile_with()
    choice = DraftChoice(drafts=2, contrast=0.0, nearness=30.0, departure=departure)
    adapter = replace(profile.adapters["output_message"], choice=choice)
    profile = replace(profile, adapters={**profile.adapters, "output_message": adapter})
    exemplars = {"output_message": found}
    writer = Writer(generator, FakeEmbedder(), profile, load_care(), SeedSource(7, "turn"), exemplars=exemplars)
    assert (await writer.write_reply("동물의숲 같이 해", "동물의숲 같이 해", NOW, ignore_event)).text == said
