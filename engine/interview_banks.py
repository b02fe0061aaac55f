"""The question banks that interviews may be held with: those that ship, and an owner's own."""

from __future__ import annotations

from pathlib import Path

from models.errors import BankError
from models.interview_bank import DEFAULT_BANK, QuestionBank, list_banks, load_bank


class BankShelf:
    """Loads banks by name and keeps them; an owner's bank goes before one of the same name that ships."""

    def __init__(self, folder: Path | None = None) -> None:
        """Look for an owner's banks in `folder`, which need not exist."""
        self._folder = folder
        self._loaded: dict[str, QuestionBank] = {}

    def names(self) -> list[str]:
        """Return the names of all banks, the default one first."""
        own = {path.stem for path in self._folder.glob("*.toml")} if self._folder is not None else set()
        return sorted(own | set(list_banks()), key=lambda name: (name != DEFAULT_BANK, name))

    def find(self, name: str) -> QuestionBank | None:
        """Return a bank; None where there is none of that name, or its file breaks the format."""
        try:
            return self.load(name)
        except BankError:
            return None

    def load(self, name: str) -> QuestionBank:
        """Return a bank.

        Raises:
            BankError: there is none of that name, or its file breaks the format.
        """
        if name not in self._loaded:
            if name not in self.names():
                raise BankError(f"no question bank {name!r}; choose one of {', '.join(self.names())}")
            own = None if self._folder is None else self._folder / f"{name}.toml"
            self._loaded[name] = load_bank(str(own) if own is not None and own.is_file() else name)
        return self._loaded[name]
