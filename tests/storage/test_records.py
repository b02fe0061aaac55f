"""Check what the records promise by themselves."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.records import Memory, Sanction, UserKey


def test_memory_reads_as_key_and_value_in_brackets(user: UserKey, now: datetime) -> None:
    memory = Memory(id=1, user=user, key="오늘 일정", value="카페 방문", created_at=now, updated_at=now)
    assert memory.text == "[오늘 일정: 카페 방문]"


def test_block_without_an_expiry_is_refused(make_sanction: Callable[..., Sanction]) -> None:
    block = make_sanction(block=timedelta(days=1))
    with pytest.raises(ValueError, match="a block has an expiry"):
        replace(block, expires_at=None)


def test_warning_with_an_expiry_is_refused(make_sanction: Callable[..., Sanction], now: datetime) -> None:
    with pytest.raises(ValueError, match="a warning has none"):
        replace(make_sanction(), expires_at=now)


def test_level_zero_is_refused(make_sanction: Callable[..., Sanction]) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        make_sanction(level=0)


def test_importing_the_records_imports_no_database_code() -> None:
    code = "import sys, storage.records; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
