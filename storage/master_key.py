"""Read, make and replace the master key, which wraps every data key and is kept outside the database.

It comes from the settings (the environment) or from a file. Either may hold several keys: the first is the one to wrap with,
the others only open what is still wrapped by them, so that a rotation that was cut short loses nothing.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from storage.errors import MasterKeyInvalid, MasterKeyMissing

KEY_BYTES = 32
_HEADER = (
    "# Master key of Oh-LoRA chat. Without it nothing that people wrote can be read again.\n"
    "# Keep a copy where the backups are not.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """One master key; `id` names it without telling it."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "MasterKey":
        """Draw a key."""
        return cls(secret=secrets.token_bytes(KEY_BYTES))

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits that say which key it is."""
        return hashlib.sha256(b"ohlora master key\n" + self.secret).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key as settings and files hold it: base64, 44 characters."""
        return base64.b64encode(self.secret).decode()


class MasterKeySource:
    """Where the master keys come from."""

    def __init__(self, text: str, file: Path) -> None:
        """Read `text`, or, where it is empty, `file`."""
        self._text = text
        self.file = file

    @property
    def is_file(self) -> bool:
        """Whether the keys are in a file, which this program may replace."""
        return not self._text.strip()

    @property
    def place(self) -> str:
        """Name the source for a person."""
        return f"the master key file {self.file}" if self.is_file else "the setting master_key"

    @property
    def exists(self) -> bool:
        """Whether there is a key to read."""
        return not self.is_file or self.file.exists()

    def read(self) -> tuple[MasterKey, ...]:
        """Return the keys, the one to wrap with first.

        Raises:
            MasterKeyMissing: there is none.
            MasterKeyInvalid: what is there is no key, or cannot be read.
        """
        keys = tuple(self._parse(part) for part in self._parts())
        if not keys:
            raise MasterKeyInvalid(f"{self.place} holds no key; {_HOW}")
        return keys

    def make(self) -> MasterKey:
        """Make a new key in a file that is not there yet, readable by its owner only; return the key that is there then.

        Raises:
            MasterKeyMissing: the file cannot be made.
            MasterKeyInvalid: another process made a file that holds no key.
        """
        folder = self.file.parent
        try:
            draft = self._write_draft([MasterKey.new()])
            try:
                os.link(draft, self.file)  # unlike a rename, this fails where another process was faster
            except FileExistsError:
                pass
            finally:
                draft.unlink()
            _sync_folder(folder)
        except OSError as error:
            raise MasterKeyMissing(
                f"{self.place} cannot be made ({error.strerror}); set OHLORA_MASTER_KEY_FILE to a file that this user may "
                "write, or OHLORA_MASTER_KEY to what `main.py keys new` prints."
            ) from error
        return self.read()[0]

    def replace(self, keys: Sequence[MasterKey]) -> None:
        """Put other keys into the file, in one step that a crash cannot halve.

        Raises:
            MasterKeyInvalid: the file cannot be written.
        """
        try:
            self._write_draft(keys).replace(self.file)
            for left in self.file.parent.glob(f".{self.file.name}.*"):  # of a process that was killed
                left.unlink()
            _sync_folder(self.file.parent)
        except OSError as error:
            raise MasterKeyInvalid(
                f"{self.place} cannot be written ({error.strerror}); this user must be able to write to its folder."
            ) from error

    def _parts(self) -> list[str]:
        if not self.is_file:
            return [part.strip() for part in self._text.split(",") if part.strip()]
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise MasterKeyMissing(f"{self.place} does not exist.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise MasterKeyInvalid(f"{self.place} cannot be read ({type(error).__name__}); {_HOW}") from error
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def _parse(self, text: str) -> MasterKey:
        try:
            secret = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise MasterKeyInvalid(f"{self.place} holds something that is no key; {_HOW}") from error
        if len(secret) != KEY_BYTES:
            raise MasterKeyInvalid(f"{self.place} holds {len(secret)} bytes in place of {KEY_BYTES}; {_HOW}")
        return MasterKey(secret=secret)

    def _write_draft(self, keys: Sequence[MasterKey]) -> Path:
        """Write the keys into a file beside the real one, down to the disk, and return it."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_name(f".{self.file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(_HEADER + "".join(f"{key.text}\n" for key in keys))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            draft.unlink()
            raise
        return draft


_HOW = f"a key is {KEY_BYTES} bytes in base64: `main.py keys new` prints one."


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
