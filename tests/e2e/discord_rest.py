"""The REST side of the fake: channels, messages, interactions, follow-ups and commands."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.e2e.discord_objects import (
    EPHEMERAL,
    Json,
    application_json,
    bot_json,
    message_json,
    numbered,
    snowflake,
    stamp,
)
from tests.e2e.discord_world import DEADLINE_S, Fault, Interaction, World

BASE = "/api/v10"
_LONGEST, _LARGEST_FILE = 2000, 10 * 1024 * 1024
_INTERACTION_S = 15 * 60
_NONCE_S = 3 * 60


class Refused(Exception):
    """The request is wrong; the answer says so as Discord does."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, {"code": code, "message": message}


def answer(status: int, body: Any = None) -> web.Response:
    """Return JSON with exactly the content type that discord.py looks for."""
    if body is None:
        return web.Response(status=status)
    response = web.Response(status=status, body=json.dumps(body).encode())
    response.headers["Content-Type"] = "application/json"
    return response


class Rest:
    """Answers requests under /api/v10 and holds each to the specification."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: a planned fault, or what Discord would."""
        path, world = request.path.removeprefix(BASE), self._world
        world.requests.append((request.method, path))
        if world.now() < world.held.get((request.method, path), 0.0):
            world.violate(f"{request.method} {path} came before its retry_after was over")
        fault = world.planned.popleft() if world.planned else world.faults(request.method, path)
        if fault is not None and not fault.after_effect:
            return self._fault(request, fault)
        body, files = await self._read(request)
        if world.spec is not None:
            world.violate(world.spec.request_problem(request.method, path, body))
        try:
            status, result = self._route(request, path.strip("/").split("/"), body, files)
        except Refused as refusal:
            status, result = refusal.status, refusal.body
        if world.spec is not None:
            world.violate(world.spec.answer_problem(request.method, path, status, result))
        world.tell()
        return answer(status, result) if fault is None else self._fault(request, fault)

    def _fault(self, request: web.Request, fault: Fault) -> web.Response:
        self._world.tell()
        if fault.is_cut and request.transport is not None:
            request.transport.close()
        if fault.status != 429:
            return answer(fault.status, {"code": 0, "message": str(fault.status)})
        path = request.path.removeprefix(BASE)
        self._world.held[request.method, path] = self._world.now() + fault.retry_after - 0.01  # clocks are read apart
        response = answer(429, {"message": "slow down", "retry_after": fault.retry_after, "global": False})
        response.headers["Via"] = "1.1 google"
        response.headers["Retry-After"] = str(fault.retry_after)
        return response

    async def _read(self, request: web.Request) -> tuple[Any, list[tuple[str, bytes]]]:
        if request.content_type != "multipart/form-data":
            text = await request.text()
            return (json.loads(text) if text else None), []
        payload: Any = None
        files: list[tuple[str, bytes]] = []
        form = await request.post()
        for name, value in form.items():
            if isinstance(value, web.FileField):
                files.append((value.filename, value.file.read()))
            elif name == "payload_json":
                payload = json.loads(str(value))
        for number, _ in enumerate(files):
            if f"files[{number}]" not in form:
                self._world.violate(f"no files[{number}] in a multipart request")
        return payload, files

    def _route(
        self, request: web.Request, parts: list[str], body: Any, files: list[tuple[str, bytes]]
    ) -> tuple[int, Any]:
        world = self._world
        needs_token = parts[0] not in ("interactions", "webhooks")
        if needs_token and request.headers.get("Authorization", "").removeprefix("Bot ") not in world.tokens:
            raise Refused(401, 0, "401: Unauthorized")
        match (request.method, *parts):
            case ("GET", "users", "@me"):
                return 200, bot_json(world.bot)
            case ("GET", "oauth2", "applications", "@me"):
                return 200, application_json(world.application_id, world.bot, world.owner)
            case ("PUT", "applications", _, "commands"):
                world.syncs += 1
                world.register(body)
                return 200, world.commands
            case ("GET", "guilds", world.guild_id, "members", number):
                if number not in world.members:
                    raise Refused(404, 10007, "Unknown Member")
                return 200, {**world.members[number].member(), "user": world.members[number].user()}
            case ("POST", "users", "@me", "channels"):
                private = next(
                    c for c in world.channels.values() if c.recipient and c.recipient.id == str(body["recipient_id"])
                )
                return 200, private.json()
            case ("POST", "channels", channel, "typing"):
                world.typing.append((time.monotonic(), channel))
                return 204, None
            case ("POST", "channels", channel, "messages"):
                return 200, self._post(channel, body, files)
            case ("PATCH", "channels", _, "messages", message):
                return 200, self._edit(message, body, files)
            case ("DELETE", "channels", _, "messages", message):
                self._delete(message)
                return 204, None
            case ("GET", "channels", channel, "messages"):
                return 200, self._history(channel, request.query)
            case ("GET", "channels", _, "messages", message):
                return 200, self._message(message)
            case ("POST", "interactions", number, token, "callback"):
                return 200, self._callback(number, token, body, files)
            case (_, "webhooks", _, token, *_) if not self._lives(token):
                raise Refused(401, 50027, "Invalid Webhook Token")
            case ("POST", "webhooks", _, token):
                return 200, self._follow_up(token, body, files)
            case ("PATCH", "webhooks", _, token, "messages", message):
                number = self._own(token, message)
                self._live(token).was_deferred = False
                if number not in self._live(token).shown:
                    self._live(token).shown.append(number)
                return 200, self._edit(number, body, files)
            case ("GET", "webhooks", _, token, "messages", message):
                return 200, self._message(self._own(token, message))
            case ("DELETE", "webhooks", _, token, "messages", message):
                self._delete(self._own(token, message))
                return 204, None
        raise Refused(404, 0, "404: Not Found")

    def _history(self, channel: str, query: Mapping[str, str]) -> list[Json]:
        """Return the messages after one, the newest first; without their nonces, which Discord need not tell."""
        if channel in self._world.without_history:
            raise Refused(403, 50013, "Missing Permissions")
        after, limit = int(query.get("after", 0)), int(query.get("limit", 50))
        stands = [message for message in self._world.messages.values() if message["channel_id"] == channel]
        newer = sorted((message for message in stands if int(message["id"]) > after), key=lambda m: int(m["id"]))
        return [{key: m[key] for key in m if key != "nonce"} for m in reversed(newer[:limit])]

    def _message(self, message: str) -> Json:
        if message not in self._world.messages:
            raise Refused(404, 10008, "Unknown Message")
        return self._world.messages[message]

    def _check(self, body: Json, files: list[tuple[str, bytes]]) -> None:
        content = body.get("content") or ""
        if len(content) > _LONGEST:
            self._world.violate(f"content of {len(content)} characters")
            raise Refused(400, 50035, "Invalid Form Body")
        if any(len(data) > _LARGEST_FILE for _, data in files):
            raise Refused(413, 40005, "Request entity too large")
        if "content" in body and body.get("allowed_mentions", {}).get("parse") != []:
            self._world.violate("a message may mention people: allowed_mentions is not none")
        if body.get("allowed_mentions", {}).get("replied_user"):
            self._world.violate("a reply may ping its author")
        tokens = [b["custom_id"] for row in body.get("components") or [] for b in row.get("components", [])]
        if len(tokens) != len(set(tokens)) or any(len(row["components"]) > 5 for row in body.get("components") or []):
            self._world.violate("two buttons have the same custom_id, or a row has more than five")

    def _post(self, channel: str, body: Json, files: list[tuple[str, bytes]], **more: Any) -> Json:
        world = self._world
        self._check(body, files)
        nonce = body.get("nonce")
        if nonce is None and not more:
            world.violate("a message without a nonce")
        known, sent_at = world.nonces.get((channel, str(nonce)), ("", 0.0))
        if known and body.get("enforce_nonce") and world.now() < sent_at + _NONCE_S:
            return world.messages[known]
        if channel not in world.channels:
            raise Refused(404, 10003, "Unknown Channel")
        content = body.get("content") or ""
        is_deferral = bool(more.get("flags", 0) & 128)
        if not content.strip() and not files and not is_deferral:
            world.violate("an empty message")
            raise Refused(400, 50006, "Cannot send an empty message")
        if nonce is not None:
            more["nonce"] = nonce
        reference = body.get("message_reference")
        if reference is not None and channel in world.without_history:
            raise Refused(403, 160002, "Cannot reply without permission to read message history")
        if reference is not None:
            referenced = world.messages.get(str(reference["message_id"]))
            if referenced is None and reference.get("fail_if_not_exists", True):
                raise Refused(400, 50035, "Unknown message")
            more["type"] = 19 if referenced else 0
            if referenced is not None:
                more["message_reference"] = {"type": 0, "channel_id": channel, "message_id": referenced["id"]}
                more["referenced_message"] = {k: v for k, v in referenced.items() if k != "referenced_message"}
        message = message_json(world.bot, channel, content, **more)
        message["components"] = numbered(body.get("components"))
        self._attach(message, files)
        world.messages[message["id"]] = message
        world.posted.append(message["id"])
        if nonce is not None:
            world.nonces[channel, str(nonce)] = message["id"], world.now()
        return message

    def _attach(self, message: Json, files: list[tuple[str, bytes]]) -> None:
        url = "https://cdn.discordapp.com/attachments/1/2/"
        message["attachments"] = [
            {"id": snowflake(), "filename": name, "size": len(data), "url": url + name, "proxy_url": url + name}
            for name, data in files
        ]
        self._world.files[message["id"]] = files

    def _edit(self, number: str, body: Json, files: list[tuple[str, bytes]]) -> Json:
        message = self._message(number)
        self._check(body, files)
        message["flags"] &= ~128
        if "content" in body:
            message["content"] = body["content"] or ""
        if "components" in body:
            message["components"] = numbered(body["components"])
        if "attachments" in body or files:
            self._attach(message, files)
        message["edited_timestamp"] = stamp()
        self._world.edits.setdefault(number, []).append((time.monotonic(), message["content"]))
        return message

    def _delete(self, number: str) -> None:
        self._message(number)
        del self._world.messages[number]
        self._world.deleted.append(number)

    def _lives(self, token: str) -> bool:
        interaction = self._world.interactions.get(token)
        return interaction is not None and self._world.now() <= interaction.made_at + _INTERACTION_S

    def _live(self, token: str) -> Interaction:
        if not self._lives(token):
            raise Refused(404, 10062, "Unknown interaction")
        return self._world.interactions[token]

    def _own(self, token: str, message: str) -> str:
        interaction = self._live(token)
        number = (interaction.original or "none") if message == "@original" else message
        if number not in self._world.messages:
            raise Refused(404, 10008, "Unknown Message")
        return number

    def _callback(self, number: str, token: str, body: Json, files: list[tuple[str, bytes]]) -> Json:
        interaction = self._live(token)
        late = self._world.now() - interaction.made_at
        if late > DEADLINE_S:
            self._world.violate(f"an interaction was answered after {late:.1f} s")
            raise Refused(404, 10062, "Unknown interaction")
        if interaction.ack is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        interaction.ack = body
        kind, data = body["type"], body.get("data") or {}
        result: Json = {"interaction": {"id": number, "type": interaction.type}}
        flags = data.get("flags", 0) & EPHEMERAL
        match kind:
            case 4 | 5:
                interaction.was_deferred = kind == 5
                flags |= 128 if kind == 5 else 0
                message = self._post(interaction.channel.id, data, files, flags=flags, type=20)
            case 7 if interaction.message is not None:
                message = self._edit(interaction.message, data, files)
            case 6 if interaction.message is not None:
                message = self._message(interaction.message)
            case 8:
                if len(data["choices"]) > 25:
                    self._world.violate("more than 25 choices")
                return result
            case _:
                return result
        interaction.original = message["id"]
        if kind != 6:
            interaction.shown.append(message["id"])
        if kind in (4, 7):
            result["resource"] = {"type": kind, "message": message}
        result["interaction"] |= {"response_message_id": message["id"], "response_message_ephemeral": bool(flags)}
        return result

    def _follow_up(self, token: str, body: Json, files: list[tuple[str, bytes]]) -> Json:
        interaction = self._live(token)
        if interaction.ack is None:
            self._world.violate("a follow-up before the first answer")
        if interaction.was_deferred and interaction.original in self._world.messages:
            interaction.was_deferred = False  # the first follow-up takes the place of the deferral, with its visibility
            return self._edit(interaction.original or "", body, files)
        message = self._post(interaction.channel.id, body, files, flags=body.get("flags", 0) & EPHEMERAL, type=20)
        interaction.shown.append(message["id"])
        return message
