"""Simulated learners reach a sensible end, whoever they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.interview_learners import LEARNERS, PLATFORM, SteppedClock, Transcript, hold_interview
from engine.interview_report import Report, build_report
from engine.interview_words import load_interview_words
from engine.types import ChatReply, Rejection, RejectionReason
from models.interview_bank import list_banks, load_bank
from models.profile import ADAPTER_NAMES, ENCODER_NAMES, load_profile
from storage.interview_records import InterviewState
from storage.interviews import InterviewStore
from storage.records import UserKey
from tests.engine.rig import NOW, MakeRig, Rig
from tests.fakes import HATE, PAEDRIP

WORDS = load_interview_words()
BANKS = {name: load_bank(name) for name in list_banks()}
ABUSE = {"느금마한테나 물어봐.": {PAEDRIP: 0.95}, "그런 이것 그냥 이것 죽이고 이것 노드만 남기면 돼": {HATE: 0.0}}


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig without the interview's models: key points judge, and the bank's words are said."""
    profile = load_profile("ohlora-v4")
    adapters = {name: profile.adapters[name] for name in ADAPTER_NAMES}
    encoders = {name: profile.encoders[name] for name in ENCODER_NAMES}
    return make_rig(ABUSE, profile=replace(profile, adapters=adapters, encoders=encoders))


async def hold(rig: Rig, learner: str, bank: str) -> tuple[Transcript, Report, InterviewState]:
    clock = SteppedClock(NOW)
    rig.clock.now = NOW

    async def run(request):  # type: ignore[no-untyped-def]
        rig.clock.now = clock()
        return await rig.pipeline.run(request)

    transcript = await hold_interview(run, clock, learner, BANKS[bank], WORDS)
    async with rig.database.read() as session:
        (interview,) = await InterviewStore(session).of_user(UserKey(platform=PLATFORM, id=learner))
    return transcript, build_report(BANKS[bank], interview), interview.state


@pytest.mark.parametrize("bank", BANKS)
async def test_who_knows_everything_answers_everything(rig: Rig, bank: str) -> None:
    transcript, report, state = await hold(rig, "perfect", bank)
    said = [line.text for line in transcript.lines if not line.is_learner]
    assert any(line.startswith(heard) for line in said for heard in WORDS.lines["right_experience"])
    assert isinstance(transcript.outcome, ChatReply)
    assert state is InterviewState.ENDED
    assert report.missed == 0
    assert report.answered == sum(len(question.answers) for question in report.questions)


@pytest.mark.parametrize("bank", BANKS)
async def test_who_is_lost_is_told_every_answer_and_comes_to_the_end(rig: Rig, bank: str) -> None:
    transcript, report, state = await hold(rig, "lost", bank)
    assert state is InterviewState.ENDED
    assert report.answered == 0
    said = "\n".join(line.text for line in transcript.lines if not line.is_learner)
    points = [point.text for question in BANKS[bank].questions for each in question.answers for point in each.points]
    assert all(point in said for point in points)
    assert any(line.removesuffix("{points}") in said for line in WORDS.lines["reveal_experience"])


@pytest.mark.parametrize("bank", BANKS)
async def test_who_evades_is_nudged_and_comes_to_the_end(rig: Rig, bank: str) -> None:
    transcript, _, state = await hold(rig, "evasive", bank)
    assert state is InterviewState.ENDED
    said = [line.text for line in transcript.lines if not line.is_learner]
    assert any(nudge in line for line in said for nudge in WORDS.lines["nudge_hedge"])


async def test_who_insults_among_technical_words_is_blocked_and_for_the_insult_alone(rig: Rig) -> None:
    transcript, _, _ = await hold(rig, "hostile", "operating_systems")
    assert isinstance(transcript.outcome, Rejection)
    assert transcript.outcome.reason is RejectionReason.BLOCKED
    assert transcript.outcome.notice is not None
    assert transcript.outcome.notice.categories == (PAEDRIP,)
    assert any("kill -9" in line.text for line in transcript.lines)


async def test_who_is_silent_for_a_week_finds_her_chatting_again(rig: Rig) -> None:
    transcript, _, _ = await hold(rig, "silent", "operating_systems")
    assert isinstance(transcript.outcome, ChatReply)
    assert transcript.outcome.interview is None
    assert [line.reason for line in transcript.lines if line.reason] == [RejectionReason.EMPTY] * 2


async def test_who_pastes_pages_is_asked_to_shorten_and_may_still_answer_everything(rig: Rig) -> None:
    transcript, report, state = await hold(rig, "pasting", "operating_systems")
    assert state is InterviewState.ENDED
    assert report.missed == 0
    refused = [line for line in transcript.lines if line.reason is RejectionReason.ANSWER_TOO_LONG]
    assert len(refused) >= len(report.questions)


def test_every_learner_of_the_issue_is_simulated() -> None:
    assert set(LEARNERS) == {"perfect", "lost", "evasive", "hostile", "silent", "pasting"}
