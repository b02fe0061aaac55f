"""Compare bases for the interviewer: train its adapter over each for each number of epochs, and count what its lines are like."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.decode_batch import DecodeBatch
from models.device import DeviceThread
from models.errors import ModelError
from models.evaluation.interview import LEAST_WELL_FORMED, SampledLine, sample_lines
from models.evaluation.markdown import escape, figure, table
from models.evaluation.report import Report
from models.generator import AdapterGenerator, DecodeWorker
from models.interview_bank import load_bank
from models.loader import LoadedBase, choose_device, load_base
from models.profile import INTERVIEW_ADAPTER, Profile
from models.settings import ModelSettings
from models.sources import name_source
from models.training.adapter_run import AdapterOptions, run_adapter
from models.training.interview_rows import read_rows
from models.training.progress import Note, Stage


def compare_bases(
    profile: Profile,
    data: Path,
    out: Path,
    bases: Sequence[str],
    epochs: Sequence[float],
    stage: Stage,
    note: Note,
    *,
    samples: int,
    prompts: int,
    train_rows: int | None,
    seed: int,
) -> dict[str, Any]:
    """Train into `out/BASE-EPOCHS` what is not there yet, draw lines for the validation rows of `data`, and return a row for each.

    A base that is a folder is named with a few letters more, which tell folders of one name apart. An empty base is the profile's;
    no epochs are those of its recipe. `out` is under 97.5 % well-formed.

    Raises:
        CorpusError: the data breaks its format. ModelError: the profile has no recipe, or something cannot be trained or loaded.
    """
    adapter = profile.adapters.get(INTERVIEW_ADAPTER)
    if adapter is None or adapter.training is None:
        raise ModelError(f"profile {profile.name} has no recipe for the interviewer")
    bank, settings = load_bank(profile.interview.bank), ModelSettings()
    rows = read_rows(data, bank, "valid", seed=seed)
    if not rows:
        raise ModelError(f"{data} has no validation rows; the lines could not be compared")
    device, dtype = choose_device(settings)
    figures = []
    for given in bases:
        for count in epochs or [adapter.training.epochs]:
            source = name_source(given) or profile.bases[adapter.base].source
            name = f"{_short_name(source)}-{count:g}"
            options = AdapterOptions(base=given, epochs=count, train_rows=train_rows, valid_rows=0, seed=seed)
            run_adapter(profile, INTERVIEW_ADAPTER, data, out / name, options, stage, note)
            folder = str((out / name).resolve())
            loaded = load_base(name, source, {INTERVIEW_ADAPTER: folder}, device, dtype)
            tell = stage(f"lines of {name}")

            async def draw(loaded: LoadedBase = loaded, tell: Any = tell) -> list[SampledLine]:
                batch = DecodeBatch(loaded, device, settings.max_rows)
                async with DeviceThread([DecodeWorker(batch)]) as thread:
                    return await sample_lines(
                        AdapterGenerator(thread, [batch], []),
                        adapter,
                        rows,
                        bank,
                        shown=profile.interview.shown_characters,
                        samples=samples,
                        prompts=prompts,
                        seed=seed,
                        progress=lambda done, whole: tell(done, whole, 0.0),
                    )

            figures.append({"base": source, "epochs": count, **_figures(asyncio.run(draw()))})
    return {"profile": profile.name, "bases": figures}


def write_bases_report(report: Report, figures: dict[str, Any], profile: Profile) -> None:
    """Write the table of `compare_bases`.

    Raises:
        ModelError: the file cannot be written.
    """
    head = ["base", "epochs", "lines", "well-formed", "ask what is next", "out"]
    rows = [
        [
            escape(str(each["base"])),
            f"{each['epochs']:g}",
            each["lines"],
            figure(each["well_formed"]),
            figure(each["asks_next"]),
            "out" if each["out"] else "",
        ]
        for each in figures["bases"]
    ]
    why = f"A base under {LEAST_WELL_FORMED:.1%} well-formed is out."
    report.write("Bases of the interviewer", profile.name, [why, table(head, rows)])


def _short_name(source: str) -> str:
    folder = Path(source)
    if not folder.is_dir():
        return folder.name
    return f"{folder.name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:6]}"


def _figures(lines: Sequence[SampledLine]) -> dict[str, Any]:
    well_formed = round(sum(line.is_well_formed for line in lines) / len(lines), 5)
    return {
        "lines": len(lines),
        "well_formed": well_formed,
        "asks_next": round(sum(line.asks_next for line in lines) / len(lines), 5),
        "out": well_formed < LEAST_WELL_FORMED,
    }
