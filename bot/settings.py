"""Settings: environment variables OHLORA_…, then one TOML file, then defaults.

The file is `ohlora.toml` in the working folder or the one named by OHLORA_CONFIG. Built only in main.py.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.errors import SettingsError
from storage.records import UserKey

CONFIG_FILE = "ohlora.toml"
PLATFORMS = ("discord", "telegram")
_CHOICES = {"log_format": ("text", "json"), "face_mode": ("picture", "emoji", "off"), "face_theme": ("dark", "light")}


class Settings(BaseSettings):
    """Everything an owner may set; see docs/settings.md. Tokens are never shown in logs or errors."""

    model_config = SettingsConfigDict(env_prefix="OHLORA_", extra="forbid")

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("ohlora-chat", appauthor=False)))
    database_url: str = ""
    keyring_file: Path | None = None
    master_key: SecretStr | None = None
    master_key_file: Path | None = None
    keep_turns_days: int = Field(default=365, ge=0)
    keep_summaries_days: int = Field(default=30, ge=0)
    keep_evidence_days: int = Field(default=180, ge=0)
    keep_cases_days: int = Field(default=365, ge=0)
    backup_dir: Path | None = None
    backup_every_h: float = Field(default=24.0, gt=0)
    backups_kept: int = Field(default=7, ge=1)
    profile: str = "embedded"
    policy: str = "default"
    device: str = "auto"
    precision: str = "auto"
    max_rows: int = Field(default=64, ge=1, le=4096)
    cache_tokens: int = Field(default=16384, ge=512)
    max_concurrent_turns: int = Field(default=32, ge=1, le=1024)
    queue_capacity: int = Field(default=256, ge=1)
    queue_capacity_per_user: int = Field(default=8, ge=1)
    turn_timeout_s: float = Field(default=120.0, gt=0)
    drain_timeout_s: float = Field(default=10.0, ge=0)
    locale: str = "ko"
    time_zone: str = "Asia/Seoul"
    busy_timeout_s: float = Field(default=5.0, gt=0)
    log_level: str = "WARNING"
    log_format: str = "text"
    discord_token: SecretStr | None = None
    discord_api_url: str = ""
    discord_gateway_url: str = ""
    discord_message_content: bool = False
    telegram_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    owners: str = ""
    appeal_cooldown_h: int = Field(default=168, ge=0, le=24 * 1461)
    face_mode: str = "picture"
    face_theme: str = "dark"
    dashboard_enabled: bool = True
    dashboard_host: str = "127.0.0.1"
    dashboard_port: int = Field(default=8710, ge=0, le=65535)
    dashboard_url: str = ""
    dashboard_hosts: str = ""

    @property
    def owner_keys(self) -> tuple[UserKey, ...]:
        """Return the owners by platform and id."""
        return parse_owners(self.owners)

    def token(self, platform: str) -> str | None:
        """Return the token of a platform (discord or telegram), None where there is none or it is empty."""
        secret: SecretStr | None = getattr(self, f"{platform}_token")
        return (secret.get_secret_value().strip() or None) if secret is not None else None

    @field_validator("owners")
    @classmethod
    def _readable_owners(cls, owners: str) -> str:
        parse_owners(owners)
        return owners

    @field_validator("discord_api_url", "discord_gateway_url", "telegram_api_url")
    @classmethod
    def _address(cls, url: str, info: ValidationInfo) -> str:
        schemes = ("ws", "wss") if info.field_name == "discord_gateway_url" else ("http", "https")
        if url and not re.fullmatch(rf"({'|'.join(schemes)})://[^\s/?#]+[^\s]*", url):
            raise ValueError(
                f"an address begins with {schemes[1]}:// or {schemes[0]}://, for example {schemes[1]}://bots.example"
            )
        return url

    @field_validator("dashboard_url")
    @classmethod
    def _page_address(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^\s/?#@]+/?", url):
            raise ValueError("the dashboard's address has a name and no path, for example https://aurora.example")
        return url

    @field_validator("log_format", "face_mode", "face_theme")
    @classmethod
    def _one_of(cls, value: str, info: ValidationInfo) -> str:
        choices = _CHOICES[str(info.field_name)]
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {name!r}; write one such as Asia/Seoul") from error
        return name

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, name: str) -> str:
        if name.split("-")[0].split("_")[0].lower() not in {"ko", "en"}:
            raise ValueError(f"no language {name!r}; choose ko or en")
        return name

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, name: str) -> str:
        if name.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError(f"no log level {name!r}; choose DEBUG, INFO, WARNING or ERROR")
        return name.upper()

    @field_validator("data_dir", "keyring_file", "master_key_file", "backup_dir")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        try:
            str(path).encode()
            return path and path.expanduser()
        except (RuntimeError, UnicodeEncodeError) as error:
            raise ValueError("no such path: its name is not UTF-8, or names a user without a home") from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment, then the TOML file."""
        path = Path(os.environ.get("OHLORA_CONFIG", CONFIG_FILE))
        file = TomlConfigSettingsSource(settings_cls, path) if path.is_file() else None
        return (init_settings, env_settings, *([file] if file else []))


def parse_owners(owners: str) -> tuple[UserKey, ...]:
    """Read `discord:123,telegram:456`.

    Raises:
        ValueError: a part is no platform with a number.
    """
    keys = []
    for part in filter(None, (part.strip() for part in owners.split(","))):
        platform, _, number = part.partition(":")
        if platform not in PLATFORMS or not (number.isascii() and number.isdigit() and len(number) <= 20):
            raise ValueError(f"no owner {part!r}; write for example discord:123456789012345678,telegram:12345678")
        keys.append(UserKey(platform=platform, id=number))
    return tuple(keys)


def load_settings(**options: Any) -> Settings:
    """Build the settings; `options` that are None are left to the environment, the file and the defaults.

    Raises:
        SettingsError: a value is wrong, or the named file is missing or broken.
    """
    named = os.environ.get("OHLORA_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"OHLORA_CONFIG names {named}, which does not exist")
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"setting {place}: {first['msg'].removeprefix('Value error, ')}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file is not valid TOML: {error}") from error
    except OSError as error:
        path = error.filename or CONFIG_FILE
        raise SettingsError(
            f"the settings file {path} cannot be read ({error.strerror}); check its permissions"
        ) from error
