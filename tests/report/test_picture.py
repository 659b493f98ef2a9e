"""The charts as a file: what is drawn, what it says where it cannot be, and that hostile names are letters."""

import struct
import sys
import xml.etree.ElementTree as ET
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.samples import SAMPLES, bad_version, hostile, judgement, report
from tsg_agent.cli.drawing import draw
from tsg_agent.cli.run_command import Output
from tsg_agent.errors import OutputError, SettingsError
from tsg_agent.report.picture import SCALE, WIDTH, to_png, to_svg, write_png


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - a picture that the test has just had drawn, and no stranger's document


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_sound_xml_in_which_no_colour_is_left_open(name: str) -> None:
    drawn = to_svg(SAMPLES[name]())
    assert parsed(drawn).get("width") == str(WIDTH)
    assert "var(" not in drawn


def test_it_holds_the_availability_and_the_first_cause_beside_the_service() -> None:
    drawn = to_svg(bad_version())
    for words in ("Availability over time", "Version 3.15.0 over time", "SLA 99.9 %", "start 14:05 UTC", "the service"):
        assert f">{words}<" in drawn
    assert drawn.count('<path class="line cause"') == 1


def test_a_hostile_name_is_letters() -> None:
    drawn = parsed(to_svg(hostile()))
    tags = {one.tag.partition("}")[2] for one in drawn.iter()}
    assert tags == {"svg", "rect", "text", "g", "line", "path", "style"}


def test_without_anything_to_draw_or_without_its_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="nothing to draw"):
        to_svg(report(judgement(series=[])))
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(SettingsError) as refused:
        to_png(bad_version())
    assert refused.value.fix == "pip install 'tsg-agent[png]'"
    with pytest.raises(SettingsError):  # before anything is investigated
        Output(form=None, html=None, whole=False, quiet=False, png=Path("x.png"))


@pytest.mark.surfaces
def test_it_is_a_picture_with_letters_in_it(tmp_path: Path) -> None:
    resvg: Any = pytest.importorskip("resvg_py", reason="needs the extra `png`")
    write_png(bad_version(), tmp_path / "chart.png")
    held = (tmp_path / "chart.png").read_bytes()
    assert held[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", held[16:20])[0] == SCALE * WIDTH
    wordless = resvg.svg_to_bytes(svg_string=to_svg(bad_version()), zoom=SCALE, skip_system_fonts=True)
    assert held != wordless


@pytest.mark.surfaces
def test_without_fonts_it_draws_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    resvg: Any = pytest.importorskip("resvg_py", reason="needs the extra `png`")
    real = resvg.svg_to_bytes
    monkeypatch.setattr(resvg, "svg_to_bytes", lambda **how: real(**how, skip_system_fonts=True))
    with pytest.raises(OutputError) as refused:
        to_png(bad_version())
    assert "no font" in refused.value.message
    seen = StringIO()
    with redirect_stderr(seen):
        draw(bad_version(), tmp_path / "chart.png")
    assert seen.getvalue().startswith("No picture: ")
    assert not (tmp_path / "chart.png").exists()
