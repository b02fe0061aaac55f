"""Check how a face is read and turned into weights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.expression import make_expression, parse_expression
from engine.types import ExpressionWeights, Eyes, Mouth, Pose

EYES, MOUTHS, POSES = st.sampled_from(Eyes), st.sampled_from(Mouth), st.sampled_from(Pose)
GAP = st.sampled_from(["", " ", "  ", "\u3000", "\n"])
# Ranges before the change of sign: design/behaviour.md, section 6.
EYES_RANGES = {
    Eyes.SMALL: (-0.2, 0.1),
    Eyes.NORMAL: (0.3, 0.6),
    Eyes.WIDE: (0.8, 1.1),
    Eyes.VERY_WIDE: (1.1, 1.2),
}
MOUTH_RANGES = {Mouth.NORMAL: (0.4, 0.8), Mouth.WIDE: (1.0, 1.4), Mouth.VERY_WIDE: (1.4, 1.6)}
POSE_RANGES = {Pose.NONE: (-0.6, 0.3), Pose.NORMAL: (0.8, 1.5), Pose.FAR: (1.5, 1.8)}


@given(eyes=EYES, mouth=MOUTHS, pose=POSES)
def test_every_face_in_its_own_format_is_read(eyes: Eyes, mouth: Mouth, pose: Pose) -> None:
    assert parse_expression(f"(눈 {eyes}, 입 {mouth}, 고개 돌림 {pose})") == (eyes, mouth, pose)


@given(eyes=EYES, mouth=MOUTHS, pose=POSES, gap=GAP)
def test_face_is_read_whatever_its_spaces(eyes: Eyes, mouth: Mouth, pose: Pose, gap: str) -> None:
    spread = [level.replace(" ", gap) for level in (eyes, mouth)]
    answer = f"이거! ({gap}눈{gap}{spread[0]}{gap},{gap}입{gap}{spread[1]},{gap}고개{gap}돌림{gap}{pose}{gap}) 끝"
    assert parse_expression(answer) == (eyes, mouth, pose)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "(눈 보통)",
        "(눈 보통, 입 작게, 고개 돌림 없음)",
        "(눈 보통, 입 보통, 고개 돌림 크게)",
        "눈 보통, 입 보통, 고개 돌림 없음",
        "(눈 보통, 입 보통, 고개 돌림 없음",
        "(입 보통, 눈 보통, 고개 돌림 없음)",
    ],
)
def test_unreadable_face_is_none(answer: str) -> None:
    assert parse_expression(answer) is None


PIECES = ["(", ")", "눈 ", "입 ", "고개 돌림 ", ", ", "아주 ", "크게", "보통", "눈 아주 크게, ", "입 보통, ", "많이)"]


@given(answer=st.text() | st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_arbitrary_answer_is_a_face_or_none(answer: str) -> None:
    levels = parse_expression(answer)
    assert levels is None or make_expression(*levels).eyes == levels[0]


def test_plain_face_is_the_default() -> None:
    face = make_expression()
    assert (face.eyes, face.mouth, face.pose) == (Eyes.NORMAL, Mouth.NORMAL, Pose.NONE)
    assert face.weights == ExpressionWeights(eyes=-0.45, mouth=-0.6, pose=0.15)


@given(eyes=EYES, mouth=MOUTHS, pose=POSES)
def test_weights_without_a_seed_are_the_middle_with_the_sign_changed(eyes: Eyes, mouth: Mouth, pose: Pose) -> None:
    weights = make_expression(eyes, mouth, pose).weights
    assert weights.eyes == pytest.approx(-sum(EYES_RANGES[eyes]) / 2)
    assert weights.mouth == pytest.approx(-sum(MOUTH_RANGES[mouth]) / 2)
    assert weights.pose == pytest.approx(-sum(POSE_RANGES[pose]) / 2)


@given(eyes=EYES, mouth=MOUTHS, pose=POSES, seed=st.integers())
def test_weights_with_a_seed_stay_in_range_and_repeat(eyes: Eyes, mouth: Mouth, pose: Pose, seed: int) -> None:
    face = make_expression(eyes, mouth, pose, seed=seed)
    assert EYES_RANGES[eyes][0] <= -face.weights.eyes <= EYES_RANGES[eyes][1]
    assert MOUTH_RANGES[mouth][0] <= -face.weights.mouth <= MOUTH_RANGES[mouth][1]
    assert POSE_RANGES[pose][0] <= -face.weights.pose <= POSE_RANGES[pose][1]
    assert make_expression(eyes, mouth, pose, seed=seed) == face
