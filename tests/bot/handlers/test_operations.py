"""Check /stats and /sync."""

from __future__ import annotations

from datetime import timedelta

from storage.records import ConversationKey, Turn
from storage.turns import TurnStore
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import ADMIN, OWNER, Lobby, user_key


async def test_stats_count_the_community_and_for_owners_the_platform(lobby: Lobby, make_case: MakeCase) -> None:
    rows = [
        ("1001", "9", "reply", None, 0),
        ("1001", "9", "rejection", "blocked", 2),
        ("1001", "9", "rejection", "error", 3),
        ("2002", "9", "reply", None, 30),
        ("3003", None, "reply", None, 0),
    ]
    async with lobby.database.begin() as session:
        for number, (user, community, outcome, reason, hours) in enumerate(rows):
            turn = Turn(
                request_id=f"r-{number}",
                user=user_key(user),
                conversation=ConversationKey(platform="discord", id="77"),
                outcome=outcome,
                reason=reason,
                received_at=lobby.clock() - timedelta(hours=hours),
                profile="embedded",
                timings_ms={},
                community=community,
            )
            await TurnStore(session).add(turn)
    await lobby.sanction(make_case(block=timedelta(days=1), community="9"))
    assert (await lobby.person(community="9", rights=ADMIN).ask("stats")).splitlines()[1:] == [
        "Last 24 hours: replies 1 · refused 1 · failed 1 · users 1",
        "Last 7 days: replies 2 · refused 1 · failed 1 · users 2",
        "Blocks in force 1 · open appeals 0 · open reports 0",
    ]
    everywhere = await lobby.person(rights=OWNER).ask("stats")
    assert "Last 7 days: replies 3 · refused 1 · failed 1 · users 3" in everywhere
    assert "Blocks in force 0" in await lobby.person(community="10", rights=ADMIN).ask("stats")


async def test_sync_calls_what_its_platform_offered(lobby: Lobby) -> None:
    async def register() -> int:
        return 29

    owner = lobby.person(rights=OWNER)
    assert await owner.ask("sync") == "This platform is not connected yet."
    lobby.desk.offer_sync("discord", register)
    assert await owner.ask("sync") == "Commands registered: 29"
    assert (await lobby.person(rights=OWNER, platform="telegram").ask("sync")).startswith("This platform")
