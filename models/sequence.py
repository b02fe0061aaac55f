"""One sequence being generated: its prompt, its tokens so far, its visible text, and when it is finished."""

from __future__ import annotations

import random
import time

from transformers import PreTrainedTokenizerBase

from models.receiver import Receiver
from models.stop_mark import StopMarkFilter
from models.types import FinishReason, Generation, Sampling


class DecodeSequence:
    """What a row of a decode batch generates: prompt, sampling, generated tokens, and the stop mark it watches for.

    Who no longer wants it sets `cancelled`; its row is free at the next step.
    """

    def __init__(
        self,
        *,
        adapter: str,
        prompt_ids: list[int],
        sampling: Sampling,
        tokenizer: PreTrainedTokenizerBase,
        receiver: Receiver,
    ) -> None:
        """Prepare a sequence; nothing is computed yet."""
        self.adapter = adapter
        self.prompt_ids = prompt_ids
        self.sampling = sampling
        self.receiver = receiver
        self.cancelled = False
        self.finish_reason: FinishReason | None = None
        self.token_ids: list[int] = []
        self._tokenizer = tokenizer
        self._filter = StopMarkFilter(sampling.stop)
        self._random = random.Random(sampling.seed)
        self._shown_from = self._shown_to = 0  # the tokens of the last text that was whole
        self._text: list[str] = []
        self._submitted_at = time.perf_counter()
        self._first_token_s = 0.0

    @property
    def tokens(self) -> list[int]:
        """The prompt and what has been generated."""
        return self.prompt_ids + self.token_ids

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be computed: finished, failed or given up."""
        return self.cancelled or self.finish_reason is not None

    def fail(self, error: Exception) -> None:
        """End with `error`, which its caller gets."""
        self.cancelled = True
        self.receiver.on_error(error)

    def draw(self) -> float:
        """Return this row's next uniform number in [0, 1)."""
        return self._random.random()

    def append(self, token_id: int) -> None:
        """Take the next token: show its text, and finish at the stop mark, the end token or the limit."""
        if not self.token_ids:
            self._first_token_s = time.perf_counter() - self._submitted_at
        if token_id == self._tokenizer.eos_token_id and not self.sampling.ignore_end:
            self._show(self._filter.flush())
            self._finish(FinishReason.STOP)
            return
        self.token_ids.append(token_id)
        self._show(self._filter.push(self._new_text()))
        if self._filter.stopped:
            self._finish(FinishReason.STOP)
        elif len(self.token_ids) >= self.sampling.max_new_tokens:
            self._finish(FinishReason.LENGTH)  # what is held back may be a part of the mark: it is not shown

    def _new_text(self) -> str:
        """Return the text that the last token added; an unfinished character waits for its other bytes.

        Only the tokens since the last whole character are decoded, behind those that came with the one before: some tokenizers treat
        the first token of a text in a way of its own.
        """
        before = self._decode(self.token_ids[self._shown_from : self._shown_to])
        text = self._decode(self.token_ids[self._shown_from :])
        if text.endswith("\ufffd") or not text.startswith(before):
            return ""
        self._shown_from, self._shown_to = self._shown_to, len(self.token_ids)
        return text[len(before) :]

    def _decode(self, token_ids: list[int]) -> str:
        text = self._tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _show(self, text: str) -> None:
        if text:
            self._text.append(text)
            self.receiver.on_text(text)

    def _finish(self, reason: FinishReason) -> None:
        self.finish_reason = reason
        self.receiver.on_finish(
            Generation(
                text="".join(self._text),
                finish_reason=reason,
                new_tokens=len(self.token_ids),
                first_token_s=self._first_token_s,
            )
        )
