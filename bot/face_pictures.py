"""Her face as PNG pictures, rendered once for each look and kept in memory."""

from __future__ import annotations

from collections import OrderedDict

import resvg_py

from bot.face_drawing import Theme, draw_face_svg
from engine.types import Expression, ExpressionWeights

_STEP = 0.1  # weights that are closer than this share a picture


class FacePictures:
    """Renders faces as square PNG pictures of `size` pixels."""

    def __init__(self, size: int = 320, most_kept: int = 256, theme: Theme = Theme.DARK) -> None:
        """Render in `size` by `size` pixels before the background of `theme`; keep `most_kept` pictures of some 40 kB each."""
        self._size = size
        self._most_kept = most_kept
        self._theme = theme
        self._kept: OrderedDict[tuple[float, float, float, Theme], bytes] = OrderedDict()

    def png(self, expression: Expression, theme: Theme | None = None) -> bytes:
        """Return the picture of an expression, before another background if `theme` says so; weights are rounded to tenths. A new one takes some hundredths of a second."""
        weights, theme = expression.weights, theme or self._theme
        key = (_rounded(weights.eyes), _rounded(weights.mouth), _rounded(weights.pose), theme)
        if key not in self._kept:
            self._kept[key] = self._render(ExpressionWeights(eyes=key[0], mouth=key[1], pose=key[2]), theme)
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _render(self, weights: ExpressionWeights, theme: Theme) -> bytes:
        svg = draw_face_svg(weights, theme)
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=self._size, height=self._size, skip_system_fonts=True))


def _rounded(weight: float) -> float:
    return round(round(weight / _STEP) * _STEP, 3)
