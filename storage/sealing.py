"""Seal text with the data key of whom it is about, so that it opens in its own place only.

A sealed text is `s1:` and base64 of nonce, ciphertext and tag: AES-256-GCM (NIST SP 800-38D) under a random nonce of 96 bits.
Column and owner are bound in as associated data: a text that somebody copies to another column or another person does not open.
The empty text stays empty.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from storage.errors import TextUnreadable
from storage.records import ConversationKey, UserKey

Subject = UserKey | ConversationKey

SEALED = "s1:"
_NONCE_BYTES = 12


class SealedColumn(StrEnum):
    """Name every column that holds sealed text, and those that hold a mark."""

    SANCTION_TEXT = "sanctions.text"
    SANCTION_REPLY = "sanctions.reply"
    SANCTION_REASON = "sanctions.reason"
    SANCTION_CHANGE_REASON = "sanction_changes.reason"
    MEMORY_LIVE_KEY = "memories.live_key"
    MEMORY_KEY = "memories.key"
    MEMORY_VALUE = "memories.value"
    CHANGE_OLD_VALUE = "memory_changes.old_value"
    CHANGE_NEW_VALUE = "memory_changes.new_value"
    SUMMARY = "conversations.last_summary"
    APPEAL_TEXT = "appeals.text"
    APPEAL_REASON = "appeals.reason"
    REPORT_TEXT = "reports.text"
    NOTE_TEXT = "notes.text"
    INTERVIEW_TEXT = "interview_steps.text"


class DataKey:
    """What comes of one data key: a cipher for texts and a key for marks."""

    __slots__ = ("cipher", "marking")

    def __init__(self, secret: bytes) -> None:
        """Derive both by HKDF-SHA256 (RFC 5869, its second step: the key is random already)."""
        self.cipher = AESGCM(_derive(secret, b"ohlora text"))
        self.marking = _derive(secret, b"ohlora mark")


class Sealer:
    """Seals and opens the texts of one person or one conversation."""

    __slots__ = ("_key", "_owner")

    def __init__(self, subject: Subject, key: DataKey | None) -> None:
        """Use `key`; None where the subject has none, so that nothing but the empty text opens."""
        self._key = key
        self._owner = json.dumps([kind_of(subject), subject.platform, subject.id]).encode()

    @property
    def has_key(self) -> bool:
        """Whether the subject has a key, so that texts can be sealed."""
        return self._key is not None

    def seal(self, column: SealedColumn, text: str) -> str:
        """Return `text` sealed for its column."""
        if not text:
            return text
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._need(column).cipher.encrypt(nonce, text.encode(), self._bound_to(column))
        return SEALED + base64.b64encode(sealed).decode()

    def seal_if(self, column: SealedColumn, text: str | None) -> str | None:
        """Return `text` sealed, None where there is none."""
        return None if text is None else self.seal(column, text)

    def open(self, column: SealedColumn, sealed: str) -> str:
        """Return the text that was sealed for this column and this subject.

        Raises:
            TextUnreadable: it was changed, belongs elsewhere, or its key is gone.
        """
        if not sealed:
            return sealed
        if not sealed.startswith(SEALED):
            raise _unreadable(column)
        try:
            raw = base64.b64decode(sealed[len(SEALED) :], validate=True)
            nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return self._need(column).cipher.decrypt(nonce, rest, self._bound_to(column)).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise _unreadable(column) from error

    def open_if(self, column: SealedColumn, sealed: str | None) -> str | None:
        """Return the text that was sealed, None where there is none."""
        return None if sealed is None else self.open(column, sealed)

    def mark(self, column: SealedColumn, text: str) -> str:
        """Return what stands for `text` where texts are only compared: the same for the same text of this subject."""
        key = self._need(column).marking
        return hmac.new(key, f"{column}\n{text}".encode(), hashlib.sha256).hexdigest()

    def _bound_to(self, column: SealedColumn) -> bytes:
        return column.encode() + b"\n" + self._owner

    def _need(self, column: SealedColumn) -> DataKey:
        if self._key is None:
            raise _unreadable(column)
        return self._key


def kind_of(subject: Subject) -> str:
    """Return `user` or `conversation`."""
    return "user" if isinstance(subject, UserKey) else "conversation"


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=purpose).derive(secret)


def _unreadable(column: SealedColumn) -> TextUnreadable:
    return TextUnreadable(
        f"a text in {column} cannot be opened: it was changed by something else than this program, or its key is not in the "
        "keyring. Run `main.py doctor`, which looks at the keys, or restore the database from a backup."
    )
