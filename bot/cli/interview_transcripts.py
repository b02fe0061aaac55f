"""Transcripts of simulated interviews as Markdown."""

from __future__ import annotations

from pathlib import Path

from bot.errors import SettingsError
from bot.rendering import Texts
from engine.interview_learners import Line, Transcript
from engine.types import ChatReply, Rejection, RejectionReason
from models.interview_bank import QuestionBank
from storage.interview_records import InterviewState

MARK = "<!-- transcripts: written by `main.py interview simulate --write`; what stands below is replaced -->"
_FIRST, _LAST, _LONGEST = 14, 6, 160  # lines of a transcript that are shown, characters of a line


def write_transcripts(transcripts: list[Transcript], bank: QuestionBank, texts: Texts) -> str:
    """Write transcripts, each shortened in its middle; what drew a block is not quoted."""
    parts = [f"Bank `{bank.name}`, one interview for each learner."]
    for transcript in transcripts:
        lines = [_write_line(line, following, texts) for line, following in _with_next(transcript.lines)]
        if len(lines) > _FIRST + _LAST:
            left = len(lines) - _FIRST - _LAST
            lines = [*lines[:_FIRST], f"> *… {left} more lines …*", *lines[-_LAST:]]
        body = "\n>\n".join(lines)
        parts.append(f"### {transcript.learner}\n\n{_end_of(transcript)}\n\n{body}")
    return "\n\n".join(parts) + "\n"


def replace_transcripts(page: Path, text: str) -> None:
    """Put `text` in place of what stands below the mark of a page.

    Raises:
        SettingsError: the page is not there, or has no mark.
    """
    try:
        above, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
        if mark:
            page.write_text(f"{above}{MARK}\n\n{text}", encoding="utf-8")
            return
    except OSError as error:
        raise SettingsError(f"{page}: {error.strerror}; give a page to write into") from error
    raise SettingsError(f"{page} has no line {MARK}; put it where the transcripts belong")


def _with_next(lines: tuple[Line, ...]) -> list[tuple[Line, Line | None]]:
    return [(line, lines[number + 1] if number + 1 < len(lines) else None) for number, line in enumerate(lines)]


def _write_line(line: Line, following: Line | None, texts: Texts) -> str:
    who = "learner" if line.is_learner else "오로라"
    text = " ".join(line.text.split())
    if line.is_learner and following is not None and following.reason is RejectionReason.BLOCKED:
        text = "*(an insult between two technical sentences; not quoted)*"
    elif line.reason is RejectionReason.BLOCKED:
        text = "*(no reply: blocked)*"
    elif line.reason is not None:
        text = texts.get(f"rejection.{line.reason}", request_id="-")
    elif not text.replace("\u200b", ""):
        text = "*(nothing)*"
    elif len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… *({len(line.text):,} characters)*"
    return f"> **{who}**: {text}"


def _end_of(transcript: Transcript) -> str:
    """Say in a sentence how an interview ended."""
    messages = sum(line.is_learner for line in transcript.lines)
    outcome = transcript.outcome
    if isinstance(outcome, Rejection):
        return f"{messages} messages; ended by a block."
    if isinstance(outcome, ChatReply) and outcome.interview is not None:
        ended = outcome.interview.state is InterviewState.ENDED
        return f"{messages} messages; {'came to its end' if ended else 'still open'}, {outcome.interview.asked} of {outcome.interview.total} questions asked."
    return f"{messages} messages; lapsed after a week of silence, and she talks as ever."
