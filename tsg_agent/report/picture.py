"""The charts as a PNG: availability over time, and the first cause's share.

The page's SVG, rasterized by resvg (extra `png`): one wheel of 1.4 MB, whereas vl-convert has 33 MB, and cairosvg
needs a system library.
"""

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from tsg_agent.errors import OutputError, SettingsError
from tsg_agent.models import Report
from tsg_agent.report.charts import availability_chart, cause_chart
from tsg_agent.wording import lines, one_line

WIDTH, MARGIN, LEFT, SCALE = 900, 20, 76, 2
"""Width, margin and axis width in pixels; and the scale factor of the PNG."""
TITLE, GAP = 44, 34
FAMILIES = ("", "DejaVu Sans", "Liberation Sans", "Noto Sans")
"""Fonts to write in, the first that is there; "" = the rasterizer's own, which is Arial's family."""
LONGEST, SHORT = 110, 26
"""Longest title and longest line name, characters."""
_VARIABLE = re.compile(r"var\((--[\w-]+)\)")


def to_png(report: Report) -> bytes:
    """The PNG. Raises SettingsError without the extra, OutputError if there is too little data, or no usable font."""
    points, drawn = rasteriser(), to_svg(report)
    blank = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
    for family in FAMILIES:
        fonts = {"font_family": family, "sans_serif_family": family} if family else {}
        letter, nothing = (points(svg_string=blank.format(one), **fonts) for one in ('<text y="16">M</text>', ""))
        if letter != nothing:  # resvg silently drops text without a font
            return points(svg_string=drawn, zoom=SCALE, **fonts)
    raise OutputError("This machine has no font to write a picture's words in.", fix="apt-get install fonts-dejavu")


def rasteriser() -> Callable[..., bytes]:
    """The function that rasterizes SVG. Raises SettingsError without the extra."""
    try:
        import resvg_py  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError("A picture needs the extra `png`.", fix="pip install 'tsg-agent[png]'") from error
    return cast("Callable[..., bytes]", resvg_py.svg_to_bytes)


def write_png(report: Report, path: Path) -> None:
    """Write the picture. Raises as `to_png` does."""
    path.write_bytes(to_png(report))


def to_svg(report: Report) -> str:
    """The picture as SVG. Raises OutputError if the telemetry has too little data."""
    cause = cause_chart(report, report.causes[0]) if report.causes else None
    charts = [chart for chart in (availability_chart(report), cause) if chart is not None]
    if not charts:
        raise OutputError("There is nothing to draw: too few requests over time.", fix="Leave the picture out.")
    placed, top = [], TITLE
    for chart in charts:
        placed.append((top, chart))
        top += chart.height + GAP
    p = report.parameters
    environment = Environment(
        loader=PackageLoader("tsg_agent", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: lines(value) if type(value) is str else value,
        trim_blocks=True,
    )
    environment.filters["short"] = lambda text: one_line(text, SHORT)
    colours = _colours()
    drawn = environment.get_template("picture.svg.j2").render(
        placed=placed,
        title=one_line(" · ".join((p.service_name, p.region, p.environment)), LONGEST),
        width=WIDTH,
        height=top,
        margin=MARGIN,
        left=LEFT,
        plot=WIDTH - LEFT - MARGIN,
        paper=colours["--paper"],
        ink=colours["--ink"],
    )
    return drawn.replace("</svg>", f"<style>{_style(colours)}</style></svg>")


def _colours() -> dict[str, str]:
    """The page's light colours: CSS variable -> colour, from the first block of its style."""
    first = _own("report.css").partition("}")[0]
    return dict(re.findall(r"(--[\w-]+): (#\w+);", first))


def _style(colours: dict[str, str]) -> str:
    """The charts' CSS with variables replaced by colours: resvg does not support variables."""
    keys = ".key.service { fill: var(--blue); } .key.cause { fill: var(--bad); }"
    return _VARIABLE.sub(lambda found: colours[found.group(1)], _own("charts.css") + keys)


def _own(name: str) -> str:
    return files("tsg_agent.report").joinpath(name).read_text("utf-8")
