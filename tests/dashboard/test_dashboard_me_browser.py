"""A person's own page in a real browser: it fits a phone, can be read and reached by keys, and its forms are taken."""

import importlib.util
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cycle.database import DATABASE
from ledger.database import open_engine
from ledger.people.corrections import Corrections
from ledger.people.links import Links

PSEUDONYM = "pseudonym-1"
Serving = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def other_pages() -> ModuleType:
    """What the other tests in a browser know: where Chromium is, and how contrast is measured."""
    spec = importlib.util.spec_from_file_location(
        "pages_in_a_browser", Path(__file__).with_name("test_dashboard_browser.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def chromium(other_pages: ModuleType) -> Iterator[Browser]:
    if not other_pages.CHROMIUM.exists():
        pytest.fail(f"There is no {other_pages.CHROMIUM}, which this test drives. Run: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(other_pages.CHROMIUM), args=other_pages.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def state(tmp_path: Path, story: Path) -> Path:
    """A copy of the story's books: what is sent here shall not be found by other tests."""
    with closing(sqlite3.connect(story / DATABASE)) as source, closing(sqlite3.connect(tmp_path / DATABASE)) as copy:
        source.backup(copy)
    return tmp_path


@pytest.fixture
def mine(chromium: Browser, state: Path, dashboard_of: Serving) -> Iterator[tuple[Page, str]]:
    now = datetime.now(UTC)
    links = Links(open_engine(state / DATABASE))
    token = links.issue(PSEUDONYM, by="Grace", at=now, expires=now + timedelta(hours=1))
    with dashboard_of(state) as address:
        page = chromium.new_page()
        yield page, f"{address}/me/{token}"
        page.close()


def test_nothing_has_to_be_scrolled_sideways_on_the_own_page(mine: tuple[Page, str]) -> None:
    page, url = mine
    page.goto(url)
    for width in (320, 390, 768, 1400):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_text_of_the_own_page_has_a_contrast_of_four_and_a_half(
    mine: tuple[Page, str], other_pages: ModuleType
) -> None:
    page, url = mine
    page.goto(url)
    page.get_by_role("link", name="Time is wrong").first.click()
    page.wait_for_url("**correct=**")  # with its style sheet
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(other_pages.CONTRAST) == []


def test_a_correction_is_sent_by_keys_alone_and_without_scripts(
    chromium: Browser, mine: tuple[Page, str], state: Path
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(mine[1])
    page.get_by_role("link", name="Time is wrong").first.press("Enter")
    page.get_by_label("minutes").fill("2")
    page.get_by_label("minutes").press("Tab")
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    page.keyboard.type("I was asked to look it up")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "Your request is on record." in page.get_by_role("status").inner_text()
    found = Corrections(open_engine(state / DATABASE)).of(PSEUDONYM)[0]
    assert (found.seconds, found.reason) == (125, "I was asked to look it up")
    assert complaints == []  # the content policy would complain here
    context.close()


def test_a_form_on_a_foreign_page_is_refused_by_the_browsers_own_word(
    chromium: Browser, mine: tuple[Page, str], other_server: str
) -> None:
    page = chromium.new_page()
    page.goto(other_server)
    form = f'<form method="post" action="{mine[1]}/credit"><input name="name" value="Mallory"></form>'
    page.set_content(form)
    with page.expect_navigation() as answered:
        page.evaluate("document.querySelector('form').submit()")
    assert answered.value is not None
    assert answered.value.status == 403
    page.close()


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[str]:
    """A page of another site, which is one by its port."""
    (tmp_path / "index.html").write_text("<!doctype html><title>another site</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(10)
