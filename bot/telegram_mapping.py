"""Telegram's messages as ours: who speaks, where, what of it is said to her, and what is a command. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Chat, Message, MessageEntity, User

from bot.answers import Actor, Place, ReportedMessage, Rights
from bot.commands import TELEGRAM
from storage.records import ConversationKey, UserKey

GENERAL_TOPIC = 1  # of a forum; it takes no message_thread_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where messages go: a chat, and a topic of it where it has topics."""

    chat: int
    topic: int | None = None

    @property
    def is_group(self) -> bool:
        """Tell whether others read along: groups have negative ids."""
        return self.chat < 0

    @property
    def name(self) -> str:
        """The spot as `Place.channel` and as a conversation's id: `chat` or `chat:topic`."""
        return str(self.chat) if self.topic is None else f"{self.chat}:{self.topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The bot's own account."""

    id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCommand:
    """A command as typed. `is_for_me` says that it names this bot, `/help@her_name`."""

    name: str
    rest: str
    is_for_me: bool


def read_spot(name: str) -> Spot | None:
    """Read `Spot.name`; None where the text is no such name."""
    chat, _, topic = name.partition(":")
    try:
        return Spot(chat=int(chat), topic=int(topic) if topic else None)
    except ValueError:
        return None


def spot_of(message: Message) -> Spot:
    """Return where a message stands. A reply outside of topics has a thread number too, which is no topic."""
    topic = message.message_thread_id if message.is_topic_message else None
    return Spot(chat=message.chat.id, topic=None if topic == GENERAL_TOPIC else topic)


def user_key(user_id: int) -> UserKey:
    """Return the key of a person."""
    return UserKey(platform=TELEGRAM, id=str(user_id))


def actor_of(user: User, spot: Spot, rights: Rights | None = None) -> Actor:
    """Return who acts, and where."""
    place = Place(
        conversation=ConversationKey(platform=TELEGRAM, id=spot.name),
        community=str(spot.chat) if spot.is_group else None,
        channel=spot.name,
    )
    return Actor(
        user=user_key(user.id),
        place=place,
        rights=rights or Rights(),
        name=user.full_name,
        client_locale=user.language_code or "",
    )


def is_from_person(message: Message) -> bool:
    """Tell whether a person wrote a message: no bot, no channel, and no report such as "… joined the group"."""
    user = message.from_user
    has_content = message.text is not None or message.effective_attachment is not None
    return user is not None and not user.is_bot and message.sender_chat is None and has_content


def is_anonymous_admin(message: Message) -> bool:
    """Tell whether an administrator wrote in the group's name, so that nobody can know who."""
    return message.sender_chat is not None and message.sender_chat.id == message.chat.id


def command_of(message: Message, me: Me) -> TypedCommand | None:
    """Return the command that a message is; None for other messages and for commands to another bot."""
    first = next((entity for entity in message.entities if entity.offset == 0), None)
    if message.text is None or first is None or first.type != MessageEntity.BOT_COMMAND:
        return None
    word, name = message.parse_entity(first)[1:], ""
    if "@" in word:
        word, name = word.split("@", 1)
        if name.casefold() != me.username.casefold():
            return None
    rest = message.text[first.length :].strip()  # a command is ASCII, so units are characters
    return TypedCommand(name=word.lower(), rest=rest, is_for_me=bool(name))


def is_command(message: Message) -> bool:
    """Tell whether a message begins with a command, whoever it is for."""
    return any(entity.offset == 0 and entity.type == MessageEntity.BOT_COMMAND for entity in message.entities)


def is_addressed(message: Message, me: Me) -> bool:
    """Tell whether a message is for her: in private, as a reply to her, or naming her."""
    return message.chat.type == Chat.PRIVATE or replied_to(message, me.id) or bool(_own_names(message, me))


def replied_to(message: Message, user_id: int) -> bool:
    """Tell whether a message replies to one of `user_id`. The first message of a topic is no such reply."""
    original = replied_message(message)
    return original is not None and original.from_user is not None and original.from_user.id == user_id


def replied_message(message: Message) -> Message | None:
    """Return the message that somebody replied to; in a topic every message "replies" to the one that opened it."""
    original = message.reply_to_message
    return None if original is None or original.forum_topic_created is not None else original


def spoken_text(message: Message, me: Me) -> str:
    """Return what a message says, without her own name; a sticker says its emoji. Empty for a voice, a file, a place."""
    text = message.text if message.text is not None else message.caption
    if text is None:
        return (message.sticker.emoji or "") if message.sticker is not None else ""
    units = text.encode("utf-16-le")  # entities count in these units
    for entity in sorted(_own_names(message, me), key=lambda entity: entity.offset, reverse=True):
        units = units[: entity.offset * 2] + units[(entity.offset + entity.length) * 2 :]
    return units.decode("utf-16-le", errors="replace").strip()


def reported_message(message: Message) -> ReportedMessage:
    """Return a message as it is reported."""
    author = message.from_user
    sender = message.sender_chat
    number = author.id if author is not None and sender is None else sender.id if sender is not None else 0
    name = (
        author.full_name
        if author is not None and sender is None
        else (sender.title or "")
        if sender is not None
        else ""
    )
    text = message.text or message.caption or ""
    return ReportedMessage(author=user_key(number), author_name=name, text=text, link=message.link or "")


def _own_names(message: Message, me: Me) -> list[MessageEntity]:
    entities = message.entities if message.text is not None else message.caption_entities
    text = (message.text if message.text is not None else message.caption) or ""
    units = text.encode("utf-16-le")
    found = []
    for entity in entities:
        written = units[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le", errors="replace")
        is_name = entity.type == MessageEntity.MENTION and written.casefold() == f"@{me.username}".casefold()
        is_link = entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.id
        if is_name or is_link:
            found.append(entity)
    return found
