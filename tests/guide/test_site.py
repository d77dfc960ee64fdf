"""The site of the guide, built as its readers build it: whole, self-contained, and readable in a real browser."""

from __future__ import annotations

import contextlib
import http.server
import re
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By

from ..browser import chromium
from ..servers import wait_for
from .pages import GUIDE, ROOT
from .site import broken, is_outside, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

SITE = ROOT / "site"
WINDOWS = {"desktop": (1280, 900), "phone": (390, 844)}
#: The widest tables and longest lines, the pictures, and the page that everybody sees first.
SEEN = (
    "index.html",
    "migration_guide/index.html",
    "migration_guide/differences.html",
    "migration_guide/conformance.html",
    "migration_guide/steps/05-measure.html",
    "migration_guide/topics/gunicorn.html",
)


@pytest.fixture(scope="module")
def built() -> dict[Path, Any]:
    """All pages, by their files. A warning of the generator fails the build."""
    command = (sys.executable, ROOT / "scripts" / "guide", "--no-install")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path: read(path) for path in SITE.rglob("*.html")}


def test_every_page_of_the_guide_is_in_the_navigation() -> None:
    navigation = re.findall(r"^ *- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), flags=re.MULTILINE)
    assert {str(path.relative_to(ROOT)) for path in GUIDE.rglob("*.md")} <= set(navigation)
    assert all((ROOT / page).exists() for page in navigation)


def test_links_lead_somewhere(built: dict[Path, Any]) -> None:
    # 404.html is shown under any address, and so has links from the root of a host.
    found = {
        f"{path.relative_to(SITE)}: {link}"
        for path, page in built.items()
        for link in page.links + page.loads
        if path.name != "404.html" and not is_outside(link) and broken(link, path, built)
    }
    assert not found


def test_nothing_is_loaded_from_elsewhere(built: dict[Path, Any]) -> None:
    assert not {link for page in built.values() for link in page.loads if is_outside(link)}
    for path in SITE.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", path.read_text()), path


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url(built: dict[Path, Any]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(SITE)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def show(driver: Chrome, window: str, scheme: str) -> None:
    """Make the browser a phone or a desktop, of somebody who likes it light or dark."""
    width, height = WINDOWS[window]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": window == "phone"}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_in_a_browser(url: str, tmp_path: Path) -> None:
    """No page is wider than its window; pictures are there; dark is dark; all came from this server."""
    with chromium(tmp_path / "profile") as driver:
        for window in WINDOWS:
            for scheme in ("light", "dark"):
                show(driver, window, scheme)
                for page in SEEN:
                    driver.get(f"{url}/{page}")
                    check(driver, url, f"{page}, {window}, {scheme}")
                    assert settled(partial(is_shown, driver, scheme)), f"{page}, {scheme}"
        check_search(driver, url)


_IS_DARK = "return document.body.getAttribute('data-md-color-scheme') === 'slate'"
_FACTS = """
return {
    width: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    pictures: [...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src),
    loaded: performance.getEntriesByType('resource').map(entry => entry.name),
}
"""


def is_shown(driver: Chrome, scheme: str) -> bool:
    return bool(driver.execute_script(_IS_DARK)) == (scheme == "dark")


def settled(condition: Callable[[], bool]) -> bool:
    """Whether ``condition()`` comes to hold, now that the page is loaded."""
    with contextlib.suppress(AssertionError):  # the caller has a better sentence
        wait_for(condition, 10)
    return condition()


def check(driver: Chrome, url: str, name: str) -> None:
    # Scripts of the page wrap its tables, and may not have come so far.
    is_narrow = settled(lambda: driver.execute_script(_FACTS)["width"] <= 0)
    assert is_narrow, f"{name} is wider than the window"
    facts = driver.execute_script(_FACTS)
    assert not facts["pictures"], name
    assert {urlsplit(entry).netloc for entry in facts["loaded"]} == {urlsplit(url).netloc}, name


#: The search has a shadow tree of its own, which selectors do not enter.
_FOUND = """
const links = root => [...root.querySelectorAll('*')].flatMap(
    element => element.shadowRoot ? links(element.shadowRoot) : element.href || []);
return links(document).filter(link => link.includes('?h='));
"""


def check_search(driver: Chrome, url: str) -> None:
    show(driver, "desktop", "light")
    driver.get(f"{url}/index.html")
    driver.find_element(By.CLASS_NAME, "md-search__button").click()
    ActionChains(driver).send_keys("websockets").perform()
    wait_for(lambda: any("11-websockets" in link for link in driver.execute_script(_FOUND)))
