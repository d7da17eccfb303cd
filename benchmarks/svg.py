"""Drawings: lines over a size, and bars. Small, without dependencies, and readable as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
INK, QUIET, GRID, PAPER = "#1f2328", "#59636e", "#e3e6ea", "#ffffff"


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or a kind of bar: its name, its colour, its values by x."""

    name: str
    colour: str
    points: Mapping[float, float]


class Drawing:
    """A sheet that is drawn on, and its text as SVG."""

    def __init__(self, width: int, height: int, title: str) -> None:
        """An empty sheet, in pixels, with a title for those who cannot see it too."""
        self._size = width, height
        self._title = title
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = GRID, width: float = 1) -> None:
        """A straight line."""
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._parts.append(f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>')

    def path(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """A line through the points, with a dot at each."""
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"/>'
        )
        for x, y in points:
            dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" stroke="{PAPER}" stroke-width="1.5"/>'
            self._parts.append(dot)

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        corner = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
        self._parts.append(f'<rect {corner} rx="2" fill="{colour}"/>')

    def text(self, x: float, y: float, text: str, anchor: str = "start", colour: str = QUIET, size: int = 13) -> None:
        """A line of text; `anchor` is start, middle or end."""
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
        self._parts.append(f"<text {place}>{escape(text)}</text>")

    def svg(self) -> str:
        """The whole."""
        width, height = self._size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        head += f' height="{height}" role="img" font-family="{FONT}">'
        ground = f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
        return "\n".join([head, f"<title>{escape(self._title)}</title>", ground, *self._parts, "</svg>"]) + "\n"


def ticks(highest: float, wanted: int = 5) -> list[float]:
    """Round numbers from 0 to `highest` or a little beyond, about `wanted` steps."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / wanted
    scale = 10 ** math.floor(math.log10(rough))
    step = scale * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * scale >= rough * 0.999)
    return [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]


def short(value: float) -> str:
    """A number for an axis: `2.5`, `12,000`, `1.2M`."""
    return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value:,.10g}"


def line_chart(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Lines over a size on a logarithmic axis; each line's name stands at its end."""
    width, height, left, right, top, bottom = 800, 400, 74, 210, 64, 56
    drawing = Drawing(width, height, title)
    drawing.text(16, 28, title, colour=INK, size=16)
    drawing.text(16, 50, y_label)
    xs = sorted({x for one in series for x in one.points})
    steps = ticks(max((y for one in series for y in one.points.values()), default=0))
    low, high = math.log(xs[0]), math.log(xs[-1])

    def across(x: float) -> float:
        return left + (math.log(x) - low) / ((high - low) or 1) * (width - left - right)

    def up(y: float) -> float:
        return height - bottom - y / steps[-1] * (height - top - bottom)

    for step in steps:
        drawing.line(left, up(step), width - right, up(step), QUIET if step == 0 else GRID)
        drawing.text(left - 10, up(step) + 4, short(step), "end")
    for x in xs:
        drawing.text(across(x), height - bottom + 20, short(x), "middle")
    drawing.text((left + width - right) / 2, height - 12, x_label, "middle")
    for one in series:
        drawing.path([(across(x), up(y)) for x, y in sorted(one.points.items())], one.colour)
    _names(drawing, [(up(one.points[max(one.points)]), one) for one in series if one.points], width - right + 14)
    return drawing.svg()


def _names(drawing: Drawing, ends: list[tuple[float, Series]], x: float) -> None:
    """The lines' names beside their ends, moved apart where they would overlap."""
    free_from = 0.0
    for y, one in sorted(ends, key=lambda end: end[0]):
        at = max(y, free_from)
        drawing.bar(x, at - 5, 10, 10, one.colour)
        drawing.text(x + 16, at + 5, one.name, colour=INK)
        free_from = at + 18


@dataclass(frozen=True, slots=True)
class Group:
    """A row of bars with one name; `note` stands behind it. A value of None is not drawn."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]


def bar_chart(title: str, note: str, kinds: Sequence[tuple[str, str]], groups: Sequence[Group]) -> str:
    """Rows of bars, each row on its own scale: the longest bar is its largest value. `kinds`: name and colour."""
    thick, gap, left, right, top = 14, 16, 236, 110, 88
    row = thick * len(kinds) + gap
    width, height = 800, top + row * len(groups) + 12
    drawing = Drawing(width, height, title)
    drawing.text(16, 28, title, colour=INK, size=16)
    drawing.text(16, 50, note)
    at = 16
    for name, colour in kinds:
        drawing.bar(at, 62, 10, 10, colour)
        drawing.text(at + 16, 72, name, colour=INK)
        at += 40 + 7 * len(name)
    for number, group in enumerate(groups):
        y = top + row * number
        drawing.text(left - 12, y + (row - gap) / 2 + 5, group.name, "end", INK)
        longest = max((value for value in group.values if value is not None), default=0) or 1
        for (_, colour), value, shown in zip(kinds, group.values, group.shown, strict=True):
            if value is not None:
                length = value / longest * (width - left - right)
                drawing.bar(left, y, length, thick - 2, colour)
                drawing.text(left + max(length, 1) + 6, y + thick - 3, shown, size=12)
            y += thick
    return drawing.svg()
