"""Ethics scores of a message: its cosine with each category name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.types import Embeddings, TextEmbedder


class EthicsScorer:
    """Scores texts against category names with the ethics encoder; the names are encoded once."""

    def __init__(self, embedder: TextEmbedder, categories: tuple[str, ...]) -> None:
        """Score against `categories`, the normal one among them."""
        self._embedder = embedder
        self._categories = categories
        self._labels: Embeddings | None = None

    async def score(self, text: str) -> Mapping[str, float]:
        """Return the cosine of `text`, as typed, with each category name.

        Raises:
            EmbeddingError: the encoder failed.
        """
        (scores,) = await self.score_all([text])
        return scores

    async def score_all(self, texts: Sequence[str]) -> list[Mapping[str, float]]:
        """Return the scores of each text, encoded together.

        Raises:
            EmbeddingError: the encoder failed.
        """
        if self._labels is None:
            self._labels = await self._embedder.embed("ethics", self._categories)
        rows = await self._embedder.embed("ethics", texts)
        return [
            {name: round(float(score), 4) for name, score in zip(self._categories, self._labels @ row, strict=True)}
            for row in rows
        ]
