"""The HTML report on a phone, in light and dark, in a browser. `python -m tests.report.test_browser` draws it anew.

Who draws it anew looks at it. Needs Debian's chromium: apt-get install chromium.
"""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browsing import chromium
from tests.samples import SAMPLES
from tsg_agent.report.html import to_html

pytestmark = pytest.mark.surfaces
PLACE = Path(__file__).with_name("pages")
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1100, "height": 900}
SCHEMES = ("light", "dark")
INCIDENTS = [name for name in SAMPLES if name != "hostile"]
FONT, PROBE_WIDTH = "DejaVu Sans", 188
"""In another font lines end elsewhere: a picture of letters can be compared in the same only."""
QUALITY, ALIKE = 55, 0.02
"""Of the pictures kept; part of the points that may differ: browsers smooth letters in their own ways."""

PROBE = """font => { const c = document.createElement('canvas').getContext('2d');
  c.font = `16px "${font}", monospace`; return Math.round(c.measureText('Who is hit, since when?').width); }"""
DIFFERING = """async ([a, b]) => {
  const drawn = async one => { const i = new Image(); i.src = 'data:image/' + one; await i.decode();
    const c = new OffscreenCanvas(i.width, i.height).getContext('2d'); c.drawImage(i, 0, 0);
    return c.getImageData(0, 0, i.width, i.height); };
  const [x, y] = [await drawn(a), await drawn(b)];
  if (x.width !== y.width || x.height !== y.height) return 1;
  let other = 0;
  for (let i = 0; i < x.data.length; i += 4)
    if (Math.max(...[0, 1, 2].map(k => Math.abs(x.data[i + k] - y.data[i + k]))) > 64) other++;
  return other / (x.data.length / 4); }"""
OVERPRINTED = """() => [...document.querySelectorAll('figure')].flatMap(figure => {
  const texts = [...figure.querySelectorAll('svg text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([, q]) =>
    p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3
  ).map(([b]) => `${a} | ${b}`)); })"""
FAINT = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => { const v = c[i] / 255;
    return sum + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
  const behind = one => { for (; one; one = one.parentElement) { const c = rgb(getComputedStyle(one).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) { const one = walker.currentNode.parentElement;
    const seen = walker.currentNode.textContent.trim() && one.checkVisibility();
    if (!seen || one.closest('title, desc, style, .inside')) continue;
    const style = getComputedStyle(one), own = rgb(one.closest('svg') ? style.fill : style.color);
    const [a, b] = [light(own), light(behind(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(`${one.outerHTML.slice(0, 60)}: ${own} on ${behind(one)}`); }
  return [...faint]; }"""
NAMELESS = """() => [...document.querySelectorAll('[tabindex="0"]')].filter(one => !one.getAttribute('role') ||
  !one.getAttribute('aria-label')).map(one => one.outerHTML.slice(0, 80))"""


def opened(browser: Any, name: str, viewport: dict[str, int], scheme: Any, font: str = "") -> Any:
    page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
    page.set_content(to_html(SAMPLES[name]()))
    if font:
        page.add_style_tag(content=f"* {{ font-family: '{font}' !important; }}")
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", INCIDENTS)
def test_on_a_phone_it_looks_as_it_did(browser: Any, name: str, scheme: str) -> None:
    page = opened(browser, name, PHONE, scheme, FONT)
    if page.evaluate(PROBE, FONT) != PROBE_WIDTH:
        pytest.skip(f"needs the font {FONT}: apt-get install fonts-dejavu-core")
    kept = (PLACE / f"{name}-{scheme}.jpg").read_bytes()
    pictures = [("png", page.screenshot()), ("jpeg", kept)]
    encoded = [f"{kind};base64,{base64.b64encode(one).decode()}" for kind, one in pictures]
    assert page.evaluate(DIFFERING, encoded) <= ALIKE
    page.context.close()


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_cut_overprinted_faint_or_nameless(
    browser: Any, name: str, scheme: str, viewport: dict[str, int]
) -> None:
    page = opened(browser, name, viewport, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate(OVERPRINTED) == []
    assert page.evaluate(FAINT) == []
    assert page.evaluate(NAMELESS) == []
    page.context.close()


def test_a_citation_opens_what_it_leads_to(browser: Any) -> None:
    """By the keyboard alone, and without any script."""
    page = opened(browser, "bad_version", PHONE, "light")
    page.locator("a[href='#E2.1']").first.focus()
    page.keyboard.press("Enter")
    page.locator("[id='E2.1']").wait_for(state="visible")
    page.context.close()


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    with chromium() as browser:
        for name in INCIDENTS:
            for scheme in SCHEMES:
                page = opened(browser, name, PHONE, scheme, FONT)
                sys.stdout.write(f"{name} {scheme}: the probe is {page.evaluate(PROBE, FONT)} wide\n")
                page.screenshot(path=PLACE / f"{name}-{scheme}.jpg", quality=QUALITY)
