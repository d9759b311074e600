"""The pages in a real browser: nothing from elsewhere, nothing to scroll sideways, both colour schemes readable."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
MODELS = ("corona-intents", "support-intents")
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
  const worst = [];
  for (const e of document.querySelectorAll('body *:not(svg):not(svg *)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(ground(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) worst.push(`${e.tagName}.${e.className}: ${((a + .05) / (b + .05)).toFixed(2)}`);
  }
  return worst;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"There is no {CHROMIUM}, which this test drives. Run: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("model", MODELS)
def test_a_page_has_its_headings_and_asks_no_other_host(browser: Browser, address: str, model: str) -> None:
    page = browser.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{address}/models/{model}")
    assert page.get_by_role("heading", level=1).all_inner_texts() == [model]
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert headings[0] == "Human effort behind each version"
    assert headings[-1] == "Who was in service when"
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}
    assert complaints == []  # the content policy would complain here
    page.close()


@pytest.mark.parametrize("path", ["/", *(f"/models/{model}" for model in MODELS)])
def test_nothing_has_to_be_scrolled_sideways(browser: Browser, address: str, path: str) -> None:
    page = browser.new_page()
    page.goto(address + path)
    for width in (320, 390, 768, 1400):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("model", MODELS)
def test_every_text_has_a_contrast_of_four_and_a_half(browser: Browser, address: str, model: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/models/{model}")
    for scheme, paper in (("light", "rgb(250, 248, 244)"), ("dark", "rgb(22, 21, 15)")):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert page.evaluate(CONTRAST) == []
    page.close()


@pytest.mark.parametrize("model", MODELS)
def test_the_exact_figures_fit_a_phone(browser: Browser, address: str, model: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{address}/models/{model}")
    too_wide = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
    assert page.locator(".figures .scroll").evaluate_all(too_wide) == []
    page.close()


def test_simulated_bars_are_hatched_and_human_ones_are_not(browser: Browser, address: str) -> None:
    page = browser.new_page()
    fill = "all => all.map(e => getComputedStyle(e).fill)"
    page.goto(f"{address}/models/corona-intents")
    hatched = page.locator("svg.bar .segment.certain").evaluate_all(fill)
    page.goto(f"{address}/models/support-intents")
    solid = page.locator("svg.bar .segment.certain").evaluate_all(fill)
    assert hatched
    assert all("hatch" in paint for paint in hatched)
    assert solid
    assert all(paint.startswith("rgb") for paint in solid)
    page.close()
