"""Check what people read: notices, refusals, the sanction log, faces, and text that a terminal can show safely."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering import Texts, draw_face, printable
from engine.expression import make_expression
from engine.types import ChatReply, Eyes, Mouth, Notice, Pose, Rejection, RejectionReason, TurnDetails
from storage.records import MANUAL, Sanction, SanctionKind
from tests.bot.conftest import MakeSanction

EXPIRY = datetime(2026, 3, 14, 15, 5, tzinfo=UTC)  # 00:05 of the 15th in Seoul, 11:05 of the 14th in New York
SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")


def block(*categories: str, level: int = 2) -> Notice:
    return Notice(kind=SanctionKind.BLOCK, categories=categories, level=level, expires_at=EXPIRY)


def warning(*categories: str) -> Notice:
    return Notice(kind=SanctionKind.WARNING, categories=categories, level=1, expires_at=None)


@pytest.mark.parametrize(
    ("locale", "zone", "until"),
    [
        ("ko", SEOUL, "2026년 3월 15일 오전 12:05"),
        ("ko", NEW_YORK, "2026년 3월 14일 오전 11:05"),
        ("en", SEOUL, "15 Mar 2026, 00:05 +0900"),
        ("en", NEW_YORK, "14 Mar 2026, 11:05 EDT"),
    ],
)
def test_block_notice_says_until_when_in_the_users_language_and_zone(locale: str, zone: ZoneInfo, until: str) -> None:
    assert until in Texts(locale, zone).notice(block("정치"))


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ko", "ko"), ("ko-KR", "ko"), ("KO_kr", "ko"), ("kok", "en"), ("ja", "en"), ("fr-FR", "en"), ("", "en")],
)
def test_korean_is_for_korean_clients_and_english_for_all_others(locale: str, language: str) -> None:
    assert Texts(locale, SEOUL).language == language


@pytest.mark.parametrize(
    ("locale", "wait", "kept"),
    [("ko", ["1초", "1초", "140초"], "1460일"), ("en", ["1 second", "1 second", "140 seconds"], "1460 days")],
)
def test_lengths_of_time_are_written_in_one_unit_and_number(locale: str, wait: list[str], kept: str) -> None:
    texts = Texts(locale, SEOUL)
    assert [texts.seconds(count) for count in (0.2, 1.3, 140.0)] == wait
    assert texts.days(1460) == kept


def test_block_notice_names_every_category_and_the_level() -> None:
    korean = Texts("ko", SEOUL).notice(block("사랑 고백/만남", "정치", level=3))
    english = Texts("en", SEOUL).notice(block("패드립", "혐오/기타", level=3))
    assert "사랑 고백·만남, 정치 (3단계)" in korean
    assert "insulting parents, hate or crime (level 3)" in english


@pytest.mark.parametrize(("locale", "expected"), [("ko", "경고: 정치 (1단계)"), ("en", "Warning: politics (level 1)")])
def test_warning_notice_names_category_and_level(locale: str, expected: str) -> None:
    assert Texts(locale, SEOUL).notice(warning("정치")).startswith(expected)


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_every_rejection_reason_has_a_text_of_its_own(locale: str) -> None:
    texts = Texts(locale, SEOUL)
    lines = {
        reason: texts.outcome(
            Rejection(reason=reason, notice=block("정치") if reason is RejectionReason.BLOCKED else None), "r-7f"
        )
        for reason in RejectionReason
    }
    assert len(set(lines.values())) == len(RejectionReason)
    assert all(line and "{" not in line for line in lines.values())
    assert "r-7f" in lines[RejectionReason.ERROR]


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_blocked_message_is_answered_with_the_notice(locale: str) -> None:
    texts = Texts(locale, SEOUL)
    assert texts.outcome(Rejection(reason=RejectionReason.BLOCKED, notice=block("정치")), "r") == texts.notice(
        block("정치")
    )


def test_reply_is_shown_as_she_said_it() -> None:
    reply = ChatReply(text="응 {user}! 😊", expression=make_expression(), notice=None, details=TurnDetails())
    assert Texts("ko", SEOUL).outcome(reply, "r") == "응 {user}! 😊"


@pytest.mark.parametrize(
    ("locale", "language"), [("ko", "ko"), ("ko-KR", "ko"), ("KO_kr", "ko"), ("en", "en"), ("en-GB", "en")]
)
def test_locale_chooses_the_language(locale: str, language: str) -> None:
    assert Texts(locale, SEOUL).language == language


@pytest.mark.parametrize(("locale", "active", "over"), [("ko", "진행 중", "끝남"), ("en", "active", "over")])
def test_log_line_of_a_block_tells_whether_it_holds(
    make_sanction: MakeSanction, now: datetime, locale: str, active: str, over: str
) -> None:
    texts, sanction = Texts(locale, SEOUL), make_sanction(block=timedelta(days=3), level=2)
    assert f"({active})" in texts.sanction(1, sanction, now)
    assert f"({active})" in texts.sanction(1, sanction, now + timedelta(days=3, seconds=-1))
    assert f"({over})" in texts.sanction(1, sanction, now + timedelta(days=3))  # a block does not hold at its expiry


@pytest.mark.parametrize(("locale", "line"), [
    ("ko", "3. 경고 · 정치 1단계 · 2026년 3월 11일 오후 3:30"),
    ("en", "3. Warning · politics level 1 · 11 Mar 2026, 15:30 +0900"),
])  # fmt: skip
def test_log_line_of_a_warning_has_number_category_level_and_moment(
    make_sanction: MakeSanction, now: datetime, locale: str, line: str
) -> None:
    sanction: Sanction = make_sanction()
    assert Texts(locale, SEOUL).sanction(3, sanction, now) == line


def test_every_expression_has_a_face_of_its_own_in_one_line() -> None:
    faces = [draw_face(make_expression(*levels)) for levels in itertools.product(Eyes, Mouth, Pose)]
    assert len(faces) == 36
    assert len(set(faces)) == 36
    assert all(face.startswith("(") and face.endswith(")") and "\n" not in face for face in faces)
    assert all(printable(face) == face for face in faces)


def test_printable_strips_what_steers_a_terminal() -> None:
    escapes = "\x1b[31m빨강\x1b[0m \x1b]0;title\x07 \x9b2J \x1b(B \r\b\x7f\x00\ud83d 😊\tA\nB"
    assert printable(escapes) == "[31m빨강[0m ]0;title 2J (B  😊\tA\nB"


@settings(deadline=None)
@given(st.text())
def test_printable_text_holds_no_control_character_and_nothing_new(text: str) -> None:
    shown = printable(text)
    assert not [
        c for c in shown if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) <= 0x9F or 0xD800 <= ord(c) <= 0xDFFF
    ]
    assert printable(shown) == shown
    rest = iter(text)
    assert all(c in rest for c in shown)


# --- what moderators give and do ---


def by_hand(kind: SanctionKind) -> Notice:
    expiry = EXPIRY if kind is SanctionKind.BLOCK else None
    return Notice(kind=kind, categories=("도배",), level=1, expires_at=expiry, is_manual=True)


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize("kind", SanctionKind)
def test_notice_by_hand_tells_the_reason_and_no_level(locale: str, kind: SanctionKind) -> None:
    text = Texts(locale, SEOUL).notice(by_hand(kind))
    assert "도배" in text
    assert not [word for word in ("level", "단계") if word in text]
    assert (Texts(locale, SEOUL).moment(EXPIRY) in text) == (kind is SanctionKind.BLOCK)


def test_log_line_of_an_ended_block_tells_its_real_end(make_sanction: MakeSanction, now: datetime) -> None:
    texts, block = Texts("en", SEOUL), make_sanction(block=timedelta(days=3))
    reduced = replace(block, ended_at=now + timedelta(hours=1))
    lifted = replace(block, ended_at=now)
    assert texts.sanction(1, reduced, now).endswith("– 11 Mar 2026, 16:30 +0900 (active)")
    assert texts.sanction(1, lifted, now).endswith("– 11 Mar 2026, 15:30 +0900 (lifted)")


def test_log_line_by_hand_has_no_level(make_sanction: MakeSanction, now: datetime) -> None:
    sanction = make_sanction("도배")
    sanction = replace(sanction, evidence=replace(sanction.evidence, policy_version=MANUAL))
    assert Texts("en", SEOUL).sanction(1, sanction, now) == "1. Warning · 도배 · 11 Mar 2026, 15:30 +0900"


def test_long_message_is_cut_in_a_list_and_kept_longer_in_the_evidence(
    make_sanction: MakeSanction, now: datetime
) -> None:
    sanction = make_sanction()
    sanction = replace(sanction, evidence=replace(sanction.evidence, text="가나\n" * 300, reply=None))
    texts = Texts("en", SEOUL)
    assert texts.case_line(sanction, now).endswith("가나…”")
    assert len(texts.case_line(sanction, now)) < 160
    assert len(texts.evidence(sanction.evidence)[0]) == len("Message: ") + 800
    assert "가나" not in texts.case_line(sanction, now, is_whole=True)


def test_standing_tells_rungs_margin_and_link(make_sanction: MakeSanction) -> None:
    texts, sanction = Texts("en", SEOUL), make_sanction(level=2)
    linked = replace(sanction, evidence=replace(sanction.evidence, link="https://t.me/c/1/5"), rung_before=1)
    assert texts.standing(linked)[0].startswith("Rungs: 1 → 2")
    assert texts.standing(linked)[1] == "Message: https://t.me/c/1/5"
    by_hand = replace(sanction, evidence=replace(sanction.evidence, policy_version=MANUAL))
    assert texts.standing(by_hand) == []
