"""The chart: wall times as bars."""

import statistics

from .host import CPUS
from .lines import GROUPS, LINES

STYLE = """
    .card { fill: #ffffff; stroke: #8c959f; stroke-width: 1.5 }
    .h { font-size: 15px; font-weight: 700; fill: #1f2328 }
    .t { font-size: 13.5px; fill: #1f2328 }
    .s { font-size: 12.5px; fill: #57606a }
    .n { font-size: 13.5px; font-weight: 600; fill: #1f2328 }
    .limit { fill: #b1bac4 } .classic { fill: #e5797f } .pipes { fill: #e3b341 } .dumpcar { fill: #3b82f6 }
    .whisker { stroke: #1f2328; stroke-width: 1.5; fill: none }
    .axis { stroke: #d0d7de; stroke-width: 1 }"""


def chart(results):
    """Wall times as bars: the median, and a whisker from the shortest to the longest run."""
    shown = [line for line in LINES if results.of(line.name, "wall")]
    left, right, top, step = 352, 790, 108, 27
    # A line that is run once because it takes so long would make all other bars short; its own is cut.
    usual = [max(results.of(line.name, "wall")) for line in shown if not line.once]
    longest = max(usual or [max(results.of(line.name, "wall")) for line in shown]) * 1.02
    scale = lambda seconds: left + (right - left) * min(seconds / longest, 1)
    body, y, group = [], top, None
    for line in shown:
        if line.group != group:
            group = line.group
            y += 12
            body.append(f'<text class="h" x="30" y="{y + 14}">{GROUPS[group]}</text>')
            y += step - 2
        walls = results.of(line.name, "wall")
        middle, wall = y + 10, statistics.median(walls)
        colour = "dumpcar" if line.settings is not None else "pipes" if line.group == "restore" else line.group
        body.append(f'<text class="t" x="{left - 10}" y="{middle + 5}" text-anchor="end">{escape(line.title)}</text>')
        body.append(f'<rect class="{colour}" x="{left}" y="{y}" width="{scale(wall) - left:.1f}" height="20" rx="3"/>')
        end = scale(wall)
        if wall > longest:
            body.append(f'<path d="M{right - 26} {y - 2}l-7 24h7l7-24z" fill="#ffffff"/>')
        elif len(walls) > 1:
            low, end = scale(min(walls)), scale(max(walls))
            body.append(f'<path class="whisker" d="M{low:.1f} {middle}H{end:.1f}M{low:.1f} {middle - 5}v10M{end:.1f} {middle - 5}v10"/>')
        speed = results.median(line.name, "plain") / 1e6 / wall
        body.append(f'<text class="n" x="{max(end, scale(wall)) + 9:.1f}" y="{middle + 5}">{number(wall)} s'
                    f'<tspan class="s" dx="8" font-weight="400">{number(speed)} MB/s</tspan></text>')
        y += step
    for tick in ticks(longest):
        body.insert(0, f'<path class="axis" d="M{scale(tick):.1f} {top + 4}V{y + 6}"/>'
                       f'<text class="s" x="{scale(tick):.1f}" y="{y + 24}" text-anchor="middle">{tick:g} s</text>')
    plain = results.runs[0].plain / 1e6
    rounds = max(run.round for run in results.runs)
    height = y + 44
    what = (f"A PostgreSQL database of {plain:.0f} MB plain dump, backed up into Garage on the same machine, {CPUS} processors.")
    how = f"Medians of {rounds} interleaved rounds, whiskers from the shortest to the longest." if rounds > 1 else "One round."
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 {height}" width="1000" height="{height}" role="img" \
aria-labelledby="title desc" font-family="-apple-system, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif">
  <title id="title">How long a backup takes</title>
  <desc id="desc">{escape(what)} {escape('; '.join(f'{line.title}: {number(results.median(line.name, "wall"))} s' for line in shown))}</desc>
  <style>{STYLE}
  </style>
  <rect class="card" x="8" y="8" width="984" height="{height - 16}" rx="12"/>
  <text class="h" x="30" y="42" style="font-size:18px">How long it takes (shorter is better)</text>
  <text class="s" x="30" y="65">{escape(what)}</text>
  <text class="s" x="30" y="84">{escape(how)}</text>
  {(chr(10) + '  ').join(body)}
</svg>
"""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def ticks(longest):
    """Some four round numbers up to the longest."""
    step = next(step * 10 ** power for power in range(-2, 6) for step in (1, 2, 5) if longest / (step * 10 ** power) <= 6)
    return [step * index for index in range(int(longest / step) + 1)]
