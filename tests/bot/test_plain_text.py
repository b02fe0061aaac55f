"""Check that text of the model or of users does nothing on a platform, and that plain lines come out as they were."""

from __future__ import annotations

import re

import pytest

from bot.plain_text import discord_answer, discord_text, one_line, telegram_text, visible_text
from bot.rendering import read_catalogue

LINES = [
    "안녕! 😊",
    "ㅋㅋㅋ 진짜?",
    "@_@ 어지러워",
    "3 < 5 이고 <3 좋아",
    "오후 3:30에 봐",
    "좋아... 그래",
    "50% 할인!",
    "v2.5",
    "가/나",
]


@pytest.mark.parametrize("line", LINES)
def test_plain_line_stays_on_telegram(line: str) -> None:
    assert telegram_text(line) == line


@pytest.mark.parametrize("line", [line for line in LINES if "_" not in line])
def test_plain_line_stays_on_discord(line: str) -> None:
    assert discord_text(line) == line


@pytest.mark.parametrize("make", [discord_text, telegram_text])
@pytest.mark.parametrize(
    "text",
    [
        "@everyone", "@here 봐", "<@123456789012345678>", "<@&42>", "<#42>", "@durov 안녕", "https://evil.example/a",
        "evil.com", "t.me/joinchat", "[여기](https://evil.com)", "[x](javascript:alert(1))", "tg://resolve?domain=x",
        "JavaScript:alert(1)", "naver.co.kr 가 봐", "www.evil.io",
    ],
)  # fmt: skip
def test_mentions_and_links_do_nothing(make: object, text: str) -> None:
    made = discord_text(text) if make is discord_text else telegram_text(text)
    assert not re.search(r"@(everyone|here|durov)|\w://|javascript:|[a-z0-9]\.[a-z]{2}", made, re.IGNORECASE)
    if make is discord_text:
        assert not re.search(r"<[@#]|(?<!\\)\[", made)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("**굵게**", r"\*\*굵게\*\*"),
        ("ㅠ_ㅠ", r"ㅠ\_ㅠ"),
        ("||비밀||", r"\|\|비밀\|\|"),
        ("`코드`", r"\`코드\`"),
        ("# 큰 글씨", r"\# 큰 글씨"),
        ("-# 작은 글씨", r"\-# 작은 글씨"),
        ("> 인용", r"\> 인용"),
        ("- 하나\n- 둘", "\\- 하나\n\\- 둘"),
        (r"\*", r"\\\*"),
        ("a > b", "a > b"),
        ("#1등", "#1등"),
        ("</about:42> <:a:42> <a:b:42> <t:0:R> <id:home>", "＜/about:42> ＜:a:42> ＜a:b:42> ＜t:0:R> ＜id:home>"),
    ],
)
def test_discord_markdown_is_shown_as_typed(text: str, escaped: str) -> None:
    assert discord_text(text) == escaped


def test_only_links_to_messages_lead_somewhere_in_an_answer() -> None:
    link = "https://discord.com/channels/123456789012345678/223456789012345678/323456789012345678"
    private = "https://discord.com/channels/@me/223456789012345678/323456789012345678"
    assert discord_answer(f"@everyone {link}\n{private}") == f"＠everyone {link}\n{private}"
    assert "https://" not in discord_text(link)
    for other in (
        f"{link}@evil.com",
        f"{link}/x",
        "https://discord.com/channels/1/2/3",
        f"https://evil.com?{link[8:]}",
    ):
        assert "://" not in discord_answer(other)


def test_channels_and_roles_are_named_in_answers_only_and_people_never() -> None:
    text = "<#123> <@&456> <@789> <@!789> <#abc> <id:home>"
    assert discord_answer(text) == "<#123> <@&456> <＠789> ＜@!789> ＜#abc> ＜id:home>"
    assert discord_text("<#123> <@&456>") == "＜#123> ＜@&456>"


def test_fence_is_shown_as_typed() -> None:
    assert "```" not in discord_text("```\n@everyone\n```")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("가\u200b나\u202e다\u2066라\ufeff", "가나다라"),
        ("가\x00나\x1b[31m", "가나[31m"),
        ("가\r\n나\r다\u2028라", "가\n나\n다\n라"),
        ("가\n\n\n\n나", "가\n\n나"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 4),
        ("👩‍👧", "👩‍👧"),
        ("가\ud800나", "가나"),
    ],
)
def test_unseen_characters_go(text: str, seen: str) -> None:
    assert visible_text(text) == seen


def test_name_is_one_short_line() -> None:
    assert one_line("가\n나\u202e\t다", 10) == "가 나 다"
    assert one_line("가" * 20, 5) == "가가가가…"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_texts_of_the_catalogues_come_out_as_they_are_on_telegram(language: str) -> None:
    elsewhere = ("console.", "dashboard.", "data.readme")  # the terminal, the page of moderators, a file
    texts = [text for key, text in read_catalogue(language).items() if not key.startswith(elsewhere)]
    assert [text for text in texts if telegram_text(text) != text and "://" not in text] == []
