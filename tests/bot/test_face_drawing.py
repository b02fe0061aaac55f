"""Check her face: one for each combination of levels, smooth in the weights, light and dark."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from bot.face_drawing import Theme, draw_face_svg
from bot.face_shape import FaceShape
from bot.face_sheet import all_expressions
from engine.expression import make_expression
from engine.types import ExpressionWeights, Eyes, Mouth, Pose

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
RANGES = {"eyes": (-1.2, 0.2), "mouth": (-1.6, -0.4), "pose": (-1.8, 0.6)}


def weights(eyes: float = -0.45, mouth: float = -0.6, pose: float = 0.1) -> ExpressionWeights:
    return ExpressionWeights(eyes=eyes, mouth=mouth, pose=pose)


@pytest.mark.parametrize("theme", Theme)
def test_every_combination_of_levels_has_a_face_of_its_own(theme: Theme) -> None:
    faces = {draw_face_svg(expression.weights, theme) for expression in all_expressions()}
    assert len(faces) == 36


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("theme", Theme)
def test_face_changes_smoothly_with_each_weight(name: str, theme: Theme) -> None:
    low, high = RANGES[name]
    steps = 140
    drawn = [
        draw_face_svg(replace(weights(), **{name: low + (high - low) * step / steps}), theme)
        for step in range(steps + 1)
    ]
    forms = {_NUMBER.sub("#", svg) for svg in drawn}
    assert len(forms) == 1, "the same strokes, only moved"
    numbers = [[float(number) for number in _NUMBER.findall(svg)] for svg in drawn]
    for before, after in itertools.pairwise(numbers):
        assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 1.5  # of 512 units


@pytest.mark.parametrize("theme", Theme)
def test_drawing_is_well_formed_and_names_nothing_outside(theme: Theme) -> None:
    for expression in all_expressions():
        svg = draw_face_svg(expression.weights, theme)
        ElementTree.fromstring(svg)
        assert "href" not in svg
        assert "nan" not in svg


def test_light_and_dark_differ() -> None:
    assert draw_face_svg(weights(), Theme.LIGHT) != draw_face_svg(weights(), Theme.DARK)


def test_smaller_weights_open_wider_and_turn_further() -> None:
    small = make_expression(Eyes.SMALL, Mouth.NORMAL, Pose.NONE)
    large = make_expression(Eyes.VERY_WIDE, Mouth.VERY_WIDE, Pose.FAR)
    before, after = FaceShape.of(small.weights), FaceShape.of(large.weights)
    assert before.eyes < 0.3 < 0.9 < after.eyes
    assert before.mouth < 0.3 < 0.8 < after.mouth
    assert before.turn == 0
    assert after.turn > 0.9


def test_neighbouring_levels_are_well_apart() -> None:
    shapes = {
        "eyes": [FaceShape.of(make_expression(eyes, Mouth.NORMAL, Pose.NONE).weights) for eyes in Eyes],
        "mouth": [FaceShape.of(make_expression(Eyes.NORMAL, mouth, Pose.NONE).weights) for mouth in Mouth],
        "turn": [FaceShape.of(make_expression(Eyes.NORMAL, Mouth.NORMAL, pose).weights) for pose in Pose],
    }
    for name, levels in shapes.items():
        opened = [getattr(shape, name) + (shape.wonder if name == "eyes" else 0.0) for shape in levels]
        assert all(more - less > 0.3 for less, more in itertools.pairwise(opened)), (name, opened)


@pytest.mark.parametrize("value", [-100.0, 100.0])
def test_weights_out_of_range_keep_a_face(value: float) -> None:
    shape = FaceShape.of(weights(value, value, value))
    assert all(0 <= part <= 1 for part in (shape.eyes, shape.wonder, shape.mouth, shape.turn))
