"""A person labels in the real page: what is told there, what is shown, in which order, and what arrives."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kempelen import text

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE_MS = 90_000
ROUND_1, ROUND_2 = ("lime", "corona virus", "beer"), ("corona", "virus")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"There is no {CHROMIUM}, which this test drives. Run: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def sign_in(browser: Browser, label_studio: Any, person: Any, password: str) -> Iterator[Callable[[str], Page]]:
    """The browser of somebody who has an account."""
    contexts = []

    def page_of(name: str) -> Page:
        person(name)
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{label_studio.url}/user/login/")
        page.fill("input[name=email]", f"{name}@example.org")
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/login" not in url)
        return page

    yield page_of
    for context in contexts:
        context.close()


def begin(page: Page, address: str) -> str:
    """Open the address, press the button, read the instruction and close it; what it said."""
    page.goto(address)
    page.get_by_text("Label All Tasks").first.click()
    told = page.get_by_text("Your time is recorded")
    told.wait_for()
    words = page.locator("body").inner_text()
    page.keyboard.press("Escape")
    told.wait_for(state="hidden")
    return words


def shown(page: Page, query: str) -> None:
    expect(page.locator(".asked")).to_have_text(query, timeout=PATIENCE_MS)


def press(page: Page, button: str) -> dict[str, Any]:
    """Send or skip the item that is open; what the page sent."""
    with page.expect_response(lambda r: r.request.method == "POST" and "/annotations" in r.url) as answer:
        page.get_by_test_id(f"bottombar-{button}-button").click()
    assert answer.value.status == 201
    return dict(answer.value.request.post_data_json)


def test_a_person_labels_in_the_order_of_asking_and_is_told_the_terms_beside_each_item(
    label_studio: Any, briefing: Any, ask: Any, sign_in: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask(*ROUND_1[:2]) + ask(ROUND_1[2], blind=True))
    connector.submit(briefing, ask(*ROUND_2, round=2))
    page = sign_in("zoe")
    told = begin(page, connector.open(briefing))
    for part in (briefing.asker, briefing.model, briefing.use, briefing.pay, "You may skip", "violence, self harm"):
        assert part in told

    for query in ROUND_1:
        shown(page, query)
        below = page.locator(".terms").inner_text().replace("\u2060", "")
        for part in (briefing.asker, briefing.model, briefing.use, briefing.pay, briefing.data_handling):
            assert part in below
        for part in (briefing.contact, "violence, self harm", "answer is known", "after 25 minutes"):
            assert part in below
        chosen = page.locator(".lsf-choice:has(input:checked)")
        expect(chosen).to_have_count(0 if query == "beer" else 1)
        if query == "lime":
            expect(chosen).to_contain_text("food and drink")
            press(page, "submit")
        elif query == "corona virus":
            page.keyboard.press("2")
            expect(chosen).to_contain_text("health")
            press(page, "submit")
        else:
            press(page, "skip")
    shown(page, ROUND_2[0])

    collection = connector.collect(briefing.cycle_id)
    assert [(each.item_id, each.label) for each in collection.annotations] == [
        (text.item_id("lime"), "food_and_drink"),
        (text.item_id("corona virus"), "health"),
        (text.item_id("beer"), None),
    ]
    assert all(0 < each.lead_time_s < PATIENCE_MS / 1000 for each in collection.annotations)
    assert collection.problems == ()


def test_the_time_that_is_recorded_is_the_time_that_passed(
    label_studio: Any, briefing: Any, ask: Any, sign_in: Any
) -> None:
    """From the moment the item is there to the one it is sent; a stopwatch outside the page sees both a bit later."""
    connector = label_studio.connector()
    connector.submit(briefing, ask("lime", "corona"))
    page = sign_in("zoe")
    begin(page, connector.open(briefing))
    shown(page, "lime")
    press(page, "submit")
    shown(page, "corona")
    began = time.monotonic()
    page.wait_for_timeout(3_000)  # what is measured is the passing of time
    sent = press(page, "submit")
    assert sent["lead_time"] == pytest.approx(time.monotonic() - began, abs=1.0)
    [_, last] = connector.collect(briefing.cycle_id).annotations
    assert last.lead_time_s == sent["lead_time"]


def test_a_third_opinion_comes_up_first_in_the_page_of_somebody_who_has_not_answered(
    label_studio: Any, briefing: Any, ask: Any, sign_in: Any, person: Any
) -> None:
    connector = label_studio.connector()
    connector.submit(briefing, ask("lime", "corona", "beer"))
    task = label_studio.tasks(briefing.cycle_id)[1]
    for name in ("ada", "ben"):
        label_studio.annotate(task["id"], "health", by=person(name))
    connector.ask_again(briefing, {text.item_id("corona"): 3})
    page = sign_in("zoe")
    begin(page, connector.open(briefing))
    shown(page, "corona")
