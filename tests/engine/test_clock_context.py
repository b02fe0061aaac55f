"""Check the time mark and the weekdays that are wrong now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock_context import WEEKDAYS, DayPart, day_part, names_wrong_day, needs_time_mark

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY = datetime(2026, 3, 9)
PARTS = ("오전", "오후", "저녁")
EVERY_DAY_PART = [DayPart(weekday=weekday, part=part) for weekday, part in product(range(7), PARTS)]
WEDNESDAY_NOON = DayPart(weekday=2, part="오후")


def seoul(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of the week of Monday 2026-03-09 in Seoul, as UTC."""
    return (MONDAY + timedelta(days=day, hours=hour, minutes=minute)).replace(tzinfo=SEOUL).astimezone(UTC)


def expected_part(local: datetime) -> DayPart:
    """Work the day part out in minutes from the start of the day at 04:00."""
    began = local - timedelta(hours=4)
    minutes = began.hour * 60 + began.minute
    evening = (17 if began.weekday() == 4 else 18) * 60 - 240
    return DayPart(weekday=began.weekday(), part="오전" if minutes < 480 else "오후" if minutes < evening else "저녁")


@pytest.mark.parametrize("hour", range(168))
def test_every_hour_of_a_week_has_its_day_part(hour: int) -> None:
    for minute in (0, 59):
        moment = seoul(0, hour, minute)
        assert day_part(moment, SEOUL) == expected_part(MONDAY + timedelta(hours=hour, minutes=minute))


@pytest.mark.parametrize(
    ("day", "hour", "minute", "mark"),
    [
        (0, 3, 59, "(지금은 일요일 저녁) "),
        (0, 4, 0, "(지금은 월요일 오전) "),
        (2, 11, 59, "(지금은 수요일 오전) "),
        (2, 12, 0, "(지금은 수요일 오후) "),
        (3, 17, 59, "(지금은 목요일 오후) "),
        (3, 18, 0, "(지금은 목요일 저녁) "),
        (4, 16, 59, "(지금은 금요일 오후) "),
        (4, 17, 0, "(지금은 금요일 저녁) "),
        (5, 3, 59, "(지금은 금요일 저녁) "),
        (5, 4, 0, "(지금은 토요일 오전) "),
        (5, 17, 0, "(지금은 토요일 오후) "),
    ],
)
def test_mark_at_the_boundaries_of_the_day(day: int, hour: int, minute: int, mark: str) -> None:
    assert day_part(seoul(day, hour, minute), SEOUL).mark == mark


@given(
    moment=st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2099, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_day_part_follows_the_wall_clock_of_the_zone(moment: datetime, zone: str) -> None:
    local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert day_part(moment, ZoneInfo(zone)) == expected_part(local)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (
            datetime(2026, 3, 29, 1, 59, tzinfo=UTC),
            DayPart(weekday=5, part="저녁"),
        ),  # 03:59 Sunday, clocks just went on
        (datetime(2026, 3, 29, 2, 0, tzinfo=UTC), DayPart(weekday=6, part="오전")),
        (datetime(2026, 10, 25, 2, 59, tzinfo=UTC), DayPart(weekday=5, part="저녁")),  # 03:59 Sunday, clocks went back
        (datetime(2026, 10, 25, 3, 0, tzinfo=UTC), DayPart(weekday=6, part="오전")),
    ],
)
def test_day_begins_at_four_when_the_clocks_change(moment: datetime, expected: DayPart) -> None:
    assert day_part(moment, ZoneInfo("Europe/Berlin")) == expected


@pytest.mark.parametrize("word", ["오늘", "내일", "지금", "요일", "이따", "휴일"])
def test_message_with_a_time_word_needs_the_mark(word: str) -> None:
    assert needs_time_mark(f"우리 {word}에 뭐 할까?")


@pytest.mark.parametrize("message", ["", "안녕?", "어제 뭐 했어?", "이번 주에 보자"])
def test_message_without_a_time_word_needs_no_mark(message: str) -> None:
    assert not needs_time_mark(message)


@pytest.mark.parametrize("now", EVERY_DAY_PART, ids=lambda now: now.mark.strip())
def test_named_weekday_is_wrong_exactly_when_it_is_another_day(now: DayPart) -> None:
    for named, joint in product(range(7), (" ", "은 ", "이 ", "도 ", "은 벌써 ", "은 드디어 ")):
        today = f"헤헤 오늘{joint}{WEEKDAYS[named]}이야 😊"
        tomorrow = f"헤헤 내일{joint}{WEEKDAYS[named]}이야 😊"
        assert names_wrong_day(today, now) == (named != now.weekday), today
        assert names_wrong_day(tomorrow, now) == (named != (now.weekday + 1) % 7), tomorrow


@pytest.mark.parametrize("now", EVERY_DAY_PART, ids=lambda now: now.mark.strip())
def test_days_of_the_week_are_only_claimed_when_they_are(now: DayPart) -> None:
    is_weekend = now.weekday >= 5 or (now.weekday == 4 and now.part == "저녁")
    starts = now.weekday == 0 or (now.weekday == 6 and now.part == "저녁")
    assert names_wrong_day("오늘은 주말이라 신난다 🎉", now) != is_weekend
    assert names_wrong_day("주말인데 뭐 할까? 🤔", now) != is_weekend
    assert names_wrong_day("불금이다! 🍻", now) == (now.weekday != 4)
    assert names_wrong_day("한 주 시작이네, 힘내자 💪", now) != starts


@pytest.mark.parametrize(
    "reply",
    [
        "주말에 뭐 할 거야? 😊",
        "이번 주말 기대된다 🎉",
        "금요일에 보자 😊",
        "내일모레 금요일이네 😊",
        "오늘 수요일이지? 내일은 목요일! 😊",
        "오늘 말고 금요일은 어때? 🤔",
    ],
)
def test_reply_that_only_speaks_of_other_days_is_right(reply: str) -> None:
    assert not names_wrong_day(reply, WEDNESDAY_NOON)


def test_second_weekday_of_a_reply_is_checked_too() -> None:
    assert names_wrong_day("오늘은 수요일이고 내일은 토요일이야 😊", WEDNESDAY_NOON)


@pytest.mark.parametrize(
    "reply", ["주말이다! 🎉", "주말이라 너무 좋아 🎉", "주말이지롱 🎉", "한주의 시작이네 💪", "이번주 시작이다 💪"]
)
def test_week_and_weekend_claimed_with_other_endings_or_spacing_are_wrong_too(reply: str) -> None:
    assert names_wrong_day(reply, WEDNESDAY_NOON)


@given(text=st.text(), now=st.sampled_from(EVERY_DAY_PART))
def test_any_text_can_be_checked(text: str, now: DayPart) -> None:
    assert names_wrong_day(text, now) in (True, False)
