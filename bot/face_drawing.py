"""Draw her face as an SVG: long hair in the colours of an aurora, eyes, mouth and head as the weights have them (pure).

Own drawing. The canvas is 512 by 512, the middle of her face at (256, 270); what is shown of it comes as near as her hair allows, because
faces are seen small. Parts are drawn from behind to the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.face_shape import FaceShape, mix
from engine.types import ExpressionWeights

MIDDLE_X = 256.0
EYE_Y, EYE_X = 280.0, 56.0
MOUTH_Y = 342.0


class Theme(StrEnum):
    """What stands behind her."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Palette:
    """Colours that differ with the background."""

    top: str
    bottom: str
    ribbons: tuple[str, str, str]
    ribbon_strength: float
    stars: str


_PALETTES = {
    Theme.LIGHT: _Palette(
        top="#f6f1ff", bottom="#dfe9ff", ribbons=("#8be3d0", "#a99bff", "#f3a6e0"), ribbon_strength=0.5, stars="#ffffff"
    ),
    Theme.DARK: _Palette(
        top="#120b2e",
        bottom="#2a1a5e",
        ribbons=("#3de0b8", "#7c6bff", "#d65bd0"),
        ribbon_strength=0.55,
        stars="#efe6ff",
    ),
}
_LINE = "#3b2463"  # contours
_SKIN, _SKIN_SHADE = "#ffe9df", "#f6c9c0"
_STARS = (
    (60, 70, 2.2),
    (118, 38, 1.6),
    (420, 58, 2.4),
    (468, 132, 1.7),
    (34, 180, 1.6),
    (386, 24, 1.4),
    (480, 236, 1.3),
)


def draw_face_svg(weights: ExpressionWeights, theme: Theme = Theme.DARK) -> str:
    """Return the SVG of her face; it changes smoothly with each of the three weights."""
    shape, palette = FaceShape.of(weights), _PALETTES[theme]
    lean = mix(0.0, 5.0, shape.turn)
    parts = (
        _background(palette),
        _back_hair(shape),
        _shoulders(shape),
        f'<g transform="rotate({lean:.2f} 256 420)">',
        _head(shape),
        _eye(shape, -1),
        _eye(shape, 1),
        _nose(shape),
        _mouth(shape),
        _fringe(shape),
        _brow(shape, -1),
        _brow(shape, 1),
        "</g>",
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="42 58 428 428" stroke-linecap="round" stroke-linejoin="round">'
        f"{_definitions(palette)}{''.join(parts)}</svg>"
    )


def _definitions(palette: _Palette) -> str:
    def gradient(name: str, *stops: tuple[float, str], x2: float = 0, y2: float = 1) -> str:
        colours = "".join(f'<stop offset="{offset}" stop-color="{colour}"/>' for offset, colour in stops)
        return f'<linearGradient id="{name}" x1="0" y1="0" x2="{x2}" y2="{y2}">{colours}</linearGradient>'

    return (
        "<defs>"
        + gradient("sky", (0, palette.top), (1, palette.bottom))
        + gradient("hair", (0, "#7d55d9"), (0.45, "#9a6bea"), (0.75, "#6f8cf0"), (1, "#4fd0cf"))
        + gradient("hairback", (0, "#5a38ab"), (0.55, "#6a4cc4"), (1, "#3aa6b9"))
        + gradient("shine", (0, "#e9d8ff"), (1, "#b79cf7"), x2=1, y2=0)
        + gradient("iris", (0, "#4a2a9c"), (0.55, "#8a5cf0"), (1, "#5fe0d4"))
        + gradient("hood", (0, "#f4efff"), (1, "#cfc2f2"))
        + "</defs>"
    )


def _background(palette: _Palette) -> str:
    shapes = (
        "M-20 150 C 110 60 190 210 300 120 S 470 60 540 130 L 540 190 C 440 130 380 220 270 205 S 90 170 -20 240 Z",
        "M-20 250 C 90 170 190 300 320 220 S 470 160 540 230 L 540 290 C 440 240 360 320 250 300 S 80 270 -20 330 Z",
        "M-20 350 C 120 290 200 390 330 330 S 480 290 540 340 L 540 420 C 430 360 350 440 240 410 S 90 390 -20 440 Z",
    )
    ribbons = "".join(
        f'<path d="{path}" fill="{colour}" fill-opacity="{palette.ribbon_strength}"/>'
        for path, colour in zip(shapes, palette.ribbons, strict=True)
    )
    stars = "".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{palette.stars}"/>' for x, y, r in _STARS)
    return f'<rect width="512" height="512" fill="url(#sky)"/>{ribbons}{stars}'


def _back_hair(shape: FaceShape) -> str:
    sway = mix(0, -16, shape.turn)
    return (
        f'<path d="M256 84 C 130 84 100 190 102 280 C 104 380 {82 + sway:.1f} 440 {96 + sway:.1f} 530 '
        f'L {416 + sway:.1f} 530 C {430 + sway:.1f} 440 408 380 410 280 C 412 190 382 84 256 84 Z" '
        f'fill="url(#hairback)" stroke="{_LINE}" stroke-width="4"/>'
    )


def _shoulders(shape: FaceShape) -> str:
    """Draw neck and shoulders; the neck begins far behind the chin, and its upper end goes along with a turn."""
    go = mix(0, 12, shape.turn)
    return (
        f'<path d="M{228 + go:.1f} 340 L 226 436 C 226 452 286 452 286 436 L {284 + go:.1f} 340 Z" fill="{_SKIN_SHADE}" '
        f'stroke="{_LINE}" stroke-width="4"/>'
        f'<path d="M110 530 C 118 466 170 448 222 432 C 236 462 276 462 290 432 C 342 448 394 466 402 530 Z" '
        f'fill="url(#hood)" stroke="{_LINE}" stroke-width="4"/>'
        f'<path d="M222 432 C 196 446 196 482 250 496 C 256 470 230 462 222 432 Z M290 432 C 316 446 316 482 262 496 '
        f'C 256 470 282 462 290 432 Z" fill="#b9a7ea" stroke="{_LINE}" stroke-width="3.5"/>'
    )


def _outline(shape: FaceShape) -> str:
    """Return the path around the face, whose chin goes along with a turn."""
    chin = MIDDLE_X + 0.6 * shape.across(0)
    side = mix(0, 9, shape.turn)
    left, right = 146 + side, 366 + side * 1.6
    return (
        f"M{left:.1f} 232 C {left:.1f} 150 {right:.1f} 150 {right:.1f} 232 "
        f"C {right + 1:.1f} 318 {mix(330, 360, shape.turn):.1f} 366 {chin + 20:.1f} 392 "
        f"C {chin + 8:.1f} 399 {chin - 8:.1f} 399 {chin - 20:.1f} 392 "
        f"C {mix(182, 196, shape.turn):.1f} 366 {left - 1:.1f} 318 {left:.1f} 232 Z"
    )


def _head(shape: FaceShape) -> str:
    """Draw an ear, and the face with its blush."""
    ear = 148 + mix(0, 9, shape.turn)
    outline, strength = _outline(shape), mix(0.35, 0.6, shape.mouth)
    blush = "".join(
        f'<ellipse cx="{MIDDLE_X + shape.across(x):.1f}" cy="318" rx="{23 * shape.narrowed(x):.1f}" ry="11" '
        f'fill="#ff9db4" fill-opacity="{strength:.2f}"/>'
        for x in (-74.0, 74.0)
    )
    return (
        f'<ellipse cx="{ear:.1f}" cy="288" rx="{mix(15, 19, shape.turn):.1f}" ry="25" fill="{_SKIN_SHADE}" stroke="{_LINE}" stroke-width="4"/>'
        f'<clipPath id="face"><path d="{outline}"/></clipPath><path d="{outline}" fill="{_SKIN}"/>'
        f'<g clip-path="url(#face)">{blush}</g><path d="{outline}" fill="none" stroke="{_LINE}" stroke-width="4"/>'
    )


def _eye(shape: FaceShape, side: int) -> str:
    """Draw one eye (side -1 left, 1 right): the lids part as it opens, and the iris shows whole; wonder brings a star into it."""
    x = MIDDLE_X + shape.across(side * EYE_X)
    narrowed = shape.narrowed(side * EYE_X)
    half = mix(28, 33, shape.eyes) * narrowed
    up, down = mix(7, 43, shape.eyes) + 7 * shape.wonder, mix(14, 28, shape.eyes) + 3 * shape.wonder
    outer, inner = side * half, -side * half
    lids = (
        f"M{x + outer:.2f} {EYE_Y + 3:.2f} C {x + outer * 0.75:.2f} {EYE_Y - up:.2f} {x + inner * 0.75:.2f} {EYE_Y - up:.2f} "
        f"{x + inner:.2f} {EYE_Y + 4:.2f}"
    )
    lower = f"C {x + inner * 0.7:.2f} {EYE_Y + down:.2f} {x + outer * 0.7:.2f} {EYE_Y + down:.2f} {x + outer:.2f} {EYE_Y + 3:.2f} Z"
    iris_y = EYE_Y - mix(-3, 4.5, shape.eyes) - 2 * shape.wonder
    iris_rx = (mix(13.5, 22, shape.eyes) + 2 * shape.wonder) * narrowed
    iris_ry = mix(9.5, 27, shape.eyes) + 4 * shape.wonder
    eye_x = x + mix(0, 3.5, shape.turn)
    name = f"eye{'l' if side < 0 else 'r'}"
    lash = f'<path d="M{x + outer:.2f} {EYE_Y + 3:.2f} l {side * 7 * narrowed:.2f} {mix(4, -6, shape.eyes):.2f}" stroke="{_LINE}" stroke-width="5" fill="none"/>'
    sparkle = mix(2.5, 7.5, shape.eyes)
    return (
        f'<clipPath id="{name}"><path d="{lids} {lower}"/></clipPath>'
        f'<path d="{lids} {lower}" fill="#fffdff"/>'
        f'<g clip-path="url(#{name})">'
        f'<ellipse cx="{eye_x:.2f}" cy="{iris_y:.2f}" rx="{iris_rx:.2f}" ry="{iris_ry:.2f}" fill="url(#iris)" stroke="{_LINE}" stroke-width="2.5"/>'
        f'<ellipse cx="{eye_x:.2f}" cy="{iris_y:.2f}" rx="{iris_rx * 0.45:.2f}" ry="{iris_ry * 0.5:.2f}" fill="#2a1458"/>'
        f'<circle cx="{eye_x - 6 * narrowed:.2f}" cy="{iris_y - iris_ry * 0.3:.2f}" r="{sparkle:.2f}" fill="#ffffff"/>'
        f"{_glint(eye_x - 5 * narrowed, iris_y - 8, 17 * shape.wonder)}"
        f'<circle cx="{eye_x + 6 * narrowed:.2f}" cy="{iris_y + iris_ry * 0.32:.2f}" r="{sparkle * 0.5 + 1.5 * shape.wonder:.2f}" fill="#d9fff8"/>'
        "</g>"
        f'<path d="{lids}" fill="none" stroke="{_LINE}" stroke-width="{mix(5.5, 6.5, shape.eyes):.2f}"/>{lash}'
    )


def _glint(x: float, y: float, size: float) -> str:
    """Draw a star of four points."""
    return (
        f'<path d="M{x:.2f} {y - size:.2f} Q {x:.2f} {y:.2f} {x + size:.2f} {y:.2f} Q {x:.2f} {y:.2f} {x:.2f} {y + size:.2f} '
        f'Q {x:.2f} {y:.2f} {x - size:.2f} {y:.2f} Q {x:.2f} {y:.2f} {x:.2f} {y - size:.2f} Z" fill="#ffffff"/>'
    )


def _brow(shape: FaceShape, side: int) -> str:
    """Draw a brow, over the hair so that it is seen: it rises as the eye opens; over a small one its inner end is the higher one."""
    x = MIDDLE_X + shape.across(side * EYE_X)
    half = side * mix(28, 33, shape.eyes) * shape.narrowed(side * EYE_X)
    y = mix(252, 225, shape.eyes) - 6 * shape.wonder
    return (
        f'<path d="M{x + half * 0.95:.2f} {y + mix(10, 5, shape.eyes):.2f} Q {x:.2f} {y - 7:.2f} '
        f'{x - half * 0.85:.2f} {y + mix(-5, 4, shape.eyes):.2f}" fill="none" stroke="#53359a" stroke-width="5"/>'
    )


def _nose(shape: FaceShape) -> str:
    x = MIDDLE_X + 1.06 * shape.across(0)
    return f'<path d="M{x - 3:.2f} 311 q 4 3 8 -1" fill="none" stroke="#d99a92" stroke-width="3.5"/>'


def _mouth(shape: FaceShape) -> str:
    """Draw the mouth: a small smile whose lower lip falls as it opens, then teeth and tongue come into sight."""
    x, narrowed = MIDDLE_X + shape.across(0) * 1.02, shape.narrowed(0)
    half = mix(17, 33, shape.mouth) * narrowed
    top, bottom = mix(9, 5, shape.mouth), mix(10, 66, shape.mouth)
    y = MOUTH_Y - mix(0, 3, shape.mouth)
    upper = f"M{x - half:.2f} {y:.2f} C {x - half * 0.5:.2f} {y + top:.2f} {x + half * 0.5:.2f} {y + top:.2f} {x + half:.2f} {y:.2f}"
    outline = f"{upper} C {x + half * 0.85:.2f} {y + bottom:.2f} {x - half * 0.85:.2f} {y + bottom:.2f} {x - half:.2f} {y:.2f} Z"
    return (
        f'<clipPath id="mouth"><path d="{outline}"/></clipPath>'
        f'<path d="{outline}" fill="#a2365e"/>'
        '<g clip-path="url(#mouth)">'
        f'<ellipse cx="{x:.2f}" cy="{y + bottom * 0.78:.2f}" rx="{half * 0.62:.2f}" ry="{bottom * 0.3:.2f}" fill="#ff8fa6"/>'
        f'<rect x="{x - half:.2f}" y="{y - 6:.2f}" width="{2 * half:.2f}" height="{6 + mix(2, 13, shape.mouth):.2f}" fill="#ffffff" '
        f'fill-opacity="{shape.mouth:.2f}"/>'
        "</g>"
        f'<path d="{outline}" fill="none" stroke="#7a2b55" stroke-width="4"/>'
    )


def _fringe(shape: FaceShape) -> str:
    """Draw the hair in front: locks at the sides, a fringe that goes along with the brow, and a star-shaped pin."""
    go = mix(0, 26, shape.turn)
    tip = 0.7 * go
    near, far = mix(0, 16, shape.turn), mix(0, 28, shape.turn)  # how far the locks at the sides go along
    sides = (
        f'<path d="M150 150 C {120 + near * 0.3:.1f} 250 {124 + near:.1f} 360 {112 + near * 0.6:.1f} 452 C {140 + near:.1f} 430 {168 + near:.1f} 380 '
        f'{163 + near:.1f} 300 C {162 + near:.1f} 262 {172 + near * 0.5:.1f} 222 {190 + tip:.1f} 172 Z" fill="url(#hair)" stroke="{_LINE}" stroke-width="4"/>'
        f'<path d="M362 150 C {392 + far * 0.5:.1f} 250 {388 + far * 0.5:.1f} 360 {400 + far * 0.4:.1f} 452 C {372 + far * 0.7:.1f} 430 {346 + far:.1f} 380 '
        f'{352 + far:.1f} 300 C {352 + far * 0.8:.1f} 262 {342 + far * 0.2:.1f} 222 {326 + tip * 0.3:.1f} 172 Z" fill="url(#hair)" stroke="{_LINE}" stroke-width="4"/>'
    )
    fringe = (
        f'<path d="M256 92 C 168 92 128 150 134 236 C 150 {226 + near * 0.4:.1f} 164 206 {170 + tip * 0.5:.1f} 192 '
        f"C {170 + tip:.1f} 222 {160 + tip:.1f} 238 {152 + tip:.1f} 250 C {186 + tip:.1f} 240 {212 + tip:.1f} 214 {222 + go:.1f} 186 "
        f"C {226 + go:.1f} 212 {222 + go:.1f} 228 {214 + go:.1f} 244 C {248 + go:.1f} 234 {270 + go:.1f} 208 {274 + go:.1f} 182 "
        f"C {292 + tip:.1f} 214 {312 + tip:.1f} 236 {342 + tip * 0.6:.1f} 250 C {336 + tip * 0.5:.1f} 240 {336 + tip * 0.5:.1f} 230 {337 + tip * 0.5:.1f} 222 "
        f'C {348 + tip * 0.3:.1f} 230 364 234 378 236 C 384 150 344 92 256 92 Z" fill="url(#hair)" stroke="{_LINE}" stroke-width="4"/>'
    )
    shine = (
        f'<path d="M{168 + go * 0.5:.1f} 158 C {206 + go * 0.6:.1f} 132 {300 + go * 0.6:.1f} 130 {344 + go * 0.3:.1f} 158 C {306 + go * 0.6:.1f} 146 '
        f'{210 + go * 0.6:.1f} 148 {168 + go * 0.5:.1f} 158 Z" fill="url(#shine)" fill-opacity="0.75"/>'
    )
    pin_x = 334 + go * 0.35
    pin = f'<path d="M{pin_x:.1f} 178 l 5 11 12 1 -9 8 3 12 -11 -6 -11 6 3 -12 -9 -8 12 -1 Z" fill="#8ff3df" stroke="{_LINE}" stroke-width="3"/>'
    return sides + fringe + shine + pin
