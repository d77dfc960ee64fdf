"""The built site, as its files say: what leads where, and what a browser would load."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Page(HTMLParser):
    """``links`` are followed by readers, ``loads`` by browsers without being asked."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a":
            self.links.append(values.get("href", ""))
        else:
            self.loads += [values[name] for name in ("src", "href", "srcset", "poster", "data") if name in values]


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def is_outside(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def broken(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Whether a link of the page at ``path`` leads to no file, or to no place in it."""
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in pages[target].anchors
