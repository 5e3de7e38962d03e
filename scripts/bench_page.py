# SPDX-License-Identifier: GPL-2.0
"""What was measured, as one page that needs nothing else: tables, and charts in SVG."""

import html
import math

from measure import COLUMNS, show

WIDTH, HEIGHT, LEFT, BOTTOM = 860, 300, 60, 40
COLORS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c2255c", "#1864ab", "#846358")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 900px; margin: 2em auto;
       padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin: 2em 0 0 }
p.where { color: #868e96; margin: 0 0 1em; font-size: 0.9em }
table { border-collapse: collapse; width: 100%; font-size: 0.9em }
th { text-align: left; color: #868e96; font-weight: normal; border-bottom: 1px solid #ced4da }
td, th { padding: 0.3em 0.8em 0.3em 0; vertical-align: top }
td.yes { color: #2b8a3e } td.no { color: #c92a2a }
svg { width: 100%; height: auto; margin-top: 1em } svg text { font-size: 12px; fill: #495057 }
"""


def table(comparisons):
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(title)}</th>" for _, title in COLUMNS) +
             "</tr>"]
    for comparison in comparisons:
        row = comparison.row()
        cells = "".join(f'<td class="{row[key] if key == "reached" else ""}">'
                        f"{html.escape(str(row[key]))}</td>" for key, _ in COLUMNS)
        lines.append(f"<tr>{cells}</tr>")
    return "\n".join(lines) + "</table>"


def ratios(comparisons):
    """A bar for each: the rounds' spread, a mark where it is to get to, and 1 as a line."""
    rows = [c for c in comparisons if c.series.unit == c.beside.unit]
    if not rows:
        return ""
    low = min(0.5, *(c.ratios()[0] for c in rows)) / 1.2
    high = max(2, *(c.ratios()[-1] for c in rows)) * 1.2
    left = 300

    def x(value):
        return left + (WIDTH - left - 20) * math.log(value / low) / math.log(high / low)

    out = [f'<svg viewBox="0 0 {WIDTH} {28 * len(rows) + 40}" role="img">'
           f'<line x1="{x(1):.0f}" x2="{x(1):.0f}" y1="0" y2="{28 * len(rows)}" stroke="#adb5bd"/>'
           f'<text x="{x(1):.0f}" y="{28 * len(rows) + 18}" text-anchor="middle">as much</text>']
    for i, c in enumerate(rows):
        y = 28 * i + 6
        color = "#c92a2a" if not c.reached() else COLORS[0]
        spread = c.ratios()
        out.append(f'<text x="0" y="{y + 12}">{html.escape(c.what[:48])}</text>')
        out.append(f'<rect x="{x(spread[0]):.1f}" y="{y + 4}" height="8" rx="4" fill="{color}"'
                   f' opacity="0.35" width="{max(x(spread[-1]) - x(spread[0]), 3):.1f}"/>')
        out.append(f'<circle cx="{x(c.ratio()):.1f}" cy="{y + 8}" r="5" fill="{color}"/>')
        goal = c.most if c.most is not None else c.least
        if goal is not None and low <= goal <= high:
            out.append(f'<path d="M{x(goal):.1f} {y - 2} v20" stroke="#212529"'
                       ' stroke-dasharray="2 2"/>')
    out.append(f'<text x="{left}" y="{28 * len(rows) + 34}">median, and the rounds from the lowest'
               " to the highest; dashed: to reach</text></svg>")
    return "".join(out)


def distributions(series):
    """Of each, how many of a hundred samples took no longer."""
    if not series:
        return ""
    every = sorted(sample for one in series for sample in one.samples())
    low, high = max(every[0], 1), every[min(len(every) - 1, int(len(every) * 0.995))]
    if high <= low:
        return ""

    def x(value):
        share = math.log(max(min(value, high), low) / low) / math.log(high / low)
        return LEFT + (WIDTH - LEFT - 20) * share

    def y(share):
        return 10 + (HEIGHT - BOTTOM - 10) * (1 - share)

    tall = HEIGHT + 18 * len(series)
    out = [f'<svg viewBox="0 0 {WIDTH} {tall}" role="img">']
    for share in (0, 0.5, 0.9, 1):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(share):.0f}" y2="{y(share):.0f}"'
                   f' stroke="#dee2e6"/><text x="{LEFT - 8}" y="{y(share) + 4:.0f}"'
                   f' text-anchor="end">{share * 100:.0f} %</text>')
    for power in range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1):
        for digit in (1, 2, 5):
            value = digit * 10 ** power
            if low <= value <= high:
                out.append(f'<text x="{x(value):.0f}" y="{HEIGHT - BOTTOM + 18}"'
                           f' text-anchor="middle">{show(value, series[0].unit)}</text>')
    for i, one in enumerate(series):
        samples = sorted(one.samples())
        points = " ".join(f"{x(value):.1f},{y((n + 1) / len(samples)):.1f}"
                          for n, value in enumerate(samples))
        color = COLORS[i % len(COLORS)]
        out.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'
                   f'<rect x="{LEFT}" y="{HEIGHT + 18 * i - 8}" width="14" height="4"'
                   f' fill="{color}"/><text x="{LEFT + 22}" y="{HEIGHT + 18 * i}">'
                   f"{html.escape(one.name)}: median {show(one.median(), one.unit)}</text>")
    return "".join(out) + "</svg>"


def curve(one):
    """A line with its points, and at each the rounds' spread; both axes are logarithmic."""
    height = 220
    numbers = [number for number, _ in one.points]
    values = [value for _, series in one.points for value in series.by_round()]
    low, high = min(values) / 1.5, max(values) * 1.5
    unit = one.points[0][1].unit

    def x(number):
        share = math.log(number / numbers[0]) / math.log(numbers[-1] / numbers[0])
        return LEFT + 60 + (WIDTH - LEFT - 120) * share

    def y(value):
        return 10 + (height - 50) * (1 - math.log(value / low) / math.log(high / low))

    out = [f'<h3>{html.escape(one.title)}</h3><svg viewBox="0 0 {WIDTH} {height}" role="img">']
    points = " ".join(f"{x(number):.1f},{y(series.median()):.1f}" for number, series in one.points)
    out.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[0]}" stroke-width="2"/>')
    for number, series in one.points:
        spread = series.by_round()
        out.append(f'<line x1="{x(number):.1f}" x2="{x(number):.1f}" y1="{y(max(spread)):.1f}"'
                   f' y2="{y(min(spread)):.1f}" stroke="{COLORS[0]}" opacity="0.5"/>'
                   f'<circle cx="{x(number):.1f}" cy="{y(series.median()):.1f}" r="4"'
                   f' fill="{COLORS[0]}"/><text x="{x(number):.1f}" text-anchor="middle"'
                   f' y="{y(series.median()) - 10:.1f}">{show(series.median(), unit)}</text>'
                   f'<text x="{x(number):.1f}" y="{height - 24}" text-anchor="middle">{number}'
                   "</text>")
    out.append(f'<text x="{WIDTH / 2:.0f}" y="{height - 6}" text-anchor="middle">'
               f"{html.escape(one.of)}</text></svg>")
    return "".join(out)


def write(path, parts):
    text = ['<!doctype html><html lang="en"><meta charset="utf-8">'
            f"<title>mk_ipi: make bench</title><style>{STYLE}</style>"
            "<h1>mk_ipi, beside what it is made of</h1>"
            "<p>A ratio is the median over all rounds of what was measured in the same round."
            " Emulated time is not hardware time: ratios of it say little more than that"
            " nothing is far off.</p>"]
    for part in parts:
        text.append(f'<h2>{html.escape(part.title)}</h2><p class="where">'
                    f"{html.escape(part.where)}</p>{table(part.comparisons)}"
                    f"{ratios(part.comparisons)}{distributions(part.series)}"
                    + "".join(curve(one) for one in part.curves))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(text) + "</html>\n")
