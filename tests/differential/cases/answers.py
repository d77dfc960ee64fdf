"""What views return and raise."""

from __future__ import annotations

from ..application.answers import VALUES
from ..application.errors import RAISED
from .case import Case, visit

FAILING = ("default", "propagating", "trapping", "trapping bad requests", "debug")

CASES: list[Case] = [
    *(visit(f"/answers/value/{name}", variants=("default", "custom", "propagating")) for name in VALUES),
    *(visit(f"/answers/value/{name}", method="HEAD") for name in VALUES),
    *(visit(f"/answers/value/{name}?after=replace") for name in ("generator", "none", "passthrough", "wsgi")),
    *(visit(f"/answers/changed{query}") for query in ("", "?status=204", "?status=404", "?after=raise", "?break")),
    *(
        visit(f"/answers/closing/{kind}", method=method)
        for kind in ("complete", "stream")
        for method in ("GET", "HEAD")
    ),
    *(
        visit(f"/answers/stream/{kind}{query}", method=method, variants=("default", "propagating"))
        for kind in ("generator", "context", "lost", "length", "list")
        for query in ("", "?fail=0", "?fail=1", "?fail=3", "?after=raise", "?after=replace")
        for method in ("GET", "HEAD")
    ),
    *(visit(f"/answers/page{rest}") for rest in ("", "?word=%C3%BC", "/stream", "/string", "/missing", "/other")),
    visit("/answers/page", variants=("custom", "debug", "without sessions")),
    *(
        visit(f"/answers/conditional{query}", *headers, method=method)
        for query in ("", "?weak", "?ranges")
        for method in ("GET", "HEAD", "PUT")
        for headers in [
            (),
            ((b"If-None-Match", b'"tag"'),),
            ((b"If-None-Match", b'W/"tag"'),),
            ((b"If-Match", b'"other"'),),
            ((b"If-Modified-Since", b"Sun, 09 Sep 2001 01:46:40 GMT"),),
            ((b"Range", b"bytes=2-5"), (b"If-Range", b'"tag"')),
        ]
    ),
    *(visit(f"/errors/raise/{name}", variants=FAILING) for name in RAISED),
    *(visit(f"/errors/raise/{name}?teardown", variants=FAILING) for name in ("refused", "unhandled", "generator-exit")),
    *(visit(f"/errors/raise/{name}?after=raise", variants=FAILING) for name in ("refused", "unhandled")),
    *(
        visit(f"/errors/abort/{code}", variants=FAILING)
        for code in (400, 401, 404, 405, 410, 413, 416, 418, 422, 429, 500, 503, 299, 304, 600)
    ),
    *(
        visit(f"/errors{path}", variants=FAILING)
        for path in ("/abort-response", "/key", "/bad", "/abort/404?why=%C3%BC")
    ),
    *(visit(f"/errors{path}", variants=FAILING) for path in ("/raise/missing", "/nothing", "/key?after=replace")),
    *(visit(f"/de/outer/inner/{path}", variants=FAILING) for path in ("0", "0?after=raise", "4?break", "4?refuse")),
]
