"""The debugger's page as a program reads it: its frames, its PIN, its consoles."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

PIN = "123-456-789"


class Page:
    """The answer to a failed request, and what can be asked of it."""

    def __init__(self, client: httpx.Client, url: str, **request: Any) -> None:
        self.client = client
        self.url = url
        self.answer = client.request(request.pop("method", "GET"), url, **request)
        self.text = self.answer.text
        found = re.search(r'SECRET = "(\w+)"', self.text)
        self.secret = found.group(1) if found else None

    def frames(self) -> list[tuple[str, str]]:
        """The function and the id of each frame, the outermost first."""
        pattern = r'id="frame-(\d+)">.*?<code class="function">(.*?)</code>'
        return [(html.unescape(name), number) for number, name in re.findall(pattern, self.text, flags=re.DOTALL)]

    def ask(self, **arguments: Any) -> httpx.Response:
        """What the page's script asks for, in the way that it asks."""
        headers = arguments.pop("headers", {})
        params = {"__debugger__": "yes", "s": self.secret, **arguments}
        return self.client.get(self.url.partition("?")[0], params=params, headers=headers)

    def enter_pin(self, pin: str = PIN) -> Any:
        return self.ask(cmd="pinauth", pin=pin).json()

    def evaluate(self, code: str, function: str) -> str:
        """What the console of the last frame of ``function`` prints."""
        number = dict(self.frames())[function]
        answer = self.ask(cmd=code, frm=number)
        assert answer.status_code == 200, answer.text
        text = re.sub(r"<[^>]*>", "", answer.text)
        return html.unescape(text).partition("\n")[2].strip()
