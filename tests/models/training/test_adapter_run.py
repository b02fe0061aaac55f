"""Run `train adapter` over tiny bases of real architectures: train, load as the engine does, answer, interrupt, resume, skip."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from models.errors import ModelError
from models.licence import GEMMA_NOTICE
from models.loader import LoadProgress, load_base, load_models
from models.profile import AdapterTraining, Profile, load_profile
from models.settings import Device, ModelSettings
from models.sources import check_safe
from models.training.adapter_run import AdapterOptions, run_adapter
from models.training.progress import Report
from models.training.target import TargetExists
from models.training.training_log import read_log
from tests.models.tiny import TARGETS, TinyBase, greedy, make_base, running

PNG = b"\x89PNG\r\n\x1a\n"
HEAD = "data_type,input_data,output_message,memory,summary,eyes_mouth_pose\n"
ROWS = [
    "train,안녕 로라야,나는 좋아!,,,",
    "train,떡볶이 먹고 싶다,같이 먹으러 갈래?,,,",
    "train_msg,내일 시험이라서,도서관에서 공부하고 있어,,,",
    "train_msg,금요일 저녁에는,치맥을 먹을 거야,,,",
]
VALID = ["valid,안녕 로라야,나는 좋아!,,,", "valid_msg,내일 뭐 해?,공부 | 논문,,,"]
RECIPE = AdapterTraining(
    rank=4, epochs=3, learning_rate=1e-2, batch_size=2, dropout=0.05, target_modules=tuple(TARGETS["llama"])
)

Run = Callable[..., dict[str, Any]]
CutAfter = Callable[[int, Path], None]


@pytest.fixture(scope="session")
def trained_profile(profile: Profile) -> Profile:
    """The tiny profile, whose base is a Llama, with a recipe for the reply."""
    adapter = replace(profile.adapters["output_message"], training=RECIPE)
    return replace(profile, adapters=profile.adapters | {"output_message": adapter})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dialogue") / "dialogue.csv"
    path.write_text(HEAD + "\n".join(ROWS + VALID), "utf-8")
    return path


@pytest.fixture
def notes() -> list[str]:
    return []


def runs_in(folder: Path, profile: Profile, data: Path, notes: list[str]) -> Run:
    """Return the command over `profile`, which writes below `folder`; it takes options as the command line gives them."""

    def call(
        out: str = "out", *, file: Path = data, report: Report = lambda *_: None, **options: Any
    ) -> dict[str, Any]:
        chosen = AdapterOptions(**options)
        return run_adapter(profile, "output_message", file, folder / out, chosen, lambda _: report, notes.append)

    return call


@pytest.fixture
def run(trained_profile: Profile, data: Path, tmp_path: Path, notes: list[str]) -> Run:
    return runs_in(tmp_path, trained_profile, data, notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """The run that nothing disturbed: where its `out` lies, what it printed, and what lay beside the folder."""

    folder: Path
    figures: dict[str, Any]
    beside: frozenset[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, trained_profile: Profile, data: Path) -> WholeRun:
    """Made once, to look at; who goes on with it takes a copy."""
    folder = tmp_path_factory.mktemp("whole")
    figures = runs_in(folder, trained_profile, data, [])()
    beside = frozenset(path.name for path in folder.iterdir())
    return WholeRun(folder=folder / "out", figures=figures, beside=beside)


def stop_after(last: int) -> Report:
    """Interrupt a run at the first progress report behind step `last`."""

    def report(step: int, steps: int, loss: float) -> None:
        if step > last:
            raise KeyboardInterrupt

    return report


@pytest.fixture(scope="module")
def cut_after(tmp_path_factory: pytest.TempPathFactory, trained_profile: Profile, data: Path) -> CutAfter:
    """What is left of runs that were interrupted behind a step, each made once; a test takes a copy as its own."""

    @cache
    def cut(last: int) -> Path:
        folder = tmp_path_factory.mktemp("cut")
        with pytest.raises(KeyboardInterrupt):
            runs_in(folder, trained_profile, data, [])(report=stop_after(last))
        return folder / "out.partial"

    def copy(last: int, partial: Path) -> None:
        shutil.copytree(cut(last), partial)

    return copy


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    return make_base(tmp_path_factory.mktemp("gemma"), "gemma2")


@pytest.mark.parametrize("kind", ["llama", "neox", "gemma"])
async def test_adapter_of_each_architecture_learns_is_loaded_by_the_engine_and_answers(
    run: Run, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    base: TinyBase = request.getfixturevalue(kind)
    recipe = {"rank": 16, "alpha": 64, "epochs": 15, "batch_size": 1, "dropout": 0.0}
    run(base=str(base.folder), valid_rows=0, **recipe)
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text("utf-8"))
    assert set(config["target_modules"]) == set(TARGETS[base.kind])
    loaded = load_base("main", str(base.folder), {"reply": str(tmp_path / "out")}, torch.device("cpu"), torch.float32)
    async with running([loaded]) as generator:
        generation = await generator.generate("reply", "안녕 로라야 (답변 시작)", greedy(40, stop="(답변 종료)"))
    assert generation.text.strip() == "나는 좋아!"


def test_finished_folder_holds_weights_log_curves_and_answers_and_nothing_of_the_work(whole: WholeRun) -> None:
    out = whole.folder
    assert whole.figures | {"loss": 0, "validation": 0} == {
        "out": str(out),
        "examples": 4,
        "steps": 6,
        "loss": 0,
        "validation": 0,
    }
    assert {path.name for path in out.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "training_log.jsonl", "curves.png", "validation_answers.md",
    }  # fmt: skip
    check_safe(out)
    assert whole.beside == {"out"}
    assert (out / "curves.png").read_bytes().startswith(PNG)
    answers = (out / "validation_answers.md").read_text("utf-8")
    assert answers.count("\n## Epoch ") == 3
    assert answers.count("| 안녕 로라야 | 나는 좋아! | ") == 3
    assert answers.count("| 내일 뭐 해? | 공부 \\| 논문 | ") == 3


def test_log_has_a_line_for_every_epoch_with_figures_and_without_text(whole: WholeRun) -> None:
    log = (whole.folder / "training_log.jsonl").read_text("utf-8")
    assert log.isascii()
    assert "\\u" not in log
    records = [json.loads(line) for line in log.splitlines()]
    assert [record["step"] for record in records] == [2, 4, 6]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    for record in records:
        assert set(record) == {"step", "epoch", "loss", "learning_rate", "seconds", "validation"}
        assert set(record["validation"]) == {"loss", "exact"}
        assert record["validation"]["loss"] > 0
    assert [record["seconds"] for record in records] == sorted(record["seconds"] for record in records)
    assert whole.figures["validation"] == records[-1]["validation"]
    assert whole.figures["loss"] == pytest.approx(sum(record["loss"] for record in records) / 3, abs=1e-3)


def test_interrupted_run_goes_on_and_ends_with_the_weights_and_log_of_one_that_was_not(
    run: Run, tmp_path: Path, notes: list[str], whole: WholeRun
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run("cut", report=stop_after(2))
    partial = tmp_path / "cut.partial"
    assert not (tmp_path / "cut").exists()
    assert notes[-1] == f"interrupted; the same command goes on from step 2 ({partial})"
    assert [record["step"] for record in read_log(partial / "training_log.jsonl")] == [2, 4]  # 4 will be trained again

    seen: list[int] = []
    resumed = run("cut", report=lambda step, steps, loss: seen.append(step))
    assert f"going on from {partial / 'checkpoint-2'}" in notes
    assert seen == [4, 6]
    assert resumed | {"out": ""} == whole.figures | {"out": ""}
    both = (whole.folder, tmp_path / "cut")
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in both)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-5, atol=1e-6, msg=name)
    logs = [read_log(folder / "training_log.jsonl") for folder in both]
    assert [record | {"seconds": 0} for record in logs[0]] == [record | {"seconds": 0} for record in logs[1]]
    answers = [(folder / "validation_answers.md").read_text("utf-8") for folder in both]
    assert answers[0] == answers[1]


def test_run_that_was_stopped_before_its_first_checkpoint_begins_again(run: Run, notes: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(report=stop_after(0))
    assert "begins again" in notes[-1]
    assert run(rank=2)["steps"] == 6  # nothing was trained yet, so another recipe may have the folder


@pytest.mark.parametrize(
    "change", [{"rank": 2}, {"seed": 8}, {"train_rows": 3}, {"learning_rate": 1e-3}, {"base": "neox"}], ids=str
)
def test_other_recipe_data_seed_or_base_is_refused_and_the_checkpoints_are_kept(
    run: Run, cut_after: CutAfter, tmp_path: Path, neox: TinyBase, change: dict[str, Any]
) -> None:
    partial = tmp_path / "out.partial"
    cut_after(2, partial)
    checkpoint = partial / "checkpoint-2" / "adapter_model.safetensors"
    weights = checkpoint.read_bytes()
    options = {"base": str(neox.folder)} if "base" in change else change
    with pytest.raises(ModelError, match=r"remove out\.partial to begin again, or give another --out"):
        run(**options)
    assert checkpoint.read_bytes() == weights


def test_existing_adapter_answers_the_validation_prompts_and_stays_as_it_is(
    run: Run, tmp_path: Path, notes: list[str], whole: WholeRun
) -> None:
    shutil.copytree(whole.folder, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    again = run(rank=2)
    assert {name: again[name] for name in ("out", "skipped")} == {"out": str(tmp_path / "out"), "skipped": True}
    assert [(each["prompt"], each["expected"]) for each in again["answers"]] == [
        ("안녕 로라야", "나는 좋아!"), ("내일 뭐 해?", "공부 | 논문"),
    ]  # fmt: skip
    assert all(isinstance(each["answer"], str) for each in again["answers"])
    assert "skipped" in "".join(notes)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert not (tmp_path / "out.partial").exists()


def test_folder_in_the_way_that_is_no_adapter_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("kept", "utf-8")
    with pytest.raises(ModelError, match="is no adapter"):
        run()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_without_validation_rows_it_says_so_and_trains(
    run: Run, tmp_path: Path, notes: list[str], write: Callable[..., Path]
) -> None:
    figures = run(file=write("train_only.csv", HEAD + "\n".join(ROWS)))
    assert figures["validation"] is None
    assert "no validation rows" in notes[0]
    assert not (tmp_path / "out" / "validation_answers.md").exists()
    assert all("validation" not in record for record in read_log(tmp_path / "out" / "training_log.jsonl"))
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("options", "said"), [({"train_rows": 5}, "4 train rows"), ({"valid_rows": 3}, "2 valid rows")]
)
def test_more_rows_than_the_file_has_are_an_error(run: Run, options: dict[str, int], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        run(**options)


def test_options_change_the_recipe_and_gradients_add_up(run: Run, tmp_path: Path, neox: TinyBase) -> None:
    figures = run(
        base=str(neox.folder), rank=128, alpha=32, dropout=0.1, epochs=2, batch_size=1, gradient_accumulation=2,
        target_modules=("query_key_value", "dense"), train_rows=3, valid_rows=1,
    )  # fmt: skip
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text("utf-8"))
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (128, 32, 0.1)
    assert set(config["target_modules"]) == {"query_key_value", "dense"}
    assert (figures["examples"], figures["steps"]) == (3, 4)


def test_layer_that_the_base_lacks_is_an_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no layers named query_key_value; give --target-modules"):
        run(target_modules=("query_key_value",))
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(("epochs", "train_rows", "valid_rows"), [(80, 360, 60), (60, 456, 70)])
def test_earlier_recipes_over_polyglot_can_be_expressed(epochs: int, train_rows: int, valid_rows: int) -> None:
    recipe = load_profile("ohlora-v4").adapters["output_message"].training
    assert recipe is not None
    options = AdapterOptions(
        base="EleutherAI/polyglot-ko-1.3b", rank=128, epochs=epochs, train_rows=train_rows, valid_rows=valid_rows
    )
    changed = options.change(recipe, "gpt_neox")
    assert (changed.rank, changed.epochs, changed.target_modules) == (128, epochs, ("query_key_value",))
    assert (changed.alpha, changed.dropout, changed.learning_rate, changed.batch_size) == (16, 0.05, 3e-4, 2)


def test_gemma_shows_its_terms_in_training_and_in_the_engine(
    run: Run, gemma: TinyBase, profile: Profile, notes: list[str]
) -> None:
    run(base=str(gemma.folder), epochs=1)
    assert notes.count(GEMMA_NOTICE) == 1
    assert "https://ai.google.dev/gemma/terms" in GEMMA_NOTICE
    adapters = {name: replace(each, source=str(gemma.adapters[name])) for name, each in profile.adapters.items()}
    bases = {"main": replace(profile.bases["main"], source=str(gemma.folder))}
    shown: list[str] = []
    progress = LoadProgress(step=shown.append, note=shown.append)
    load_models(replace(profile, bases=bases, adapters=adapters), ModelSettings(device=Device.CPU), progress)
    assert shown.count(GEMMA_NOTICE) == 1
    assert shown.index(GEMMA_NOTICE) < next(i for i, line in enumerate(shown) if line.startswith("base "))


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"])
def test_broken_checkpoint_is_passed_over_for_the_one_before(
    run: Run, cut_after: CutAfter, tmp_path: Path, notes: list[str], name: str
) -> None:
    partial = tmp_path / "out.partial"
    cut_after(4, partial)
    broken = partial / "checkpoint-4" / name
    broken.write_bytes(broken.read_bytes()[:-20])
    assert run()["steps"] == 6
    assert f"{broken.parent} is broken ({name} cannot be read)" in notes
    assert f"going on from {partial / 'checkpoint-2'}" in notes
    assert [record["step"] for record in read_log(tmp_path / "out" / "training_log.jsonl")] == [2, 4, 6]


def test_run_whose_checkpoints_are_all_broken_is_an_error_and_keeps_them(
    run: Run, cut_after: CutAfter, tmp_path: Path
) -> None:
    cut_after(2, tmp_path / "out.partial")
    state = tmp_path / "out.partial" / "checkpoint-2" / "trainer_state.json"
    state.unlink()
    with pytest.raises(ModelError, match=r"no checkpoint in .* can be read; restore one, or remove out\.partial"):
        run()
    assert (state.parent / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("name", ["thesis.txt", "run.json"])
def test_folder_of_something_else_beside_the_target_is_never_touched(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / name).write_text("kept", "utf-8")
    with pytest.raises(ModelError, match="give another --out"):
        run()
    assert (tmp_path / "out.partial" / name).read_text("utf-8") == "kept"


def test_target_that_appears_meanwhile_costs_no_training(run: Run, tmp_path: Path) -> None:
    def make_target(step: int, steps: int, loss: float) -> None:
        (tmp_path / "out").mkdir(exist_ok=True)

    with pytest.raises(TargetExists):
        run(report=make_target)
    (tmp_path / "out").rmdir()
    seen: list[int] = []
    figures = run(report=lambda step, steps, loss: seen.append(step))
    assert seen == []  # every epoch was there
    assert figures["steps"] == 6
    assert figures["loss"] > 0
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()
