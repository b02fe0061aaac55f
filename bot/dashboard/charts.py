"""Counts over time as columns to draw (pure): each column a day, a week or a month in the reader's time zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from storage.records import CaseCount

HEIGHT = 100.0  # of the drawing, in its own units; a column is 10 wide
COLUMN, GAP = 10.0, 1.5
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


def begins_of(span: Span, now: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the midnights at which the columns of a chart begin; its last column ends with today."""
    days, step = _DAYS[span], _STEP_DAYS[span]
    first = now.astimezone(zone).date() - timedelta(days=days - 1)
    starts = (first + timedelta(days=day) for day in range(0, days, step))
    return tuple(datetime.combine(start, time(), zone) for start in starts)


def draw(counts: Sequence[CaseCount], begins: Sequence[datetime]) -> Chart:
    """Draw counts as columns, one for each of `begins`. The most frequent categories have a series."""
    totals: Counter[str] = Counter()
    for each in counts:
        totals[each.category] += each.count
    series = tuple(name for name, _ in totals.most_common(_MOST_SERIES))
    counted = [[0] * len(series) for _ in begins]
    for each in counts:
        if each.category in series:
            counted[each.place][series.index(each.category)] = each.count
    columns = tuple(
        Column(begins=begin.date(), counts=tuple(column)) for begin, column in zip(begins, counted, strict=True)
    )
    return Chart(series=series, columns=columns, most=max((sum(column.counts) for column in columns), default=0) or 1)
