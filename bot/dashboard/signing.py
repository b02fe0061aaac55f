"""The key that signs cookies and form tokens, and the signatures. It is kept apart from the database: a row alone lets nobody in."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, Signer

from bot.errors import SettingsError

_KEY_BYTES = 32


def open_key(path: Path) -> bytes:
    """Read the key at `path`; make one that only this account may read where there is none.

    Raises:
        SettingsError: the file cannot be read or made, or holds no key.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise SettingsError(f"the dashboard's key {path} cannot be read or made: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} holds no key; delete it, and a new one is made (everybody enters anew)") from error
    if len(key) < _KEY_BYTES:
        raise SettingsError(f"the key in {path} is too short; delete it, and a new one is made (everybody enters anew)")
    return key


class Signatures:
    """Signs tokens for one purpose each (`salt`): what was signed for one is worth nothing for another."""

    def __init__(self, key: bytes) -> None:
        """Sign with HMAC-SHA256 under `key`."""
        self._key = key

    def sign(self, token: str, salt: str) -> str:
        """Return the token with its signature."""
        return self._signer(salt).sign(token).decode("ascii")

    def read(self, signed: str, salt: str) -> str | None:
        """Return the token if the signature is ours."""
        try:
            return self._signer(salt).unsign(signed).decode("ascii")
        except (BadSignature, UnicodeError):
            return None

    def form_token(self, token: str) -> str:
        """Return what the forms of a session carry: nobody else can make it, and it does not tell the session's token."""
        return self._signer("form").get_signature(token).decode("ascii")

    def is_form_token(self, given: str, token: str) -> bool:
        """Tell whether a form came from a page of this session."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.form_token(token).encode("ascii"))

    def _signer(self, salt: str) -> Signer:
        return Signer(self._key, salt=f"ohlora.dashboard.{salt}", digest_method=hashlib.sha256, key_derivation="hmac")
