"""Check the profiles that ship, and what a broken profile file is answered with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import ProfileError
from models.profile import (
    ADAPTER_NAMES,
    INTERVIEW_ENCODERS,
    Profile,
    list_profiles,
    load_profile,
    with_weights,
)
from tests.models.tiny import make_encoder

KANANA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def test_shipped_profiles_are_known() -> None:
    assert list_profiles() == ["embedded", "kanana-one", "ohlora-v4"]


@pytest.mark.parametrize("name", ["embedded", "kanana-one", "ohlora-v4"])
def test_shipped_profile_has_the_marks_limits_and_tries_of_the_design(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    marks = {key: (adapter.start_mark, adapter.stop_mark) for key, adapter in profile.adapters.items()}
    assert marks.pop("interview", (" (발화 시작)", "(발화 종료)")) == (" (발화 시작)", "(발화 종료)")
    assert marks == {
        "output_message": (" (답변 시작)", "(답변 종료)"),
        "memory": (" (요약 시작)", "(요약 종료)"),
        "summary": (" (요약 시작)", "(요약 종료)"),
        "eyes_mouth_pose": (" (표정 출력 시작)", "(표정 출력 종료)"),
    }
    limits = {
        key: (a.max_total_tokens, a.max_new_tokens, a.tries) for key, a in profile.adapters.items() if not a.optional
    }
    assert limits == {
        "output_message": (128, None, 5),
        "memory": (None, 24, 5),
        "summary": (None, 64, 3),
        "eyes_mouth_pose": (None, 36, 5),
    }
    assert profile.fallback_reply == "(읽씹)"
    assert (profile.ethics.normal_category, profile.ethics.normal) == ("일반", 0.5)
    assert set(profile.ethics.categories) == {"사랑 고백/만남", "정치", "패드립", "혐오/기타"}


@pytest.mark.parametrize(
    ("name", "temperatures"),
    [
        ("ohlora-v4", (0.6, 0.6, 0.6, 1.0)),
        ("kanana-one", (0.6, 0.6, 0.6, 1.0)),
        ("embedded", (0.4, 0.1, 0.1, 0.3)),  # docs/decisions/0011 and 0014
    ],
)
def test_shipped_profile_has_its_temperatures(name: str, temperatures: tuple[float, ...]) -> None:
    adapters = load_profile(name).adapters
    assert tuple(adapters[key].temperature for key in ("output_message", "memory", "summary", "eyes_mouth_pose")) == (
        temperatures
    )
    assert {key for key, adapter in adapters.items() if adapter.temperature_step} == {"output_message"}
    assert adapters["output_message"].temperature_step == 0.1


def test_v4_names_the_published_weights() -> None:
    profile = load_profile("ohlora-v4")
    sources = {name: (profile.bases[a.base].source, a.source) for name, a in profile.adapters.items()}
    assert sources.pop("interview") == ("kakaocorp/kanana-1.5-2.1b-instruct-2505", "ohlora-v4/interview")
    assert sources == {
        "output_message": (
            "kakaocorp/kanana-1.5-2.1b-instruct-2505",
            "daebakgazua/250624_OhLoRA_LLM_output_message",
        ),
        "summary": ("kakaocorp/kanana-1.5-2.1b-base", "daebakgazua/250526_OhLoRA_LLM_kanana:summary"),
        "memory": ("EleutherAI/polyglot-ko-1.3b", "daebakgazua/250526_OhLoRA_LLM_polyglot:memory"),
        "eyes_mouth_pose": ("EleutherAI/polyglot-ko-1.3b", "daebakgazua/250526_OhLoRA_LLM_polyglot:eyes_mouth_pose"),
    }
    encoders = {name: (e.source, e.training.base, e.training.epochs) for name, e in profile.encoders.items()}
    for name in INTERVIEW_ENCODERS:
        assert encoders.pop(name) == (f"ohlora-v4/{name}", "klue/roberta-base", 40)
    assert encoders == {
        "memory": (
            "daebakgazua/250526_OhLoRA_LLM_SBERT:memory_sbert/trained_sbert_model",
            "klue/roberta-base",
            10,
        ),
        "ethics": ("daebakgazua/250624_OhLoRA_LLM_SBERT_Ethics", "klue/roberta-base", 10),
    }


def test_v4_has_the_recipes_and_thresholds_of_the_design() -> None:
    profile = load_profile("ohlora-v4")
    recipes = {}
    for name, adapter in profile.adapters.items():
        assert adapter.training is not None
        recipes[name] = (adapter.training.rank, adapter.training.epochs, adapter.training.target_modules)
        shared = adapter.training.learning_rate, adapter.training.alpha, adapter.training.dropout
        assert (*shared, adapter.training.batch_size) == (3e-4, 16, 0.05, 2)
        assert adapter.training.swap_synonyms == (name == "output_message")
    assert recipes.pop("interview") == (64, 5, KANANA_TARGETS)
    assert recipes == {
        "output_message": (16, 5, KANANA_TARGETS),
        "summary": (64, 10, KANANA_TARGETS),
        "memory": (64, 20, ("query_key_value",)),
        "eyes_mouth_pose": (64, 30, ("query_key_value",)),
    }
    assert (profile.max_prompt_tokens, profile.memory_threshold) == (40, 0.95)
    assert profile.ethics.categories == {"사랑 고백/만남": 0.98, "정치": 0.95, "패드립": 0.9, "혐오/기타": 0.9}


def test_one_base_profiles_have_one_base() -> None:
    for name in ("embedded", "kanana-one"):
        assert len(load_profile(name).bases) == 1


def test_profile_is_loaded_by_path(profile: Profile) -> None:
    assert profile.name == "tiny"
    assert set(profile.adapters) == set(ADAPTER_NAMES)


def test_new_token_limit_counts_the_prompt_only_where_it_should(profile: Profile) -> None:
    message, memory = profile.adapters["output_message"], profile.adapters["memory"]
    assert [message.new_token_limit(tokens) for tokens in (0, 100, 127, 128, 500)] == [128, 28, 1, 1, 1]
    assert [memory.new_token_limit(tokens) for tokens in (0, 500)] == [24, 24]


@pytest.mark.parametrize(
    "name", ["nothing", "", "..", "../profiles/embedded", "/etc/passwd", "nothing.toml", "embedded.toml"]
)
def test_unknown_profile_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(ProfileError, match="embedded, kanana-one, ohlora-v4"):
        load_profile(name)


def test_drafts_may_be_hotter_than_a_line_that_stands_alone() -> None:
    reply = load_profile("embedded").adapters["output_message"]
    assert reply.choice is not None
    assert reply.sampling_temperature == reply.choice.temperature == 0.5
    hot = replace(reply, choice=replace(reply.choice, temperature=0.8))
    assert hot.sampling_temperature == 0.8
    assert replace(hot, choice=None).sampling_temperature == 0.4


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('name = "tiny"', 'name = "tiny', "not valid TOML"),
        ("tries = 3", "tries = 3\nretries = 3", "adapters.output_message.retries"),
        ("max_prompt_tokens = 60", "max_prompt_tokens = 60\ncolour = 1", "colour"),
        ("max_prompt_tokens = 60", "", "max_prompt_tokens"),
        ("max_prompt_tokens = 60", "max_prompt_tokens = 0", "max_prompt_tokens"),
        ("max_prompt_tokens = 60", 'max_prompt_tokens = "many"', "max_prompt_tokens"),
        ("memory_threshold = 0.6", "memory_threshold = 1.6", "memory_threshold"),
        ("normal = 0.5", "normal = -0.5", "ethics.normal"),
        ('"정치" = 0.9', '"정치" = 9', "ethics.categories.정치"),
        ("tries = 3", "tries = 0", "adapters.output_message.tries"),
        ("temperature = 0.6", "temperature = 3", "adapters.output_message.temperature"),
        ("temperature = 0.6", "temperature = nan", "adapters.output_message.temperature"),
        ("max_total_tokens = 128", "", "give one of max_total_tokens and max_new_tokens"),
        ("max_total_tokens = 128", "max_total_tokens = 128\nmax_new_tokens = 3", "give one of"),
        ("max_new_tokens = 24", "max_new_tokens = 0", "adapters.memory"),
        (
            "tries = 3",
            "tries = 3\nchoice = {drafts = 3, contrast = 0.5, spread = -1, neutral_prompts = ['응']}",
            "choice.spread",
        ),
        ("[adapters.memory]", "[adapters.diary]", "missing: memory"),
        ("[encoders.ethics]", "[encoders.manners]", "missing: encoder ethics"),
        ('base = "main"', 'base = "other"', "'other'"),
        ("[encoders.ethics]", '[encoders.ethics]\ntraining = {base = "b", hidden = 4}', "sizes of hashed n-grams"),
        ("[encoders.ethics]", "[encoders.ethics]\ntraining = {buckets = 0}", "encoders.ethics.training.buckets"),
        ("[bases.main]\n", "[bases.main]\ncode = 1\n", "bases.main.code"),
        ("[bases.main]", "bases = 3\n[other]", "bases"),
    ],
)
def test_broken_profile_names_the_place(profile_file: Path, old: str, new: str, place: str) -> None:
    text = profile_file.read_text("utf-8")
    assert old in text
    profile_file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(str(profile_file))
    assert place in str(caught.value)
    assert str(profile_file) in str(caught.value)


def test_profile_that_is_no_utf8_is_refused(profile_file: Path) -> None:
    profile_file.write_bytes("name = '한'".encode("cp949"))
    with pytest.raises(ProfileError, match="not valid TOML"):
        load_profile(str(profile_file))


def test_weights_of_a_folder_replace_only_what_it_holds(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "w" / "adapters" / "memory").mkdir(parents=True)
    (tmp_path / "w" / "encoders" / "ethics").mkdir(parents=True)
    swapped = with_weights(profile, tmp_path / "w")
    assert swapped.adapters["memory"].source == str(tmp_path / "w" / "adapters" / "memory")
    assert swapped.encoders["ethics"].source == str(tmp_path / "w" / "encoders" / "ethics")
    assert swapped.adapters["summary"] == profile.adapters["summary"]
    assert swapped.encoders["memory"] == profile.encoders["memory"]
    assert swapped.bases == profile.bases


def test_base_folder_replaces_the_only_base_or_the_named_one(
    profile: Profile, two_base_profile: Profile, tmp_path: Path
) -> None:
    (tmp_path / "one" / "base").mkdir(parents=True)
    assert with_weights(profile, tmp_path / "one").bases["main"].source == str(tmp_path / "one" / "base")
    (tmp_path / "two" / "bases" / "polyglot").mkdir(parents=True)
    swapped = with_weights(two_base_profile, tmp_path / "two")
    assert swapped.bases["polyglot"].source == str(tmp_path / "two" / "bases" / "polyglot")
    assert swapped.bases["kanana"] == two_base_profile.bases["kanana"]


def test_one_encoder_stands_for_every_encoder(profile: Profile, tmp_path: Path) -> None:
    folder = make_encoder(tmp_path / "encoder")
    swapped = with_weights(profile, folder)
    assert {encoder.source for encoder in swapped.encoders.values()} == {str(folder)}
    assert swapped.adapters == profile.adapters


def test_folder_without_weights_is_refused(profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="holds no base/, adapters/ or encoders/"):
        with_weights(profile, tmp_path)
