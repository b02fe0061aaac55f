"""Counts over time as columns to draw (pure): each column a day, a week or a month in the reader's time zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from storage.records import MANUAL, CaseMoment

HEIGHT = 100.0  # of the drawing, in its own units; a column is 10 wide
COLUMN, GAP = 10.0, 1.5
BY_HAND = "manual"  # stands for whatever moderators wrote as a reason
_MOST_SERIES = 6  # colours


class Span(StrEnum):
    """How far back a chart looks."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_DAYS = {Span.MONTH: 30, Span.QUARTER: 91, Span.YEAR: 364}
_STEP_DAYS = {Span.MONTH: 1, Span.QUARTER: 7, Span.YEAR: 28}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One colour of a column, as a rectangle."""

    series: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One stretch of time: its first day, and its count in each series."""

    begins: date
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Stacked columns. `most` is the height of the highest, in sanctions."""

    series: tuple[str, ...]
    columns: tuple[Column, ...]
    most: int

    @property
    def width(self) -> float:
        """Width of the drawing in its own units."""
        return COLUMN * len(self.columns)

    @property
    def parts(self) -> list[Part]:
        """The rectangles, from the left, from the bottom."""
        parts = []
        for place, column in enumerate(self.columns):
            below = 0
            for series, count in enumerate(column.counts):
                if count:
                    height, top = (round(HEIGHT * value / self.most, 3) for value in (count, below + count))
                    x = round(place * COLUMN + GAP / 2, 3)
                    parts.append(Part(series=series, x=x, y=round(HEIGHT - top, 3), height=height))
                    below += count
        return parts


def begin_of(span: Span, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the midnight at which a chart of `span` begins; its last column ends with today."""
    first = now.astimezone(zone).date() - timedelta(days=_DAYS[span] - 1)
    return datetime(first.year, first.month, first.day, tzinfo=zone)


def draw(moments: Sequence[CaseMoment], span: Span, now: datetime, zone: ZoneInfo) -> Chart:
    """Count sanctions by category and time. The most frequent categories have a series; what is given by hand is one."""
    names = [BY_HAND if moment.policy_version == MANUAL else moment.category for moment in moments]
    series = tuple(name for name, _ in Counter(names).most_common(_MOST_SERIES))
    first, step = begin_of(span, now, zone).date(), _STEP_DAYS[span]
    counted = [[0] * len(series) for _ in range(_DAYS[span] // step)]
    for moment, name in zip(moments, names, strict=True):
        place = (moment.started_at.astimezone(zone).date() - first).days // step
        if name in series and 0 <= place < len(counted):
            counted[place][series.index(name)] += 1
    columns = tuple(
        Column(begins=first + timedelta(days=place * step), counts=tuple(counts))
        for place, counts in enumerate(counted)
    )
    return Chart(series=series, columns=columns, most=max((sum(column.counts) for column in columns), default=0) or 1)
