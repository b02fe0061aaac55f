"""`main.py doctor`: look whether everything is in order, and say how to mend what is not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption, JsonOption
from bot.errors import BotError
from bot.settings import PLATFORMS, Settings, load_settings
from engine.errors import EngineError
from engine.policy_file import load_policy
from models.errors import ModelError
from models.profile import WEIGHTS_DIR, load_profile
from models.sources import resolve_source
from storage.backup import look_through
from storage.database import current_revision, open_keyring
from storage.errors import StorageError
from storage.inspection import keys_used
from storage.migration import newest_revision
from storage.url import SQLITE, checked_url

_TOKENS = {"discord": r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}", "telegram": r"\d{5,}:[\w-]{30,}"}
_LITTLE, _TOO_LITTLE = 1 << 30, 100 << 20  # bytes of free disk space


class Health(StrEnum):
    """Say how a part is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one part, and what mends it."""

    part: str
    health: Health
    text: str
    mend: str = ""


OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Do not ask the platforms whether they take the tokens.")
]


def doctor(
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
    offline: OfflineOption = False,
) -> None:
    """Look at settings, tokens, database, keys, models, port and disk; exit code 1 when something is broken."""
    findings = list(examine(data_dir, database_url, is_offline=offline))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{finding.health:8}{finding.part}: {finding.text}")
            if finding.mend:
                print(f"{'':8}→ {finding.mend}")
    if any(finding.health is Health.BROKEN for finding in findings):
        raise typer.Exit(1)


def examine(data_dir: Path | None, database_url: str | None, *, is_offline: bool = False) -> Iterator[Finding]:
    """Yield what is found, part after part; nothing is changed. Unless `is_offline`, platforms are asked about their tokens."""
    try:
        settings = load_settings(data_dir=data_dir, database_url=database_url)
        load_policy(settings.policy)
    except (BotError, EngineError) as error:
        yield _broken("settings", str(error), "correct that value (docs/settings.md)")
        return
    yield _ok("settings", "every value can be used")
    yield from _tokens(settings, is_offline=is_offline)
    yield from _database(settings)
    yield from _keys(settings)
    yield from _models(settings)
    yield _port(settings)
    yield _disk(settings)


def _tokens(settings: Settings, *, is_offline: bool) -> Iterator[Finding]:
    given = {platform: token for platform in PLATFORMS if (token := settings.token(platform))}
    if not given:
        yield _warning(
            "tokens", "none is set, so `run` serves nobody", "set OHLORA_DISCORD_TOKEN or OHLORA_TELEGRAM_TOKEN"
        )
    likely = {platform: token for platform, token in given.items() if re.fullmatch(_TOKENS[platform], token)}
    for platform in [platform for platform in given if platform not in likely]:
        yield _broken("tokens", f"{platform}'s is no token", f"copy it anew (docs/{platform}.md)")
    if is_offline:
        for platform in likely:
            yield _ok("tokens", f"{platform}'s has the right shape; the platform was not asked")
    elif likely:
        yield from _asked(settings, likely)


def _asked(settings: Settings, tokens: dict[str, str]) -> Iterator[Finding]:
    """Ask the platforms about tokens that have the right shape."""
    from bot.cli.token_check import DISCORD_API, TokenState, ask_all

    urls = {"discord": settings.discord_api_url or DISCORD_API, "telegram": settings.telegram_api_url}
    for platform, answer in zip(tokens, asyncio.run(ask_all(tokens, urls)), strict=True):
        match answer.state:
            case TokenState.TAKEN:
                yield _ok("tokens", f"{platform} takes it, as {answer.text}")
            case TokenState.REFUSED:
                mend = f"copy it anew (docs/{platform}.md)"
                yield _broken("tokens", f"{platform}'s: {answer.text}", mend)
            case TokenState.UNREACHED:
                mend = "look at the network and its proxy; --offline leaves this out"
                yield _warning("tokens", f"{platform}'s has the right shape; {answer.text}", mend)
            case TokenState.ODD:
                mend = f"try again later; if OHLORA_{platform.upper()}_API_URL is set, look whether it is right"
                yield _warning("tokens", f"{platform}'s has the right shape; {answer.text}", mend)


def _database(settings: Settings) -> Iterator[Finding]:
    chosen = storage_settings(settings)
    try:
        revision = asyncio.run(current_revision(chosen))
        url = checked_url(chosen)
        if revision is None:
            yield _ok("database", "there is none yet; the first start makes it")
            return
        if revision != newest_revision():
            yield _warning(
                "database", f"its revision is {revision}", "the next start brings it to the newest one; back up first"
            )
        if url.drivername == SQLITE:
            copy = asyncio.run(look_through(Path(str(url.database))))
            yield _ok(
                "database", f"every page, reference and row of the audit is whole; {sum(copy.rows.values())} rows"
            )
    except StorageError as error:
        yield _broken("database", str(error), "restore a backup: main.py restore FILE")


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        chosen = storage_settings(settings)
        keyring, used = open_keyring(chosen), asyncio.run(keys_used(chosen))
        if not keyring.file.exists() and not used:
            yield _ok("keys", "there are none yet; the first start makes them")
            return
        keyring.master()
        state, keys = keyring.state(), keyring.source.read()
    except StorageError as error:
        yield _broken("keys", str(error), "put the right file back (docs/settings.md#keys)")
        return
    if missing := used - state.living - state.destroyed:
        yield _broken("keys", f"{len(missing)} of {len(used)} are not in {keyring.file}", "put the right keyring back")
    elif waiting := state.doomed | (used & state.destroyed):
        yield _warning(
            "keys", f"{len(waiting)} wait to be destroyed", "start the program: it finishes what was cut short"
        )
    else:
        yield _ok("keys", f"{len(used)} in use, {len(state.destroyed)} destroyed")
    if len(keys) > 1 and keyring.source.is_file:
        yield _warning("keys", "a rotation was cut short", "main.py keys rotate")
    if keyring.source.is_file and stat.S_IMODE(keyring.source.file.stat().st_mode) & 0o077:
        yield _warning("keys", f"others may read {keyring.source.file}", f"chmod 600 {keyring.source.file}")


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        profile = load_profile(settings.profile)
        named = [base.source for base in profile.bases.values()]
        parts = [(each.source, each.optional) for each in profile.adapters.values()]
        parts += [(each.source, each.optional) for each in profile.encoders.values()]
        named += [source for source, is_optional in parts if not is_optional or _is_folder(source)]
        sources = [resolve_source(source) for source in named]
    except ModelError as error:
        yield _broken("models", str(error), "choose another profile, or fetch its weights (docs/formats.md#profiles)")
        return
    absent = {source.path for source in sources if source.path and not any(source.path.rglob("*.safetensors"))}
    if absent:
        names = ", ".join(sorted(str(path) for path in absent))
        yield _broken("models", f"no weights in {names}", "train them, or check the program out anew")
        return
    if changed := sorted(_changed({WEIGHTS_DIR / source.split("/")[0] for source in named})):
        yield _broken("models", f"not as they were shipped: {', '.join(changed)}", "check the weights out anew")
        return
    hub = sorted({source.hub_id for source in sources if source.hub_id})
    where = f"; from the hub: {', '.join(hub)}" if hub else ""
    yield _ok("models", f"the weights of the profile {profile.name} are there{where}")


def _is_folder(source: str) -> bool:
    """Tell whether an optional part is there: the loader leaves it out where it is not."""
    return Path(source).is_dir() or (WEIGHTS_DIR / source).is_dir()


def _changed(folders: set[Path]) -> Iterator[str]:
    """Yield the files that differ from the digests in the manifest of their folder, where it has one."""
    for folder in folders:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            continue
        for name, digest in json.loads(manifest.read_text(encoding="utf-8")).get("files", {}).items():
            path = folder / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                yield f"{folder.name}/{name}"


def _port(settings: Settings) -> Finding:
    if not settings.dashboard_enabled or settings.dashboard_port == 0:
        return _ok("port", "none is needed")
    place = f"{settings.dashboard_host}:{settings.dashboard_port}"
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in settings.dashboard_host else socket.AF_INET)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.dashboard_host, settings.dashboard_port))
    except OSError as error:
        mend = "if the program does not run already: choose another OHLORA_DASHBOARD_PORT"
        return _warning("port", f"{place} cannot be had ({error.strerror})", mend)
    return _ok("port", f"{place} is free")


def _disk(settings: Settings) -> Finding:
    folder = next(
        path for path in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(folder).free
    text, mend = f"{free >> 20} MiB free at {folder}", "free some space, or name another data_dir"
    if free < _TOO_LITTLE:
        return _broken("disk", text, mend)
    return _warning("disk", text, mend) if free < _LITTLE else _ok("disk", text)


def _ok(part: str, text: str) -> Finding:
    return Finding(part=part, health=Health.OK, text=text)


def _warning(part: str, text: str, mend: str) -> Finding:
    return Finding(part=part, health=Health.WARNING, text=text, mend=mend)


def _broken(part: str, text: str, mend: str) -> Finding:
    return Finding(part=part, health=Health.BROKEN, text=text, mend=mend)
