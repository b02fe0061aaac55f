"""Ethics scores of a message: its cosine with each category name."""

from __future__ import annotations

from collections.abc import Mapping

from models.types import TextEmbedder


class EthicsScorer:
    """Scores texts against category names with the ethics encoder."""

    def __init__(self, embedder: TextEmbedder, categories: tuple[str, ...]) -> None:
        """Score against `categories`, the normal one among them."""
        self._embedder = embedder
        self._categories = categories

    async def score(self, text: str) -> Mapping[str, float]:
        """Return the cosine of `text`, as typed, with each category name.

        Raises:
            EmbeddingError: the encoder failed.
        """
        rows = await self._embedder.embed("ethics", [text, *self._categories])
        return {name: round(float(score), 4) for name, score in zip(self._categories, rows[1:] @ rows[0], strict=True)}
