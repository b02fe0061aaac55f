"""Check what is declared of the commands, and how words are read into options."""

from __future__ import annotations

import re

import pytest

from bot.answers import Rights
from bot.command_texts import (
    command_description,
    command_name,
    group_description,
    group_name,
    option_description,
    option_name,
    write_misread,
    write_usage,
)
from bot.command_words import Misread, Read, bind, read_words
from bot.commands import COMMANDS, REPORT_MENU_KEY, Option, OptionKind, Role, commands_of, find_command, may_use
from bot.rendering import LANGUAGES, Texts, read_catalogue
from tests.bot.conftest import SEOUL

LATIN = re.compile(r"[a-z][a-z0-9_]{0,31}")
LOCAL = re.compile(r"[-_0-9a-z가-힣]{1,32}")
NAMES = [command.name for command in COMMANDS]


def read(line: str, *, platform: str = "telegram", replied_user: str | None = None) -> Read | Misread | None:
    group, _, rest = line.partition(" ")
    return read_words(platform, group, rest, replied_user=replied_user)


def arguments(line: str, **others: str) -> dict[str, object]:
    done = read(line, **others)
    assert isinstance(done, Read), done
    return dict(done.arguments)


@pytest.mark.parametrize("name", NAMES)
def test_command_can_be_registered_on_both_platforms(name: str) -> None:
    command = find_command(name)
    assert command is not None
    assert all(LATIN.fullmatch(word) for word in name.split(" "))
    assert len(command.options) <= 25
    for language in LANGUAGES:
        assert LOCAL.fullmatch(command_name(language, command))
        assert LOCAL.fullmatch(group_name(language, command.group))
        assert 1 <= len(command_description(language, command)) <= 100
        assert 1 <= len(group_description(language, command.group)) <= 100
        for option in command.options:
            assert LATIN.fullmatch(option.name)
            assert LOCAL.fullmatch(option_name(language, option))
            assert 1 <= len(option_description(language, option)) <= 100
            assert len(option.choices) <= 25


@pytest.mark.parametrize("name", NAMES)
def test_required_options_stand_before_the_others(name: str) -> None:
    command = find_command(name)
    assert command is not None
    required = [option.required for option in command.options]
    assert required == sorted(required, reverse=True)


def test_names_are_unique_also_in_korean() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for language in LANGUAGES:
        groups = {command.group for command in COMMANDS}
        assert len({group_name(language, group) for group in groups}) == len(groups)
        for group in groups:
            words = [command_name(language, command) for command in COMMANDS if command.group == group]
            assert len(set(words)) == len(words)


def test_every_command_of_the_issue_is_declared() -> None:
    wanted = (
        "help about memory reset language timezone privacy mydata forgetme status appeal sanctions lift warn block note "
        "setup persona stats sync"
    )
    for platform in ("discord", "telegram"):
        assert set(wanted.split()) <= {command.group for command in commands_of(platform)}
    assert read_catalogue("ko")[REPORT_MENU_KEY] == "신고"


@pytest.mark.parametrize(
    ("who", "rights", "expected"),
    [
        (Role.EVERYONE, Rights(), True),
        (Role.MODERATOR, Rights(), False),
        (Role.MODERATOR, Rights(is_moderator=True), True),
        (Role.MODERATOR, Rights(is_admin=True), True),
        (Role.MODERATOR, Rights(is_owner=True), True),
        (Role.ADMIN, Rights(is_moderator=True), False),
        (Role.ADMIN, Rights(is_admin=True), True),
        (Role.OWNER, Rights(is_moderator=True, is_admin=True), False),
        (Role.OWNER, Rights(is_owner=True), True),
    ],
)
def test_role_holds_those_below_it(who: Role, rights: Rights, expected: bool) -> None:
    assert may_use(who, rights) is expected


def test_words_become_options_in_their_order() -> None:
    assert arguments("block 1001 3d 도배  계속 함\n또 함") == {
        "user": "1001",
        "length": "3d",
        "reason": "도배  계속 함\n또 함",
    }
    assert arguments("memory edit 2 커피 = 좋아함") == {"number": 2, "value": "커피 = 좋아함"}
    assert arguments("sanctions category 사랑 고백/만남") == {"category": "사랑 고백/만남"}
    assert arguments("setup channel") == {}
    assert arguments("setup channel -1001:5 off") == {"channel": "-1001:5", "state": "off"}
    assert arguments("persona temperature 0.7") == {"temperature": 0.7}


def test_optional_option_behind_the_rest_is_named() -> None:
    assert arguments("lift #12 처음이라 줄임 remaining=12h") == {
        "sanction": 12,
        "reason": "처음이라 줄임",
        "remaining": "12h",
    }


def test_message_that_is_replied_to_names_the_user() -> None:
    assert arguments("warn 욕설 하지 마세요", replied_user="42") == {"user": "42", "reason": "욕설 하지 마세요"}
    assert arguments("sanctions user", replied_user="42") == {"user": "42"}


@pytest.mark.parametrize(
    ("line", "name"), [("memory", "memory list"), ("setup", "setup show"), ("sanctions", "sanctions open")]
)
def test_bare_group_is_its_first_subcommand(line: str, name: str) -> None:
    done = read(line)
    assert isinstance(done, Read)
    assert done.command.name == name


def test_korean_names_and_choices_are_understood() -> None:
    done = read("memory 지우기 3")
    assert isinstance(done, Read)
    assert (done.command.name, done.arguments) == ("memory forget", {"number": 3})
    assert arguments("language 한국어") == {"language": "ko"}
    assert arguments("memory PAUSE ON") == {"state": "on"}


def test_unknown_command_is_none_and_unknown_subcommand_a_misreading() -> None:
    assert read("dance") is None
    assert read("start", platform="discord") is None
    assert read("memory dance") == Misread(group="memory")


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("memory forget", "number"),
        ("memory forget 0", "number"),
        ("memory forget 1.5", "number"),
        ("memory forget nan", "number"),
        ("memory forget 9e99", "number"),
        ("memory forget １２３４５６７８９", "number"),
        ("memory edit 1", "value"),
        ("memory edit 1 " + "가" * 81, "value"),
        ("memory pause maybe", "state"),
        ("language fr", "language"),
        ("block @minji 3d 욕", "user"),
        ("block 1001", "length"),
        ("persona temperature 1.3", "temperature"),
        ("persona temperature inf", "temperature"),
        ("setup channel 1 on now", "state"),
    ],
)
def test_misreading_names_the_option(line: str, option: str) -> None:
    misread = read(line)
    assert isinstance(misread, Misread)
    assert misread.option is not None
    assert misread.option.name == option
    for language in LANGUAGES:
        texts = Texts(language, SEOUL)
        assert option_name(language, misread.option) in write_misread(texts, misread)


def test_command_without_options_takes_no_words() -> None:
    misread = read("reset now")
    assert misread == Misread(group="reset", command=find_command("reset"))
    assert isinstance(misread, Misread)
    assert write_misread(Texts("en", SEOUL), misread) == "Write it like this: /reset"


def test_values_of_a_platform_are_bound_as_they_are() -> None:
    command = find_command("persona temperature")
    assert command is not None
    assert bind(command, {"temperature": 1}) == Read(command=command, arguments={"temperature": 1.0})
    assert isinstance(bind(command, {"temperature": 5}), Misread)
    assert bind(command, {"unknown": 1}) == Read(command=command, arguments={})


def test_usage_tells_required_and_optional_options() -> None:
    command, pause = find_command("lift"), find_command("memory pause")
    assert command is not None
    assert pause is not None
    assert write_usage(Texts("en", SEOUL), command) == "/lift <sanction> <reason> [remaining]"
    assert write_usage(Texts("ko", SEOUL), pause) == "/memory pause [on|off]"


def test_unknown_subcommand_is_answered_with_those_that_exist() -> None:
    text = write_misread(Texts("en", SEOUL), Misread(group="memory"))
    assert text == "Write one of these behind /memory: list, edit, forget, pin, pause"


def test_option_keys_are_shared_by_name() -> None:
    assert Option(name="user", kind=OptionKind.USER).text_key == "option.user"
