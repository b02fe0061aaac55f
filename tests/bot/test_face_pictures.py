"""Check the pictures of her face: PNG, all different, rendered once, bounded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bot.face_drawing import Theme
from bot.face_pictures import FacePictures
from bot.face_sheet import all_expressions, draw_sheet, write_sheets
from engine.expression import make_expression


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_all_36_faces_differ_as_pictures() -> None:
    pictures = FacePictures(64)
    drawn = [pictures.png(expression) for expression in all_expressions()]
    assert len(set(drawn)) == 36
    assert {size_of(png) for png in drawn} == {(64, 64)}


def test_light_and_dark_pictures_differ() -> None:
    pictures = FacePictures(64)
    assert pictures.png(make_expression(), Theme.LIGHT) != pictures.png(make_expression(), Theme.DARK)


def test_picture_is_rendered_once() -> None:
    pictures = FacePictures(64)
    assert pictures.png(make_expression()) is pictures.png(make_expression())


@pytest.mark.parametrize("most", [3])
def test_number_of_kept_pictures_is_bounded(most: int) -> None:
    pictures = FacePictures(16, most_kept=most)
    first = pictures.png(all_expressions()[0])
    for expression in all_expressions()[1 : most + 1]:
        pictures.png(expression)
    again = pictures.png(all_expressions()[0])
    assert again == first
    assert again is not first


def test_sheet_shows_twelve_in_a_row() -> None:
    assert size_of(draw_sheet(Theme.DARK, face_size=16)) == (192, 48)


def test_sheets_of_the_documents_are_of_this_drawing(tmp_path: Path) -> None:
    write_sheets(tmp_path)
    kept = Path(__file__).resolve().parents[2] / "docs" / "faces"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in kept.iterdir()}
    for path in tmp_path.iterdir():
        assert size_of(path.read_bytes()) == size_of((kept / path.name).read_bytes())
