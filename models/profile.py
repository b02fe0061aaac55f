"""Profiles: which bases, adapters and encoders make up 오로라, with their marks, sampling and thresholds.

A profile is one TOML file in `models/profiles`. Sources are Hugging Face ids or folders; a folder is relative to `models/weights`
unless absolute.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import Field

from models.errors import ProfileError

MODELS_DIR = Path(__file__).resolve().parent
PROFILES_DIR = MODELS_DIR / "profiles"
WEIGHTS_DIR = MODELS_DIR / "weights"

ADAPTER_NAMES = ("output_message", "memory", "summary", "eyes_mouth_pose")
ENCODER_NAMES = ("memory", "ethics")
EXEMPLAR_ADAPTERS = ("output_message", "memory")
INTERVIEW_ADAPTER = "interview"
RELEVANCE_ENCODER = "relevance"
INTERVIEW_ENCODERS = ("interview-answer", "interview-question")
_CONFIG = pydantic.ConfigDict(extra="forbid")
_Share = Annotated[float, Field(ge=0, le=1)]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class BaseModelProfile:
    """A base language model; `licence_notice` is shown before its first use."""

    source: str
    licence_notice: str = ""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class AdapterTraining:
    """The fine-tuning recipe of one adapter (LoRA, Hu et al. 2021; answer-only loss)."""

    rank: Annotated[int, Field(gt=0)]
    epochs: Annotated[float, Field(gt=0)]
    alpha: float = 16
    dropout: _Share = 0.05
    learning_rate: float = 3e-4
    batch_size: Annotated[int, Field(gt=0)] = 2
    gradient_accumulation: Annotated[int, Field(gt=0)] = 1
    target_modules: tuple[str, ...]
    swap_synonyms: bool = False


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class DraftChoice:
    """How one of several drafts of an answer is chosen.

    Its worth is `log p(answer | prompt) - contrast * log p(answer) + relevance * cosine + nearness * that of its exemplar`. The
    first two are the mutual information of Li et al. 2016 (arXiv:1510.03055); an answer's probability whatever was said is the mean
    over `neutral_prompts`. The cosine is that of prompt and answer by the encoder `relevance` (decision 0036), so `relevance` is in
    nats; without the encoder it counts nothing. Of an answer after an exemplar `own_share` of the cosine with the exemplar's own message
    goes off: what is near to whatever it is said to is no answer to this (decision 0043). `nearness` is in nats, too (decision 0042): by it the exemplars are drawn, one for
    each draft, and drafts are chosen; `departure` nats go off for each word with which a draft leaves its exemplar and does not come
    to the message (decision 0043), `repetition` nats for each word that the answer says again (decision 0039). `spread` is
    the temperature in nats at which exemplar and draft are drawn by all this; 0 takes the best. `temperature`, where it is given, is
    that at which the drafts themselves are sampled: hotter than one line alone would bear. See docs/decisions/0014.
    """

    drafts: Annotated[int, Field(gt=1, le=16)]
    contrast: _Share
    spread: Annotated[float, Field(ge=0, le=100)] = 0.0
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    relevance: Annotated[float, Field(ge=0)] = 0.0
    own_share: _Share = 0.0
    nearness: Annotated[float, Field(ge=0)] = 0.0
    departure: Annotated[float, Field(ge=0)] = 0.0
    repetition: Annotated[float, Field(ge=0)] = 0.0
    neutral_prompts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is something to contrast with."""
        if self.contrast and not self.neutral_prompts:
            raise ValueError("neutral_prompts: a contrast needs one at least")


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class ExemplarUse:
    """How what somebody wrote for messages like this one is shown to an adapter, in front of what it answers (decision 0042).

    `source` is a folder, absolute or under `models/weights`, laid out like `models/data`, which it is where it is empty:
    `output_message` is shown exchanges of its dialogue files, `memory` notes. `considered` of them are found by their words and put in
    order by the encoder of relevance; a message lends `answers_each` of its answers at most. One with a memory of the same key in
    front as the message has is nearer by `same_key`. Each word that an answer has from its own message, and the message at hand lacks,
    takes `foreign` off its nearness. With `adapted` they are put into the terms of the message: its memory, its day, its numbers, its
    name. `shown` of them stand in front of a prompt, the nearest last; each draft of a line has others. From the nearness `alarm` on an answer with
    a number to call in need stands, whatever the other drafts say.

    For `memory` all those considered vote, too: where the share of those of which something is remembered, by the square of their
    nearness, is below `nothing_below`, nothing is; where it is above `something_above`, something is; between them the adapter decides.
    And they vote on its key: the logarithm of a key's share counts `key_vote` times beside that of its probability.
    """

    considered: Annotated[int, Field(gt=0)]
    shown: Annotated[int, Field(ge=0)] = 1
    answers_each: Annotated[int, Field(gt=0)] = 1
    foreign: _Share = 0.0
    same_key: _Share = 0.0
    adapted: bool = False
    alarm: Annotated[float, Field(ge=0, le=2)] = 1.0
    nothing_below: _Share = 0.0
    something_above: _Share = 1.0
    key_vote: Annotated[float, Field(ge=0)] = 0.0
    source: str = ""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class AdapterProfile:
    """One adapter: its base, source, marks and sampling.

    Exactly one of `max_total_tokens` (prompt and answer) and `max_new_tokens` is given. `temperature_step` is added for each try
    that was thrown away for a wrong weekday. With `choice` (for `output_message`) each try draws several drafts and chooses one of them,
    so nothing is streamed before it is whole. With `quotes` (for `memory`) a value that the message does not say word by word gives way to
    the message's own words. One that is `optional` is left out, with a note, while its source is a folder that does
    not exist.
    """

    base: str
    source: str
    optional: bool = False
    start_mark: str
    stop_mark: str
    tries: Annotated[int, Field(gt=0)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    temperature_step: Annotated[float, Field(ge=0, le=1)] = 0.0
    top_p: _Share = 1.0
    max_total_tokens: Annotated[int, Field(gt=0)] | None = None
    max_new_tokens: Annotated[int, Field(gt=0)] | None = None
    choice: DraftChoice | None = None
    exemplars: ExemplarUse | None = None
    quotes: bool = False
    training: AdapterTraining | None = None

    def __post_init__(self) -> None:
        """Check that one limit is given."""
        if (self.max_total_tokens is None) == (self.max_new_tokens is None):
            raise ValueError("give one of max_total_tokens and max_new_tokens")

    @property
    def sampling_temperature(self) -> float:
        """The temperature at which answers are sampled: that of the drafts, where there are several."""
        if self.choice is None or self.choice.temperature is None:
            return self.temperature
        return self.choice.temperature

    @property
    def drafts(self) -> int:
        """How many drafts of an answer are drawn at once."""
        return self.choice.drafts if self.choice else 1

    def show_exchange(self, final_input: str, answer: str) -> str:
        """Return what stands in front of a prompt so that the adapter has read an exchange before: asked and answered as it is taught."""
        return f"{final_input}{self.start_mark}{self.write_answer(answer)} "

    def write_answer(self, answer: str) -> str:
        """Return `answer`, which may be empty, as the adapter is taught to write it behind its start mark."""
        return f" {answer} {self.stop_mark}" if answer else f" {self.stop_mark}"

    def new_token_limit(self, prompt_tokens: int) -> int:
        """Return how many tokens may be generated behind a prompt of `prompt_tokens`, at least 1."""
        if self.max_new_tokens is not None:
            return self.max_new_tokens
        assert self.max_total_tokens is not None
        return max(1, self.max_total_tokens - prompt_tokens)


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class EncoderTraining:
    """The recipe of one encoder: `base` is a language model to pool by mean; empty means hashed n-grams from nothing.

    None is what suits the kind (`models.training.encoder.recipe_for`). `buckets`, `dimensions` and `hidden` are the sizes of hashed
    n-grams.
    """

    base: str = ""
    epochs: Annotated[float, Field(gt=0)] = 4
    batch_size: Annotated[int, Field(gt=0)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    buckets: Annotated[int, Field(gt=0)] | None = None
    dimensions: Annotated[int, Field(gt=0)] | None = None
    hidden: Annotated[int, Field(gt=0)] | None = None

    def __post_init__(self) -> None:
        """Check that sizes belong to what is trained."""
        if self.base and (self.buckets or self.dimensions or self.hidden):
            raise ValueError("buckets, dimensions and hidden are sizes of hashed n-grams; leave them out with a base")


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class EncoderProfile:
    """A sentence encoder and the recipe to train it by.

    One that is `optional` is left out, with a note, while its source is a folder that does not exist.
    """

    source: str
    optional: bool = False
    training: EncoderTraining = EncoderTraining()


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class EthicsThresholds:
    """Cosine thresholds: `categories` by name, and `normal` above which nothing is sanctioned."""

    normal_category: str
    normal: _Share
    categories: dict[str, _Share]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class InterviewProfile:
    """How interviews are held: the question bank, and how many characters of an answer the interviewer adapter is shown."""

    bank: str = "machine_learning"
    shown_characters: Annotated[int, Field(gt=0)] = 400


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Profile:
    """Everything a turn needs to know about its models."""

    name: str
    description: str
    max_prompt_tokens: Annotated[int, Field(gt=0)]
    memory_threshold: _Share
    fallback_reply: str
    ethics: EthicsThresholds
    bases: dict[str, BaseModelProfile]
    adapters: dict[str, AdapterProfile]
    encoders: dict[str, EncoderProfile]
    interview: InterviewProfile = InterviewProfile()

    @property
    def can_interview(self) -> bool:
        """Whether everything that interviews need is here: their adapter and both encoders."""
        return INTERVIEW_ADAPTER in self.adapters and all(name in self.encoders for name in INTERVIEW_ENCODERS)

    def __post_init__(self) -> None:
        """Check that names fit together."""
        missing = [name for name in ADAPTER_NAMES if name not in self.adapters]
        missing += [f"encoder {name}" for name in ENCODER_NAMES if name not in self.encoders]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        for name, adapter in self.adapters.items():
            if adapter.exemplars and name not in EXEMPLAR_ADAPTERS:
                raise ValueError(f"adapter {name} reads no exemplars; {' and '.join(EXEMPLAR_ADAPTERS)} may")
            if adapter.base not in self.bases:
                raise ValueError(f"adapter {name} names the base {adapter.base!r}, which is not under [bases]")


def list_profiles() -> list[str]:
    """Return the names of the profiles that ship."""
    return sorted(path.stem for path in PROFILES_DIR.glob("*.toml"))


def load_profile(name: str) -> Profile:
    """Load a profile by name or by path.

    Raises:
        ProfileError: no such profile, or its file breaks the format.
    """
    path = Path(name) if name.endswith(".toml") else PROFILES_DIR / f"{name}.toml"
    if not path.is_file() or (not name.endswith(".toml") and Path(name).name != name):
        raise ProfileError(f"no profile {name!r}; choose one of {', '.join(list_profiles())} or give a .toml file")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return pydantic.TypeAdapter(Profile).validate_python(raw)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"profile {path} is not valid TOML: {error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ProfileError(f"profile {path}: {place}: {first['msg']}") from error


def with_one_draft(profile: Profile) -> Profile:
    """Return `profile` with one draft of a line, which is shown as it is written, and memories under the key that the adapter gives them."""
    reply, memory = replace(profile.adapters["output_message"], choice=None), profile.adapters["memory"]
    if memory.exemplars:
        memory = replace(memory, exemplars=replace(memory.exemplars, key_vote=0.0))
    return replace(profile, adapters={**profile.adapters, "output_message": reply, "memory": memory})


def with_weights(profile: Profile, directory: Path) -> Profile:
    """Return `profile` with every folder source that exists under `directory` taken from there.

    `directory` is laid out like `models/weights/embedded`: `base/`, `adapters/NAME/`, `encoders/NAME/`; or it is itself one
    sentence encoder (it holds modules.json), which then stands for every encoder. An optional adapter that is not there is left out
    where its base is, because it was trained over another one.

    Raises:
        ProfileError: `directory` holds none of these.
    """
    directory = directory.resolve()
    if (directory / "modules.json").is_file():
        encoders = {name: replace(encoder, source=str(directory)) for name, encoder in profile.encoders.items()}
        return replace(profile, encoders=encoders)
    found = False

    def choose(source: str, *folder: str) -> str:
        nonlocal found
        path = directory.joinpath(*folder)
        found = found or path.is_dir()
        return str(path) if path.is_dir() else source

    places = {name: ("base",) if len(profile.bases) == 1 else ("bases", name) for name in profile.bases}

    def has_base(name: str) -> bool:
        return directory.joinpath(*places[name]).is_dir()

    swapped = replace(
        profile,
        bases={name: replace(base, source=choose(base.source, *places[name])) for name, base in profile.bases.items()},
        adapters={
            name: replace(adapter, source=choose(adapter.source, "adapters", name))
            for name, adapter in profile.adapters.items()
            if not adapter.optional or (directory / "adapters" / name).is_dir() or not has_base(adapter.base)
        },
        encoders={
            name: replace(encoder, source=choose(encoder.source, "encoders", name))
            for name, encoder in profile.encoders.items()
        },
    )
    if not found:
        raise ProfileError(f"{directory} holds no base/, adapters/ or encoders/ folder and is no sentence encoder")
    return swapped
