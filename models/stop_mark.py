"""Find a stop mark in text that arrives in pieces, and never let a part of it through."""

from __future__ import annotations


class StopMarkFilter:
    """Holds back the longest end of the text that could begin the stop mark."""

    def __init__(self, mark: str) -> None:
        """Watch for `mark`; an empty mark never stops."""
        self._mark = mark
        self._held = ""
        self.stopped = False

    def push(self, piece: str) -> str:
        """Take new text and return what may be shown; sets `stopped` when the mark is complete."""
        if self.stopped:
            return ""
        text = self._held + piece
        position = text.find(self._mark) if self._mark else -1
        if position >= 0:
            self.stopped = True
            self._held = ""
            return text[:position]
        keep = next(
            (size for size in range(min(len(text), len(self._mark) - 1), 0, -1) if self._mark.startswith(text[-size:])),
            0,
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """Return what is still held back, when no more text comes."""
        held, self._held = self._held, ""
        return held
