"""The page of a card in a real browser: readable in both colour schemes, on a phone and on paper, and quite alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ledger import card
from ledger.card import CardContent

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server",
]  # fmt: skip

CONTRAST = """() => {
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
      .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *:not(svg):not(svg *)')]
      .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
      .map(e => [e, ...[lum(rgb(getComputedStyle(e).color)), lum(ground(e))].sort((x, y) => y - x)])
      .filter(([e, a, b]) => (a + .05) / (b + .05) < 4.5).map(([e]) => `${e.tagName}.${e.className}`);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"There is no {CHROMIUM}, which this test drives. Run: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def test_the_page_stands_alone_and_reads_well_at_every_width(
    browser: Browser, everything: CardContent, tmp_path: Path
) -> None:
    file = tmp_path / "card.html"
    file.write_text(card.html(everything), encoding="utf-8")
    page = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file.as_uri())
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["intents, version 2"]
    for width in (320, 390, 768, 1400):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    for scheme, paper in (("light", "rgb(250, 248, 244)"), ("dark", "rgb(22, 21, 15)")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its own words
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert page.evaluate(CONTRAST) == []
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 27, 24)"
    assert [url for url in asked if url != file.as_uri() and not url.startswith("data:")] == []
    assert complaints == []
    page.close()


def test_the_badge_gives_its_text_the_room_that_it_takes(browser: Browser, everything: CardContent) -> None:
    page = browser.new_page()
    page.set_content(card.badge(everything))
    made = page.evaluate("[...document.querySelectorAll('text')].map(t => Number(t.getAttribute('textLength')))")
    taken = page.evaluate(
        "[...document.querySelectorAll('text')].map(t => { t.removeAttribute('textLength'); return t.getBBox().width })"
    )
    assert made == pytest.approx(taken, rel=0.02)
    whole = page.evaluate("document.querySelector('svg').getBoundingClientRect().width")
    assert whole == sum(made) + 4 * 7
    page.close()
