"""The debugger as people use it: in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait

from ..browser import chromium
from ..servers import free_port, process
from .page import PIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

MODULE = """
from aeros_compat import WebServer
from flask import request

app = WebServer(__name__)

@app.get("/sync")
def in_sync():
    answer = 41
    return str(answer / 0)

@app.get("/async")
async def in_async():
    answer = 41
    return str(answer / 0)

if __name__ == "__main__":
    app.run(port={port}, debug=True, use_reloader=False)
"""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    port = free_port()
    (tmp_path / "module.py").write_text(MODULE.format(port=port))
    with process("module", port=port, cwd=tmp_path) as url:
        yield url


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with chromium(tmp_path / "profile") as browser:
        yield browser


@pytest.mark.parametrize("lane", ["sync", "async"])
def test_evaluating_in_a_frame(lane: str, url: str, browser: Chrome, tmp_path: Path) -> None:
    browser.get(f"{url}/{lane}?name=value")
    assert "ZeroDivisionError" in browser.title
    frame = browser.find_elements(By.CSS_SELECTOR, "div.traceback div.frame")[-1]
    assert f"in_{lane}" in frame.text
    icon = frame.find_element(By.CSS_SELECTOR, "pre.current img")
    # It is drawn: the picture came through the server.
    assert browser.execute_script("return arguments[0].naturalWidth", icon) > 0
    browser.execute_script("arguments[0].click()", icon)

    enter_pin(browser, "111-111-111")
    alert = WebDriverWait(browser, 10).until(alert_is_present())
    assert "incorrect pin" in alert.text
    alert.accept()

    enter_pin(browser, PIN)
    prompt = browser.find_element(By.CLASS_NAME, "pin-prompt")
    WebDriverWait(browser, 10).until(lambda _: not prompt.is_displayed())

    console = frame.find_element(By.XPATH, "following-sibling::pre[contains(@class, 'console')]")
    assert evaluate(browser, console, "answer + 1") == "42"
    assert evaluate(browser, console, "request.args['name']") == "'value'"
    assert evaluate(browser, console, "request.path") == f"'/{lane}'"
    picture = tmp_path / f"debugger-{lane}.png"
    assert browser.save_screenshot(str(picture))
    assert picture.stat().st_size > 20_000
    complaints = [entry for entry in browser.get_log("browser") if "favicon" not in entry["message"]]  # type: ignore[no-untyped-call]
    # The page itself is the answer 500, which Chromium reports too.
    assert [entry["message"] for entry in complaints if "500" not in entry["message"]] == []


def test_a_pin_that_was_entered_is_remembered(url: str, browser: Chrome) -> None:
    """Its cookie holds for the next page; for the lane of the other view too."""
    browser.get(f"{url}/sync")
    frame = browser.find_elements(By.CSS_SELECTOR, "div.traceback div.frame")[-1]
    browser.execute_script("arguments[0].click()", frame.find_element(By.TAG_NAME, "img"))
    enter_pin(browser, PIN)
    prompt = browser.find_element(By.CLASS_NAME, "pin-prompt")
    WebDriverWait(browser, 10).until(lambda _: not prompt.is_displayed())
    browser.get(f"{url}/async")
    assert browser.execute_script("return EVALEX_TRUSTED") is True


def enter_pin(browser: Chrome, pin: str) -> None:
    field = browser.find_element(By.CSS_SELECTOR, '.pin-prompt input[name="pin"]')
    WebDriverWait(browser, 10).until(lambda _: field.is_displayed() and field.is_enabled())
    WebDriverWait(browser, 10).until(
        lambda _: browser.find_element(By.CSS_SELECTOR, '.pin-prompt input[name="btn"]').is_enabled()
    )
    field.clear()
    field.send_keys(pin, Keys.ENTER)


def evaluate(browser: Chrome, console: WebElement, code: str) -> str:
    """What the console prints for ``code``, under the line that repeats it."""
    output = console.find_element(By.CLASS_NAME, "output")
    before = len(output.find_elements(By.XPATH, "div"))
    console.find_element(By.TAG_NAME, "input").send_keys(code, Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda _: len(output.find_elements(By.XPATH, "div")) > before)
    printed: str = output.find_elements(By.XPATH, "div")[-1].text
    return printed.removeprefix(f">>> {code}").strip()
