"""When a reply that is being written is worth showing again (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often a message is edited: first after `first_s`, then every `every_s`, each wait longer by `growth`.

    An edit shows at least `fewest_new` new characters; a text that became shorter is always worth an edit.
    """

    first_s: float = 0.4
    every_s: float = 1.2
    growth: float = 1.0
    longest_s: float = 10.0
    fewest_new: int = 1


DISCORD_CADENCE = Cadence(every_s=1.2, growth=1.1, longest_s=5.0)
TELEGRAM_DRAFT_CADENCE = Cadence(first_s=0.2, every_s=0.7, growth=1.05, longest_s=3.0)


class StreamPace:
    """Keeps when a reply was last shown and how much of it; times are seconds of one clock."""

    def __init__(self, cadence: Cadence, started_at: float) -> None:
        """Begin at `started_at`, with nothing shown."""
        self._cadence = cadence
        self._next_at = started_at + cadence.first_s
        self._wait_s = cadence.every_s
        self._shown = 0

    def wait_s(self, now: float) -> float:
        """Return how long an edit has to wait yet."""
        return max(0.0, self._next_at - now)

    def is_due(self, now: float, length: int) -> bool:
        """Tell whether a text of `length` characters is to be shown at `now`."""
        if length == self._shown or now < self._next_at:
            return False
        return length < self._shown or length - self._shown >= self._cadence.fewest_new

    def note_shown(self, now: float, length: int) -> None:
        """Note that `length` characters were shown; the next edit waits longer."""
        self._shown = length
        self._next_at = now + self._wait_s
        self._wait_s = min(self._wait_s * self._cadence.growth, self._cadence.longest_s)

    def hold(self, now: float, seconds: float) -> None:
        """Show nothing for `seconds`: the platform asked for it."""
        self._next_at = max(self._next_at, now + seconds)
