"""Check how buttons and forms are shown on Discord."""

from __future__ import annotations

from bot.answers import Attachment, Button, ButtonStyle, Form, FormField
from bot.discord_components import DESK, DESK_FORM, desk_buttons, file_of, modal_of


async def test_buttons_carry_their_token_and_what_they_open() -> None:
    plain = Button(label="다음", token="next")
    opens = Button(label="이의 제기", token="appeal", style=ButtonStyle.DANGER, opens_form=True)
    view = desk_buttons(((plain,), (opens,)))
    assert view is not None
    (first,), (second,) = (row["components"] for row in view.to_components())
    assert (first["custom_id"], second["custom_id"]) == (DESK + "next", DESK_FORM + "appeal")
    assert (first["style"], second["style"]) == (2, 4)
    assert view.is_finished()  # discord.py keeps nothing of it


def test_no_buttons_are_no_view() -> None:
    assert desk_buttons(()) is None
    assert desk_buttons(((),)) is None


def test_more_buttons_than_discord_takes_are_left_out() -> None:
    rows = [[Button(label="x", token=f"{row}-{column}") for column in range(7)] for row in range(7)]
    view = desk_buttons(rows)
    assert view is not None
    assert [len(row["components"]) for row in view.to_components()] == [5] * 5


def test_form_keeps_to_discords_lengths() -> None:
    fields = tuple(
        FormField(name=f"f{number}", label="왜 " * 40, placeholder="예: " * 60, is_long=True, max_length=9000)
        for number in range(7)
    )
    modal = modal_of(Form(token="t", title="제목 " * 30, fields=fields)).to_dict()
    assert len(modal["title"]) <= 45
    assert len(modal["components"]) == 5
    for part in modal["components"]:
        assert len(part["label"]) <= 45
        assert len(part["component"]["placeholder"]) <= 100
        assert part["component"]["max_length"] == 4000


def test_file_is_sent_under_its_name() -> None:
    file = file_of(Attachment(name="mydata.json", data=b"{}"))
    assert (file.filename, file.fp.read()) == ("mydata.json", b"{}")
