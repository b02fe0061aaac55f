"""Stand in for the models: hand-written fakes of the two protocols of `models.types`, scripted by the test."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.ethics import EthicsScorer
from engine.memory_firewall import MemoryFirewall
from engine.policy_file import load_policy
from models.profile import load_profile
from models.types import Embeddings, FinishReason, Generation, Sampling

NORMAL, LOVE, POLITICS, PAEDRIP, HATE = "일반", "사랑 고백/만남", "정치", "패드립", "혐오/기타"
DEFAULT_ANSWERS = {
    "output_message": "응, 좋아! 😊",
    "memory": "",
    "summary": "좋다고 대답함",
    "eyes_mouth_pose": "(눈 보통, 입 크게, 고개 돌림 없음)",
    "interview": "그렇구나! 그럼 다음 질문이야 😊",
}


def count_words(text: str) -> int:
    """Count the words between white space."""
    return len(text.split())


class FakeGenerator:
    """Answers with what was enqueued for an adapter, then with a default; keeps every call in `calls`."""

    def __init__(self, *, gate: asyncio.Event | None = None, count: Callable[[str], int] = count_words) -> None:
        """Hold every answer back until `gate` is set; count tokens with `count`."""
        self.calls: list[tuple[str, str, Sampling]] = []
        self.scores: dict[tuple[str, str], float] = {}
        self._gate = gate
        self._count = count
        self._answers: dict[str, deque[tuple[str | Exception, FinishReason]]] = defaultdict(deque)

    def enqueue(self, adapter: str, *answers: str | Exception, finish_reason: FinishReason = FinishReason.STOP) -> None:
        """Script the next answers of `adapter`; an exception is raised in place of an answer."""
        self._answers[adapter] += [(answer, finish_reason) for answer in answers]

    def prompts(self, adapter: str) -> list[str]:
        """Return what `adapter` was asked so far, with the start mark."""
        return [prompt for name, prompt, _ in self.calls if name == adapter]

    def count_tokens(self, adapter: str, text: str) -> int:
        """Count the tokens of `text`, the same for every adapter."""
        return self._count(text)

    async def generate(
        self, adapter: str, prompt: str, sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        """Give the next answer, two characters at a time."""
        self.calls.append((adapter, prompt, sampling))
        default = (DEFAULT_ANSWERS[adapter], FinishReason.STOP)
        answer, finish_reason = self._answers[adapter].popleft() if self._answers[adapter] else default
        if self._gate is not None:
            await self._gate.wait()
        if isinstance(answer, Exception):
            raise answer
        for start in range(0, len(answer), 2):
            await asyncio.sleep(0)  # others go on between two pieces, as they do between two decode steps
            if on_text is not None:
                on_text(answer[start : start + 2])
        return Generation(text=answer, finish_reason=finish_reason, new_tokens=self._count(answer), first_token_s=0.001)

    async def score(self, adapter: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Give each pair the score in `scores`, or one that falls with the length of the continuation."""
        return [self.scores.get(pair, -float(len(pair[1]))) for pair in pairs]


class FakeEmbedder:
    """Gives texts unit vectors whose cosines are those of a script: `{"사랑해": {"사랑 고백/만남": 0.99}}`.

    Every text has an axis of its own: without a script cosines are 0, or, for the ethics encoder, 0.9 with 일반.
    The four categories that can be sanctioned have cosine 0.75 with each other: one text may be near two of them.
    """

    def __init__(self, scores: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """Give each text of `scores` these cosines with other texts."""
        self.texts: list[str] = []
        self._scores = scores or {}
        self._axes: dict[str, int] = {"what offences share": 0}

    async def embed(self, encoder: str, texts: Sequence[str]) -> Embeddings:
        """Return one row a text, 256 wide."""
        self.texts += texts
        return np.stack([self._vector(encoder, text) for text in texts])

    def _vector(self, encoder: str, text: str) -> Embeddings:
        scores = self._scores.get(text, {NORMAL: 0.9} if encoder == "ethics" else {})
        if not scores or text in (NORMAL, LOVE, POLITICS, PAEDRIP, HATE):
            return self._axis(text)
        names = np.stack([self._axis(name) for name in scores])
        row = np.linalg.pinv(names) @ np.array(list(scores.values()))  # the shortest vector with these cosines
        rest = 1 - float(row @ row)
        assert rest > -1e-6, f"no unit vector has the cosines {scores}"
        vector: Embeddings = row + max(rest, 0.0) ** 0.5 * self._axis(f"what only {text!r} has")
        return vector.astype(np.float32)

    def _axis(self, text: str) -> Embeddings:
        row: Embeddings = np.zeros(256, dtype=np.float32)
        is_offence = text in (LOVE, POLITICS, PAEDRIP, HATE)
        row[0] = 0.75**0.5 if is_offence else 0.0
        row[self._axes.setdefault(text, len(self._axes))] = 0.25**0.5 if is_offence else 1.0
        return row


def make_firewall(scores: Mapping[str, Mapping[str, float]] | None = None) -> MemoryFirewall:
    """Return a firewall over a fake ethics encoder with these cosines."""
    ethics = load_profile("ohlora-v4").ethics
    scorer = EthicsScorer(FakeEmbedder(scores), (ethics.normal_category, *ethics.categories))
    return MemoryFirewall(scorer, ethics, load_policy("default"))
