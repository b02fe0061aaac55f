"""Check that foreign text stays one cell and shows as it is, through a real Markdown reader."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from models.evaluation.markdown import escape, figure, share, table


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "하이~~ ~~나~~ 왔당",
        "*_굵게_*",
        "`코드`",
        "<script>x</script>",
        "[링크](http://x)",
        "끝에 \\",
        "&lt;",
        "a\\|b",
    ],
)
def test_cell_shows_the_text_letter_by_letter(text: str) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(table(["열", "다음"], [[escape(text), "x"]]))
    cells = [token for token in tokens if token.type == "inline"]
    assert [part.type for part in cells[2].children or ()] in (["text"], ["text", "text_special"])
    assert "".join(part.content for part in cells[2].children or ()) == text
    assert cells[3].content == "x"


def test_line_breaks_do_not_end_a_row() -> None:
    assert escape("하나\n둘\r\n셋") == "하나 둘 셋"


def test_numbers_are_written_for_reading() -> None:
    assert (share(1, 3), share(0, 0)) == ("1 (33 %)", "0")
    assert (figure(0.12345), figure(None), figure(1.0, 2)) == ("0.1235", "–", "1.00")
    assert table(["a"], [[None]]).splitlines()[-1] == "| – |"
