"""The page as people see it: in a browser, light and dark, on a desk and on a phone."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from aeros_compat import WebServer

from ..browser import chromium
from ..servers import served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

PATH = "/_aeros/lanes"


def audited(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


def busy_application() -> WebServer:
    app = WebServer("hangar", watch=PATH, worker_threads=2)

    @app.get("/orders")
    def orders() -> str:
        time.sleep(0.15)
        return "ok"

    @app.get("/orders/<int:number>/a-path-that-is-rather-long-for-a-phone/<path:rest>")
    @audited
    async def order(number: int, rest: str) -> str:
        return "ok"

    @app.get("/report")
    async def report() -> str:
        time.sleep(0.4)
        return "ok"

    return app


@pytest.fixture
def url() -> Iterator[str]:
    app = busy_application()
    with served(app) as url:

        def ask(path: str, times: int) -> None:
            with httpx.Client(base_url=url, timeout=30) as client:
                for _ in range(times):
                    client.get(path).raise_for_status()

        threads = [threading.Thread(target=ask, args=("/orders", 6)) for _ in range(4)]
        for thread in threads:
            thread.start()
        ask("/orders/1/a-path-that-is-rather-long-for-a-phone/x", 3)
        for thread in threads:
            thread.join()
        while not any(block.place for block in app.lane_stats().loop.places):
            ask("/report", 1)  # again, if the machine was too busy to see where
            time.sleep(0.5)
        wait_for(lambda: len(app.lane_stats().samples) >= 2)
        yield url


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with chromium(tmp_path / "profile") as browser:
        yield browser


def show(browser: Chrome, width: int, scheme: str) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def brightness(browser: Chrome, color: str) -> float:
    value = browser.execute_script(f"return getComputedStyle(document.body).{color}")
    red, green, blue = (int(part) for part in value.partition("(")[2].rstrip(")").split(",")[:3])
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def complaints(browser: Chrome) -> list[str]:
    """What the console says, favicon apart: a violation of the page's own policy would stand there."""
    entries: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries if "favicon" not in entry["message"]]


def text_of(browser: Chrome) -> str:
    """The text of the page at one moment: an element that was found could be renewed before it is read."""
    text: str = browser.execute_script("return document.getElementById('main').innerText")
    return text


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1100, "light"), ("dark", 1100, "dark"), ("phone", 375, "light")]
)
def test_the_page(browser: Chrome, url: str, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    show(browser, width, scheme)
    browser.get(url + PATH)
    assert browser.title == "Lanes of hangar"
    assert complaints(browser) == []
    # The charts are drawn, and coloured by the style sheet.
    assert browser.find_elements(By.CSS_SELECTOR, "svg path.area")
    assert browser.find_elements(By.CSS_SELECTOR, "svg rect.wait")
    stroke = browser.execute_script("return getComputedStyle(document.querySelector('path.line')).stroke")
    assert stroke not in ("none", "rgb(0, 0, 0)")
    # Nothing runs out of the screen to the right.
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    text, page = brightness(browser, "color"), brightness(browser, "backgroundColor")
    assert (page > 0.9 > 0.3 > text) if scheme == "light" else (page < 0.2 < 0.8 < text)
    height = browser.execute_script("return document.documentElement.scrollHeight")
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    assert browser.save_screenshot(str(tmp_path / f"lanes-{name}.png"))


def test_it_says_in_words_what_it_shows(browser: Chrome, url: str) -> None:
    browser.get(url + PATH)
    browser.find_element(By.ID, "live").click()
    time.sleep(1)  # what was asked for before comes still
    main = text_of(browser)
    assert "What to convert first" in main
    assert "async on a thread" in main
    assert "sync decorator tests.watching.test_in_chromium.audited" in main
    assert "report in" in main  # who blocked the loop
    chart = browser.find_element(By.CSS_SELECTOR, "figure svg")
    assert chart.get_attribute("role") == "img"
    assert "Saturation" in chart.accessible_name
    for svg in browser.find_elements(By.CSS_SELECTOR, ".bars svg"):
        assert "in the view" in svg.accessible_name
    browser.find_element(By.CSS_SELECTOR, "#routes ~ details summary").click()
    rows = browser.find_elements(By.CSS_SELECTOR, "[aria-label=Routes] tbody th")
    assert "GET /orders" in [row.text for row in rows]


def test_it_renews_itself_and_can_be_held(browser: Chrome, url: str) -> None:
    browser.get(url + PATH)
    summary = browser.find_element(By.CSS_SELECTOR, "#routes ~ details summary")
    summary.click()

    def shows(count: int) -> bool:
        return f"{count} request" in text_of(browser)

    for _ in range(8):
        httpx.get(f"{url}/orders")
    WebDriverWait(browser, 20, ignored_exceptions=(Exception,)).until(lambda _: shows(32))
    # What was opened stays open, and keeps the focus.
    assert browser.find_element(By.CSS_SELECTOR, "#routes ~ details").get_attribute("open") is not None
    assert browser.switch_to.active_element.tag_name == "summary"
    browser.find_element(By.ID, "live").click()
    httpx.get(f"{url}/orders")
    time.sleep(3)
    assert shows(32)
    assert complaints(browser) == []
