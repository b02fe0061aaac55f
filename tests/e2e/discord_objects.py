"""What Discord's servers send: users, servers, channels, messages and interactions as JSON."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
_EPOCH_MS = 1_420_070_400_000
_numbers = itertools.count()
EPHEMERAL = 64
_SEE, _SEND, _SEND_IN_THREADS, _VOICE = 1 << 10, 1 << 11, 1 << 38, 2


def snowflake() -> str:
    """Return a new id that says when it was made."""
    return str(((int(time.time() * 1000) - _EPOCH_MS) << 22) + next(_numbers) % (1 << 22))


def stamp() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(kw_only=True)
class Person:
    """A user of Discord; `permissions` are those that servers grant, `roles` ids of roles there."""

    name: str
    id: str = field(default_factory=snowflake)
    is_bot: bool = False
    locale: str = "ko"
    permissions: int = 0x8_0000_0000 | 0x800 | 0x400
    roles: list[str] = field(default_factory=list)

    def user(self) -> Json:
        return {
            "id": self.id,
            "username": self.name,
            "global_name": self.name.title(),
            "discriminator": "0",
            "avatar": None,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
            "bot": self.is_bot,
        }

    def member(self) -> Json:
        return {
            "roles": self.roles,
            "joined_at": "2026-01-01T00:00:00+00:00",
            "premium_since": None,
            "nick": None,
            "avatar": None,
            "banner": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
            "communication_disabled_until": None,
        }


@dataclass(kw_only=True)
class Channel:
    """A channel or a thread of a server, or a private channel (`guild` None). To a closed one nobody may write."""

    name: str
    guild: str | None
    id: str = field(default_factory=snowflake)
    parent: str | None = None
    recipient: Person | None = None
    kind: int = 0
    is_closed: bool = False

    def json(self) -> Json:
        if self.recipient is not None:
            return {
                "id": self.id,
                "type": 1,
                "flags": 0,
                "recipients": [self.recipient.user()],
                "last_message_id": None,
            }
        base = {"id": self.id, "guild_id": self.guild, "name": self.name, "parent_id": self.parent, "flags": 0}
        if self.parent is None:
            closed = {"id": self.guild, "type": 0, "allow": "0", "deny": str(_SEND)}
            overwrites = [closed] if self.is_closed else []
            shape = {"position": 0, "permission_overwrites": overwrites, "nsfw": False, "topic": None}
            voice = {"bitrate": 64000, "user_limit": 0, "rtc_region": None} if self.kind == _VOICE else {}
            return {**base, "type": self.kind, **shape, **voice}
        return {
            **base,
            "type": 11,
            "owner_id": snowflake(),
            "last_message_id": None,
            "message_count": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": stamp(),
                "locked": False,
            },
        }


def guild_json(guild: str, owner: Person, bot: Person, channels: list[Channel]) -> Json:
    return {
        "id": guild,
        "name": "별빛 서버",
        "owner_id": owner.id,
        "roles": [role_json(guild, "@everyone")],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [channel.json() for channel in channels if channel.parent is None],
        "threads": [channel.json() for channel in channels if channel.parent is not None],
        "members": [{**bot.member(), "user": bot.user()}],
        "member_count": 5,
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "joined_at": stamp(),
        "large": False,
        "unavailable": False,
        "preferred_locale": "ko",
        "premium_tier": 0,
        "nsfw_level": 0,
        "mfa_level": 0,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "afk_timeout": 300,
        "system_channel_id": None,
    }


def role_json(role: str, name: str) -> Json:
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    flags = {"hoist": False, "managed": False, "mentionable": False, "position": 0, "color": 0, "flags": 0}
    return {"id": role, "name": name, "permissions": str(_SEE | _SEND | _SEND_IN_THREADS), "colors": colours, **flags}


def message_json(author: Person, channel_id: str, content: str, **more: Any) -> Json:
    """Return a message; `more` replaces or adds keys."""
    return {
        "id": snowflake(),
        "type": 0,
        "channel_id": channel_id,
        "author": author.user(),
        "content": content,
        "timestamp": stamp(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": 0,
        **more,
    }


def numbered(components: list[Json] | None) -> list[Json]:
    """Return components as Discord sends them back: each with a number, buttons in their rows."""
    count = itertools.count(1)

    def number(component: Json) -> Json:
        numbered_one = {key: value for key, value in component.items() if value is not None} | {"id": next(count)}
        if "components" in numbered_one:
            numbered_one["components"] = [number(part) for part in numbered_one["components"]]
        return numbered_one

    return [number(component) for component in components or []]


def bot_json(bot: Person) -> Json:
    """Return what GET /users/@me says of the bot."""
    user = {key: value for key, value in bot.user().items() if key != "primary_guild"}
    return {**user, "mfa_enabled": False, "locale": "ko", "verified": True}


def application_json(application_id: str, bot: Person, owner: Person) -> Json:
    """Return what GET /oauth2/applications/@me says."""
    return {
        "id": application_id,
        "name": bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": bot.user(),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": owner.user(),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }


def registered(commands: list[Json], application_id: str) -> list[Json]:
    """Return commands as Discord sends them back once they are registered."""
    return [
        {
            **command,
            "id": snowflake(),
            "application_id": application_id,
            "version": snowflake(),
            "type": command.get("type", 1),
            "description": command.get("description") or "",
            "default_member_permissions": None
            if command.get("default_member_permissions") is None
            else str(command["default_member_permissions"]),
        }
        for command in commands
    ]
