"""What a Bot API server knows: people, chats, messages, buttons; and what each method does to it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]
TOKEN = "7000000001:AAtesttesttesttesttesttesttesttest"
BOT: Object = {
    "id": 7000000001, "is_bot": True, "first_name": "오로라", "username": "ohlora_test_bot",
    "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
}  # fmt: skip
_BOT_USER = {key: BOT[key] for key in ("id", "is_bot", "first_name", "username")}
_RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
    "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
    "can_edit_stories", "can_delete_stories",
)  # fmt: skip
NOW = 1_790_000_000


class Refusal(Exception):
    """An error that the server answers with."""

    def __init__(self, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.description = description
        self.status = status


def person(number: int, name: str = "민지", language: str = "ko", username: str | None = None) -> Object:
    """Return a user."""
    named = {"username": username} if username else {}
    return {"id": number, "is_bot": False, "first_name": name, "language_code": language, **named}


class World:
    """The state of the server, and the updates that wait for the bot."""

    def __init__(self) -> None:
        self.on_update: Callable[[], None] = lambda: None
        self.chats: dict[int, Object] = {}
        self.closed_chats: set[int] = set()  # people who have not started the bot, or have stopped it
        self.messages: dict[tuple[int, int], Object] = {}
        self.deleted: list[Object] = []
        self.drafts: list[Object] = []
        self.commands: dict[tuple[str, str], list[Object]] = {}
        self.admins: dict[int, list[Object]] = {}
        self.queries: dict[str, Object | None] = {}
        self.updates: list[Object] = []
        self.files: dict[str, bytes] = {}
        self._message_ids: dict[int, Iterator[int]] = {}
        self._ids = itertools.count(1)
        self._update_ids = itertools.count(1000)

    # --- what people do ---

    def group(self, number: int = -1001, *, is_forum: bool = False) -> Object:
        """Return a supergroup, made at the first use."""
        chat = {"id": number, "type": "supergroup", "title": "모임", **({"is_forum": True} if is_forum else {})}
        return self.chats.setdefault(number, chat)

    def say(self, user: Object, text: str | None, *, chat: Object | None = None, **more: Any) -> Object:
        """Let a person write in private, or in `chat`; return the message. A `/command` and the bot's @name are marked."""
        if chat is None:
            self.chats.setdefault(user["id"], {"id": user["id"], "type": "private", "first_name": user["first_name"]})
            chat = self.chats[user["id"]]
        marks = entities(text or "")
        content = {"text": text, **({"entities": marks} if marks else {})} if text is not None else {}
        message = {**self._new_message(chat["id"], user), **content, **more}
        self.messages[chat["id"], message["message_id"]] = message
        self.push({"message": message})
        return message

    def edit(self, message: Object, text: str) -> None:
        """Let a person edit a message."""
        message.update(text=text, edit_date=NOW)
        self.push({"edited_message": dict(message)})

    def press(self, user: Object, message: Object, data: str) -> str:
        """Let a person press a button; return the query's id."""
        query = f"query{next(self._ids)}"
        self.queries[query] = None
        self.push({
            "callback_query": {"id": query, "from": user, "message": message, "chat_instance": "1", "data": data}
        })  # fmt: skip
        return query

    def push(self, update: Object) -> Object:
        """Queue an update; one with an `update_id` comes again."""
        update = {"update_id": next(self._update_ids), **update}
        self.updates.append(update)
        self.on_update()
        return update

    # --- what tests look at ---

    def sent(self, chat: int) -> list[Object]:
        """Return the bot's messages in a chat, in order."""
        return [m for (where, _), m in self.messages.items() if where == chat and m["from"]["id"] == BOT["id"]]

    def texts(self, chat: int) -> list[str]:
        """Return the texts or captions of the bot's messages in a chat."""
        return [str(message.get("text", message.get("caption", ""))) for message in self.sent(chat)]

    def buttons(self, message: Object) -> list[Object]:
        """Return a message's buttons in reading order."""
        return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]

    # --- getUpdates ---

    def confirm(self, offset: int) -> None:
        """Forget what the bot has confirmed."""
        self.updates = [update for update in self.updates if update["update_id"] >= offset]

    def pending(self, allowed: list[str] | None) -> list[Object]:
        """Return the waiting updates of the kinds that are asked for."""
        return [u for u in self.updates if not allowed or any(kind in u for kind in allowed)]

    # --- methods ---

    def run(self, method: str, params: Object, files: dict[str, bytes]) -> Any:
        """Carry a method out; return its result."""
        handler: Callable[[Object, dict[str, bytes]], Any] | None = getattr(self, f"_{_snake(method)}", None)
        if handler is None:
            raise Refusal(f"Bad Request: the test server does not know {method}", 404)
        return handler(params, files)

    def _get_me(self, _params: Object, _files: dict[str, bytes]) -> Object:
        return BOT

    def _delete_webhook(self, _params: Object, _files: dict[str, bytes]) -> bool:
        return True

    def _set_my_commands(self, params: Object, _files: dict[str, bytes]) -> bool:
        scope = params.get("scope", {"type": "default"})
        self.commands[scope["type"], params.get("language_code", "")] = params["commands"]
        return True

    def _get_chat_administrators(self, params: Object, _files: dict[str, bytes]) -> list[Object]:
        return self.admins.get(params["chat_id"], [])

    def _send_chat_action(self, params: Object, _files: dict[str, bytes]) -> bool:
        self._open_chat(params)
        return True

    def _send_message_draft(self, params: Object, _files: dict[str, bytes]) -> bool:
        self._open_chat(params)
        self.drafts.append(params)
        return True

    def _send_message(self, params: Object, _files: dict[str, bytes]) -> Object:
        return self._send(params, {"text": params["text"]})

    def _send_photo(self, params: Object, files: dict[str, bytes]) -> Object:
        file_id = self._file(params, files, "photo")
        photo = {"file_id": file_id, "file_unique_id": file_id, "width": 256, "height": 256}
        return self._send(params, {"photo": [photo], **_caption(params)})

    def _send_document(self, params: Object, files: dict[str, bytes]) -> Object:
        file_id = self._file(params, files, "document")
        return self._send(params, {"document": {"file_id": file_id, "file_unique_id": file_id}, **_caption(params)})

    def _edit_message_text(self, params: Object, _files: dict[str, bytes]) -> Object:
        return self._edit(params, {"text": params["text"]})

    def _edit_message_reply_markup(self, params: Object, _files: dict[str, bytes]) -> Object:
        return self._edit(params, {})

    def _delete_message(self, params: Object, _files: dict[str, bytes]) -> bool:
        found = self.messages.pop((params["chat_id"], params["message_id"]), None)
        if found is None:
            raise Refusal("Bad Request: message to delete not found")
        self.deleted.append(found)
        return True

    def _answer_callback_query(self, params: Object, _files: dict[str, bytes]) -> bool:
        if params["callback_query_id"] not in self.queries:
            raise Refusal("Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.queries[params["callback_query_id"]] = params
        return True

    def _open_chat(self, params: Object) -> Object:
        chat = self.chats.get(params["chat_id"])
        if chat is None:
            raise Refusal("Bad Request: chat not found")
        if chat["id"] in self.closed_chats:
            raise Refusal("Forbidden: bot was blocked by the user", 403)
        return chat

    def _send(self, params: Object, content: Object) -> Object:
        chat = self._open_chat(params)
        reply = params.get("reply_parameters")
        if (
            reply
            and (chat["id"], reply["message_id"]) not in self.messages
            and not reply.get("allow_sending_without_reply")
        ):
            raise Refusal("Bad Request: message to be replied not found")
        message = {**self._new_message(chat["id"], _BOT_USER), **content}
        if "message_thread_id" in params:
            message |= {"message_thread_id": params["message_thread_id"], "is_topic_message": True}
        if "inline_keyboard" in params.get("reply_markup", {}):
            message["reply_markup"] = params["reply_markup"]
        self.messages[chat["id"], message["message_id"]] = message
        return message

    def _edit(self, params: Object, content: Object) -> Object:
        message = self.messages.get((params["chat_id"], params["message_id"]))
        if message is None:
            raise Refusal("Bad Request: message to edit not found")
        markup = {"reply_markup": params["reply_markup"]} if params.get("reply_markup") else {}
        changed = {**{key: value for key, value in message.items() if key != "reply_markup"}, **content, **markup}
        if changed == message:
            raise Refusal("Bad Request: message is not modified")
        message.clear()
        message.update(changed)
        return message

    def _new_message(self, chat: int, sender: Object) -> Object:
        number = next(self._message_ids.setdefault(chat, itertools.count(1)))
        return {"message_id": number, "date": NOW, "chat": self.chats[chat], "from": sender}

    def _file(self, params: Object, files: dict[str, bytes], name: str) -> str:
        given = params.get(name)
        if name in files:
            file_id = f"file{next(self._ids)}"
            self.files[file_id] = files[name]
            return file_id
        if given not in self.files:
            raise Refusal("Bad Request: wrong file identifier/HTTP URL specified")
        return str(given)


def _snake(method: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", method)


def _caption(params: Object) -> Object:
    return {"caption": params["caption"]} if params.get("caption") else {}


def administrator(user: Object, *rights: str, status: str = "administrator") -> Object:
    """Return a chat member with these rights."""
    if status == "creator":
        return {"status": status, "user": user, "is_anonymous": False}
    return {"status": status, "user": user, **{name: name in rights for name in _RIGHTS}}


def entities(text: str) -> list[Object]:
    """Mark a command at the beginning and the bot's name anywhere, as Telegram does, in UTF-16 code units."""
    found = []
    name = f"@{BOT['username']}"
    if text.startswith("/") and len(text) > 1:
        found.append({"type": "bot_command", "offset": 0, "length": len(text.split()[0])})
    elif name in text:
        offset = len(text[: text.index(name)].encode("utf-16-le")) // 2
        found.append({"type": "mention", "offset": offset, "length": len(name)})
    return found
