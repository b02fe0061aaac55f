"""The chart of an interview's report card: a bar for each topic, as SVG and as a PNG picture."""

from __future__ import annotations

from html import escape
from pathlib import Path

import resvg_py

from bot.rendering import Texts
from engine.interview_report import Report, TopicResult

FONT = Path(__file__).resolve().parent / "fonts" / "OhloraSans.ttf"
_FAMILY = "Ohlora Sans"
# Colours that all eyes tell apart (Okabe and Ito 2008), the last one a light grey.
_ANSWERED, _MISSED, _NOT_REACHED = "#0072B2", "#D55E00", "#D0D4DA"
_PAPER, _INK = "#FFFFFF", "#1D2430"
_WIDTH, _ROW, _TOP, _LEFT, _BAR = 720, 46, 112, 210, 430
_LONGEST_TOPIC = 13  # characters that fit before a bar


def draw_chart_svg(report: Report, texts: Texts) -> str:
    """Draw one bar a topic: answered, missed, not asked for; every part bears its number, so that no colour is needed to read it."""
    rows = [_row(topic, _TOP + number * _ROW) for number, topic in enumerate(report.topics)]
    height = _TOP + _ROW * len(report.topics) + 24
    title = texts.get("card.title", title=report.title)
    summary = texts.get("card.summary", answered=report.answered, missed=report.missed)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" font-family="{_FAMILY}, sans-serif" fill="{_INK}">'
        f'<title>{escape(title)}</title><rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>'
        f'<text x="24" y="42" font-size="25">{escape(title)}</text>'
        f'<text x="24" y="72" font-size="16">{escape(summary)}</text>{_legend(texts)}{"".join(rows)}</svg>'
    )


def draw_chart_png(report: Report, texts: Texts) -> bytes:
    """Render the chart, in twice its size, with the font that ships. Takes some tenths of a second."""
    svg = draw_chart_svg(report, texts)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, width=2 * _WIDTH, font_files=[str(FONT)], font_family=_FAMILY, skip_system_fonts=True
        )
    )


def _legend(texts: Texts) -> str:
    parts = []
    for number, (state, colour) in enumerate(
        (("answered", _ANSWERED), ("missed", _MISSED), ("not_reached", _NOT_REACHED))
    ):
        x = _LEFT + number * 150
        parts.append(f'<rect x="{x}" y="86" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="97" font-size="14">{escape(texts.get(f"card.{state}"))}</text>')
    return "".join(parts)


def _row(topic: TopicResult, y: int) -> str:
    total = max(1, topic.answered + topic.missed + topic.not_reached)
    name = topic.topic if len(topic.topic) <= _LONGEST_TOPIC else f"{topic.topic[: _LONGEST_TOPIC - 1]}…"
    parts = [f'<text x="24" y="{y + 25}" font-size="17">{escape(name)}</text>']
    x = float(_LEFT)
    shares = (
        (topic.answered, _ANSWERED, "#FFFFFF"),
        (topic.missed, _MISSED, "#FFFFFF"),
        (topic.not_reached, _NOT_REACHED, _INK),
    )
    for count, colour, ink in shares:
        width = _BAR * count / total
        if count:
            parts.append(f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="30" fill="{colour}"/>')
            middle = x + width / 2
            parts.append(
                f'<text x="{middle:.1f}" y="{y + 25}" font-size="16" text-anchor="middle" fill="{ink}">{count}</text>'
            )
        x += width
    parts.append(f'<text x="{_LEFT + _BAR + 14}" y="{y + 25}" font-size="16">{topic.answered}/{total}</text>')
    return "".join(parts)
