"""All 36 faces on one sheet, for the documents: rows by head, columns by eyes and mouth."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import resvg_py

from bot.face_drawing import Theme
from bot.face_pictures import FacePictures
from engine.expression import make_expression
from engine.types import Expression, Eyes, Mouth, Pose


def all_expressions() -> list[Expression]:
    """Return every combination of levels, each with the middle of its weights."""
    return [make_expression(eyes, mouth, pose) for pose in Pose for mouth in Mouth for eyes in Eyes]


def draw_sheet(theme: Theme, face_size: int = 120) -> bytes:
    """Return a PNG of all faces, twelve in a row."""
    pictures, columns = FacePictures(face_size * 2), len(Eyes) * len(Mouth)
    images = []
    for number, expression in enumerate(all_expressions()):
        data = base64.b64encode(pictures.png(expression, theme)).decode()
        x, y = number % columns * face_size, number // columns * face_size
        images.append(
            f'<image x="{x}" y="{y}" width="{face_size}" height="{face_size}" href="data:image/png;base64,{data}"/>'
        )
    width, height = columns * face_size, len(Pose) * face_size
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{"".join(images)}</svg>'
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))


def write_sheets(folder: Path) -> None:
    """Write a sheet for each theme into `folder`."""
    for theme in Theme:
        (folder / f"{theme}.png").write_bytes(draw_sheet(theme))


if __name__ == "__main__":
    write_sheets(Path(sys.argv[1]))
