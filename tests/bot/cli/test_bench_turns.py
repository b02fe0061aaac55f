"""Run `main.py bench turns` whole, in processes of its own, over a tiny model that answers in the forms of the four adapters; and the encoders."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import main as program
from models.profile import ADAPTER_NAMES
from models.training.tokenizer import train_tokenizer
from tests.models.tiny import LINES, TinyBase, make_adapter, make_encoder, profile_text

pytestmark = pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours

NOTE, REPLY, FACE = "[상태: 좋음]", "응, 나도 좋아!", "(눈 보통, 입 크게, 고개 돌림 없음)"
SCRIPT = {"답변": REPLY, "요약": NOTE, "표정 출력": FACE}
CATEGORIES = '"사랑 고백/만남" = 0.999\n"정치" = 0.999\n"패드립" = 0.999\n"혐오/기타" = 0.999'


def _make_speaker(folder: Path) -> TinyBase:
    """Write a base that says after each start mark what `SCRIPT` has, whatever stands before: a token is followed by its successor."""
    tokenizer = train_tokenizer(LINES, 300)
    tokenizer.add_tokens(list(SCRIPT.values()))
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=320, intermediate_size=8, num_hidden_layers=1, num_attention_heads=4,
        max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    with torch.no_grad():
        for each in network.parameters():
            each.zero_()
        torch.nn.init.eye_(network.model.embed_tokens.weight)
        network.model.norm.weight.fill_(1.0)
        for mark, answer in SCRIPT.items():
            words = (f"({mark} 시작)", answer, f"({mark} 종료)")
            for word, following in pairwise(words):
                before, after = (tokenizer.convert_tokens_to_ids(each) for each in (word, following))
                network.lm_head.weight[after, before] = 2.0
    network.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    adapters = {name: folder / "adapters" / name for name in ADAPTER_NAMES}
    base = TinyBase(kind="llama", folder=folder / "base", adapters=adapters, tokenizer=tokenizer)
    for name, path in adapters.items():
        make_adapter(base, path, seed=ADAPTER_NAMES.index(name), r=2, target_modules=["q_proj"])
    return base


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    base = _make_speaker(tmp_path / "models")
    text = profile_text({"main": base}, dict.fromkeys(ADAPTER_NAMES, "main"), make_encoder(tmp_path / "encoder"))
    for old, new in {
        '"정치" = 0.9': CATEGORIES,
        "max_prompt_tokens = 60": "max_prompt_tokens = 300",
        "max_total_tokens = 128": "max_total_tokens = 500",
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = tmp_path / "speaker.toml"
    file.write_text(text, "utf-8")
    return file


def test_contestants_are_told_apart_in_json_and_on_a_page(
    profile: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = ["--only", "sequential,engine", "--users", "2", "--turns", "2", "--device", "cpu"]
    report = tmp_path / "report"
    code = program.main(["bench", "turns", *asked, "--profile", str(profile), "--json", "--report", str(report)])
    out, err = capfd.readouterr()
    assert code == 0, err
    contestants: dict[str, Any] = json.loads(out)["contestants"]
    assert list(contestants) == ["sequential", "engine"]
    # The note is in other words than the messages: the engine takes a second try, which the others are spared.
    tries = {"sequential": 1, "engine": 2}
    for name, each in contestants.items():
        assert each["turns"] == 4
        assert each["generations_per_turn"] == {**dict.fromkeys(ADAPTER_NAMES, 1), "memory": tries[name]}
        tokens = 2 * (3 + tries[name])  # an answer and an end each
        assert each["new_tokens_per_s"] / each["turns_per_s"] == pytest.approx(tokens, rel=0.02)
        assert 0 < each["first_token_ms"]["p50"] <= each["first_token_ms"]["p95"]
        assert each["first_token_ms"]["p50"] <= each["reply_ms"]["p50"] <= each["reply_ms"]["p95"]
        assert each["peak_mb"] > 50
    ratio = contestants["engine"]["ratio"]
    assert ratio["turns_per_s"] == pytest.approx(
        contestants["engine"]["turns_per_s"] / contestants["sequential"]["turns_per_s"], rel=0.01
    )
    assert set(ratio["first_token_ms"]) == set(ratio["reply_ms"]) == {"p50", "p95"}
    page = (report / "turns.md").read_text("utf-8")
    assert "| `engine` |" in page
    assert "2 users, 2 turns each" in page
    assert (report / "turns-figures.png").read_bytes().startswith(b"\x89PNG")


def test_encoders_are_shown_and_have_a_page(profile: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report"
    asked = ["--texts", "3", "--device", "cpu", "--profile", str(profile), "--json", "--report", str(report)]
    assert program.main(["bench", "encoders", *asked]) == 0
    assert [each["encoder"] for each in json.loads(capfd.readouterr().out)["encoders"]] == ["memory", "ethics"]
    assert "| encoder | texts | one_by_one_per_s |" in (report / "encoders.md").read_text("utf-8")
    assert (report / "encoders-figures.png").is_file()
