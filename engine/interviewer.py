"""Her next line of an interview: written by the interviewer adapter, checked, and completed by the bank's own words where it fails."""

from __future__ import annotations

from collections.abc import Sequence

from engine.clock_context import DayPart
from engine.generation import SeedSource
from engine.interview import Cue, Standing, is_closed
from engine.interview_slips import has_slip
from engine.interview_words import InterviewWords
from engine.reply_check import clean_reply, find_fault
from models.interview_bank import Collect, Question, QuestionBank, QuestionKind
from models.interview_text import interviewer_input, is_well_formed, quiet, shorten, topic_of
from models.profile import Profile
from models.types import FinishReason, Sampling, TextGenerator
from storage.interview_records import StepKind

INTERVIEWER = "interview"  # the name of the adapter


class Interviewer:
    """Writes the lines of one turn of an interview."""

    def __init__(
        self,
        generator: TextGenerator,
        profile: Profile,
        bank: QuestionBank,
        *,
        words: InterviewWords,
        seeds: SeedSource,
    ) -> None:
        """Write with the profile's interviewer adapter, if it has one that knows the bank; else with the words of the bank."""
        self._generator = generator
        self._profile = profile
        self._bank = bank
        self._words = words
        self._seeds = seeds

    async def write(self, cue: Cue, now: DayPart, *, with_adapter: bool) -> str:
        """Return her whole line: what she explains, what she says to the answer, the next question, and a word of encouragement.

        Raises:
            GenerationError: the generator failed.
        """
        line = await self._generate(cue, now) if with_adapter else None
        parts = [self._explain(cue), line or self._react(cue), *self._encourage(cue)]
        if not (line and self._asks(cue, line)):
            parts.append(self._ask(cue))
        return join_parts(parts)

    def say(self, name: str, **values: str) -> str:
        """Return one of the prepared lines."""
        return self._words.line(name, self._seeds.seed(name, 0), **values)

    def question_text(self, standing: Standing) -> str:
        """Return the bank's own words for what a standing asks: the question, or the answer that is left of several."""
        question, left = standing.question, standing.wanted
        is_part = standing.given or question.collect is not Collect.ALL
        lines = question.answer(left[0]).ask if left and is_part else ()
        lines = lines or question.ask
        return lines[self._seeds.seed(question.label, 0) % len(lines)]

    def hint(self, standing: Standing) -> str:
        """Return the next hint for what is left."""
        hints = (
            *(hint for label in standing.wanted for hint in standing.question.answer(label).hints),
            *standing.question.hints,
        )
        if not hints:
            return self.say("no_hint")
        return self.say("hint", hint=hints[standing.hints % len(hints)])

    async def _generate(self, cue: Cue, now: DayPart) -> str | None:
        """Return a line of the adapter that may be shown, or None after the last try."""
        adapter = self._profile.adapters[INTERVIEWER]
        prompt = f"{self._prompt(cue)}{adapter.start_mark}"
        limit = adapter.new_token_limit(self._generator.count_tokens(INTERVIEWER, prompt))
        best = None
        for attempt in range(adapter.tries):
            sampling = Sampling(
                temperature=adapter.temperature,
                top_p=adapter.top_p,
                max_new_tokens=limit,
                stop=adapter.stop_mark,
                seed=self._seeds.seed(INTERVIEWER, attempt),
            )
            answer = await self._generator.generate(INTERVIEWER, prompt, sampling)
            line = clean_reply(answer.text)
            if answer.finish_reason is FinishReason.LENGTH or not is_well_formed(line) or find_fault(line, now):
                continue
            if has_slip(cue, line, self._bank, self._words):
                continue
            if self._asks(cue, line):
                return line
            if "?" not in line:  # another question would stand beside the one that is to be asked
                best = best or line
        return best

    def _prompt(self, cue: Cue) -> str:
        following = cue.following
        return interviewer_input(
            topic_of(cue.before.question, cue.before.drawn),
            shorten(quiet(cue.text), self._profile.interview.shown_characters),
            cue.verdict.label or self._bank.marks.failed,
            topic_of(following.question, following.drawn) if following else self._bank.marks.end,
        )

    def _asks(self, cue: Cue, line: str) -> bool:
        """Tell whether a line asks what is to be asked: a new question by its words; an open one may also be left standing."""
        if cue.following is None:
            return True
        if cue.stays and cue.verdict.kind is not StepKind.ANSWERED:
            return True
        asks = _mentions(cue.following, line)
        return asks and ("?" in line or cue.stays)

    def _ask(self, cue: Cue) -> str:
        """Return what asks for what stands next: a new question whole, an open one by its name, or the farewell."""
        if cue.following is None:
            return self.say("farewell")
        if cue.stays and cue.before.question.is_graded and cue.verdict.kind is not StepKind.ANSWERED:
            return self.say("still", question=_name(cue.following))
        return self.question_text(cue.following)

    def _react(self, cue: Cue) -> str:
        """Return what she says to an answer where the adapter gives nothing."""
        match cue.verdict.kind:
            case StepKind.ANSWERED:
                return self.say(_of_kind("right", cue.before.question))
            case StepKind.FAILED:
                return self.say(_of_kind("wrong", cue.before.question))
            case StepKind.TALKED:
                return self.say("talked")
        return ""

    def _explain(self, cue: Cue) -> str:
        """Return what she explains first: a term, a hint to who does not know, the answer of a question that is given up."""
        kind = cue.verdict.kind
        if kind is StepKind.TERM:
            term = self._bank.find_term(cue.text)
            return term.explanation if term else self.say("unknown_term")
        welcome = self.say("welcome_unknown") if kind is StepKind.UNKNOWN else ""
        if cue.before.question.is_graded and cue.after.left and is_closed(cue.after, self._words):
            return f"{welcome or self.say('move_on')} {self.reveal(cue.after)}".strip()
        if kind is StepKind.UNKNOWN:
            return f"{welcome} {self.hint(cue.after)}"
        return ""

    def reveal(self, standing: Standing) -> str:
        """Return the key points of what was left of a question, or nothing where the bank names none."""
        left = [standing.question.answer(label) for label in standing.left]
        if len(standing.question.answers) == 1:
            lines = [point.text for each in left for point in each.points]
        else:
            lines = [f"{each.label}: {', '.join(point.text for point in each.points)}" for each in left if each.points]
        points = "".join(f"\n· {line}" for line in lines)
        return self.say(_of_kind("reveal", standing.question), points=points) if lines else ""

    def _encourage(self, cue: Cue) -> list[str]:
        """Return the nudge to say "I don't know", where a try failed and the question stays open."""
        if cue.verdict.kind is not StepKind.FAILED or not cue.stays:
            return []
        return [self.say("nudge_hedge" if self._words.hedges(cue.text) else "nudge")]


def _of_kind(name: str, question: Question) -> str:
    """Return the name of the lines for a question's kind: nobody is right or wrong about what they have lived through."""
    return f"{name}_experience" if question.kind is QuestionKind.EXPERIENCE else name


def _name(standing: Standing) -> str:
    """Name an open question, and what is left of it where part of it was given."""
    topic = topic_of(standing.question, standing.drawn)
    return f"{topic} ({standing.wanted[0]})" if standing.given and standing.wanted else topic


def join_parts(parts: Sequence[str]) -> str:
    """Join what she says into one text; behind a list a new line begins."""
    return "".join(f"{part}\n" if "\n" in part else f"{part} " for part in parts if part).rstrip()


def _mentions(standing: Standing, line: str) -> bool:
    question: Question = standing.question
    if standing.given or standing.drawn:
        return any(label.casefold() in line.casefold() for label in standing.wanted) or question.is_asked_by(line)
    return question.is_asked_by(line)
