"""Keep the data keys, each wrapped by the master key, in a small SQLite file of their own.

The file is not part of any backup of the database: a key that is destroyed here is gone, and with it whatever was sealed by it,
also in backups made earlier. What is left of a destroyed key is its id, so that a backup that is restored later says by itself
whom it must not bring back. Ids are random and say nothing of anybody.

Every method opens the file anew, so any thread and any process may call them; they block for some milliseconds.
"""

import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import KeyringMissing, MasterKeyInvalid, MasterKeyMissing, MasterKeyWrong
from storage.master_key import KEY_BYTES, MasterKey, MasterKeySource
from storage.translation import reached, translated

APPLICATION_ID = 0x4F484C4B  # "OHLK"
PSEUDONYMS = "pseudonyms"  # the id of the one key that belongs to nobody
_NONCE_BYTES = 12
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS keys (
        id TEXT PRIMARY KEY,
        wrapped BLOB NOT NULL,
        master_id TEXT NOT NULL,
        created_at TEXT NOT NULL,
        is_doomed INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS destroyed (id TEXT PRIMARY KEY, destroyed_at TEXT NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringState:
    """What a keyring holds: ids of living keys, of those about to be destroyed, and of those that are gone."""

    living: frozenset[str]
    doomed: frozenset[str]
    destroyed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation did: the master key in use now, how many keys it wrapped anew, whether it finished an earlier one."""

    master_id: str
    rewrapped: int
    was_unfinished: bool


class Keyring:
    """Read and write the data keys of one database."""

    def __init__(self, file: Path, source: MasterKeySource, busy_timeout_s: float) -> None:
        """Keep keys in `file`, wrapped by the master key of `source`."""
        self.file = file
        self.source = source
        self._busy_timeout_s = busy_timeout_s
        self._masters: Mapping[str, MasterKey] = {}

    @property
    def place(self) -> str:
        """Name the keyring for a person."""
        return f"the keyring {self.file}"

    def prepare(self, *, is_needed: bool, now: datetime) -> None:
        """Open the keyring, or make it and its master key where neither is there yet.

        `is_needed` says that text sealed by its keys exists already, so that a new keyring could not open it.

        Raises:
            KeyringMissing, MasterKeyMissing: they are not there, but text exists that needs them.
            MasterKeyWrong: the keyring was wrapped by another master key.
            MasterKeyInvalid: the master key cannot be read.
        """
        with reached(self.place):
            if not self._is_made():
                if is_needed:
                    raise self._missing()
                self._make(now)
        self.master()

    def master(self) -> MasterKey:
        """Return the master key that wraps the keyring now, reading the source anew where that has changed.

        Raises:
            MasterKeyMissing, MasterKeyInvalid, MasterKeyWrong: it cannot be had.
        """
        with self._connection() as connection:
            return self._master_of(connection)

    def read(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Return the keys with these ids that are there."""
        found = {}
        with self._connection() as connection:
            for key_id in ids:
                row = connection.execute("SELECT wrapped, master_id FROM keys WHERE id = ?", (key_id,)).fetchone()
                if row is not None:
                    found[key_id] = self._unwrap(key_id, row[0], self._master(row[1]))
        return found

    def create(self, count: int, now: datetime) -> dict[str, bytes]:
        """Make new keys, down to the disk, and return them by id."""
        made = {secrets.token_hex(16): secrets.token_bytes(KEY_BYTES) for _ in range(count)}
        with self._transaction() as connection:
            master = self._master_of(connection)
            for key_id, key in made.items():
                self._insert(connection, key_id, key, master, now)
        return made

    def doom(self, ids: Collection[str]) -> None:
        """Note that keys are about to be destroyed; they open until then. What was doomed is finished at the next start."""
        self._mark(ids, is_doomed=True)

    def spare(self, ids: Collection[str]) -> None:
        """Take back that keys are about to be destroyed."""
        self._mark(ids, is_doomed=False)

    def destroy(self, ids: Collection[str], now: datetime) -> None:
        """Destroy keys for good; their ids stay known as destroyed."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM keys WHERE id = ?", [(key_id,) for key_id in ids])
            connection.executemany(
                "INSERT OR IGNORE INTO destroyed (id, destroyed_at) VALUES (?, ?)",
                [(key_id, now.isoformat()) for key_id in ids],
            )

    def state(self) -> KeyringState:
        """Return the ids that the keyring knows."""
        with self._connection() as connection:
            rows = connection.execute("SELECT id, is_doomed FROM keys WHERE id <> ?", (PSEUDONYMS,)).fetchall()
            gone = connection.execute("SELECT id FROM destroyed").fetchall()
        return KeyringState(
            living=frozenset(row[0] for row in rows),
            doomed=frozenset(row[0] for row in rows if row[1]),
            destroyed=frozenset(row[0] for row in gone),
        )

    def rotate(self) -> Rotation:
        """Wrap every key by a new master key, or finish a rotation that was cut short.

        A key file holds the new and the old key while the keyring changes, so that whichever wraps it is at hand whenever this
        is cut short; the keyring itself changes in one transaction.

        Raises:
            MasterKeyInvalid: the settings hold a single key, so there is none to change to.
        """
        with self._transaction() as connection:  # also keeps another rotation out
            old = self._master_of(connection)
            listed = self.source.read()
            unfinished = len(listed) > 1
            new = listed[0] if unfinished or not self.source.is_file else MasterKey.new()
            if new == old and not unfinished:
                raise self._no_new_key()
            if self.source.is_file and not unfinished:
                self.source.replace([new, old])
            rewrapped = self._rewrap(connection, old, new)
        if self.source.is_file:
            self.source.replace([new])
        self._masters = {new.id: new}
        return Rotation(master_id=new.id, rewrapped=rewrapped, was_unfinished=unfinished and self.source.is_file)

    def copy_to(self, file: Path) -> None:
        """Write a copy of the keyring over `file`, in one step; the copy needs the same master key."""
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with reached(f"the copy {file}"), self._connection() as connection:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.touch(mode=0o600)
            with translated(f"the copy {file}"), closing(sqlite3.connect(draft)) as target:
                connection.backup(target)
            draft.replace(file)

    # --- making it ---

    def _is_made(self) -> bool:
        if not self.file.exists():
            return False
        with self._connection() as connection:
            has_tables = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'keys'").fetchone()
            return has_tables is not None

    def _make(self, now: datetime) -> None:
        if not self.source.exists:
            self._refuse_volume()
            self.source.make()
        master = self.source.read()[0]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch(mode=0o600)
        with self._transaction() as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in _TABLES:
                connection.execute(statement)
            if connection.execute("SELECT 1 FROM keys WHERE id = ?", (PSEUDONYMS,)).fetchone() is None:
                self._insert(connection, PSEUDONYMS, secrets.token_bytes(KEY_BYTES), master, now)

    # --- wrapping ---

    def _insert(
        self, connection: sqlite3.Connection, key_id: str, key: bytes, master: MasterKey, now: datetime
    ) -> None:
        connection.execute(
            "INSERT INTO keys (id, wrapped, master_id, created_at) VALUES (?, ?, ?, ?)",
            (key_id, _wrap(key_id, key, master), master.id, now.isoformat()),
        )

    def _rewrap(self, connection: sqlite3.Connection, old: MasterKey, new: MasterKey) -> int:
        rows = connection.execute("SELECT id, wrapped FROM keys WHERE master_id = ?", (old.id,)).fetchall()
        if old != new:
            connection.executemany(
                "UPDATE keys SET wrapped = ?, master_id = ? WHERE id = ?",
                [(_wrap(key_id, self._unwrap(key_id, wrapped, old), new), new.id, key_id) for key_id, wrapped in rows],
            )
        return len(rows) if old != new else 0

    def _unwrap(self, key_id: str, wrapped: bytes, master: MasterKey) -> bytes:
        try:
            nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
            return AESGCM(master.secret).decrypt(nonce, sealed, key_id.encode())
        except InvalidTag as error:
            raise MasterKeyWrong(
                f"{self.place} was changed by something else than this program: a key in it cannot be unwrapped. "
                "Put a copy of the keyring back."
            ) from error

    def _master_of(self, connection: sqlite3.Connection) -> MasterKey:
        row = connection.execute("SELECT master_id FROM keys WHERE id = ?", (PSEUDONYMS,)).fetchone()
        if row is None:
            raise KeyringMissing(f"{self.place} is empty; put a copy of it back.")
        return self._master(row[0])

    def _master(self, master_id: str) -> MasterKey:
        if master_id not in self._masters:  # at the start, and after a rotation by another process
            if not self.source.exists:
                raise self._master_missing()
            self._masters = {key.id: key for key in self.source.read()}
        if master_id not in self._masters:
            raise MasterKeyWrong(
                f"{self.source.place} holds another key than the one that wraps {self.place} (its id is {master_id}); "
                "nothing was changed. Give the right one: without it what people wrote cannot be read."
            )
        return self._masters[master_id]

    def _master_missing(self) -> MasterKeyMissing:
        return MasterKeyMissing(
            f"{self.source.place} does not exist, but {self.place} does, and only that key opens it; nothing was changed. "
            "Put the key file back, or set OHLORA_MASTER_KEY or OHLORA_MASTER_KEY_FILE."
        )

    def _missing(self) -> KeyringMissing:
        return KeyringMissing(
            f"{self.place} does not exist, but the database holds text that only its keys open; nothing was changed. "
            "Put the keyring back (docs/settings.md says where copies come from), or name an empty database."
        )

    def _no_new_key(self) -> MasterKeyInvalid:
        return MasterKeyInvalid(
            "the setting master_key holds the old key only; put a new one (`main.py keys new`) in front of it, a comma "
            "between them, then rotate, then take the old one away."
        )

    def _refuse_volume(self) -> None:
        """Make no key beside a folder that is a volume of its own: the key would be lost with the container."""
        folder = self.file.parent
        if folder.is_mount() and self.source.file.parent == folder.parent:
            raise MasterKeyMissing(
                f"{folder} is a volume of its own, and a master key made beside it would not last as long. Set "
                "OHLORA_MASTER_KEY to what `main.py keys new` prints, or OHLORA_MASTER_KEY_FILE to a file that lasts."
            )

    # --- the file ---

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with (
            translated(self.place),
            reached(self.place),
            closing(self._open()) as connection,
        ):
            connection.execute("PRAGMA secure_delete = ON")  # a destroyed key is overwritten, not only unlinked
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection

    def _open(self) -> sqlite3.Connection:
        """Connect to the file, which must be there: one that is lost must not come back empty."""
        place = f"{self.file.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(place, uri=True, timeout=self._busy_timeout_s, isolation_level=None)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _mark(self, ids: Collection[str], *, is_doomed: bool) -> None:
        with self._transaction() as connection:
            connection.executemany("UPDATE keys SET is_doomed = ? WHERE id = ?", [(is_doomed, each) for each in ids])


def _wrap(key_id: str, key: bytes, master: MasterKey) -> bytes:
    """Wrap a key by AES-256-GCM, bound to its id (NIST SP 800-38D, 96-bit nonce)."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(master.secret).encrypt(nonce, key, key_id.encode())
