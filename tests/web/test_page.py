"""The page in a browser, under its policy. Needs Debian's chromium: apt-get install chromium."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import samples
from tsg_agent import Report, Request, Settings
from tsg_agent.store import Store

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")
pytest.importorskip("playwright.sync_api", reason="needs playwright: `make test-surfaces` installs it")

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.report.test_browser import FAINT, NAMELESS, OVERPRINTED
from tests.web.serving import OPEN, TOKENS, served, tokens
from tsg_agent.web.config import Serving

pytestmark = pytest.mark.surfaces
LONG = 30_000
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1100, "height": 900}


@pytest.fixture(scope="module")
def site(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    state = tmp_path_factory.mktemp("state")
    with served(incident.telemetry, state) as client:
        yield client, state


def opened(browser: Browser, **options: Any) -> tuple[BrowserContext, Page, list[str]]:
    """A page, and what its console complains of: a policy that is broken is among it."""
    context = browser.new_context(**({"viewport": WIDE} | options))
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))
    return context, page, said


@pytest.fixture
def page(browser: Browser, site: tuple[httpx.Client, Path]) -> Iterator[Page]:
    context, page, said = opened(browser)
    page.goto(str(site[0].base_url))
    yield page
    context.close()
    assert said == []


def investigate(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.get_by_role("button", name="Investigate").click()
    page.wait_for_url("**/investigations/*")


def concluded(page: Page) -> None:
    expect(page.get_by_role("heading", name="Do now")).to_be_visible(timeout=LONG)


def test_from_a_text_to_rows_chart_sql_a_question_and_feedback(page: Page, incident: Request) -> None:
    investigate(page, incident.text)
    concluded(page)
    expect(page.get_by_role("img", name="Availability over time")).to_be_visible()
    row = page.locator("[id='E2.1']")
    expect(row).not_to_be_visible()
    page.locator("a[href='#E2.1']").first.click()
    expect(row).to_be_in_viewport()
    page.locator("#E2 summary", has_text="The query").click()
    expect(page.locator("#E2 pre")).to_contain_text("SELECT")
    page.fill("#question", "top 3 endpoints by error rate after 14:00")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#questions article")).to_contain_text("[Q1.1]", timeout=LONG)
    page.get_by_label("was right").check()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#feedback")).to_contain_text("Said before", timeout=LONG)
    page.get_by_role("link", name="tsg-agent").click()
    page.get_by_role("link", name=re.compile("Version 3.15.0 is failing")).first.click()
    expect(page.locator("#questions article")).to_contain_text("[Q1.1]")  # all is there again


def test_a_reload_in_its_middle_loses_nothing(page: Page, incident: Request) -> None:
    investigate(page, incident.text)
    page.reload()
    expect(page.locator("#live li, .headline").first).to_be_visible()
    page.reload()
    concluded(page)


def test_branches_are_seen_as_they_begin_and_end(page: Page, site: tuple[httpx.Client, Path]) -> None:
    store, identity = Store(Settings(state_dir=site[1]).state_dir), "0123456789ef"
    store.remember(identity, Request(text="Checkout fails", telemetry="x"))
    store.events.append(identity, "queued", {"place": 2})
    step, badge, status = {"step": 2, "title": "Versions"}, page.locator("#step-2 .badge"), page.get_by_role("status")
    with store.claimed(identity):  # another process runs it
        page.goto(f"{site[0].base_url}/investigations/{identity}")
        page.evaluate("window.same = true")
        for kind, data, told in (
            ("queued", {"place": 1}, "It waits: place 1 in the queue."),
            ("began", {}, "It runs."),
            ("check began", step, "It runs: 0 of 10 checks have ended."),
            (
                "check ended",
                {**step, "label": "BAD_VERSION", "status": "ok"},
                "It runs: 1 of 10 checks have ended.",
            ),
        ):
            store.events.append(identity, kind, data)
            expect(status).to_have_text(told)
            expect(badge).to_have_text({"check began": "running", "check ended": "BAD_VERSION"}.get(kind, ""))
        assert page.evaluate("window.same")  # it was not loaded again


def test_what_is_asked_is_answered(page: Page) -> None:
    investigate(page, OPEN)
    expect(page.get_by_role("heading", name="It needs to know")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="us-east").click()
    concluded(page)


def test_a_check_says_in_words_how_it_stands_and_no_label_is_cut(page: Page, site: tuple[httpx.Client, Path]) -> None:
    store, identity = Store(Settings(state_dir=site[1]).state_dir), "0123456789cd"
    store.remember(identity, Request(text="Checkout fails", telemetry="x"))
    ended = {"step": 2, "title": "Service version regression", "label": "REGRESSION_DETECTED", "status": "ok"}
    for kind, data in (
        ("began", {}),
        ("check began", {"step": 3, "title": "Feature flag impact"}),
        ("check ended", ended),
    ):
        store.events.append(identity, kind, data)
    store.events.append(identity, "cancelled", {})
    page.set_viewport_size(NARROW)
    page.goto(f"{site[0].base_url}/investigations/{identity}")
    said = page.locator("#live").aria_snapshot()
    assert "Service version regression REGRESSION_DETECTED" in said
    assert "Feature flag impact running" in said
    assert not set("○◐●") & set(said)  # a screen reader would read them out
    box = page.locator("#step-2 .badge").bounding_box()
    assert box is not None
    assert box["height"] < 24


def test_what_was_understood_is_corrected(page: Page, incident: Request) -> None:
    investigate(page, incident.text)
    concluded(page)
    first = page.url
    page.get_by_role("link", name="What was understood").click()
    page.locator("#understood > details > summary").click()
    page.get_by_role("textbox", name="Region").fill("mars")
    page.get_by_role("button", name="Investigate again").click()
    expect(page.get_by_role("alert").first).to_contain_text("mars", timeout=LONG)
    page.goto(first)
    page.locator("#understood > details > summary").click()
    page.get_by_role("textbox", name="Region").fill("us-west")
    page.get_by_role("button", name="Investigate again").click()
    expect(page.locator("h1")).to_contain_text("us-west", timeout=LONG)
    assert page.url != first


def test_two_at_once(browser: Browser, site: tuple[httpx.Client, Path], incident: Request) -> None:
    held = [opened(browser) for _ in range(2)]
    for _, page, _ in held:
        page.goto(str(site[0].base_url))
        investigate(page, incident.text)
    assert held[0][1].url != held[1][1].url
    for context, page, said in held:
        concluded(page)
        assert said == []
        context.close()


def test_with_the_keyboard_alone(page: Page, incident: Request) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()  # the browser goes there in its own time
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("id", "text")
    page.keyboard.insert_text(incident.text)
    expect(page.locator("#text")).to_have_value(incident.text)  # a key that comes before it is lost on a busy machine
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Investigate")
    page.keyboard.press("Enter")
    concluded(page)
    page.locator("a[href='#E2.1']").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[id='E2.1']")).to_be_focused()  # the next Tab goes on from the row


def test_each_field_has_a_name_and_each_page_one_heading(page: Page) -> None:
    def sound() -> None:
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        for field in page.locator("input:not([type=hidden]), select, textarea").all():
            labels = field.evaluate("one => [...one.labels].map(label => label.textContent.trim()).join('')")
            assert labels, field.evaluate("one => one.outerHTML")

    sound()
    investigate(page, OPEN)
    expect(page.get_by_role("heading", name="It needs to know")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("status")).to_have_text("It waits for an answer.")
    sound()
    page.get_by_role("button", name="us-east").click()
    concluded(page)
    sound()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_in_light_and_dark(
    browser: Browser, site: tuple[httpx.Client, Path], incident: Request, scheme: Any
) -> None:
    context, page, said = opened(browser, viewport=NARROW, color_scheme=scheme)
    page.goto(str(site[0].base_url))
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= NARROW["width"]
    assert page.evaluate(FAINT) == []
    investigate(page, incident.text)
    concluded(page)
    assert page.evaluate(wide) <= NARROW["width"]
    for fault in (FAINT, OVERPRINTED, NAMELESS):
        assert page.evaluate(fault) == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
    assert said == []
    context.close()


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)><a href=javascript:alert(3)>x</a>\"'{{7*7}}"


def test_hostile_text_in_every_place_is_text(page: Page, site: tuple[httpx.Client, Path]) -> None:
    """A report with script in every text of the telemetry, beside a text, a question and an answer of that kind."""
    store, identity = Store(Settings(state_dir=site[1]).state_dir), "0123456789ab"
    hostile: Report = samples.hostile().model_copy(update={"id": identity})
    store.remember(identity, Request(text=f"{SCRIPT}\n{samples.HOSTILE}", telemetry="x"))
    store.keep_report(identity, hostile)
    store.end(identity, hostile.headline)
    asked = {"question": SCRIPT, "answer": SCRIPT, "evidence": {SCRIPT: SCRIPT}, "notes": [SCRIPT]}
    store.events.append(identity, "question", asked)
    store.events.append(identity, "resolved", {"end_time": SCRIPT})
    page.goto(f"{site[0].base_url}/investigations/{identity}")
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true; }")
    expect(page.locator("#questions article h3")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main script, main img, a[href^=javascript]").count() == 0
    page.goto(str(site[0].base_url))
    investigate(page, f"{SCRIPT} since 2026-03-10 14:00 UTC")
    expect(page.get_by_role("heading", name="It needs to know")).to_be_visible(timeout=LONG)
    assert page.locator("main script, main img").count() == 0


PLANTED = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def planted(telemetry: str, folder: Path) -> str:
    """A copy of the telemetry with script at the end of every text of every column."""
    folder.mkdir()
    with duckdb.connect() as connection:
        for file in Path(telemetry).glob("*.parquet"):
            columns = connection.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
            texts = [name for name, kind, *_ in columns if kind == "VARCHAR"]
            changed = ", ".join(f"{name} || '{PLANTED}' AS {name}" for name in texts)
            connection.execute(f"COPY (SELECT * REPLACE ({changed}) FROM '{file}') TO '{folder / file.name}'")
    return str(folder)


def test_script_in_every_text_column_of_the_telemetry_is_text(
    browser: Browser, incident: Request, tmp_path: Path
) -> None:
    place = {"region": "us-east", "service_name": "shop.gateway", "environment": "prod"}
    given = {name: f"{value}{PLANTED}" for name, value in place.items()}
    with served(planted(incident.telemetry, tmp_path / "planted"), tmp_path / "state") as client:
        made = client.post("/api/v1/investigations", json={"text": incident.text, "given": given}).json()
        context, page, said = opened(browser)
        page.goto(f"{client.base_url}{made['page']}")
        concluded(page)
        page.fill("#question", "top 3 endpoints by error rate after 14:00")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#questions article")).to_contain_text("[Q1.1]", timeout=LONG)
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true; }")
        for part in ("main", "#causes", "#evidence", "#questions", "#understood"):
            expect(page.locator(part).first).to_contain_text(PLANTED)
        assert page.locator("main script, main img").count() == 0
        page.goto(str(client.base_url))
        expect(page.get_by_role("link", name=re.compile("3.15.0"))).to_contain_text(PLANTED)
        page.fill("#text", "which shards failed most?")
        page.get_by_role("button", name="Ask as a question").click()
        expect(page.get_by_role("main")).to_contain_text("Which region", timeout=LONG)  # with those that it knows
        assert page.locator("main script, main img").count() == 0
        context.close()
    assert said == ["Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"]


def test_a_question_is_answered_on_the_page(page: Page) -> None:
    page.fill("#text", "top 3 endpoints by error rate in us-east, shop.gateway, prod on 2026-03-10 after 14:00")
    page.get_by_role("button", name="Ask as a question").click()
    expect(page.locator("#answer")).to_contain_text("[Q1.1]", timeout=LONG)
    expect(page.get_by_label("The incident as people wrote it")).to_have_value(re.compile("^top 3 endpoints"))


def test_who_has_no_token_is_asked_for_one_and_reads_what_was_linked(
    browser: Browser, incident: Request, tmp_path: Path
) -> None:
    with served(incident.telemetry, tmp_path, Serving(tokens=tokens())) as client:
        ada = {"authorization": f"Bearer {TOKENS['ada']}"}
        made = client.post("/api/v1/investigations", json={"text": incident.text}, headers=ada).json()
        for name, reads in (("bob", True), ("eve", False)):
            context, page, said = opened(browser)
            page.goto(f"{client.base_url}{made['page']}")
            page.get_by_label("Token").fill(TOKENS[name])
            page.get_by_role("button", name="Log in").click()
            if reads:
                concluded(page)
                assert said == []
                assert page.evaluate("document.cookie") == ""  # no script reads the token
                page.get_by_role("button", name="Log out").click()
                expect(page.get_by_label("Token")).to_be_visible()
            else:
                expect(page.get_by_role("alert")).to_contain_text("There is no investigation")
            context.close()
