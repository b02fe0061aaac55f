"""Check the keyring: made once, opened by its master key only, rotated whole or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from storage.errors import DatabaseUnavailable, KeyringMissing, MasterKeyInvalid, MasterKeyMissing, MasterKeyWrong
from storage.keyring import PSEUDONYMS, Keyring, KeyringState
from storage.master_key import MasterKey, MasterKeySource

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def keyring(tmp_path: Path, now: datetime) -> Keyring:
    keyring = open_keyring(tmp_path)
    keyring.prepare(is_needed=False, now=now)
    return keyring


def open_keyring(folder: Path, text: str = "") -> Keyring:
    return Keyring(folder / "data" / "keyring.sqlite3", MasterKeySource(text, folder / "data.key"), 5.0)


def test_keys_are_kept_and_only_the_owner_may_read_the_file(keyring: Keyring, tmp_path: Path, now: datetime) -> None:
    made = keyring.create(2, now)
    assert open_keyring(tmp_path).read(made) == made
    assert open_keyring(tmp_path).read(["nobody's"]) == {}
    assert keyring.file.stat().st_mode & 0o077 == 0
    assert not any(key in keyring.file.read_bytes() for key in made.values())


def test_preparing_again_keeps_the_keys(keyring: Keyring, now: datetime) -> None:
    before = keyring.read([PSEUDONYMS])
    keyring.prepare(is_needed=True, now=now)
    assert keyring.read([PSEUDONYMS]) == before


def test_destroyed_key_is_gone_from_the_file_and_stays_known(keyring: Keyring, now: datetime) -> None:
    (gone, kept) = keyring.create(2, now)
    with closing(sqlite3.connect(keyring.file)) as connection:
        wrapped = connection.execute("SELECT wrapped FROM keys WHERE id = ?", (gone,)).fetchone()[0]
    assert wrapped in keyring.file.read_bytes()
    keyring.doom([gone])
    assert keyring.state().doomed == {gone}
    keyring.destroy([gone], now)
    assert wrapped not in keyring.file.read_bytes()
    state = keyring.state()
    assert state == KeyringState(living=frozenset([kept]), doomed=frozenset(), destroyed=frozenset([gone]))


def test_spared_key_lives_on(keyring: Keyring, now: datetime) -> None:
    made = keyring.create(1, now)
    keyring.doom(made)
    keyring.spare(made)
    assert keyring.state().doomed == set()
    assert keyring.read(made) == made


def test_lost_master_key_is_refused(keyring: Keyring, tmp_path: Path, now: datetime) -> None:
    keyring.source.file.unlink()
    with pytest.raises(MasterKeyMissing, match="Put the key file back"):
        open_keyring(tmp_path).prepare(is_needed=True, now=now)
    assert not keyring.source.file.exists()


def test_other_master_key_is_refused(keyring: Keyring, tmp_path: Path, now: datetime) -> None:
    with pytest.raises(MasterKeyWrong, match="Give the right one"):
        open_keyring(tmp_path, MasterKey.new().text).prepare(is_needed=True, now=now)


def test_lost_keyring_is_refused_and_not_made_anew(keyring: Keyring, tmp_path: Path, now: datetime) -> None:
    keyring.file.unlink()
    with pytest.raises(KeyringMissing, match="does not exist"):
        open_keyring(tmp_path).prepare(is_needed=True, now=now)
    assert not keyring.file.exists()


def test_key_that_was_put_under_another_id_is_refused(keyring: Keyring, now: datetime) -> None:
    one, other = keyring.create(2, now)
    with closing(sqlite3.connect(keyring.file)) as connection, connection:
        connection.execute(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = ?) WHERE id = ?", (one, other)
        )
    with pytest.raises(MasterKeyWrong, match="changed by something else"):
        keyring.read([other])


def test_file_that_cannot_be_made_says_what_to_set(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "taken").write_text("a file")
    source = MasterKeySource("", tmp_path / "taken" / "data.key")
    with pytest.raises((MasterKeyMissing, DatabaseUnavailable), match="OHLORA_MASTER_KEY"):
        Keyring(tmp_path / "data" / "keyring.sqlite3", source, 5.0).prepare(is_needed=False, now=now)


def test_rotation_wraps_every_key_anew_and_drops_the_old_master(
    keyring: Keyring, tmp_path: Path, now: datetime
) -> None:
    made = keyring.create(3, now)
    (old,) = keyring.source.read()
    running = open_keyring(tmp_path)  # another process, which knows the old key
    assert running.read(made) == made
    rotation = keyring.rotate()
    assert (rotation.rewrapped, rotation.was_unfinished) == (4, False)
    (new,) = keyring.source.read()
    assert new != old
    assert running.read(made) == made
    assert running.create(1, now)
    with pytest.raises(MasterKeyWrong):
        open_keyring(tmp_path, old.text).read(made)


def test_key_of_the_settings_is_rotated_to_the_one_in_front(tmp_path: Path, now: datetime) -> None:
    old, new = MasterKey.new(), MasterKey.new()
    keyring = open_keyring(tmp_path, old.text)
    keyring.prepare(is_needed=False, now=now)
    made = keyring.create(1, now)
    with pytest.raises(MasterKeyInvalid, match="put a new one"):
        keyring.rotate()
    assert open_keyring(tmp_path, f"{new.text},{old.text}").read(made) == made
    assert open_keyring(tmp_path, f"{new.text},{old.text}").rotate().master_id == new.id
    assert open_keyring(tmp_path, new.text).read(made) == made


KILLED = """
import os, signal, sys
from pathlib import Path
from storage.keyring import Keyring
from storage.master_key import MasterKeySource

class Killed(MasterKeySource):
    writes = 0
    def replace(self, keys):
        if self.writes == {before}: os.kill(os.getpid(), signal.SIGKILL)
        super().replace(keys)
        self.writes += 1
        if self.writes == {after}: os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
Keyring(folder / "data" / "keyring.sqlite3", Killed("", folder / "data.key"), 5.0).rotate()
"""


@pytest.mark.parametrize(
    ("before", "after", "rewrapped"),
    [(0, 0, 3), (9, 1, 3), (1, 9, 0), (9, 2, 3)],
    ids=["before anything", "both keys in the file", "keyring wrapped anew", "finished"],
)
def test_rotation_killed_halfway_loses_nothing_and_the_next_one_finishes_it(
    keyring: Keyring, tmp_path: Path, now: datetime, before: int, after: int, rewrapped: int
) -> None:
    made = keyring.create(2, now)
    (old,) = keyring.source.read()
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(before=before, after=after), str(tmp_path)],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -signal.SIGKILL
    assert open_keyring(tmp_path).read(made) == made
    rotation = open_keyring(tmp_path).rotate()
    assert rotation.rewrapped == rewrapped
    (new,) = keyring.source.read()
    assert new != old
    assert new.id == rotation.master_id
    assert open_keyring(tmp_path).read(made) == made


def test_copy_opens_with_the_same_master_key(keyring: Keyring, tmp_path: Path, now: datetime) -> None:
    made = keyring.create(1, now)
    copy = tmp_path / "far" / "keyring.sqlite3"
    keyring.copy_to(copy)
    keyring.copy_to(copy)
    assert Keyring(copy, keyring.source, 5.0).read(made) == made
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert copy.stat().st_mode & 0o077 == 0
