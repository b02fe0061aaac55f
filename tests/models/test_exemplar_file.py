"""Check the file of an index: it finds what the index found, is made anew when anything it was made from changes, and is not needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.exemplar_file import load_or_build
from models.exemplars import ExemplarIndex
from models.types import WrittenExchange

EXCHANGES = [
    WrittenExchange(input="배달이 한 시간째 안 와", answers=("전화는 해 봤어?", "배고프겠다"), source="a:1"),
    WrittenExchange(input="[이름: 현우] 나 누구게", answers=("현우잖아!",), source="a:5"),
    WrittenExchange(input="졸려", answers=("",), source="a:9"),
]
Build = Callable[[], ExemplarIndex]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text("one", encoding="utf-8")
    return tmp_path


@pytest.fixture
def built(folder: Path) -> tuple[list[int], Build]:
    """A count of the times that something was built, and what builds."""
    times: list[int] = []

    def build() -> ExemplarIndex:
        times.append(len(times))
        return ExemplarIndex(EXCHANGES)

    return times, build


def load(folder: Path, build: Build, name: str = "output_message") -> ExemplarIndex:
    return load_or_build(name, folder.glob("*.txt"), build)


def kept_files(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.npz"))


def test_second_start_reads_what_the_first_built(folder: Path, built: tuple[list[int], Build]) -> None:
    times, build = built
    first, second = load(folder, build), load(folder, build)
    assert len(times) == 1
    for message in ("배달 언제 와", "[이름: 민준] 나 누구게", "졸려 ㅠㅠ", "zzz"):
        assert second.find(message, 3) == first.find(message, 3)
    assert list(second.exchanges) == EXCHANGES
    assert list(second.exchanges[1:]) == EXCHANGES[1:]


def test_changed_text_is_built_anew_and_other_names_apart(folder: Path, built: tuple[list[int], Build]) -> None:
    times, build = built
    load(folder, build)
    load(folder, build, "memory")
    (folder / "a.txt").write_text("two", encoding="utf-8")
    load(folder, build)
    assert len(times) == 3
    assert len(kept_files(folder)) == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"\x80\x04N."])
def test_broken_file_is_made_anew(folder: Path, built: tuple[list[int], Build], content: bytes) -> None:
    times, build = built
    load(folder, build)
    (file,) = kept_files(folder)
    file.write_bytes(content)
    assert load(folder, build).find("졸려", 1)
    load(folder, build)
    assert len(times) == 2


def test_file_whose_parts_do_not_fit_is_made_anew(folder: Path, built: tuple[list[int], Build]) -> None:
    times, build = built
    load(folder, build)
    (file,) = kept_files(folder)
    with np.load(file) as kept:
        parts = dict(kept)
    parts["key_numbers"] = parts["key_numbers"][:-1]
    np.savez(file, **parts)
    assert load(folder, build).find("졸려", 1)
    assert len(times) == 2


def test_old_files_go(folder: Path, built: tuple[list[int], Build]) -> None:
    for number in range(6):
        (folder / "a.txt").write_text(str(number), encoding="utf-8")
        load(folder, built[1])
    assert len(kept_files(folder)) == 4


def test_folder_that_cannot_be_written_is_done_without(folder: Path, built: tuple[list[int], Build]) -> None:
    (folder / "cache").write_text("a file", encoding="utf-8")
    assert load(folder, built[1]).find("졸려", 1)
    assert list(folder.glob("*.npz")) == []
