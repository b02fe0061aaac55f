"""A small Discord on loopback, for the real client library: its gateway, its REST interface, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.e2e.discord_gateway import Gateway
from tests.e2e.discord_objects import EPHEMERAL, Channel, Json, Person, message_json, snowflake, stamp
from tests.e2e.discord_rest import BASE, Rest
from tests.e2e.discord_world import Interaction, World

PING, COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 1, 2, 3, 4, 5
OPTION_TYPES = {"user": 6, "channel": 7, "role": 8}


class DiscordServer:
    """The fake server: what people do is a method, what the bot did is in `world`."""

    def __init__(self, world: World, gateway: Gateway, port: int) -> None:
        self.world = world
        self.gateway = gateway
        self.api_url = f"http://127.0.0.1:{port}{BASE}"
        self.gateway_url = gateway.url

    def say(
        self,
        person: Person,
        text: str,
        channel: Channel | None = None,
        *,
        mentions: Sequence[Person] = (),
        answers: Json | None = None,
        **more: Any,
    ) -> str:
        """Let a person write a message, privately by default; return its id."""
        world = self.world
        place = channel or world.private(person)
        message = message_json(person, place.id, text, mentions=[one.user() for one in mentions], **more)
        if answers is not None:
            message["type"] = 19
            message["message_reference"] = {"type": 0, "channel_id": place.id, "message_id": answers["id"]}
            message["referenced_message"] = answers
        world.messages[message["id"]] = message
        pings_bot = world.bot in mentions
        sees = place.guild is None or pings_bot or world.has_message_content
        sent = message if sees else {**message, "content": ""}
        if place.guild is not None:
            sent = {**sent, "guild_id": place.guild, "member": person.member()}
        self.gateway.emit("MESSAGE_CREATE", sent)
        return str(message["id"])

    def edit(self, number: str, text: str) -> None:
        """Let the author of a message change it."""
        message = self.world.messages[number]
        message |= {"content": text, "edited_timestamp": stamp()}
        self.gateway.emit("MESSAGE_UPDATE", dict(message))

    def delete(self, *numbers: str) -> None:
        """Let messages of one channel be deleted: one by its author, several at once by a moderator."""
        (channel,) = {self.world.messages.pop(number)["channel_id"] for number in numbers}
        if len(numbers) == 1:
            self.gateway.emit("MESSAGE_DELETE", {"id": numbers[0], "channel_id": channel})
        else:
            self.gateway.emit("MESSAGE_DELETE_BULK", {"ids": list(numbers), "channel_id": channel})

    def slash(self, person: Person, name: str, channel: Channel | None = None, /, **options: Any) -> Interaction:
        """Let a person run a command, `memory forget` for a subcommand; people and channels are options too."""
        return self._interact(person, COMMAND, self._command(name, options), channel)

    def complete(
        self, person: Person, name: str, option: str, typed: Any, channel: Channel | None = None
    ) -> Interaction:
        """Let a person type an option."""
        return self._interact(person, AUTOCOMPLETE, self._command(name, {option: typed}, focused=option), channel)

    def press(self, person: Person, message: Json, label: str) -> Interaction:
        """Let a person press the button that has this label."""
        buttons = [button for row in message["components"] for button in row["components"]]
        button = next(button for button in buttons if label in (button.get("label") or ""))
        assert not button.get("disabled")
        data = {"custom_id": button["custom_id"], "component_type": 2, "id": button["id"]}
        channel = self.world.channels[message["channel_id"]]
        return self._interact(person, COMPONENT, data, channel, message)

    def fill(self, person: Person, asked: Interaction, **values: str) -> Interaction:
        """Let a person answer the form that an interaction brought; one that a button opened comes with its message."""
        assert asked.ack is not None
        assert asked.ack["type"] == 9, asked.ack
        modal = asked.ack["data"]
        fields = [part.get("component") or part["components"][0] for part in modal["components"]]
        rows = [
            {"type": 1, "id": n, "components": [{"type": 4, "id": n, "custom_id": f["custom_id"], "value": value}]}
            for n, (f, value) in enumerate(zip(fields, values.values(), strict=True), 1)
        ]
        data = {"custom_id": modal["custom_id"], "components": rows}
        opened_from = self.world.messages.get(asked.message) if asked.message is not None else None
        return self._interact(person, MODAL, data, asked.channel, opened_from)

    def use_menu(self, person: Person, message: Json) -> Interaction:
        """Let a person choose the command of a message's context menu."""
        name = next(command["name"] for command in self.world.commands if command["type"] == 3)
        shown = {key: value for key, value in message.items() if key != "referenced_message"}
        data = {
            "id": snowflake(),
            "name": name,
            "type": 3,
            "target_id": message["id"],
            "resolved": {"messages": {message["id"]: shown}},
        }
        return self._interact(person, COMMAND, data, self.world.channels[message["channel_id"]])

    def shown(self, interaction: Interaction) -> list[Json]:
        """Return the messages that an interaction was answered with, as they stand now."""
        return [self.world.messages[number] for number in interaction.shown if number in self.world.messages]

    def text(self, interaction: Interaction) -> str:
        """Return what an interaction was answered with; empty while it is only deferred."""
        return "\n".join(m["content"] for m in self.shown(interaction) if not m["flags"] & 128)

    async def answered(self, interaction: Interaction) -> str:
        """Wait for the answer of an interaction."""
        await self.world.until(lambda: self.text(interaction))
        return self.text(interaction)

    def is_private(self, interaction: Interaction) -> bool:
        """Tell whether only the person sees the answers."""
        return all(message["flags"] & EPHEMERAL for message in self.shown(interaction))

    def _command(self, name: str, options: dict[str, Any], focused: str = "") -> Json:
        group, _, word = name.partition(" ")
        resolved: dict[str, Json] = {}
        parts = []
        for key, value in options.items():
            kind = {str: 3, int: 4, float: 10}.get(type(value), 3)
            if isinstance(value, Person):
                resolved.setdefault("users", {})[value.id] = value.user()
                resolved.setdefault("members", {})[value.id] = {**value.member(), "permissions": str(value.permissions)}
                kind, value = 6, value.id
            elif isinstance(value, Channel):
                resolved.setdefault("channels", {})[value.id] = {**value.json(), "permissions": "0"}
                kind, value = 7, value.id
            part: Json = {"name": key, "type": kind, "value": value}
            parts.append({**part, "focused": True} if key == focused else part)
        shape: list[Json] = [{"name": word, "type": 1, "options": parts}] if word else parts
        return {"id": snowflake(), "name": group, "type": 1, "options": shape, "resolved": resolved}

    def _interact(
        self, person: Person, kind: int, data: Json, channel: Channel | None, message: Json | None = None
    ) -> Interaction:
        world = self.world
        place = channel or world.private(person)
        number = None if message is None else str(message["id"])
        interaction = Interaction(person=person, channel=place, type=kind, message=number, made_at=world.now())
        world.interactions[interaction.token] = interaction
        event: Json = {
            "id": interaction.id,
            "application_id": world.application_id,
            "type": kind,
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel": place.json(),
            "channel_id": place.id,
            "locale": person.locale,
            "app_permissions": "0",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10 * 1024 * 1024,
            "context": 0 if place.guild else 1,
        }
        if place.guild is None:
            event["user"] = person.user()
        else:
            event["guild_id"] = place.guild
            event["guild"] = {"id": place.guild, "locale": "ko", "features": []}
            event["guild_locale"] = "ko"
            event["member"] = {**person.member(), "user": person.user(), "permissions": str(person.permissions)}
        if message is not None:
            event["message"] = {key: value for key, value in message.items() if key != "referenced_message"}
        self.gateway.emit("INTERACTION_CREATE", event)
        return interaction


@asynccontextmanager
async def open_discord_server() -> AsyncIterator[DiscordServer]:
    """Serve the fake on a free port of loopback."""
    world = World()
    gateway, rest = Gateway(world), Rest(world)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/gateway/", gateway.connect)
    app.router.add_route("*", BASE + "/{path:.*}", rest.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    gateway.url = f"ws://127.0.0.1:{port}/gateway/"
    try:
        yield DiscordServer(world, gateway, port)
    finally:
        await gateway.drop(code=1001)
        await runner.cleanup()
