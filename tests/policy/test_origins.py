"""Which origins match, and which settings are refused."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from aeros_compat.policy.origins import Origins


@pytest.mark.parametrize(
    ("setting", "inside", "outside"),
    [
        (
            "https://example.com",
            ["https://example.com"],
            ["http://example.com", "https://example.com:8443", "https://example.com.evil.com", "null", ""],
        ),
        (
            ["https://*.example.com", "http://localhost:*"],
            ["https://a.example.com", "https://a.b.example.com", "http://localhost:3000", "http://localhost:5"],
            [
                "https://example.com",
                "https://evilexample.com",
                "https://a.example.com.evil.com",
                "https://a.example.com:8443",
                "https://evil.com/.example.com",
                "https://evil.com#.example.com",
                "https://.example.com",
                "http://localhost",
                "http://localhost:1@evil.com",
                "null",
            ],
        ),
        (
            re.compile(r"https://(a|b)\.example\.com"),
            ["https://a.example.com", "https://b.example.com"],
            ["https://c.example.com", "https://a.example.com.evil.com", "https://aXexample.com", "null"],
        ),
        # A pattern never means the origin that every sandboxed page has; who wants that one writes it.
        (re.compile(".*"), ["https://anybody.test"], ["null", "x" * 301]),
        (["null"], ["null"], ["https://null"]),
        ("*", ["https://anybody.test", "null"], []),
        ("HTTPS://Example.COM", ["https://example.com"], []),
        ("http://[::1]:3000", ["http://[::1]:3000"], ["http://[::1]"]),
        ("capacitor://localhost", ["capacitor://localhost"], ["https://localhost"]),
    ],
)
def test_origins(setting: Any, inside: list[str], outside: list[str]) -> None:
    origins = Origins(setting, with_credentials=False)
    assert [origin for origin in inside if origin not in origins] == []
    assert [origin for origin in outside if origin in origins] == []


@pytest.mark.parametrize(
    ("setting", "error", "sentence"),
    [
        ("example.com", ValueError, "'example.com' is no origin"),
        ("https://example.com/", ValueError, "is no origin"),
        ("https://example.com/path", ValueError, "is no origin"),
        ("https://*", ValueError, "is no origin"),
        ("https://*example.com", ValueError, "is no origin"),
        ("https://example.*", ValueError, "is no origin"),
        (r"https://.*\.example\.com", ValueError, r"regular expression: re\.compile"),
        ("", ValueError, "is no origin"),
        ([], TypeError, "origins is an origin, a list of them"),
        (None, TypeError, "origins is an origin, a list of them"),
        ({"https://example.com": True}, TypeError, "origins is an origin, a list of them"),
        ([1], TypeError, "an origin is a string"),
        (re.compile(b"x"), TypeError, "an origin is a string or a compiled regular expression"),
    ],
)
def test_settings_that_no_browser_sends(setting: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Origins(setting, with_credentials=False)


@pytest.mark.parametrize(
    "setting", ["*", ["https://example.com", "*"], "null", re.compile(".*"), re.compile(r"https?://.+"), ["null"]]
)
def test_credentials_for_everybody_are_refused(setting: Any) -> None:
    Origins(setting, with_credentials=False)
    with pytest.raises(ValueError, match=r"Name the origins|any sandboxed page"):
        Origins(setting, with_credentials=True)


def test_long_origins_do_not_reach_patterns() -> None:
    origins = Origins(re.compile(r"https://(a+)+\.example"), with_credentials=False)
    began = time.perf_counter()
    assert "https://" + "a" * 5000 not in origins
    assert time.perf_counter() - began < 5  # a pattern that was tried would take for ever
