"""Rebuild the weights of the embedded profile from the text in this repository: base, five adapters, four encoders, manifest."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.exemplars import written_exchanges
from models.profile import ADAPTER_NAMES, WEIGHTS_DIR, AdapterProfile, Profile, load_profile
from models.training.adapter import train_adapter
from models.training.base import BaseRecipe, train_base
from models.training.dialogue_files import DATA_DIR
from models.training.dialogue_rows import (
    PLAIN,
    DialogueCorpus,
    DialogueRow,
    copied_nouns,
    expand,
    plain_summaries,
    read_corpus,
)
from models.training.encoder import EncoderRecipe, recipe_for, train_encoder, train_on_triples
from models.training.encoder_data import (
    EthicsSentence,
    ethics_pairs,
    memory_pairs,
    read_ethics_corpus,
    read_ethics_dialogue,
    read_ethics_notes,
    read_front_lines,
    read_interview_answers,
    read_memory_lines,
    unrelated_pairs,
)
from models.training.examples import make_example, make_examples
from models.training.exemplar_rows import ExemplarTeacher, NoteTeacher
from models.training.interview_parts import EXAMPLES, interview_parts
from models.training.key_similarity import KeyGroups, MemoryLine
from models.training.manifest import LARGEST_BYTES, blind_parts, hash_folder, read_blind_parts, write_manifest
from models.training.memory_notes import read_memory_notes, widen_notes
from models.training.progress import Report, Stage
from models.training.relevance import make_triples
from models.training.training_log import LOG_NAME
from models.training.weight_parts import WeightPart, retrain

COMMAND = "python main.py train embedded"
_MOST_DRAWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRecipe:
    """How the embedded weights are made; `adapter_examples` bounds the rows that each adapter reads, `seed` draws them.

    The memory adapter reads `memory_examples`, `notes_share` of them notes. The reply adapter reads `reply_examples`, `plain_share` of them
    plain answers (`PLAIN`): the base knows the corpus nearly by heart, and what the adapter adds is how to answer what is not in it. With
    `continued` adapters that are trained again go on from what they are.
    Adapters and encoders of interviews follow the profile, and so do the other encoders but in tests.
    """

    base: BaseRecipe = BaseRecipe()
    adapter_examples: int = 4000
    reply_examples: int = 48_000
    plain_share: float = 0.65
    memory_examples: int = 20_000
    notes_share: float = 0.7
    interview_examples: int = EXAMPLES
    continued: bool = False
    ethics: EncoderRecipe = field(default_factory=lambda: _encoder_recipe("ethics"))
    memory: EncoderRecipe = field(default_factory=lambda: _encoder_recipe("memory"))
    relevance: EncoderRecipe = field(default_factory=lambda: _encoder_recipe("relevance"))
    relevance_rows: int = 100_000
    seed: int = 7
    compile_steps: bool = True


def train_embedded(
    recipe: EmbeddedRecipe, stage: Stage, out: Path = WEIGHTS_DIR / "embedded", data: Path = DATA_DIR
) -> dict[str, Any]:
    """Train everything from the text in `data` into `out` and return the manifest; `stage` names each part and gives its progress report.

    Parts are made in a folder beside `out` that takes its place at the end. After an interruption the parts that are finished are
    kept, if neither text nor recipe has changed.

    Raises:
        CorpusError: the text is broken. ModelError: a part cannot be trained.
    """
    staging = out.with_name(f"{out.name}.new")
    _keep_or_clear(staging, recipe, data)
    figures_file = staging / "figures.json"
    figures: dict[str, Any] = json.loads(figures_file.read_text()) if figures_file.is_file() else {}

    def part(name: str, folder: Path, train: Callable[..., dict[str, float]]) -> None:
        if name in figures and folder.is_dir():
            return
        shutil.rmtree(folder, ignore_errors=True)
        figures[name] = train(report=stage(name))
        figures_file.write_text(json.dumps(figures))

    profile = load_profile("embedded")
    corpus = read_corpus(data)
    base = staging / "base"
    part("base", base, partial(train_base, corpus, profile, base, recipe.base, compile_steps=recipe.compile_steps))
    for each in embedded_parts(recipe, corpus, profile, base, data):
        folder = staging / each.folder
        part(each.name, folder, partial(each.train, folder))

    figures_file.unlink()
    (staging / "recipe.txt").unlink()
    for extra in staging.rglob("training_args.bin"):
        extra.unlink()
    (base / LOG_NAME).replace(staging / LOG_NAME)
    counts = {"dialogue rows": corpus.count_rows(), **count_lines(corpus, data, recipe.seed)}
    changed = recipe.base.changes()
    command = " ".join([COMMAND, *(f"--{name.replace('_', '-')} {value}" for name, value in changed.items())])
    blind = blind_parts(figures)
    if recipe.base.start and "base" not in read_blind_parts(Path(recipe.base.start).parent):
        blind.discard("base")  # what it goes on from may have read the topics that are held out now
    manifest = write_manifest(staging, data, command, {**figures, **counts}, blind)
    if manifest["bytes"] > LARGEST_BYTES:
        raise ModelError(
            f"{staging} takes {manifest['bytes']} bytes, over the {LARGEST_BYTES} that may ship; lower the recipe"
        )
    shutil.rmtree(out, ignore_errors=True)
    staging.rename(out)
    return manifest


def retrain_embedded(
    recipe: EmbeddedRecipe,
    names: Sequence[str],
    stage: Stage,
    weights: Path = WEIGHTS_DIR / "embedded",
    data: Path = DATA_DIR,
) -> dict[str, Any]:
    """Train the parts `names` ("adapter memory", "encoder ethics") again over the base in `weights`; return the manifest.

    With `recipe.base.kept` they keep that much of what they were.

    Raises:
        CorpusError: the text is broken. ModelError: an unknown name, one that cannot be `continued`, no weights there, or a part cannot be trained.
    """
    corpus = read_corpus(data)
    parts = embedded_parts(recipe, corpus, load_profile("embedded"), weights / "base", data)
    found = {each.name: each for each in parts}
    if unknown := sorted(set(names) - set(found)):
        raise ModelError(f"no part {', '.join(unknown)}; there are {', '.join(found)}")
    if recipe.continued and (others := sorted(set(names) - {f"adapter {name}" for name in ADAPTER_NAMES})):
        raise ModelError(
            f"{', '.join(others)}: only adapters of her talk can be trained on; leave --continued out for it"
        )
    counts = count_lines(corpus, data, recipe.seed)
    read = {what: count for what, count in counts.items() if f"encoder {what.split()[0]}" in names}
    chosen = [found[name] for name in names]
    return retrain(chosen, stage, weights, data, read, recipe.base.kept, continued=recipe.continued)


def embedded_parts(
    recipe: EmbeddedRecipe, corpus: DialogueCorpus, profile: Profile, base: Path, data: Path
) -> Iterator[WeightPart]:
    """Yield what is trained over `base` or beside it, in the order of training; each reads its text when it is trained."""
    for name in ADAPTER_NAMES:
        train_one = partial(_train_adapter, recipe, corpus, profile, name, base, data)
        yield WeightPart(name=f"adapter {name}", folder=f"adapters/{name}", train=train_one)
    trains = {"ethics": _train_ethics, "memory": _train_memory, "relevance": _train_relevance}
    for task, train in trains.items():
        yield WeightPart(name=f"encoder {task}", folder=f"encoders/{task}", train=partial(train, recipe, corpus, data))
    yield from interview_parts(profile, base, data, seed=recipe.seed, examples=recipe.interview_examples)


def count_lines(corpus: DialogueCorpus, data: Path, seed: int) -> dict[str, int]:
    """Count what the encoders are trained on."""
    return {
        "ethics sentences": len(_ethics_sentences(corpus, data, seed)),
        "memory lines": len(_memory_lines(corpus, data, seed)),
    }


def _train_adapter(
    recipe: EmbeddedRecipe,
    corpus: DialogueCorpus,
    profile: Profile,
    name: str,
    base: Path,
    data: Path,
    out: Path,
    *,
    report: Report,
) -> dict[str, float]:
    """Train one adapter on rows without made-up nouns: the base has learned to copy, adapters learn how she talks."""
    adapter = profile.adapters[name]
    assert adapter.training is not None
    if name == "memory":
        chosen = _draw_memories(adapter, recipe, corpus, data)
    elif name == "output_message":
        chosen = _draw_replies(adapter, recipe, corpus)
    else:
        chosen = _draw_examples(name, adapter, recipe.seed, corpus, recipe.adapter_examples)
    start = base.parent / "adapters" / name if recipe.continued else None
    train = partial(
        train_adapter, str(base), chosen, adapter.training, out, seed=recipe.seed, report=report, start=start
    )
    return train(base_name=profile.bases["main"].source, in_bfloat16=True, keep_log=False, with_tokenizer=False)


def _draw_replies(adapter: AdapterProfile, recipe: EmbeddedRecipe, corpus: DialogueCorpus) -> list[tuple[str, str]]:
    """Return examples of her lines, plain ones and others, with exemplars in front where the profile shows any."""
    plain = corpus.part(PLAIN)
    count = round(recipe.reply_examples * recipe.plain_share)
    draw = partial(_draw_rows, "output_message", adapter, recipe.seed)
    rows = draw(plain, count, copied_nouns(plain))
    rows |= draw(corpus.part(PLAIN, without=True), recipe.reply_examples - count)
    if adapter.exemplars is None:
        return list(rows)
    return list(ExemplarTeacher(corpus, recipe.seed).make_examples(adapter, list(rows.values())))


def _draw_memories(
    adapter: AdapterProfile, recipe: EmbeddedRecipe, corpus: DialogueCorpus, data: Path
) -> list[tuple[str, str]]:
    """Return examples of notes, as they are written and with noise, and of dialogues, behind other notes where the profile shows any."""
    notes = widen_notes(read_memory_notes(data), plain_summaries(corpus), recipe.seed)
    count = min(len(notes), round(recipe.memory_examples * recipe.notes_share))
    rows = random.Random(recipe.seed).sample(notes, count)
    rows += _draw_rows("memory", adapter, recipe.seed, corpus, recipe.memory_examples - count).values()
    if adapter.exemplars is None:
        return make_examples("memory", adapter, rows)
    return list(NoteTeacher(data, adapter.exemplars.shown, recipe.seed).make_examples(adapter, rows))


def _draw_examples(
    name: str, adapter: AdapterProfile, seed: int, corpus: DialogueCorpus, count: int
) -> list[tuple[str, str]]:
    """Return up to `count` different examples."""
    return list(_draw_rows(name, adapter, seed, corpus, count))


def _draw_rows(
    name: str,
    adapter: AdapterProfile,
    seed: int,
    corpus: DialogueCorpus,
    count: int,
    other_nouns: Collection[str] = (),
) -> dict[tuple[str, str], DialogueRow]:
    """Return up to `count` different examples with their rows, from as many draws of the corpus as that takes, within reason."""
    found: dict[tuple[str, str], DialogueRow] = {}
    for number in range(_MOST_DRAWS):
        for row in expand(corpus, seed + 99 + number, with_made_up=False, other_nouns=other_nouns):
            if (example := make_example(name, adapter, row)) is not None:
                found.setdefault(example, row)
        if len(found) >= count:
            break
    return dict(random.Random(seed).sample(list(found.items()), min(count, len(found))))


def _train_ethics(
    recipe: EmbeddedRecipe, corpus: DialogueCorpus, data: Path, out: Path, *, report: Report
) -> dict[str, float]:
    pairs = ethics_pairs(_ethics_sentences(corpus, data, recipe.seed), copies=2, seed=recipe.seed)
    return train_encoder(pairs, recipe.ethics, out, report=report, beside=(LOG_NAME,))


def _train_memory(
    recipe: EmbeddedRecipe, corpus: DialogueCorpus, data: Path, out: Path, *, report: Report
) -> dict[str, float]:
    lines = _memory_lines(corpus, data, recipe.seed)
    near = unrelated_pairs(lines, corpus, data, each=4, seed=recipe.seed)
    keys = KeyGroups(data / "memory" / "key_groups.txt")
    for draw in range(2):
        near += memory_pairs(lines, keys, negatives=20, seed=recipe.seed + draw)
    return train_encoder(near, recipe.memory, out, report=report, beside=(LOG_NAME,))


def _train_relevance(
    recipe: EmbeddedRecipe, corpus: DialogueCorpus, data: Path, out: Path, *, report: Report
) -> dict[str, float]:
    triples = make_triples(list(written_exchanges(corpus)), recipe.relevance_rows, recipe.seed)
    return train_on_triples(triples, recipe.relevance, out, report)


def _encoder_recipe(task: str) -> EncoderRecipe:
    """Return the recipe that the profile has for an encoder, as `train encoder` and `evaluate cross-validate` read it."""
    return recipe_for(load_profile("embedded").encoders[task].training, reads_dialogue=task == "relevance")


def _ethics_sentences(corpus: DialogueCorpus, data: Path, seed: int) -> list[EthicsSentence]:
    written, said = read_ethics_corpus(data, seed=seed), read_ethics_dialogue(corpus, data, seed=seed)
    return [*written, *said, *read_ethics_notes(data), *read_interview_answers(data, seed=seed)]


def _memory_lines(corpus: DialogueCorpus, data: Path, seed: int) -> list[MemoryLine]:
    lines = [*read_memory_lines(data / "memory" / "lines.txt"), *read_front_lines(corpus, each=5, seed=seed)]
    keys = KeyGroups(data / "memory" / "key_groups.txt")
    return [line for line in lines if not keys.is_held_out(line)]


def _keep_or_clear(staging: Path, recipe: EmbeddedRecipe, data: Path) -> None:
    """Keep the staging folder only when it was begun with the same text and recipe."""
    profile = load_profile("embedded")
    stamp = f"{hash_folder(data)} {recipe} {profile.adapters} {profile.encoders}"
    note = staging / "recipe.txt"
    if note.is_file() and note.read_text() == stamp:
        return
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    note.write_text(stamp)
