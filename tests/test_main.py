"""Check the commands: bad input gets one line and exit code 2, the database commands do what they say, help is quick."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import main as program

ROOT = Path(__file__).resolve().parent.parent
MAIN = ROOT / "main.py"
NOBODY = 65534
DIALOGUE_HEAD = "data_type,input_data,output_message,memory,summary,eyes_mouth_pose\n"

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings from outside, away from the user's own data."""
    for name in [name for name in os.environ if name.startswith("OHLORA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OHLORA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused, and return the one line that it says, behind `notes` lines of progress."""

    def run(*arguments: str, notes: int = 0) -> str:
        capfd.readouterr()  # what making the models wrote is not the command's
        code = program.main(arguments)
        out, err = capfd.readouterr()
        assert out == ""
        assert err.endswith("\n")
        lines = err.splitlines()
        assert [line.startswith("error: ") for line in lines] == [False] * notes + [True]
        assert code == 2
        return lines[-1].removeprefix("error: ")

    return run


@pytest.fixture
def database(empty_place: Path) -> Path:
    return empty_place / "data" / "ohlora.sqlite3"


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bogus"], "--bogus"),
        (["bogus"], "bogus"),
        (["chat", "--bogus"], "--bogus"),
        (["chat", "surplus"], "surplus"),
        (["chat", "--profile"], "--profile"),
        (["chat", "--seed", "x"], "--seed"),
        (["chat", "--seed", "1.5"], "--seed"),
        (["chat", "--now", "yesterday"], "--now 'yesterday'"),
        (["chat", "--now", "2026-02-30T10:00"], "ISO 8601"),
        (["chat", "--now", ""], "ISO 8601"),
        (["chat", "--now", "0001-01-01T00:00"], "ISO 8601"),
        (["chat", "--user", ""], "--user"),
        (["chat", "--user", "a" * 65], "--user"),
        (["chat", "--user", "\x1b[31m"], "--user"),
        (["chat", "--locale", "fr"], "ko or en"),
        (["chat", "--time-zone", "Mars/Olympus"], "no time zone 'Mars/Olympus'"),
        (["chat", "--profile", "nope"], "no profile 'nope'; choose one of embedded"),
        (["chat", "--profile", "missing.toml"], "no profile 'missing.toml'"),
        (["chat", "--profile", "../profiles/embedded"], "no profile"),
        (["chat", "--device", "abacus"], "devices are auto, cpu, cuda"),
        (["chat", "--precision", "float8"], "precisions auto, float32, bfloat16"),
        (["chat", "--database-url", "foo"], "the database URL cannot be read"),
        (["chat", "--database-url", "mysql://me:hunter2@host/name"], "the database URL starts with 'mysql'"),
        (["train", "bogus"], "bogus"),
        (["train", "embedded", "--passes", "0"], "--passes"),
        (["train", "embedded", "--continued"], "--only"),
        (["train", "encoder", "--task", "memory"], "--data"),
        (["train", "adapter", "--adapter", "output_message"], "--data"),
        (["train", "adapter", "--rank", "0"], "--rank"),
        (["train", "adapter", "--dropout", "1"], "--dropout"),
        (["train", "adapter", "--gradient-accumulation", "0"], "--gradient-accumulation"),
        (["train", "encoder", "--batch-size", "0"], "--batch-size"),
        (["train", "encoder", "--learning-rate", "0"], "--learning-rate"),
        (["evaluate", "dialogue"], "--golden"),
        (["evaluate", "dialogue", "--golden", "missing.jsonl"], "cannot read missing.jsonl"),
        (["evaluate", "choice", "--drafts", "missing.jsonl"], "cannot read missing.jsonl"),
        (["evaluate", "ethics", "--data", "missing.csv"], "cannot read missing.csv"),
        (["evaluate", "memory", "--data", "missing.csv"], "cannot read missing.csv"),
        (["evaluate", "memory", "--data", "missing.txt"], "cannot read missing.txt"),
        (["evaluate", "memory", "--data", "."], "cannot read ."),
        (["evaluate", "held-out", "--task", "song"], "--task"),
        (["evaluate", "held-out", "--limit", "0"], "--limit"),
        (["evaluate", "cross-validate", "--task", "memory"], "--data"),
        (["evaluate", "cross-validate", "--task", "song", "--data", "a.csv"], "--task"),
        (["evaluate", "cross-validate", "--task", "memory", "--data", "a.csv", "--folds", "1"], "--folds"),
        (["db", "bogus"], "bogus"),
        (["db", "current", "surplus"], "surplus"),
        (["db", "upgrade", "--database-url", "foo"], "the database URL cannot be read"),
        (["db", "upgrade", "--database-url", "sqlite+aiosqlite://"], "names no file"),
        (["db", "upgrade", "--database-url", "sqlite+aiosqlite:///a.sqlite3?mode=ro"], "has options after '?'"),
        (["db", "current", "--database-url", "postgresql+asyncpg://me:hunter2@host:port/name"], "the database URL"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_option_profile_path_or_url_gets_one_line_and_code_2(
    refused: Refused, arguments: list[str], said: str
) -> None:
    message = refused(*arguments)
    assert said in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "path", ["~no-such-user-here/data", "file.txt", "file.txt/below", "bad\udcff", "/proc/none/here"]
)
def test_data_folder_that_cannot_be_gets_one_line(refused: Refused, empty_place: Path, path: str) -> None:
    (empty_place / "file.txt").write_text("kept", encoding="utf-8")
    refused("db", "upgrade", "--data-dir", path)
    assert (empty_place / "file.txt").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name = ", "is not valid TOML"),
        (b"name = '\xff'", "is not valid TOML"),
        (b"name = 'mine'", "description"),
        (b"surplus = 1", "profile"),
    ],
)
def test_broken_profile_gets_one_line(refused: Refused, empty_place: Path, content: bytes, said: str) -> None:
    (empty_place / "mine.toml").write_bytes(content)
    assert said in refused("chat", "--profile", "mine.toml")


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
def test_profile_whose_weights_are_missing_gets_one_line(refused: Refused, empty_place: Path) -> None:
    text = (ROOT / "models" / "profiles" / "embedded.toml").read_text(encoding="utf-8")
    missing = empty_place / "no-such-weights"
    (empty_place / "mine.toml").write_text(text.replace('"embedded/', f'"{missing}/'), encoding="utf-8")
    assert str(missing) in refused("chat", "--profile", "mine.toml", notes=1)


@pytest.mark.parametrize("content", [b"profile = ", b"profile = '\xff'", b"profil = 'embedded'", b"max_rows = 0"])
def test_broken_settings_file_gets_one_line(refused: Refused, empty_place: Path, content: bytes) -> None:
    (empty_place / "ohlora.toml").write_bytes(content)
    refused("db", "current")


@pytest.mark.parametrize(
    ("command", "name", "content", "said"),
    [
        ("ethics", "a.csv", b"", "lacks the column type"),
        ("ethics", "a.csv", b"type,text\ntest,hi\n", "lacks the column user_prompt"),
        ("ethics", "a.csv", b"\xff\xfe\x00", "cannot read a.csv"),
        ("ethics", "a.csv", "type,user_prompt,category\ntest,안녕,날씨\n".encode(), "a.csv:2: category '날씨'"),
        ("ethics", "a.csv", b"type,user_prompt,category\ntest\n", "a.csv:2"),
        ("ethics", "a.csv", b'type,user_prompt,category\ntest,"' + b"a" * 200_000, "a.csv"),
        ("ethics", "a.csv", b"type,user_prompt,category\ntest,a\rb\0c,x\n", "a.csv"),
        ("memory", "a.csv", b"memory_0,user_prompt_1\n", "lacks the column similarity_score"),
        ("memory", "a.csv", b"memory_0,user_prompt_1,similarity_score\na,b,high\n", "a.csv:2"),
        ("memory", "a.txt", b"no brackets\n", "a.txt:1"),
        ("dialogue", "a.jsonl", b"", "a.jsonl holds no prompts"),
        ("dialogue", "a.jsonl", b"{", "a.jsonl:1"),
        ("dialogue", "a.jsonl", b"[]", "a.jsonl:1"),
        ("dialogue", "a.jsonl", b'{"task": "song", "input": "x"}', "a.jsonl:1: task 'song'"),
        ("dialogue", "a.jsonl", b'{"task": "memory"}', "a.jsonl:1"),
        ("dialogue", "a.jsonl", b'{"task": "memory", "input": "x", "forbid": ["("]}', "a.jsonl:1"),
        ("dialogue", "a.jsonl", b"\xff", "cannot read a.jsonl"),
    ],
)
def test_broken_evaluation_data_gets_one_line_that_names_the_place(
    refused: Refused, empty_place: Path, command: str, name: str, content: bytes, said: str
) -> None:
    (empty_place / name).write_bytes(content)
    assert said in refused("evaluate", command, "--golden" if command == "dialogue" else "--data", name)


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
def test_broken_training_data_gets_one_line(refused: Refused, empty_place: Path) -> None:
    encoder = ("train", "encoder", "--out", "out", "--data")
    assert "cannot read missing.csv" in refused(*encoder, "missing.csv", "--task", "memory")
    assert "no encoder task 'song'" in refused(*encoder, "missing.csv", "--task", "song")
    adapter = ("train", "adapter", "--out", "out", "--data")
    assert "cannot read missing.csv" in refused(*adapter, "missing.csv", "--adapter", "memory")
    assert "no recipe for 'song'" in refused(*adapter, "missing.csv", "--adapter", "song")
    (empty_place / "empty.csv").write_text(DIALOGUE_HEAD, encoding="utf-8")
    assert "no example" in refused(*adapter, "empty.csv", "--adapter", "memory", notes=1)
    (empty_place / "short.csv").write_text(f"{DIALOGUE_HEAD}train,안녕\n", encoding="utf-8")
    assert "short.csv" in refused(*adapter, "short.csv", "--adapter", "memory")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to copy from: a profile over a tiny Llama, with a recipe for the reply, and a tiny GPT-NeoX and an encoder."""
    from tests.models.tiny import make_base, make_encoder, profile_text

    folder = tmp_path_factory.mktemp("models")
    bases = {"main": make_base(folder / "kanana", "llama")}
    make_base(folder / "polyglot", "neox")
    names = ("output_message", "memory", "summary", "eyes_mouth_pose")
    text = profile_text(bases, dict.fromkeys(names, "main"), make_encoder(folder / "encoder"))
    recipe = '[adapters.output_message.training]\nrank = 4\nepochs = 1\ntarget_modules = ["q_proj"]\n'
    (folder / "tiny.toml").write_text(f"{text}\n{recipe}", encoding="utf-8")
    return folder


@pytest.fixture
def tiny_profile(empty_place: Path, tiny_models: Path) -> str:
    """The path of that profile; the GPT-NeoX stands in `polyglot/base`, the encoder in `encoder`."""
    shutil.copytree(tiny_models, empty_place, dirs_exist_ok=True)
    return "tiny.toml"


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
def test_adapter_of_an_earlier_recipe_is_trained_and_then_only_answers(
    capfd: pytest.CaptureFixture[str], empty_place: Path, tiny_profile: str
) -> None:
    rows = ["train,안녕,응,,,", "train_msg,뭐 해,논문,,,", "train,또,안,,,", "valid,잘 자,너도,,,", "valid,왜,그냥,,,"]
    (empty_place / "v1.csv").write_text(DIALOGUE_HEAD + "\n".join(rows), encoding="utf-8")
    command = [
        "train", "adapter", "--profile", tiny_profile, "--adapter", "output_message", "--data", "v1.csv", "--out", "a/b",
        "--base", "polyglot/base", "--rank", "128", "--epochs", "2", "--train-rows", "2", "--valid-rows", "1", "--unsloth",
    ]  # fmt: skip
    assert program.main(command) == 0
    out, err = capfd.readouterr()
    figures = json.loads(out)
    assert (figures["out"], figures["examples"], figures["steps"]) == ("a/b", 2, 2)
    assert "training goes on without it" in " ".join(err.split())
    config = json.loads((empty_place / "a" / "b" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["target_modules"]) == (128, ["query_key_value"])

    assert program.main(command) == 0
    out, _ = capfd.readouterr()
    again = json.loads(out)
    assert (again["out"], again["skipped"]) == ("a/b", True)
    assert [(each["prompt"], each["expected"]) for each in again["answers"]] == [("잘 자", "너도")]


@pytest.mark.filterwarnings("default")
def test_folder_in_the_way_of_a_training_gets_one_line(refused: Refused, empty_place: Path, tiny_profile: str) -> None:
    (empty_place / "out").mkdir()
    (empty_place / "a.csv").write_text(DIALOGUE_HEAD, encoding="utf-8")
    adapter = ("train", "adapter", "--profile", tiny_profile, "--adapter", "output_message")
    assert "out exists and is no adapter" in refused(*adapter, "--data", "a.csv", "--out", "out")
    encoder = ("train", "encoder", "--profile", tiny_profile, "--task", "ethics")
    assert "out exists and is no sentence encoder" in refused(*encoder, "--data", "a.csv", "--out", "out")


@pytest.mark.filterwarnings("default")
def test_encoder_is_trained_and_then_only_measured(
    capfd: pytest.CaptureFixture[str], empty_place: Path, tiny_profile: str
) -> None:
    rows = ["train,안녕,일반", "train,사랑해,사랑 고백/만남", "test,안녕하세요,일반"]
    (empty_place / "e.csv").write_text("type,user_prompt,category\n" + "\n".join(rows), encoding="utf-8")
    command = [
        "train", "encoder", "--profile", tiny_profile, "--task", "ethics", "--data", "e.csv", "--out", "ethics",
        "--epochs", "1", "--batch-size", "8", "--learning-rate", "0.01",
    ]  # fmt: skip
    assert program.main(command) == 0
    trained = json.loads(capfd.readouterr().out)
    assert (trained["pairs"], trained["steps"]) == (40, 5)
    assert program.main(command) == 0
    measured = json.loads(capfd.readouterr().out)
    assert measured["skipped"] is True
    assert set(measured["validation"]) == set(trained["validation"]) == {"accuracy", "mse", "mae", "corr"}


# --- evaluation ---

MEMORY_HEAD = "memory_0,user_prompt_0,memory_1,user_prompt_1,similarity_score\n"


@pytest.fixture
def evaluation_data(empty_place: Path) -> Path:
    """One small file for each evaluation, in the folder that the test works in."""
    (empty_place / "m.csv").write_text(f"{MEMORY_HEAD}[취미: 등산],a,[취미: 등산],산에 가자,1.0\n", encoding="utf-8")
    (empty_place / "e.csv").write_text(
        "type,user_prompt,category\ntest,안녕,일반\ntest,사랑해,정치\n", encoding="utf-8"
    )
    golden = {"task": "eyes_mouth_pose", "input": "좋아", "expect_any": ["눈 보통"]}
    (empty_place / "g.jsonl").write_text(json.dumps(golden), encoding="utf-8")
    return empty_place


@pytest.mark.filterwarnings("default")  # what importing torch and its company warns of is not ours
@pytest.mark.parametrize(
    ("task", "arguments", "plots"),
    [
        ("memory", ["--data", "m.csv"], {"memory-scatter.png", "memory-scores.png"}),
        ("ethics", ["--data", "e.csv"], {"ethics-confusion.png", "ethics-scores.png"}),
        ("dialogue", ["--golden", "g.jsonl", "--precision", "float32"], {"dialogue-passed.png"}),
    ],
)
def test_report_holds_the_command_and_nothing_that_changes_from_run_to_run(
    capfd: pytest.CaptureFixture[str], evaluation_data: Path, tiny_profile: str, task: str, arguments: list[str], plots: set[str]
) -> None:  # fmt: skip
    command = ["evaluate", task, *arguments, "--profile", tiny_profile, "--report", "내 보고서", "--json"]
    written = []
    for _ in range(2):
        assert program.main(command) == 0
        assert json.loads(capfd.readouterr().out)["n"] >= 1
        written.append({file.name: file.read_bytes() for file in (evaluation_data / "내 보고서").iterdir()})
    assert set(written[0]) == {f"{task}.md", *plots}
    assert written[0] == written[1]
    line = f"main.py evaluate {task} {' '.join(arguments)} --profile tiny.toml --report '내 보고서' --json"
    assert (
        f"profile `tiny`; run this again rather than edit it:\n\n```\n{line}\n```" in written[0][f"{task}.md"].decode()
    )


@pytest.mark.filterwarnings("default")
def test_report_shows_the_learning_curves_of_the_weights_that_are_measured(
    empty_place: Path, evaluation_data: Path, tiny_profile: str
) -> None:
    shutil.copytree(empty_place / "encoder", empty_place / "mine")
    (empty_place / "mine" / "training_log.jsonl").write_text(
        '{"step": 1, "epoch": 1.0, "loss": 0.5}\n', encoding="utf-8"
    )
    command = [
        "evaluate",
        "memory",
        "--data",
        "m.csv",
        "--profile",
        tiny_profile,
        "--weights",
        "mine",
        "--report",
        "out",
    ]
    assert program.main(command) == 0
    assert "## Learning curves" in (empty_place / "out" / "memory.md").read_text(encoding="utf-8")
    assert (empty_place / "out" / "memory-curves-memory.png").is_file()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "arguments",
    [
        ["memory", "--data", "m.csv"],
        ["ethics", "--data", "e.csv"],
        ["dialogue", "--golden", "g.jsonl"],
        ["held-out"],
        ["cross-validate", "--task", "memory", "--data", "m.csv"],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_file_in_place_of_the_report_folder_gets_one_line_before_anything_is_measured(
    refused: Refused, evaluation_data: Path, arguments: list[str]
) -> None:
    (evaluation_data / "out").write_text("kept", encoding="utf-8")
    assert "give another --report" in refused("evaluate", *arguments, "--report", "out")
    assert (evaluation_data / "out").read_text(encoding="utf-8") == "kept"


@pytest.mark.filterwarnings("default")
def test_report_without_matplotlib_says_what_to_install(
    refused: Refused, evaluation_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = refused("evaluate", "memory", "--data", "m.csv", "--report", "out")
    assert "matplotlib is not installed" in message
    assert not (evaluation_data / "out").exists()


@pytest.mark.filterwarnings("default")
def test_held_out_ethics_sentences_are_measured(
    capfd: pytest.CaptureFixture[str], empty_place: Path, tiny_profile: str
) -> None:
    command = ["evaluate", "held-out", "--task", "ethics", "--limit", "5", "--profile", tiny_profile, "--report", "out"]
    assert program.main(command) == 0
    figures = json.loads(capfd.readouterr().out)
    assert (figures["same_text"], figures["without_topics"]) == (None, {"ethics": None})
    assert [figures[part]["ethics"]["n"] for part in ("by_line", "by_topic")] == [3, 2]
    assert not [part for part in ("by_line", "by_topic") if "dialogue" in figures[part]]
    assert (empty_place / "out" / "held-out-ethics.md").is_file()


@pytest.mark.filterwarnings("default")
def test_judged_drafts_are_chosen_among_with_and_without_their_exemplars(
    capfd: pytest.CaptureFixture[str], empty_place: Path, tiny_profile: str
) -> None:
    lines = [
        '{"input": "안녕", "drafts": {"안녕!": 2, "왜?": 2}, "after": {"안녕!": "하이"}}',
        '{"input": "졸려", "drafts": {"잘 자": 0}}',
    ]
    (empty_place / "drafts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert program.main(["evaluate", "choice", "--drafts", "drafts.jsonl", "--profile", tiny_profile, "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert (figures["messages"], figures["fits"], figures["best_fits"]) == (2, 0.5, 0.5)


@pytest.mark.filterwarnings("default")
def test_cross_validation_prints_every_fold_and_keeps_no_weights(
    capfd: pytest.CaptureFixture[str], empty_place: Path, tiny_profile: str
) -> None:
    lines = [(f"[취미: {n}]", f"메시지 {n}") for n in range(4)]
    rows = [f"{a[0]},{a[1]},{b[0]},{b[1]},{float(a == b)}" for a in lines for b in lines]
    (empty_place / "m.csv").write_text(MEMORY_HEAD + "\n".join(rows), encoding="utf-8")
    before = set(empty_place.iterdir())
    command = ["evaluate", "cross-validate", "--task", "memory", "--data", "m.csv", "--folds", "2", "--epochs", "1"]
    assert program.main([*command, "--profile", tiny_profile, "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert ([fold["n"] for fold in figures["folds"]], figures["all"]["n"]) == ([4, 4], 8)
    assert set(empty_place.iterdir()) == before


def test_no_traceback_reaches_the_terminal(empty_place: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MAIN), "chat", "--now", "soon"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["error: --now 'soon' is no ISO 8601 moment; write 2026-11-20T21:00+09:00"]


# --- the front ends ---


def test_run_without_a_token_says_what_is_missing_and_offers_chat(refused: Refused) -> None:
    message = refused("run")
    assert "OHLORA_DISCORD_TOKEN" in message
    assert "OHLORA_TELEGRAM_TOKEN" in message
    assert "main.py chat" in message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OHLORA_OWNERS", "minji", "discord:123456789012345678"),
        ("OHLORA_FACE_MODE", "video", "picture, emoji, off"),
        ("OHLORA_LOG_FORMAT", "xml", "text, json"),
        ("OHLORA_TELEGRAM_API_URL", "bots.example", "http"),
        ("OHLORA_DISCORD_GATEWAY_URL", "https://gateway.example", "wss://"),
        ("OHLORA_PROFILE", "nope", "no profile 'nope'"),
    ],
)
def test_run_with_a_wrong_setting_names_it_and_not_the_token(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv("OHLORA_DISCORD_TOKEN", "secret-token")
    monkeypatch.setenv(name, value)
    message = refused("run")
    assert said in message
    assert "secret-token" not in message


# --- the database ---


def test_upgrade_makes_a_database_and_current_names_its_revision(
    capfd: pytest.CaptureFixture[str], database: Path
) -> None:
    assert program.main(["db", "current"]) == 0
    assert capfd.readouterr().out == "none: no database yet; `main.py db upgrade` makes it\n"
    assert not database.parent.exists()
    assert program.main(["db", "upgrade"]) == 0
    revision = capfd.readouterr().out
    assert database.is_file()
    assert program.main(["db", "upgrade"]) == 0
    assert program.main(["db", "current"]) == 0
    assert capfd.readouterr() == (revision * 2, "")


def test_options_name_another_folder_or_database(capfd: pytest.CaptureFixture[str], empty_place: Path) -> None:
    assert program.main(["db", "upgrade", "--data-dir", "a ?#%41 폴더"]) == 0
    assert (empty_place / "a ?#%41 폴더" / "ohlora.sqlite3").is_file()
    assert program.main(["db", "upgrade", "--database-url", "sqlite+aiosqlite:///other.sqlite3"]) == 0
    assert (empty_place / "other.sqlite3").is_file()
    assert not (empty_place / "data").exists()


@pytest.mark.parametrize("command", [["db", "upgrade"], ["chat", "--profile", "embedded"]], ids=" ".join)
def test_database_of_a_newer_version_is_refused_and_kept(
    refused: Refused, capfd: pytest.CaptureFixture[str], database: Path, command: list[str]
) -> None:
    assert program.main(["db", "upgrade"]) == 0
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    content = database.read_bytes()
    capfd.readouterr()
    message = refused(*command)
    assert "newer version" in message
    assert "9999" in message
    assert database.read_bytes() == content


def test_current_names_the_revision_of_a_newer_database(capfd: pytest.CaptureFixture[str], database: Path) -> None:
    assert program.main(["db", "upgrade"]) == 0
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    capfd.readouterr()
    assert program.main(["db", "current"]) == 0
    assert capfd.readouterr().out == "9999\n"


@pytest.mark.parametrize("command", [["db", "upgrade"], ["db", "current"], ["chat"]], ids=" ".join)
@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "garbage"])
def test_file_that_is_no_database_is_refused_and_kept(
    refused: Refused, database: Path, command: list[str], content: bytes
) -> None:
    database.parent.mkdir()
    database.write_bytes(content)
    assert "is damaged or is not a database" in refused(*command)
    assert database.read_bytes() == content


def test_database_of_another_program_is_refused_and_kept(refused: Refused, database: Path) -> None:
    database.parent.mkdir()
    change(database, "CREATE TABLE recipes (name TEXT)")
    content = database.read_bytes()
    assert "the tables of another program" in refused("db", "upgrade")
    assert database.read_bytes() == content


@pytest.fixture
def unprivileged_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the test's process owns and works in while it has no right to ignore permissions."""
    program.main(["db", "upgrade"])  # imports what the commands need while its files may be read
    folder = Path(tempfile.mkdtemp(prefix="ohlora-"))
    monkeypatch.chdir(folder)
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("below", [".", "below"])
def test_read_only_folder_gets_one_line(
    refused: Refused, capfd: pytest.CaptureFixture[str], unprivileged_folder: Path, below: str
) -> None:
    unprivileged_folder.chmod(0o555)
    capfd.readouterr()
    message = refused("db", "upgrade", "--data-dir", str(unprivileged_folder / below))
    assert message.startswith(f"the database file {unprivileged_folder}")
    assert "may write" in message
    assert list(unprivileged_folder.iterdir()) == []


def test_settings_file_that_may_not_be_read_gets_one_line(
    refused: Refused, capfd: pytest.CaptureFixture[str], unprivileged_folder: Path
) -> None:
    (unprivileged_folder / "ohlora.toml").write_text("max_rows = 3", encoding="utf-8")
    (unprivileged_folder / "ohlora.toml").chmod(0)
    capfd.readouterr()
    assert "ohlora.toml" in refused("db", "current")


# --- help ---


@pytest.mark.parametrize("arguments", [[], ["db"], ["train"], ["evaluate"]], ids=" ".join)
def test_command_without_its_part_prints_help(capfd: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    program.main(arguments)
    out, err = capfd.readouterr()
    assert "Usage" in out + err
    assert "error" not in err


def test_help_and_database_commands_leave_the_heavy_libraries_out(empty_place: Path) -> None:
    code = """
import sys, main
for arguments in (["--help"], ["chat", "--help"], ["train", "--help"], ["evaluate", "dialogue", "--help"],
                  ["db", "upgrade"], ["db", "current"]):
    assert main.main(arguments) == 0, arguments
assert main.main(["evaluate", "dialogue", "--golden", "missing"]) == 2
print([name for name in ("torch", "transformers", "peft", "sentence_transformers", "datasets") if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp949"])
def test_help_prints_in_any_encoding(empty_place: Path, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, str(MAIN), "--help"], env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_interview_check_says_what_is_in_a_bank(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["interview", "check", "operating_systems", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["title"], figures["questions"], figures["judged_by"]) == ("운영체제", 8, "points")


def test_interview_check_of_a_broken_bank_is_one_line(refused: Refused, tmp_path: Path) -> None:
    bank = tmp_path / "mine.toml"
    bank.write_text('name = "mine"\n', "utf-8")
    assert "title: Field required" in refused("interview", "check", str(bank))
