"""Check lengths of blocks as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.block_length import LONGEST, parse_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        (" 12 h ", timedelta(hours=12)),
        ("7D", timedelta(days=7)),
        ("1461d", LONGEST),
        ("30분", timedelta(minutes=30)),
        ("12 시간", timedelta(hours=12)),
        ("7일", timedelta(days=7)),
    ],
)
def test_length_is_minutes_hours_or_days(text: str, length: timedelta) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize(
    "text", ["", "7", "d", "0m", "1462d", "999999d", "1w", "-1d", "1.5h", "１d", "3d 2h", "9999999m"]
)
def test_anything_else_is_no_length(text: str) -> None:
    assert parse_length(text) is None
