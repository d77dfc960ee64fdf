"""Files, ranges, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .case import Case, visit

if TYPE_CHECKING:
    from ..request import Header

NAMES = ["site.css", "data.bin", "empty.txt", "deep/file.html", "gr%C3%B6%C3%9Fe%20%C3%BC.txt", "missing", "deep", ""]
NAMES += ["../hooks.py", "%2e%2e/hooks.py", "deep/../site.css", "/etc/passwd", "data.bin/", "%00", "%FF"]
RANGES = [b"bytes=0-0", b"bytes=0-", b"bytes=-5", b"bytes=5-2", b"bytes=99999-", b"bytes=0-99999", b"bytes=0-1,4-5"]
RANGES += [b"bytes=-0", b"bytes=-99999", b"items=0-1", b"bytes", b"", b"bytes=a-b", b" bytes = 1 - 2 ", b"bytes=16383-"]
CONDITIONS: list[tuple[Header, ...]] = [
    ((b"If-None-Match", b"*"),),
    ((b"If-None-Match", b'"fixed"'),),
    ((b"If-None-Match", b'"other", W/"fixed"'),),
    ((b"If-None-Match", b'"other"'), (b"If-None-Match", b'"fixed"')),
    ((b"If-Match", b'"fixed"'),),
    ((b"If-Match", b'"other"'),),
    ((b"If-Modified-Since", b"Sun, 09 Sep 2001 01:46:40 GMT"),),
    ((b"If-Modified-Since", b"Sun, 09 Sep 2001 01:46:39 GMT"),),
    ((b"If-Modified-Since", b"Fri, 31 Dec 2099 23:59:59 GMT"),),
    ((b"If-Modified-Since", b"nonsense"),),
    ((b"If-Unmodified-Since", b"Sun, 09 Sep 2001 01:46:39 GMT"),),
    ((b"Range", b"bytes=1-3"), (b"If-Range", b'"fixed"')),
    ((b"Range", b"bytes=1-3"), (b"If-Range", b'"other"')),
    ((b"Range", b"bytes=1-3"), (b"If-Range", b"Sun, 09 Sep 2001 01:46:40 GMT")),
    ((b"Range", b"bytes=1-3"), (b"If-None-Match", b'"fixed"')),
    ((b"Range", b"bytes=1-3"), (b"Range", b"bytes=5-6")),
]

CASES: list[Case] = [
    *(visit(f"/files/sent/{name}", method=method) for name in NAMES for method in ("GET", "HEAD", "POST")),
    *(visit(f"/files/sent/{name}?{query}") for name in NAMES[:5] for query in ("attach", "plain", "age=0", "age=60")),
    *(visit(f"/static/{name}", variants=("default", "custom")) for name in NAMES),
    *(
        visit(target, (b"Range", value), method=method)
        for target in ("/static/data.bin", "/files/sent/data.bin", "/files/buffer", "/files/open", "/static/empty.txt")
        for value in RANGES
        for method in ("GET", "HEAD")
    ),
    *(
        visit(target, *condition)
        for target in ("/static/data.bin", "/files/buffer?etag=fixed", "/files/open", "/files/buffer")
        for condition in CONDITIONS
    ),
    *(
        visit(f"/files/buffer?attach&name={name}")
        for name in ("a.txt", "gr%C3%B6%C3%9Fe", "a%22b%5Cc", "x/y", "%E2%98%83")
    ),
    visit("/files/missing", variants=("default", "propagating")),
]
