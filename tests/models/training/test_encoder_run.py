"""Run `train encoder` over hashed n-grams and over a tiny RoBERTa: train, load as the engine does, interrupt, resume, measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.embedder import encode
from models.errors import ModelError
from models.licence import GEMMA_NOTICE
from models.loader import load_encoder
from models.profile import Profile
from models.sources import check_safe
from models.training.encoder_data import CATEGORIES, EthicsSentence, Pair
from models.training.encoder_run import EncoderOptions, run_encoder
from models.training.encoder_validation import measure_ethics, measure_memory
from models.training.key_similarity import Target
from models.training.progress import Report
from models.training.training_log import read_log
from tests.models.tiny import LINES

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def ethics(write: Callable[..., Path]) -> Path:
    rows = [f"train,{line},{name}" for line, name in zip(LINES, CATEGORIES, strict=True)]
    rows += [f"test,{line[:9]},{name}" for line, name in zip(LINES, CATEGORIES, strict=True)]
    return write(
        "ethics.csv", "type,user_prompt,category\n" + "\n".join(f'"{a}","{b}","{c}"' for a, b, c in _split(rows))
    )


def _split(rows: list[str]) -> list[tuple[str, str, str]]:
    """Part rows whose text may hold commas."""
    return [(row.partition(",")[0], row.partition(",")[2].rpartition(",")[0], row.rpartition(",")[2]) for row in rows]


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def run(profile: Profile, tmp_path: Path, notes: list[str]) -> Run:
    def call(
        task: str, data: Path, out: str = "out", *, validation: Path | None = None,
        report: Report = lambda *_: None, **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        chosen = EncoderOptions(**options)
        return run_encoder(profile, task, data, validation, tmp_path / out, chosen, lambda _: report, notes.append)

    return call


def stop_after(last: int) -> Report:
    def report(step: int, steps: int, loss: float) -> None:
        if step > last:
            raise KeyboardInterrupt

    return report


def test_roberta_becomes_an_encoder_that_the_engine_loads_with_figures_of_each_epoch(
    run: Run, ethics: Path, roberta: Path, tmp_path: Path
) -> None:
    figures = run("ethics", ethics, base=str(roberta), epochs=2, batch_size=50, learning_rate=1e-3)
    out = tmp_path / "out"
    assert (figures["pairs"], figures["steps"]) == (100, 4)
    assert set(figures["validation"]) == {"accuracy", "mse", "mae", "corr"}
    records = read_log(out / "training_log.jsonl")
    assert [(record["step"], "validation" in record) for record in records] == [(2, True), (4, True)]
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    check_safe(out)
    assert not any(path.suffix in {".bin", ".pt", ".pth"} for path in out.rglob("*"))
    assert encode(load_encoder(str(out), torch.device("cpu")), ["안녕"]).shape == (1, 32)
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("kind", ["n-grams", "roberta"])
def test_interrupted_encoder_goes_on_and_ends_with_the_weights_of_one_that_was_not(
    run: Run, ethics: Path, roberta: Path, tmp_path: Path, notes: list[str], kind: str
) -> None:
    options = {"base": str(roberta) if kind == "roberta" else "", "epochs": 3, "batch_size": 50, "learning_rate": 1e-3}
    whole = run("ethics", ethics, "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        run("ethics", ethics, "cut", report=stop_after(2), **options)
    assert "goes on from step 2" in notes[-1]
    with pytest.raises(ModelError, match="give another --out"):
        run("ethics", ethics, "cut", **options | {"epochs": 4})
    assert run("ethics", ethics, "cut", **options) | {"out": ""} == whole | {"out": ""}
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_memory_encoder_is_validated_on_a_file_of_its_own(
    run: Run, tmp_path: Path, notes: list[str], write: Callable[..., Path]
) -> None:
    head = "memory_0,user_prompt_0,memory_1,user_prompt_1,similarity_score\n"
    train = write("train.csv", head + "[좋아하는 음식: 김밥],,,김밥 먹자,1.0\n[직업: 간호사],,,김밥 먹자,0.0\n")
    valid = write("valid.csv", head + "[좋아하는 음식: 라면],,,라면 먹자,1.0\n[직업: 군인],,,라면 먹자,0.0\n")
    assert run("memory", train, "plain", epochs=1)["validation"] is None
    assert notes == ["there are no validation rows; training goes on without them"]
    figures = run("memory", train, validation=valid, epochs=1)
    assert set(figures["validation"]) == {"mse", "mae", "corr"}
    again = run("memory", train, validation=valid)
    assert (again["out"], again["skipped"]) == (str(tmp_path / "out"), True)
    assert again["validation"] == pytest.approx(figures["validation"], abs=5e-3)  # the file rounds to int8


def test_memory_encoder_learns_the_similarity_that_was_asked_for(
    run: Run, roberta: Path, tmp_path: Path, write: Callable[..., Path]
) -> None:
    lines = write("lines.txt", "[좋아하는 색: 빨강] 옷 사자\n[싫어하는 색: 회색] 벽지 고르자\n[직업: 간호사] 출근해\n")
    common = {"epochs": 1, "validation": lines}
    whole = run("memory", lines, "whole", target=Target.IOU, negatives="all", **common)
    few = run("memory", lines, "few", target=Target.GROUPS, negatives=1, **common)
    assert (whole["pairs"], few["pairs"]) == (9, 6)
    pooled = run("memory", lines, "pooled", base=str(roberta), reference_encoder=str(tmp_path / "whole"), **common)
    assert pooled["pairs"] == 9
    measured = {
        name: run("memory", lines, "whole", target=name, validation=lines)["validation"]
        for name in (Target.GROUPS, Target.IOU)
    }
    assert measured[Target.GROUPS] != measured[Target.IOU]


def test_targets_are_refused_where_the_similarities_are_given(
    run: Run, ethics: Path, write: Callable[..., Path]
) -> None:
    pairs = write("pairs.csv", "memory_0,user_prompt_1,similarity_score\n[a: b],c,1\n")
    for task, data, options in (
        ("ethics", ethics, {"target": Target.IOU}),
        ("memory", pairs, {"negatives": "all"}),
        ("memory", pairs, {"reference_encoder": "x"}),
    ):
        with pytest.raises(ModelError, match="leave them out for other tasks, and for a .csv"):
            run(task, data, **options)


def test_existing_encoder_is_measured_and_a_folder_that_is_none_is_an_error(
    run: Run, ethics: Path, tmp_path: Path
) -> None:
    figures = run("ethics", ethics, epochs=1)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    again = run("ethics", ethics, epochs=2)
    assert again["skipped"] is True
    assert again["validation"] == pytest.approx(figures["validation"], abs=5e-3)  # the file rounds to int8
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="is no sentence encoder"):
        run("ethics", ethics, "empty")


def test_gemma_base_of_an_encoder_shows_its_terms(run: Run, ethics: Path, roberta: Path, notes: list[str]) -> None:
    folder = roberta.parent / "gemma"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gemma3_text"}', "utf-8")
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be loaded"):
        run("ethics", ethics, base=str(folder))
    assert notes == [GEMMA_NOTICE]


def test_figures_are_those_of_the_cosines(run: Run, ethics: Path, tmp_path: Path) -> None:
    run("ethics", ethics, epochs=1)
    encoder = load_encoder(str(tmp_path / "out"), torch.device("cpu"))
    sentences = [EthicsSentence(text=line, category=name) for line, name in zip(LINES, CATEGORIES, strict=True)]
    scores = encode(encoder, LINES) @ encode(encoder, CATEGORIES).T
    figures = measure_ethics(encoder, sentences)
    assert figures["accuracy"] == pytest.approx((scores.argmax(axis=1) == np.arange(5)).mean())
    assert figures["mse"] == pytest.approx(((scores - np.eye(5)) ** 2).mean(), abs=1e-4)
    pairs = [
        Pair(first=LINES[0], second=LINES[1], similarity=1.0),
        Pair(first=LINES[0], second=LINES[0], similarity=1.0),
    ]
    expected = (1 - float(encode(encoder, LINES[:1])[0] @ encode(encoder, LINES[1:2])[0])) / 2
    assert measure_memory(encoder, pairs)["mae"] == pytest.approx(expected, abs=1e-4)
