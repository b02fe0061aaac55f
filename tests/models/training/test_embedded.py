"""Rebuild a whole set of embedded weights from a small corpus, and load it as the product does."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from models.errors import ModelError
from models.llama_heads import load_causal
from models.loader import load_models
from models.profile import load_profile, with_weights
from models.settings import Device, ModelSettings
from models.text_features import HashedNgrams
from models.training.base import BaseRecipe
from models.training.embedded import EmbeddedRecipe, retrain_embedded, train_embedded
from models.training.encoder import EncoderRecipe
from models.training.encoder_data import CATEGORIES
from models.training.progress import Report
from models.training.training_log import read_log

ENCODER = EncoderRecipe(epochs=0.1, buckets=256, dimensions=16, hidden=16)
RECIPE = EmbeddedRecipe(
    base=BaseRecipe(vocabulary=500, hidden=32, layers=1, heads=2, row_length=128, rows=1, passes=1),
    adapter_examples=4,
    reply_examples=4,
    memory_examples=8,
    ethics=ENCODER,
    memory=ENCODER,
    relevance=replace(ENCODER, reading="dialogue"),
    compile_steps=False,
)


def hidden_states(weights: Path) -> torch.Tensor:
    """Return what the base with the reply adapter in `weights` makes of some text."""
    network = PeftModel.from_pretrained(load_causal(weights / "base"), str(weights / "adapters" / "output_message"))
    with torch.inference_mode():
        logits: torch.Tensor = network.eval()(input_ids=torch.arange(20)[None]).logits
    return logits.float()


def write_corpus(folder: Path) -> Path:
    """Write the least text that every part can be trained on."""
    for name in ("dialogue", "ethics", "memory"):
        (folder / name).mkdir(parents=True)
    exchanges = [
        f"> 나 {food} 먹었어\n> 점심에 {food} 먹음\n= [먹은 음식: {food}]\n< {food} 맛있었겠다! 😋 | {food} 부러움 | 크게 크게 없음\n"
        for food in ("김밥", "라면", "냉면", "초밥", "만두", "카레", "우동", "국수")
    ]
    (folder / "slots.txt").write_text("@음식: 김밥, 라면\n", "utf-8")
    (folder / "dialogue" / "food.txt").write_text("## 점심\n" + "\n".join(exchanges), "utf-8")
    for number, category in enumerate(CATEGORIES):
        lines = "\n".join(f"{category} 문장 {line}" for line in range(6))
        (folder / "ethics" / f"{number}.txt").write_text(f"# category: {category}\n{lines}\n", "utf-8")
    (folder / "ethics" / "topics.toml").write_text("skip = []\n", "utf-8")
    memories = "\n".join(f"[좋아하는 것 {number}: 값] 메시지 {number}" for number in range(6))
    (folder / "memory" / "lines.txt").write_text(f"{memories}\n[열쇠 2: 값] held out by its key\n", "utf-8")
    (folder / "memory" / "notes_1.txt").write_text("난 무조건 부먹 => 좋아하는 음식: 부먹\n비 온다 =>\n", "utf-8")
    (folder / "memory" / "key_groups.txt").write_text("same:\nnear:\n", "utf-8")
    (folder / "memory" / "unrelated.toml").write_text('files = []\npatterns = ["먹었어"]\n', "utf-8")
    return folder


def test_whole_rebuild_is_loaded_and_keeps_finished_parts_after_an_interruption(tmp_path: Path) -> None:
    data, out = write_corpus(tmp_path / "data"), tmp_path / "weights"
    begun: list[str] = []

    def stop_at_ethics(name: str) -> Report:
        if name == "encoder ethics":
            raise KeyboardInterrupt
        begun.append(name)
        return lambda *_: None

    def go_on(name: str) -> Report:
        begun.append(name)
        return lambda *_: None

    try:
        train_embedded(RECIPE, stop_at_ethics, out, data)
    except KeyboardInterrupt:
        assert not out.exists()
    manifest = train_embedded(RECIPE, go_on, out, data)

    adapters = [f"adapter {name}" for name in ("output_message", "memory", "summary", "eyes_mouth_pose")]
    assert begun == ["base", *adapters, "encoder ethics", "encoder memory", "encoder relevance"]
    assert json.loads((out / "manifest.json").read_text("utf-8")) == manifest
    assert set(manifest["files"]) == {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name != "manifest.json"
    }
    parts = [path for name in ("adapters", "encoders") for path in sorted((out / name).rglob("*"))]
    assert not [path for path in parts if path.suffix in {".png", ".md", ".partial"}]
    logs = [path for path in parts if path.suffix == ".jsonl"]
    assert logs == [out / "encoders" / task / "training_log.jsonl" for task in ("ethics", "memory", "relevance")]
    assert all(read_log(log) for log in logs)
    config = json.loads((out / "adapters" / "memory" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "embedded/base"  # no path of the machine that trained it

    loaded = load_models(with_weights(load_profile("embedded"), out), ModelSettings(device=Device.CPU))
    assert len(loaded.bases[0].adapters) == 4
    with torch.inference_mode():
        loaded.bases[0].rows.choose(["memory"])
        logits = loaded.bases[0].network(input_ids=torch.tensor([[0, 5, 6]])).logits
    assert torch.isfinite(logits).all()

    manifest_file = out / "manifest.json"
    stale = manifest_file.read_text(encoding="utf-8")
    assert manifest["without_topics"] == sorted(
        ["base", *adapters, *(f"encoder {each}" for each in ("ethics", "memory", "relevance"))]
    )
    assert manifest["figures"]["memory lines"] == 6
    lines = f'"memory lines": {json.loads(stale)["figures"]["memory lines"]}'
    manifest_file.write_text(stale.replace(lines, '"memory lines": 1'), encoding="utf-8")
    stale_parts = json.loads(manifest_file.read_text("utf-8")) | {"without_topics": ["base"]}
    manifest_file.write_text(json.dumps(stale_parts), encoding="utf-8")
    changed = retrain_embedded(replace(RECIPE, memory=replace(ENCODER, seed=8)), ["encoder memory"], go_on, out, data)
    files, before = (each["files"] for each in (changed, manifest))
    changed_files = {name for name in files if files[name] != before[name]}
    assert changed_files == {"encoders/memory/model.safetensors", "encoders/memory/training_log.jsonl"}
    assert changed["corpus_sha256"] == manifest["corpus_sha256"] == changed["retrained"]["encoder memory"]
    assert json.loads((out / "manifest.json").read_text("utf-8")) == changed
    assert changed["without_topics"] == ["base", "encoder memory"]
    assert lines in json.dumps(changed)  # the count is that of the text that was read
    encoder = str(out / "encoders" / "memory")
    kept, new = HashedNgrams.load(encoder).state_dict(), replace(RECIPE, memory=replace(ENCODER, seed=9))
    half = retrain_embedded(replace(new, base=replace(new.base, kept=0.5)), ["encoder memory"], go_on, out, data)
    mixed = HashedNgrams.load(encoder).state_dict()
    retrain_embedded(new, ["encoder memory"], go_on, out, data)
    for name, tensor in HashedNgrams.load(encoder).state_dict().items():
        torch.testing.assert_close(mixed[name], (tensor + kept[name]) / 2, atol=5e-3, rtol=1e-2)
    assert half["figures"]["encoder memory"]["kept"] == 0.5
    reply = out / "adapters" / "output_message"
    ranks = [json.loads((reply / "adapter_config.json").read_text("utf-8"))["r"]]
    before = hidden_states(out)
    retrain_embedded(replace(RECIPE, base=replace(RECIPE.base, kept=1.0)), ["adapter output_message"], go_on, out, data)
    ranks.append(json.loads((reply / "adapter_config.json").read_text("utf-8"))["r"])
    assert ranks[1] == 2 * ranks[0]  # side by side, both adapters are there, and the new one counts nothing
    torch.testing.assert_close(hidden_states(out), before, atol=2e-3, rtol=1e-2)
    retrain_embedded(replace(RECIPE, continued=True), ["adapter output_message"], go_on, out, data)
    ranks.append(json.loads((reply / "adapter_config.json").read_text("utf-8"))["r"])
    assert ranks[2] == ranks[1]  # trained on from what was there
    before = hidden_states(out)
    recipe = replace(RECIPE, continued=True, base=replace(RECIPE.base, kept=1.0))
    retrain_embedded(recipe, ["adapter output_message"], go_on, out, data)
    ranks.append(json.loads((reply / "adapter_config.json").read_text("utf-8"))["r"])
    assert ranks[3] == ranks[1]  # number by number, not side by side
    torch.testing.assert_close(hidden_states(out), before, atol=2e-3, rtol=1e-2)
    shutil.rmtree(reply)
    with pytest.raises(ModelError, match="output_message"):
        retrain_embedded(replace(RECIPE, continued=True), ["adapter output_message"], go_on, out, data)
    with pytest.raises(ModelError, match="nothing is there that it could keep"):
        retrain_embedded(
            replace(RECIPE, base=replace(RECIPE.base, kept=0.5)), ["adapter output_message"], go_on, out, data
        )
    with pytest.raises(ModelError, match=r"no part encoder faces; there are adapter output_message,"):
        retrain_embedded(RECIPE, ["encoder faces"], go_on, out, data)
    with pytest.raises(ModelError, match=r"^encoder memory: only adapters of her talk can be trained on"):
        retrain_embedded(replace(RECIPE, continued=True), ["adapter memory", "encoder memory"], go_on, out, data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "weights"]
