"""Which origins a response is shared with (RFC 6454 section 6.2; https://fetch.spec.whatwg.org/#origin-header)."""

from __future__ import annotations

import re

#: A scheme, a host whose first label may be ``*``, and perhaps a port, which may be ``*``.
_ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?:\d{1,5}|\*))?"
)

#: The longest that a host name allows (RFC 1035 section 2.3.4), with scheme and port. Patterns see nothing longer.
_LONGEST = 300

#: What a pattern must not match next to ``supports_credentials``: nobody lists these.
_STRANGERS = ("https://stranger.invalid", "http://stranger.invalid", "http://stranger.invalid:8000")


class Origins:
    """The setting ``origins``: exact ones, ``https://*.example.com``, compiled regular expressions, or ``*`` for all.

    Raises TypeError or ValueError for what no browser would ever send, and for ``*`` next to credentials.
    """

    def __init__(self, origins: object, *, with_credentials: bool) -> None:
        listed = [origins] if isinstance(origins, str | re.Pattern) else origins
        if not isinstance(listed, list | tuple | set | frozenset) or not listed:
            raise TypeError(f"cors: origins is an origin, a list of them, or '*', not {origins!r}.")
        self.is_any = "*" in listed
        self._exact: set[str] = set()
        self._patterns: list[re.Pattern[str]] = []
        for origin in listed:
            self._add(origin)
        if with_credentials:
            self._refuse_everybody()

    def _add(self, origin: object) -> None:
        if isinstance(origin, re.Pattern) and isinstance(origin.pattern, str):
            self._patterns.append(origin)
        elif not isinstance(origin, str):
            raise TypeError(f"cors: an origin is a string or a compiled regular expression of one, not {origin!r}.")
        elif origin in ("*", "null"):
            self._exact.add(origin)
        elif not _ORIGIN.fullmatch(origin.lower()):
            raise ValueError(
                f"cors: {origin!r} is no origin. Write a scheme, a host and perhaps a port, and nothing after it:"
                " 'https://example.com', 'http://localhost:3000', 'https://*.example.com', 'http://localhost:*';"
                " or give a regular expression: re.compile(r'https://(a|b)\\.example\\.com')."
            )
        elif "*" in origin:
            self._patterns.append(_pattern(origin.lower()))
        else:
            self._exact.add(origin.lower())

    def _refuse_everybody(self) -> None:
        if self.is_any:
            raise ValueError(
                "cors: origins='*' with supports_credentials=True would let every website read what its visitors may"
                " see here. Name the origins."
            )
        if "null" in self._exact:
            raise ValueError("cors: 'null' is the origin of any sandboxed page; it cannot be given credentials.")
        for pattern in self._patterns:
            if any(map(pattern.fullmatch, _STRANGERS)):
                raise ValueError(
                    f"cors: {pattern.pattern!r} with supports_credentials=True matches every origin. Name the origins."
                )

    def __contains__(self, origin: str) -> bool:
        if self.is_any or origin in self._exact:
            return True
        if origin == "null" or len(origin) > _LONGEST:
            return False
        # All of it: with a match of its beginning, https://example.com.evil.com would pass for https://example.com.
        return any(pattern.fullmatch(origin) for pattern in self._patterns)


def _pattern(origin: str) -> re.Pattern[str]:
    """``*`` stands for any subdomain, and in place of a port for any port."""
    escaped = re.escape(origin).replace(r"://\*\.", r"://(?:[a-z0-9_-]+\.)+").replace(r":\*", r":\d{1,5}")
    return re.compile(escaped)
