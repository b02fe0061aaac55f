"""Check where settings come from, in which order, and what is said of bad ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, load_settings

TOKEN = "MTk4NjIyNDgzNDcx.Cl2FMQ.secret-token"


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings from outside."""
    for name in [name for name in os.environ if name.startswith("OHLORA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(**options: object) -> str:
    """Return the one line that is said of bad settings."""
    with pytest.raises(SettingsError) as caught:
        load_settings(**options)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_without_settings_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.profile, settings.locale, settings.time_zone) == ("embedded", "ko", "Asia/Seoul")
    assert settings.data_dir.is_absolute()
    assert settings.discord_token is None


def test_environment_sets_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OHLORA_PROFILE", "ohlora-v4")
    monkeypatch.setenv("OHLORA_MAX_ROWS", "3")
    settings = load_settings()
    assert (settings.profile, settings.max_rows) == ("ohlora-v4", 3)


def test_file_in_the_working_folder_sets_a_value(empty_place: Path) -> None:
    (empty_place / "ohlora.toml").write_text('locale = "en"\nturn_timeout_s = 7\n', encoding="utf-8")
    settings = load_settings()
    assert (settings.locale, settings.turn_timeout_s) == ("en", 7.0)


def test_file_named_by_the_environment_stands_in_for_the_one_in_the_working_folder(
    empty_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_place / "ohlora.toml").write_text('profile = "here"\nmax_rows = 5\n', encoding="utf-8")
    (empty_place / "other.toml").write_text('profile = "there"\n', encoding="utf-8")
    monkeypatch.setenv("OHLORA_CONFIG", str(empty_place / "other.toml"))
    settings = load_settings()
    assert (settings.profile, settings.max_rows) == ("there", 64)


def test_option_wins_over_environment_and_environment_over_file(
    empty_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_place / "ohlora.toml").write_text('profile = "file"\nlocale = "en"\nmax_rows = 5\n', encoding="utf-8")
    monkeypatch.setenv("OHLORA_PROFILE", "environment")
    monkeypatch.setenv("OHLORA_LOCALE", "ko")
    settings = load_settings(profile="option", locale=None)
    assert (settings.profile, settings.locale, settings.max_rows) == ("option", "ko", 5)


def test_home_folder_may_be_written_as_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/nobody-here")
    assert load_settings(data_dir="~/ohlora").data_dir == Path("/home/nobody-here/ohlora")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("time_zone", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("time_zone", "../../etc/passwd", "no time zone"),
        ("time_zone", "Asia", "no time zone 'Asia'"),
        ("time_zone", "", "no time zone ''"),
        ("locale", "fr", "no language 'fr'; choose ko or en"),
        ("locale", "", "no language ''; choose ko or en"),
        ("log_level", "LOUD", "no log level 'LOUD'"),
        ("max_rows", "0", "greater than or equal to 1"),
        ("max_rows", "many", "valid integer"),
        ("queue_capacity", "-1", "greater than or equal to 1"),
        ("turn_timeout_s", "0", "greater than 0"),
        ("turn_timeout_s", "nan", "greater than 0"),
        ("drain_timeout_s", "soon", "valid number"),
        ("data_dir", "~no-such-user-here/ohlora", "home"),
    ],
)
def test_bad_value_is_refused_in_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"OHLORA_{name.upper()}", value)
    message = error_of()
    assert message.startswith(f"setting {name}: ")
    assert said in message


def test_unknown_setting_in_the_file_is_refused(empty_place: Path) -> None:
    (empty_place / "ohlora.toml").write_text('profil = "embedded"\n', encoding="utf-8")
    assert "profil" in error_of()


@pytest.mark.parametrize(
    "content", [b"profile = embedded\n", b'profile = "embedded\n', b'profile = "\xff\xfe"\n', b"\x00"]
)
def test_file_that_is_no_toml_is_refused(empty_place: Path, content: bytes) -> None:
    (empty_place / "ohlora.toml").write_bytes(content)
    assert "not valid TOML" in error_of()


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_named_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("OHLORA_CONFIG", name)
    assert f"OHLORA_CONFIG names {name}" in error_of()


def test_token_is_kept_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OHLORA_DISCORD_TOKEN", TOKEN)
    settings = load_settings(telegram_token=TOKEN)
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == TOKEN
    shown = f"{settings!r} {settings!s} {settings.model_dump()} {settings.model_dump_json()}"
    assert TOKEN not in shown
    assert "secret-token" not in shown


@pytest.mark.parametrize(
    "content",
    [
        f'discord_tokn = "{TOKEN}"\n',
        f'discord_token = ["{TOKEN}"]\n',
        f'discord_token = "{TOKEN}"\nmax_rows = 0\n',
        f'discord_token = "{TOKEN}\n',
        f"discord_token = {TOKEN}\n",
    ],
)
def test_token_is_in_no_error(empty_place: Path, content: str) -> None:
    (empty_place / "ohlora.toml").write_text(content, encoding="utf-8")
    message = error_of()
    assert "secret-token" not in message
    assert "MTk4" not in message


def test_settings_class_forbids_unknown_names() -> None:
    assert "profil" in error_of(profil="embedded")
    assert Settings.model_config["extra"] == "forbid"


def test_owners_are_platforms_with_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OHLORA_OWNERS", "discord:123, telegram:456,")
    keys = load_settings().owner_keys
    assert [(key.platform, key.id) for key in keys] == [("discord", "123"), ("telegram", "456")]
    assert load_settings(owners="").owner_keys == ()


@pytest.mark.parametrize(
    "owners", ["123", "irc:123", "discord:", "discord:minji", "telegram:١٢٣", "discord:" + "1" * 21]
)
def test_owners_that_cannot_be_read_are_refused(owners: str) -> None:
    assert "discord:123456789012345678" in error_of(owners=owners)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("telegram_api_url", "localhost:8081"),
        ("telegram_api_url", "ftp://bots.example"),
        ("discord_api_url", "https://"),
        ("discord_gateway_url", "http://gateway.example"),
    ],
)
def test_addresses_have_the_right_scheme(name: str, url: str) -> None:
    assert name in error_of(**{name: url})


def test_address_stays_as_it_is_written() -> None:
    assert load_settings(discord_gateway_url="ws://127.0.0.1:8081/gateway/").discord_gateway_url.endswith("/gateway/")


def test_token_is_given_bare_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OHLORA_DISCORD_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("OHLORA_TELEGRAM_TOKEN", "")
    settings = load_settings()
    assert settings.token("discord") == TOKEN
    assert settings.token("telegram") is None
