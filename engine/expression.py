"""Read what the eyes_mouth_pose adapter answers, and turn it into weights for an image generator."""

from __future__ import annotations

import random
import re

from engine.types import Expression, ExpressionWeights, Eyes, Mouth, Pose

_ANSWER = re.compile(
    r"\(\s*눈\s*(작게|보통|아주\s*크게|크게)\s*,\s*입\s*(보통|아주\s*크게|크게)\s*,\s*고개\s*돌림\s*(없음|보통|많이)\s*\)"
)
# Ranges before the change of sign.
_EYES = {
    Eyes.SMALL: (-0.2, 0.1),
    Eyes.NORMAL: (0.3, 0.6),
    Eyes.WIDE: (0.8, 1.1),
    Eyes.VERY_WIDE: (1.1, 1.2),
}
_MOUTH = {Mouth.NORMAL: (0.4, 0.8), Mouth.WIDE: (1.0, 1.4), Mouth.VERY_WIDE: (1.4, 1.6)}
_POSE = {Pose.NONE: (-0.6, 0.3), Pose.NORMAL: (0.8, 1.5), Pose.FAR: (1.5, 1.8)}


def parse_expression(answer: str) -> tuple[Eyes, Mouth, Pose] | None:
    """Return the levels in `answer`, or None where it cannot be read."""
    match = _ANSWER.search(answer)
    if match is None:
        return None
    eyes, mouth, pose = (re.sub(r"아주\s*", "아주 ", part) for part in match.groups())
    return Eyes(eyes), Mouth(mouth), Pose(pose)


def make_expression(
    eyes: Eyes = Eyes.NORMAL, mouth: Mouth = Mouth.NORMAL, pose: Pose = Pose.NONE, *, seed: int | None = None
) -> Expression:
    """Return the expression with its weights: the middle of each range, or, with `seed`, a point within it."""
    rng = None if seed is None else random.Random(seed)

    def weight(bounds: tuple[float, float]) -> float:
        value = sum(bounds) / 2 if rng is None else rng.uniform(*bounds)
        return round(-value, 3)

    weights = ExpressionWeights(eyes=weight(_EYES[eyes]), mouth=weight(_MOUTH[mouth]), pose=weight(_POSE[pose]))
    return Expression(eyes=eyes, mouth=mouth, pose=pose, weights=weights)
