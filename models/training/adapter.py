"""Fine-tune one LoRA adapter by supervised fine-tuning with the loss on the answer only (Hu et al. 2021; TRL's SFTTrainer)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel
from trl import SFTConfig, SFTTrainer

from models.attention import row_attention_in
from models.errors import ModelError
from models.llama_heads import load_causal, load_tokenizer
from models.loader import LOAD_FAILURES, LoadedBase, broken_weights, cpu_multiplies_bfloat16, fetch_model
from models.lora import AdapterRows
from models.profile import AdapterTraining
from models.training.acceleration import advise, load_patched
from models.training.answers import ANSWERS_NAME, AdapterValidation, answer_prompts, append_answers, exact_share
from models.training.progress import Note, Report, ReportCallback, ignore_note
from models.training.run_folder import make_stamp, open_run
from models.training.target import prepare_target
from models.training.target_modules import check_target_modules
from models.training.training_log import CURVES_NAME, LOG_NAME, EpochEnd, Record, TrainingLog, mean_loss

MAX_LENGTH = 512


class _Trainer(SFTTrainer):  # type: ignore[misc]
    """Trains without writing a model card beside every checkpoint."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none."""


def lora_config(recipe: AdapterTraining) -> LoraConfig:
    """Return the PEFT configuration of a recipe (gaussian initial weights, no bias)."""
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=int(recipe.alpha),
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_modules),
        init_lora_weights="gaussian",
        task_type="CAUSAL_LM",
    )


def train_adapter(
    base_source: str,
    examples: Sequence[tuple[str, str]],
    recipe: AdapterTraining,
    out: Path,
    *,
    seed: int,
    report: Report,
    note: Note = ignore_note,
    validation: AdapterValidation | None = None,
    licence: str = "",
    with_unsloth: bool = False,
    base_name: str = "",
    in_bfloat16: bool = False,
    with_tokenizer: bool = True,
    keep_log: bool = True,
    start: Path | None = None,
) -> dict[str, float]:
    """Train on (prompt, answer) pairs and write the adapter folder `out`; return steps and the mean loss.

    With `start`, the folder of an adapter of this base, it goes on from there and has its rank.

    The run can be interrupted and repeated (`run_folder`). Each epoch ends with the loss on the examples of `validation` and with
    answers to them. The weights are written as float32, or in half the size as bfloat16; `base_name` (else `base_source`) is what
    the folder says of its base; a folder without tokenizer takes its base's; `licence` is the profile's notice on it. Log, curves and answers stay in the folder with `keep_log`.

    Raises:
        TargetExists: `out` exists already.
        ModelError: there are no examples, the base or `start` cannot be loaded, or the folder of another run is in the way.
    """
    prepare_target(out)
    if not examples:
        raise ModelError("no example teaches this adapter; check the data file's split and columns")
    folder = fetch_model(base_source, note, licence)
    use_unsloth, advice = advise(with_unsloth)
    if advice:
        note(advice)
    tokenizer, network = _load_base(folder, recipe, seed, use_unsloth=use_unsloth)
    check_target_modules(recipe.target_modules, network)
    stamp = make_stamp("adapter", base_source, recipe, seed, list(examples), str(start or ""))
    if start is not None:
        network = _go_on_from(start, network, folder)
    with open_run(out, stamp, note) as run:
        log = TrainingLog(run.path, _answer_each_epoch(run.path, tokenizer, validation, note) if validation else None)
        trainer = _Trainer(
            model=network,
            args=_arguments(recipe, run.path, seed, validates=validation is not None),
            train_dataset=_dataset(examples),
            eval_dataset=_dataset(validation.examples) if validation else None,
            processing_class=tokenizer,
            peft_config=None if use_unsloth or start is not None else lora_config(recipe),
            callbacks=[log, ReportCallback(report)],
        )
        run.train(trainer)
        if in_bfloat16:
            trainer.model.to(torch.bfloat16)
        save = partial(_save, trainer.model, tokenizer if with_tokenizer else None, base_name or base_source)
        run.finish(save, (LOG_NAME, CURVES_NAME, ANSWERS_NAME) if keep_log else ())
    return {"steps": float(trainer.state.global_step), "loss": round(mean_loss(log.records), 4)}


def _save(network: Any, tokenizer: Any, base_name: str, folder: Path) -> None:
    network.peft_config["default"].base_model_name_or_path = base_name
    network.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)


def _go_on_from(start: Path, network: Any, base: Path) -> Any:
    """Return `network` with the adapter in `start`, which may name its base as the profile does: PEFT looks for it when it saves."""
    try:
        model = PeftModel.from_pretrained(network, str(start), is_trainable=True)
    except (ValueError, *LOAD_FAILURES) as error:
        raise broken_weights("adapter", start, error) from error
    model.peft_config["default"].base_model_name_or_path = str(base)
    return model


def _load_base(folder: Path, recipe: AdapterTraining, seed: int, *, use_unsloth: bool) -> tuple[Any, Any]:
    """Return the tokenizer and the network; Unsloth puts the adapter on at once."""
    cuda = torch.cuda.is_available()
    try:
        tokenizer = load_tokenizer(folder)
        if use_unsloth:
            return tokenizer, load_patched(folder, recipe, max_length=MAX_LENGTH, seed=seed)
        return tokenizer, load_causal(folder, dtype=torch.bfloat16 if cuda else torch.float32)
    except LOAD_FAILURES as error:
        raise broken_weights("base model", folder, error) from error


def _dataset(examples: Sequence[tuple[str, str]]) -> Dataset:
    disable_progress_bars()
    return Dataset.from_dict({"prompt": [e[0] for e in examples], "completion": [e[1] for e in examples]})


def _arguments(recipe: AdapterTraining, folder: Path, seed: int, *, validates: bool) -> SFTConfig:
    cuda = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        completion_only_loss=True,
        max_length=MAX_LENGTH,
        bf16=cuda or cpu_multiplies_bfloat16(),
        use_cpu=not cuda,
        gradient_checkpointing=False,
        save_strategy="epoch",
        save_total_limit=2,
        eval_strategy="epoch" if validates else "no",
        prediction_loss_only=True,
        train_sampling_strategy="group_by_length",  # rows of like length side by side need little padding
        report_to="none",
        logging_steps=10,
        disable_tqdm=True,
        seed=seed,
        dataloader_pin_memory=cuda,
    )


def _answer_each_epoch(folder: Path, tokenizer: Any, validation: AdapterValidation, note: Note) -> EpochEnd:
    """Return what answers the validation prompts with the adapter in training, files the answers and notes how many are exact."""

    def answer(network: Any, record: Record) -> dict[str, float]:
        network.eval()
        base = LoadedBase(name="in training", network=network, tokenizer=tokenizer, rows=AdapterRows(), adapters=("",))
        with row_attention_in(network):
            answers = answer_prompts(base, validation)
        append_answers(folder / ANSWERS_NAME, record["epoch"], record["step"], answers)
        share = exact_share(answers)
        note(f"epoch {record['epoch']:g}: {share:.0%} of {len(answers)} validation prompts answered to the letter")
        return {"exact": share}

    return answer
