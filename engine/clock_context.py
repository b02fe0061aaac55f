"""The time mark in front of a message, and weekdays that are wrong now.

The day runs from 04:00 to 03:59: 오전 to 11:59, 오후 to 17:59 (Friday to 16:59), then 저녁 of the day that began it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
PARTS = ("오전", "오후", "저녁")
_TIME_WORDS = re.compile("오늘|내일|지금|요일|이따|휴일")
_NAMED_DAY = re.compile(
    r"(오늘|내일)(?:은|이|도|부터|까지|의)?\s*(?:바로|벌써|드디어|또|이미)?\s*([월화수목금토일])요일"
)
# 주말 said of a day: (내일)은 주말이야, 오늘 주말; not 다음 주말, not 주말이라도.
_WEEKEND = re.compile(
    r"(?<!다음 )(?<!이번 )(?<!곧 )(?:(?:오늘|지금|(내일))(?:은|이면|이)? *(?:벌써 |신나는 |즐거운 )?주말"
    r"|주말(?:이잖아|인데|이네|이니까|이야|이다|이라(?!도)|이지))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPart:
    """A weekday (0 is Monday) and a part of its day."""

    weekday: int
    part: str

    @property
    def mark(self) -> str:
        """The mark as it stands in front of a message, with its space."""
        return f"(지금은 {WEEKDAYS[self.weekday]} {self.part}) "


def day_part(moment: datetime, zone: ZoneInfo) -> DayPart:
    """Return the weekday and part of day of `moment` (aware) in `zone`."""
    local = moment.astimezone(zone)
    day = local.replace(tzinfo=None)
    if day.hour < 4:
        day -= timedelta(days=1)
        return DayPart(weekday=day.weekday(), part="저녁")
    evening = 17 if day.weekday() == 4 else 18
    part = "오전" if day.hour < 12 else "오후" if day.hour < evening else "저녁"
    return DayPart(weekday=day.weekday(), part=part)


def needs_time_mark(message: str) -> bool:
    """Tell whether `message` speaks of a time that only the clock knows."""
    return _TIME_WORDS.search(message) is not None


def names_wrong_day(reply: str, now: DayPart) -> bool:
    """Tell whether `reply` says something of the days that is not so now.

    오늘/내일 with another weekday; 주말 as being now outside Saturday, Sunday and Friday evening; 불금 on another day than Friday; the week's
    beginning on another day than Monday or Sunday evening.
    """
    for match in _NAMED_DAY.finditer(reply):
        expected = now.weekday + (match[1] == "내일")
        if WEEKDAYS[expected % 7] != f"{match[2]}요일":
            return True
    tomorrow_is_weekend = now.weekday in {4, 5}
    is_weekend = now.weekday >= 5 or (now.weekday == 4 and now.part == "저녁")
    for match in _WEEKEND.finditer(reply):
        if not (tomorrow_is_weekend if match[1] else is_weekend):
            return True
    if "불금" in reply and now.weekday != 4:
        return True
    starts = now.weekday == 0 or (now.weekday == 6 and now.part == "저녁")
    return not starts and re.search(r"(한 ?주|이번 ?주|일주일)(의|가|를)? ?(시작|첫날)", reply) is not None
