"""Give the tests of training a tiny RoBERTa."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from models.training.tokenizer import train_tokenizer
from tests.models.tiny import LINES


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny RoBERTa, the architecture of klue/roberta-base, with its dropout."""
    folder = tmp_path_factory.mktemp("roberta") / "base"
    tokenizer = train_tokenizer(LINES, 400)
    torch.manual_seed(5)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=200, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
