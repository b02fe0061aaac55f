"""Fine-tune one LoRA adapter by supervised fine-tuning with the loss on the answer only (Hu et al. 2021; TRL's SFTTrainer)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import SFTConfig, SFTTrainer

from models.errors import ModelError
from models.loader import LOAD_FAILURES, broken_weights, cpu_multiplies_bfloat16
from models.profile import AdapterTraining
from models.sources import check_safe, fetch, resolve_source
from models.training.progress import Report, ReportCallback
from models.training.target import prepare_target


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
    base_name: str = "",
    in_bfloat16: bool = False,
) -> dict[str, float]:
    """Train on (prompt, answer) pairs and write the adapter folder `out`; return steps and the mean loss.

    The weights are written as float32, or in half the size as bfloat16; `base_name` (else `base_source`) is what the
    folder says of its base.

    Raises:
        TargetExists: `out` exists already.
        ModelError: there are no examples, or the base cannot be loaded.
    """
    prepare_target(out)
    if not examples:
        raise ModelError("no example teaches this adapter; check the data file's split and columns")
    folder = fetch(resolve_source(base_source))
    check_safe(folder)
    cuda = torch.cuda.is_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if cuda else torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa" if cuda else "eager",
        )
    except LOAD_FAILURES as error:
        raise broken_weights("base model", folder, error) from error
    disable_progress_bars()
    data = Dataset.from_dict({"prompt": [e[0] for e in examples], "completion": [e[1] for e in examples]})
    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(
            output_dir=scratch,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.03,
            completion_only_loss=True,
            max_length=512,
            bf16=cuda or cpu_multiplies_bfloat16(),
            use_cpu=not cuda,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            logging_steps=10,
            disable_tqdm=True,
            seed=seed,
            dataloader_pin_memory=cuda,
        )
        trainer = SFTTrainer(
            model=network,
            args=config,
            train_dataset=data,
            processing_class=tokenizer,
            peft_config=lora_config(recipe),
            callbacks=[ReportCallback(report)],
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
        if in_bfloat16:
            trainer.model.to(torch.bfloat16)
        trainer.model.peft_config["default"].base_model_name_or_path = base_name or base_source
        staged = Path(scratch, "adapter")
        trainer.model.save_pretrained(staged, safe_serialization=True, save_embedding_layers=False)
        tokenizer.save_pretrained(staged)
        (staged / "README.md").unlink(missing_ok=True)
        shutil.move(staged, out)
    return {"steps": float(result.global_step), "loss": round(float(result.training_loss), 4)}
