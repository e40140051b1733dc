"""Pictures of measured curves: SVG by hand, so that nothing has to be installed to draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 360, 240
"""Of a panel, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 44, 44
"""What is left around its plot."""
COLOURS = ("#1f5fa8", "#d1690e", "#2e7d4f", "#8a4a9e", "#6b6b6b")
"""Told apart in any eye and in print, in this order."""
INK, FAINT = "#333333", "#dddddd"

Points = Sequence[tuple[float, float]]


@dataclass
class Panel:
    """One plot: lines by name over a common axis. Axes that are not logarithmic begin at nothing."""

    title: str
    x: str
    lines: dict[str, Points]
    is_log: bool = False


def figure(title: str, panels: Sequence[Panel], path: Path, across: int = 2) -> None:
    """Write them side by side, `across` in a row."""
    rows = math.ceil(len(panels) / across)
    width, height = WIDTH * min(across, len(panels)), HEIGHT * rows + 30
    pieces = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="11">'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(12, 20, title, size=14, weight="bold"),
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, across)
        pieces.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT + 30})">')
        pieces += draw(panel)
        pieces.append("</g>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*pieces, "</svg>", ""]))


def draw(panel: Panel) -> list[str]:
    places = [x for points in panel.lines.values() for x, _ in points]
    across = Axis(places, LEFT, WIDTH - RIGHT, panel.is_log)
    heights = [y for points in panel.lines.values() for _, y in points]
    up = Axis([0.0, *heights], HEIGHT - BOTTOM, TOP)
    pieces = [_text(LEFT, 14, panel.title, weight="bold")]
    for value in up.ticks():
        y = up.place(value)
        pieces.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>')
        pieces.append(_text(LEFT - 6, y + 4, short(value), anchor="end"))
    for value in across.ticks():
        x = across.place(value)
        pieces.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}" stroke="{INK}"/>'
        )
        pieces.append(_text(x, HEIGHT - BOTTOM + 16, short(value), anchor="middle"))
    pieces.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, panel.x, anchor="middle"))
    for number, (name, points) in enumerate(panel.lines.items()):
        pieces += _line(number, name, [(across.place(x), up.place(y)) for x, y in points], len(panel.lines) > 1)
    return pieces


def _line(number: int, name: str, places: Points, is_named: bool) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    pieces = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
        + " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        + '"/>'
    ]
    if len(places) <= 30:
        pieces += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    if is_named:
        x = LEFT + number * 105
        pieces.append(f'<line x1="{x}" x2="{x + 16}" y1="29" y2="29" stroke="{colour}" stroke-width="2"/>')
        pieces.append(_text(x + 20, 33, name))
    return pieces


class Axis:
    """Values to pixels. A logarithmic one keeps a place at its beginning for nothing at all."""

    def __init__(self, values: Sequence[float], first: float, last: float, is_log: bool = False) -> None:
        self.first, self.last, self.is_log = first, last, is_log
        self.values = sorted(set(values))
        self.low, self.high = (self.values[0], self.values[-1]) if values else (0.0, 1.0)
        if is_log:
            above = [value for value in self.values if value > 0]
            self.least = above[0] / 10 if self.low <= 0 else self.low
            self.low, self.high = math.log10(self.least), math.log10(self.high)
        else:
            self.low = 0.0
            self.step = _nice(self.high / 4.0)
            self.high = self.step * math.ceil(self.high / self.step)
        if self.high <= self.low:
            self.high = self.low + 1.0

    def place(self, value: float) -> float:
        if self.is_log:
            value = math.log10(max(value, self.least))
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    def ticks(self) -> list[float]:
        if self.is_log:
            whole = [10.0**power for power in range(math.ceil(self.low + 0.01), math.floor(self.high + 0.01) + 1)]
            last = self.values[-1:] if not whole or self.values[-1] >= 2 * whole[-1] else []
            return [self.values[0], *(value for value in whole if value > self.values[0]), *last]
        return [self.step * number for number in range(round(self.high / self.step) + 1)]


def _nice(value: float) -> float:
    """The next number that reads well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * each for each in (1, 2, 2.5, 3, 4, 5, 6, 8, 10, 20) if power * each >= value * 0.9999)


def short(value: float) -> str:
    """As few characters as say it: 20k, 1M, 0.5."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.3g}"


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{INK}">{escape(text)}</text>'
    )
