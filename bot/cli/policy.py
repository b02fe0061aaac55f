"""`main.py policy`: check a policy file, describe its format, and try it on the stored log."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from bot.cli.lifetimes import storage_settings
from bot.cli.options import DatabaseOption, DataDirOption, JsonOption, ProfileOption, results
from bot.settings import load_settings
from engine.errors import PolicyError
from engine.policy_file import load_policy, policy_schema, to_record
from engine.sanction_policy import SanctionPolicy
from models.profile import load_profile

if TYPE_CHECKING:
    from engine.policy_replay import Comparison, Replay, Tally
    from storage.settings import StorageSettings

policy_app = typer.Typer(help="Check sanction policies, and try one on the stored log.", no_args_is_help=True)
_HOUR = timedelta(hours=1)


@policy_app.command("check")
def policy_check(
    file: Annotated[str | None, typer.Argument(help="A .toml file, or a name; without it the policy in use.")] = None,
    profile: ProfileOption = None,
) -> None:
    """Read a policy and say what it holds, or in one line what is wrong with it."""
    settings = load_settings(profile=profile)
    policy = load_policy(file or settings.policy)
    known = set(load_profile(settings.profile).ethics.categories)
    if odd := sorted(known ^ set(policy.categories)):
        raise PolicyError(
            f"sanction policy {file or settings.policy}: categories: it and profile {settings.profile} "
            f"do not both know {', '.join(odd)}; allowed are {', '.join(sorted(known))}"
        )
    print(
        f"policy {policy.version} is in order; {len(policy.categories)} categories, digest {to_record(policy).digest}"
    )


@policy_app.command("schema")
def policy_print_schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    print(json.dumps(policy_schema(), ensure_ascii=False, indent=2))


@policy_app.command("replay")
def policy_replay(
    policy: Annotated[str, typer.Option("--policy", help="The policy to try: a .toml file, or a name.")],
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the stored log again by another policy: who would gain or lose what. Changes nothing."""
    settings = load_settings(data_dir=data_dir, database_url=database_url, profile=profile)
    tried = load_policy(policy)
    normal = load_profile(settings.profile).ethics.normal_category
    replay, users = asyncio.run(_replay(storage_settings(settings), tried, normal))
    if as_json:
        print(json.dumps(_as_json(tried, replay, users), ensure_ascii=False))
    else:
        _show(tried, replay, users)


async def _replay(settings: StorageSettings, policy: SanctionPolicy, normal_category: str) -> tuple[Replay, int]:
    from engine.policy_replay import Replay, replay_user
    from storage.database import open_to_read
    from storage.judgement_log import JudgementLog

    replays = []
    async with open_to_read(settings) as database, database.read() as session:
        async for user, messages in JudgementLog(session).by_user():
            replays.append(replay_user(user, messages, policy, normal_category))
    return Replay.of(replays), len(replays)


def _as_json(policy: SanctionPolicy, replay: Replay, users: int) -> dict[str, Any]:
    return {
        "policy": policy.version,
        "digest": to_record(policy).digest,
        "users": users,
        "messages": replay.messages,
        "unsaid": replay.unsaid,
        "undecided": replay.undecided,
        "set_aside": replay.set_aside,
        "categories": {
            name: {"given": _tally_as_json(given), "replayed": _tally_as_json(replayed)}
            for name, (given, replayed) in replay.by_category.items()
        },
        "changes": [
            {
                "platform": each.user.platform,
                "user": each.user.id,
                "category": each.category,
                "given": _tally_as_json(each.given),
                "replayed": _tally_as_json(each.replayed),
            }
            for each in replay.differences
        ],
    }


def _tally_as_json(tally: Tally) -> dict[str, Any]:
    return {
        "warnings": tally.warnings,
        "blocks": tally.blocks,
        "blocked_hours": round(tally.blocked / _HOUR, 2),
        "highest_level": tally.highest_level,
    }


def _show(policy: SanctionPolicy, replay: Replay, users: int) -> None:
    changed = len({each.user for each in replay.differences})
    print(
        f"policy {policy.version} on {replay.messages} messages of {users} users: {changed} users would fare otherwise"
    )
    print(
        f"{replay.unsaid} messages would not have reached her, {replay.undecided} cannot be decided without a reply, "
        f"{replay.set_aside} sanctions that people overturned are left out"
    )
    totals = Table("category", "warnings", "blocks", "hours blocked", "highest level", title="everybody")
    for name, (given, replayed) in replay.by_category.items():
        totals.add_row(name, *_cells(given, replayed))
    results.print(totals)
    if replay.differences:
        results.print(_changes(replay.differences))


def _changes(differences: tuple[Comparison, ...]) -> Table:
    table = Table("user", "category", "warnings", "blocks", "hours blocked", "highest level", title="changes")
    for each in differences:
        table.add_row(f"{each.user.platform}:{each.user.id}", each.category, *_cells(each.given, each.replayed))
    return table


def _cells(given: Tally, replayed: Tally) -> tuple[str, ...]:
    pairs = zip(_tally_as_json(given).values(), _tally_as_json(replayed).values(), strict=True)
    return tuple(f"{old:g}" if old == new else f"{old:g} → {new:g}" for old, new in pairs)
