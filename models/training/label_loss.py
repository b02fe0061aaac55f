"""The loss of encoders that choose among fixed labels: cosine 1 with the own label, 0 with every other, and the own one ahead.

The first part is the squared error that sentence-transformers' CosineSimilarityLoss takes over pairs, here over all labels at once; the
second the cross entropy of the scaled cosines (as in CLIP, Radford et al. 2021). Labels are embedded by the encoder itself at each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, normalize, one_hot

SCALE = 10.0
SHARE = 0.5  # of the cross entropy


class LabelLoss(nn.Module):
    """Loss of a batch of texts whose labels are given as places in `names`."""

    def __init__(self, encoder: SentenceTransformer, names: Sequence[str]) -> None:
        """Choose among `names`."""
        super().__init__()
        self.encoder = encoder
        self._count = len(names)
        self._names = encoder.preprocess(list(names))

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor) -> Tensor:
        """Return the loss; `labels` has the shape (texts,)."""
        (texts,) = sentence_features
        rows = self._embed(texts)
        names = self._embed(self._names)
        cosines = rows @ names.T
        wanted = one_hot(labels.long(), self._count).to(cosines.dtype)
        squared: Tensor = mse_loss(cosines, wanted) * self._count
        return squared + SHARE * cross_entropy(SCALE * cosines, labels.long())

    def _embed(self, features: dict[str, Any]) -> Tensor:
        moved = {
            name: value.to(self.encoder.device) if torch.is_tensor(value) else value for name, value in features.items()
        }
        return normalize(self.encoder(moved)["sentence_embedding"], dim=-1)
