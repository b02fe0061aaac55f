"""Check where master keys come from, and that a file of them is never half made."""

import stat
from pathlib import Path

import pytest

from storage.errors import MasterKeyInvalid, MasterKeyMissing
from storage.master_key import MasterKey, MasterKeySource


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ohlora.key"


def test_made_key_is_read_again_and_only_its_owner_may_read_it(file: Path) -> None:
    source = MasterKeySource("", file)
    assert not source.exists
    made = source.make()
    assert MasterKeySource("", file).read() == (made,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_second_maker_gets_the_key_of_the_first(file: Path) -> None:
    first = MasterKeySource("", file).make()
    assert MasterKeySource("", file).make() == first


def test_setting_may_list_several_keys_and_wins_over_the_file(file: Path) -> None:
    MasterKeySource("", file).make()
    new, old = MasterKey.new(), MasterKey.new()
    urlsafe = old.text.replace("+", "-").replace("/", "_")
    assert MasterKeySource(f" {new.text}, {urlsafe} ", file).read() == (new, old)


def test_replaced_file_holds_the_new_keys_and_what_a_killed_process_left_is_gone(file: Path) -> None:
    source = MasterKeySource("", file)
    old, new = source.make(), MasterKey.new()
    (file.parent / f".{file.name}.0123").write_text(old.text)
    source.replace([new])
    assert source.read() == (new,)
    assert old.text not in "".join(path.read_text() for path in file.parent.iterdir())


@pytest.mark.parametrize("text", ["hello", "c2hvcnQ=", "한글", "A" * 44])
def test_what_is_no_key_is_refused_without_being_told(text: str, file: Path) -> None:
    with pytest.raises(MasterKeyInvalid, match="main.py keys new") as caught:
        MasterKeySource(text, file).read()
    assert text not in str(caught.value)


def test_file_without_a_key_is_refused(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("# nothing yet\n")
    with pytest.raises(MasterKeyInvalid, match="holds no key"):
        MasterKeySource("", file).read()


def test_missing_file_is_named(file: Path) -> None:
    with pytest.raises(MasterKeyMissing, match=r"ohlora\.key does not exist"):
        MasterKeySource("", file).read()


def test_key_is_in_no_repr() -> None:
    key = MasterKey.new()
    assert str(list(key.secret)) not in repr(key)
    assert "secret" not in repr(key)
